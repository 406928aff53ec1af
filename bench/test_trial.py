"""One trial of Theorem 1.1: a fresh network, its gradient at a point, a step, and f there."""

import numpy as np
import pytest
from peers import torch_trial
from randrelu import Network, gradient_step

WIDTHS = (4096, 4096, 4096, 4096, 1)


@pytest.mark.benchmark(group="trial of Theorem 1.1, widths 4096 × 3")
class TestTrial:
    def test_ours(self, benchmark):
        x = np.ones(WIDTHS[0])

        def trial():
            return gradient_step(Network.random(WIDTHS, rng=0), x).sign_flipped

        assert trial()
        benchmark.pedantic(trial, rounds=9, warmup_rounds=1)

    def test_torch(self, benchmark, torch):
        assert torch_trial(torch, WIDTHS)
        benchmark.pedantic(torch_trial, args=(torch, WIDTHS), rounds=9, warmup_rounds=1)
