"""One trial of Theorem 1.1: a fresh network, its gradient at a point, a step, and f there."""

from itertools import pairwise

import numpy as np
import pytest
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
        def trial():
            weights = [torch.randn(b, a).mul_(a**-0.5) for a, b in pairwise(WIDTHS)]
            x = torch.ones(WIDTHS[0], requires_grad=True)

            def f(y):
                for w in weights[:-1]:
                    y = torch.relu(w @ y)
                return (weights[-1] @ y)[0]

            value = f(x)
            (gradient,) = torch.autograd.grad(value, x)
            with torch.no_grad():
                return f(x - 2 * value / gradient.square().sum() * gradient) * value < 0

        assert trial()
        benchmark.pedantic(trial, rounds=9, warmup_rounds=1)
