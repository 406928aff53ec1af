"""The probabilities that lemmas bound, against plain simulations."""

import itertools
import math

import numpy as np
import pytest
import reference
from randrelu import laws
from scipy import stats

ALARM = 1e-6


@pytest.mark.parametrize("layers", [None, (2, 3)])
def test_large_preactivations(layers):
    """Narrow layers are without an active unit now and then; then everything after is within."""
    widths, alpha, trials = (4, 3, 2, 1), 0.3, 8000
    generator, x, within = np.random.default_rng(0), np.ones((1, 4)), 0
    claimed = 1 - 2 * math.sqrt(2 / math.pi) * alpha
    for _ in range(trials):
        weights = [
            generator.normal(size=(b, a)) / math.sqrt(a) for a, b in itertools.pairwise(widths)
        ]
        a, good = x[0], True
        for i, z in enumerate([*reference.preactivations(weights, x), None], start=1):
            z = weights[-1] @ a if z is None else z[0]
            count = np.sum(np.abs(z) >= alpha * np.linalg.norm(a) / math.sqrt(a.size))
            good &= i not in (layers or (1, 2)) or count >= claimed * z.size
            a = np.maximum(z, 0)
        within += bool(good)
    expected = laws.large_preactivations(widths, alpha, layers)
    assert 0.1 < expected < 0.9
    assert stats.binomtest(within, trials, expected).pvalue > ALARM


def test_the_worst_sign_change_is_attained_and_never_exceeded():
    r = np.linspace(0, 1, 101)
    worst = np.array([laws.worst_sign_change(ratio) for ratio in r])
    assert (worst <= r / 2).all() and worst[0] == 0 and worst[-1] == 0.5
    # The largest angle to any point of the circle of radius r around (1, 0), on a fine grid.
    turn = np.linspace(0, math.pi, 200_001)
    for ratio in (0.1, 0.5, 0.99):
        angle = np.arctan2(ratio * np.sin(turn), 1 + ratio * np.cos(turn)).max()
        # Near its maximum the angle falls as r²/(1 − r²)^{3/2} times the square of the way.
        step = (turn[1] ** 2) * ratio / (1 - ratio**2)
        assert 0 <= laws.worst_sign_change(ratio) - angle / math.pi + 1e-15 <= step
    changes, (at_x, across) = 0, np.random.default_rng(0).normal(size=(2, 100_000))
    angle = math.asin(0.4)
    changes = int(np.sum((at_x > 0) != (math.cos(angle) * at_x + math.sin(angle) * across > 0)))
    assert stats.binomtest(changes, at_x.size, laws.worst_sign_change(0.4)).pvalue > ALARM


def test_lemma_c_6_holds_from_two_dimensions_on():
    assert laws.normal_beyond_sphere(1) == pytest.approx(2 * stats.norm.sf(math.sqrt(0.5)))
    assert laws.normal_beyond_sphere(1) < 0.48
    assert laws.normal_beyond_sphere(2) == pytest.approx(math.exp(-0.5))
    assert all(laws.normal_beyond_sphere(d) > 0.5 for d in range(2, 3000))
    y = np.random.default_rng(1).normal(size=(100_000, 3)) * math.sqrt(2 / 3)
    beyond = int(np.sum(np.linalg.norm(y, axis=1) >= 1))
    assert stats.binomtest(beyond, len(y), laws.normal_beyond_sphere(3)).pvalue > ALARM
