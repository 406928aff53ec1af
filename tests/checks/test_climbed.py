"""What theorems 3.1 and B.1 attain: f and ∇f through networks in a row, and more than samples."""

import numpy as np
import pytest
import reference
from randrelu import Network, check
from randrelu.checks.climbed import climbed, value_and_gradient
from randrelu.checks.deep import descend

EPS = np.finfo(np.float64).eps


def networks_in_a_row():
    nets = [
        Network.random(widths, rng=k, init="he", dtype="float64")
        for k, widths in enumerate([(4, 30, 30, 1), (30, 30, 30, 30, 1)])
    ]
    weights = [w for net in nets for w in reference.layers(net)[0][:-1]]
    return nets, weights, np.random.default_rng(0)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_f_and_its_gradient_are_those_of_one_network(depth):
    nets, weights, rng = networks_in_a_row()
    readout, x = rng.normal(size=30), rng.normal(size=(3, 4))
    f, gradient = value_and_gradient(nets, x, depth, readout, 1)
    whole = [*weights[:depth], readout[np.newaxis]]
    masks = [z > 0 for z in reference.preactivations(whole, x)]
    of_f = reference.preactivation_bounds(whole, x, np.float64)[-1][:, 0]
    assert (np.abs(f - reference.forward(whole, x)) <= 2 * of_f).all()
    expected = reference.gradient(whole, masks)
    bound = reference.gradient_bound(whole, masks, np.float64)
    assert (np.abs(gradient - expected) <= 2 * bound).all() and expected.any()


def test_an_ascent_and_a_descent_begin_at_the_extreme_points():
    nets, weights, rng = networks_in_a_row()
    readout, x = rng.normal(size=30), rng.normal(size=(6, 4))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    f = reference.forward([*weights[:2], readout[np.newaxis]], x)
    passed = climbed(nets, x, f, 2, readout, 5, 1)
    assert passed[:2] == pytest.approx([f.min(), f.max()], rel=1e-12)
    # No f on the sphere is beyond those of very many points, but by what is between these.
    dense = rng.normal(size=(200_000, 4))
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    all_f = reference.forward([*weights[:2], readout[np.newaxis]], dense)
    slack = 0.05 * np.ptp(all_f)
    assert all_f.min() - slack <= passed.min() < f.min()
    assert f.max() < passed.max() <= all_f.max() + slack


def test_what_is_attained_is_no_less_than_what_was_sampled():
    given = (8, 100, (1, 4, 20), 6)
    found = descend(*given, 3, 10, 0, threads=1, progress=None)
    assert (found.attained_ratio >= found.sampled_ratio).all()
    assert (found.attained_spread >= found.sampled_spread).all()
    assert (found.attained_smallest <= found.sampled_smallest).all()
    assert np.median(found.attained_spread[:, 0] / found.sampled_spread[:, 0]) > 1.3
    # Without steps there are the samples only.
    none = descend(*given, 0, 10, 0, threads=1, progress=None)
    for name in ("ratio", "smallest", "spread"):
        assert np.array_equal(getattr(none, f"attained_{name}"), getattr(none, f"sampled_{name}"))


@pytest.mark.parametrize("name", ["theorem-3.1", "theorem-b.1"])
def test_the_judged_number_is_the_attained_one(name):
    """A constant between what the samples need and what is attained is refuted, not by samples."""
    given = {"dim": 8, "width": 100, "depths": (2,), "points": 4, "trials": 40, "rng": 0}
    sampled, attained = (check(name, **given, steps=k) for k in (0, 12))
    needed = [
        next(m for m in c.measurements if m.name.startswith("smallest C")).value
        for c in (sampled, attained)
    ]
    assert needed[0] < needed[1]
    column = "attained_2" if name == "theorem-3.1" else "attained_spread_2"
    assert (attained.trials[column] > sampled.trials[column]).mean() > 0.9


def test_ascents_that_do_not_fit_in_memory_are_refused():
    with pytest.raises(MemoryError, match="with steps=0 all points are sampled"):
        check("theorem-3.1", width=10**5, depths=(10**6,), trials=1, rng=0)
