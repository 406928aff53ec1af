"""κ_ℓ, κ_ℓ′ and κ_ℓ″ against their definition, their asymptotics and simulations."""

import math

import numpy as np
import pytest
from randrelu import laws
from randrelu.laws.kernel import off_tangent, through_layers


def composed(rho, depth):
    """κ_ℓ and κ_ℓ′ by composing the map of one layer, in extended precision."""
    pi = np.longdouble("3.14159265358979323846264338327950288")
    value, first = np.longdouble(rho), np.longdouble(1)
    for _ in range(depth):
        theta = np.arccos(value)
        first = first * (1 - theta / pi)
        value = (np.sqrt((1 - value) * (1 + value)) + (pi - theta) * value) / pi
    return value, first


@pytest.mark.parametrize("depth", [0, 1, 2, 7, 40])
def test_the_kernel_is_the_composed_map(depth):
    angle = np.linspace(0.1, 3.1, 13)
    rho = np.cos(angle.astype(np.longdouble))
    value, first = composed(rho, depth)
    found = laws.limit_kernel_at(angle, depth)
    # Extended precision has three digits more, of which 1 − ρ ≥ 10⁻³ takes as many.
    np.testing.assert_allclose(found.value, value.astype(float), rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.first, np.broadcast_to(first, 13).astype(float), rtol=1e-12)
    h = np.longdouble(1e-5)
    change = (composed(rho + h, depth)[1] - composed(rho - h, depth)[1]) / (2 * h)
    # h² times a third derivative, of the order sin^{−5}θ ≤ 10^7, and rounding over h.
    np.testing.assert_allclose(found.second, change.astype(float), rtol=2e-5, atol=1e-9)
    left = 1 - value**2 - (first * np.sin(angle.astype(np.longdouble))) ** 2
    found_left = through_layers(angle, depth).unexplained
    np.testing.assert_allclose(found_left, left.astype(float), rtol=1e-12, atol=1e-18)
    # E(f(y) − ρf(x) − sin θ ∂f(x))² from the covariances of these three, whose variances are 1.
    across = 1 - rho**2
    beside = 1 + rho**2 + across - 2 * rho * value - 2 * first * across
    np.testing.assert_allclose(off_tangent(angle, depth), beside.astype(float), 1e-12, 1e-18)


@pytest.mark.parametrize("depth", [1, 10, 1000])
@pytest.mark.parametrize("angle", [1e-12, 1e-9, 1e-7])
def test_nothing_cancels_near_a_point(angle, depth):
    """The leading terms in θ; those that are left out are of the order ℓθ ≤ 10⁻⁴ of them."""
    found, left = laws.limit_kernel_at(angle, depth), through_layers(angle, depth)
    rough = {"rel": 3 * depth * angle}
    assert 1 - found.first == pytest.approx(depth * angle / math.pi, **rough, abs=depth * 1e-15)
    assert found.second == pytest.approx(depth / (math.pi * angle), **rough)
    assert left.unexplained == pytest.approx(4 * depth * angle**3 / (3 * math.pi), **rough)
    assert off_tangent(angle, depth) == pytest.approx(left.unexplained, **rough)
    assert angle - left.angle == pytest.approx(
        depth * angle**2 / (3 * math.pi), **rough, abs=depth * 1e-15 * angle
    )


def test_the_ends():
    ends = laws.limit_kernel_at([0, math.pi], 3)
    assert ends.value[0] == ends.first[0] == 1 and ends.first[1] == 0
    assert np.isinf(ends.second).all()
    assert laws.limit_kernel_at(math.pi, 1).value == pytest.approx(0, abs=1e-15)
    linear = laws.limit_kernel_at([0, 1, math.pi], 0)
    np.testing.assert_allclose(linear.value, np.cos([0, 1, math.pi]))
    assert (linear.first == 1).all() and (linear.second == 0).all()
    deep = laws.limit_kernel_at(math.pi, 1000)
    # θ_ℓ is near 3π/(ℓ + 3 log ℓ) where ℓ is large, at most 3π/ℓ, so 1 − κ is at most 4.5 π²/ℓ².
    assert 0 < 1 - deep.value < 4.5 * math.pi**2 / 1000**2


def test_points_and_angles_agree():
    generator = np.random.default_rng(0)
    x, u = generator.normal(size=(2, 5, 7))
    u -= (u * x).sum(axis=1, keepdims=True) / (x**2).sum(axis=1, keepdims=True) * x
    u *= np.linalg.norm(x, axis=1, keepdims=True) / np.linalg.norm(u, axis=1, keepdims=True)
    for angle in (1e-8, 1e-3, 1.0, 3.0, math.pi - 1e-6):
        y = math.cos(angle) * x + math.sin(angle) * u
        found = laws.limit_kernel(1e-200 * x, 1e200 * y, 3)
        assert found.value.shape == (5,)
        for one, other in zip(found, laws.limit_kernel_at(angle, 3), strict=True):
            # The points' own rounding turns them by some ε.
            np.testing.assert_allclose(one, other, rtol=1e-14 / min(angle, math.pi - angle))
    square = laws.limit_kernel(x[:, np.newaxis], x, 2).value
    assert square.shape == (5, 5) and (square == square.T).all() and (np.diag(square) == 1).all()
    assert np.isinf(laws.limit_kernel(x, -x, 2).second).all()
    with pytest.raises(ValueError, match="y must not be 0"):
        laws.limit_kernel(x, 0 * x, 2)


def test_one_hidden_layer_has_the_covariances_of_the_limit_at_any_width():
    """f and ∇f at two points, of one unit: width changes nothing of their covariances."""
    angle, dim, trials = 1.1, 3, 400_000
    generator = np.random.default_rng(1)
    w = generator.normal(size=(trials, dim))
    x, y = np.eye(dim)[0], np.array([math.cos(angle), math.sin(angle), 0])
    f, g = np.maximum(w @ x, 0), np.maximum(w @ y, 0)
    of_x, of_y = (w * (values > 0)[:, np.newaxis] for values in (f, g))
    value, first, second = laws.limit_kernel(x, y, 1)
    rho, x_y = x @ y, np.outer(x, y)
    across = np.outer(y - rho * x, x - rho * y)
    gradients = first * np.eye(dim) + (value - rho * first) * x_y + second * across
    pairs = [
        (2 * f * g, value),
        *zip(2 * (g[:, np.newaxis] * of_x).T, value * x + first * (y - rho * x), strict=True),
        *((2 * of_x[:, i] * of_y[:, j], gradients[i, j]) for i in range(3) for j in range(3)),
    ]
    for samples, expected in pairs:  # thirteen, each false with probability 6e-7
        assert abs(samples.mean() - expected) < 5 * samples.std() / math.sqrt(trials)


def test_what_has_no_kernel_is_refused():
    x, y = np.ones(5), np.arange(5.0)
    for change, error, message in [
        ({"depth": -1}, ValueError, "depth must be at least 0"),
        ({"depth": 1.5}, TypeError, "depth must be an integer"),
        ({"x": x * np.nan}, ValueError, "x must be finite"),
        ({"x": 1.0}, ValueError, r"x must have shape \(\.\.\., d\)"),
        ({"y": np.empty(0)}, ValueError, r"y must have shape \(\.\.\., d\)"),
        ({"y": y[:3]}, ValueError, r"shapes that broadcast, got \(5,\) and \(3,\)"),
        ({"y": 1j * y}, TypeError, "y must hold real numbers"),
        ({"y": 0 * y}, ValueError, "y must not be 0"),
    ]:
        with pytest.raises(error, match=message):
            laws.limit_kernel(**{"x": x, "y": y, "depth": 2, **change})
    for angle in (-0.1, 4.0, [0, np.inf]):
        with pytest.raises(ValueError, match="angle must"):
            laws.limit_kernel_at(angle, 2)
