"""Networks of infinite width: an attack alone, many at once, in many dimensions; many questions."""

import numpy as np
import pytest
from randrelu import LimitNetwork, gradient_step
from randrelu.measures.limit_trials import attack_limit_networks
from turns import alone

DEPTH = 3


def attack(dim):
    return gradient_step(LimitNetwork(dim, DEPTH, rng=0), np.ones(dim))


def check_attack(found):
    """Its size and ‖∇f‖ are those of their law, within what happens once in 10⁶ networks."""
    dim = found.x_adv.size
    assert abs(found.grad_norm * 2 ** (DEPTH / 2) - 1) < 5 / np.sqrt(2 * dim)
    assert found.relative_norm < 10 / np.sqrt(dim)


@pytest.mark.parametrize(("dim", "rounds"), [(784, 300), (10**6, 5)])
def test_an_attack(benchmark, dim, rounds):
    group = f"an attack on a fresh limit network, d = {dim}, depth {DEPTH}"
    alone(benchmark, group, lambda: attack(dim), check_attack, rounds=rounds)


def test_many_attacks(benchmark):
    def check_law(found):
        # At this dimension and depth nearly all flip, as the laws say: 1 − P is below .01.
        assert found.sign_flipped.mean() > 0.9

    group = f"1000 attacks on limit networks in one call, d = 784, depth {DEPTH}"
    alone(
        benchmark, group, lambda: attack_limit_networks(np.ones(784), DEPTH, 1000, rng=0),
        check_law, rounds=20,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "count"), [("forward", 500), ("value_and_gradient", 20), ("value_and_gradient", 60)]
)
def test_many_questions(benchmark, what, count):
    points = np.random.default_rng(0).normal(size=(count, 784))

    def ask():
        return getattr(LimitNetwork(784, DEPTH, rng=0), what)(points)

    def check_scale(found):
        f = found if what == "forward" else found[0]
        deviations = 2.0 ** (-DEPTH / 2) * np.linalg.norm(points, axis=1) / np.sqrt(784)
        assert (np.abs(f) < 6 * deviations).all()

    group = f"{count} questions of one limit network, d = 784, depth {DEPTH}: {what}"
    alone(benchmark, group, ask, check_scale, rounds=3)
