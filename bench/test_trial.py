"""One trial of Theorem 1.1: a fresh network, its gradient at a point, a step, and f there."""

import numpy as np
import reference
from peers import check_trials, torch_trial
from randrelu import Network, gradient_step
from turns import alone, in_turns

WIDTHS = (4096, 4096, 4096, 4096, 1)
X = np.ones(WIDTHS[0])
GROUP = "trial of Theorem 1.1, widths 4096 × 3"


def trial():
    return gradient_step(Network.random(WIDTHS, rng=0), X)


def ours():
    attack = trial()
    return bool(attack.sign_flipped), float(attack.relative_norm)


def check(result):
    check_trials(WIDTHS[0], *result)


def check_against_the_reference(attack):
    net = Network.random(WIDTHS, rng=0)
    weights = [net.weights(i).astype(float) for i in range(1, len(WIDTHS))]
    points = np.stack([X, attack.x_adv])
    values = reference.forward(weights, points)
    bounds = reference.preactivation_bounds(weights, points, "float64")[-1][:, 0]
    # Ours and that of the reference.
    assert (np.abs([attack.f_before, attack.f_after] - values) <= 2 * bounds).all()


def test_ours(benchmark):
    alone(benchmark, GROUP, trial, check_against_the_reference, rounds=9)


def test_beside_torch(benchmark, torch):
    theirs = lambda: torch_trial(torch, WIDTHS)  # noqa: E731
    in_turns(benchmark, GROUP, "PyTorch", ours, theirs, check, rounds=9)
