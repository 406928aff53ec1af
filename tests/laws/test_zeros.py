"""Zeros on great circles, counted in plain networks."""

import itertools
import math

import numpy as np
import pytest
from randrelu import Network, laws, line


def shallow_zeros(w, v):
    """Sign changes of one hidden layer on the unit circle of the plane: f is linear in between."""
    normals = np.arctan2(w[:, 1], w[:, 0])
    kinks = np.sort(np.concatenate([normals + math.pi / 2, normals - math.pi / 2]) % (2 * math.pi))
    middles = np.append((kinks[1:] + kinks[:-1]) / 2, kinks[-1] / 2 + kinks[0] / 2 + math.pi)
    places = np.concatenate([kinks, middles])
    places = places[np.argsort(places % (2 * math.pi))]
    z = np.stack([np.cos(places), np.sin(places)], axis=1) @ w.T
    # At its own kink a unit is 0, not what rounding leaves of it.
    f = np.where(z > 1e-12, z, 0) @ v
    signs = np.sign(f)
    return int((signs * np.roll(signs, 1) < 0).sum())


@pytest.mark.parametrize("width", [1, 2, 3, 5, 40])
def test_one_hidden_layer_has_as_many_as_said(width):
    trials, generator = 6000, np.random.default_rng(width)
    counts = np.array(
        [
            shallow_zeros(generator.normal(size=(width, 2)), generator.normal(size=width))
            for _ in range(trials)
        ]
    )
    expected = laws.great_circle_zeros((2, width, 1))
    assert abs(counts.mean() - expected) <= 5 * counts.std() / math.sqrt(trials)
    assert width > 1 or expected == counts.max() == 0


@pytest.mark.parametrize(
    ("widths", "trials"), [((4, 2, 3, 1), 3000), ((3, 4, 4, 4, 1), 3000), ((5, *(60,) * 6, 1), 500)]
)
def test_deep_networks_have_as_many_as_said(widths, trials):
    """On a square around 0, on which f has the zeros of the circle; depth is no matter."""
    counts, generator = [], np.random.default_rng(8)
    for seed in range(trials):
        net = Network.random(widths, rng=seed, dtype="float64")
        u, v = np.linalg.qr(generator.normal(size=(widths[0], 2)))[0].T
        corners = [u + v, v - u, -u - v, u - v, u + v]
        count = 0
        for a, b in itertools.pairwise(corners):
            way = line(net, a, b - a, 2.0)
            f = way.value(np.r_[0, way.t, 2.0])
            signs = np.where(np.abs(f) > 1e-12, np.sign(f), 0)  # silent up to rounding
            count += int((signs[1:] * signs[:-1] < 0).sum())
        counts.append(count)
    expected = laws.great_circle_zeros(widths)
    # A zero is lost where a layer is silent on the way, as said.
    assert abs(np.mean(counts) - expected) <= 5 * np.std(counts) / math.sqrt(trials)


@pytest.mark.statistics
@pytest.mark.parametrize(("depth", "some"), [(1, 0.85), (4, 0.65), (16, 0.38)])
def test_at_infinite_width_fewer_circles_have_more_zeros(depth, some):
    """The Gaussian process at places of a circle, drawn by its Fourier series."""
    places, draws, generator = 800, 8000, np.random.default_rng(6)
    angle = np.arange(places) * 2 * math.pi / places
    kernel = laws.limit_kernel_at(np.minimum(angle, 2 * math.pi - angle), depth).value
    spectrum = np.maximum(np.fft.fft(kernel).real, 0) / places
    pairs = generator.normal(size=(2, draws, places))
    signs = np.fft.fft((pairs[0] + 1j * pairs[1]) * np.sqrt(spectrum)).real > 0
    counts = (signs != np.roll(signs, 1, axis=1)).sum(axis=1)
    # Neighbours at the angle θ_ℓ in the last layer differ in sign with the probability θ_ℓ/π.
    expected = places * math.acos(kernel[1]) / math.pi
    assert expected == pytest.approx(2, rel=0.02)
    assert abs(counts.mean() - expected) < 5 * counts.std() / math.sqrt(draws)
    # What the docstring says is rounded to 0.01.
    assert abs((counts > 0).mean() - some) < 5 * math.sqrt(some * (1 - some) / draws) + 0.005


def test_arcs():
    assert laws.great_circle_zeros((9, 100, 100, 1)) == pytest.approx(2)
    assert laws.great_circle_zeros((9, 3, 1), math.pi / 2) == pytest.approx(0.5 * (1 - 4 / 8))
    assert laws.great_circle_zeros((9, 1), math.pi) == 1
    assert laws.great_circle_zeros((9, 10**6, 1), 0.0) == 0


def test_what_is_no_arc_or_network_is_refused():
    with pytest.raises(ValueError, match="angle must be a finite number of at least 0"):
        laws.great_circle_zeros((5, 9, 1), -1.0)
    with pytest.raises(ValueError, match=r"widths\[1\] must be at least 1"):
        laws.great_circle_zeros((5, 0, 1))
