"""What several benchmarks share: PyTorch's trial of Theorem 1.1, and the law of any trial."""

from itertools import pairwise

import numpy as np
from scipy import stats


def torch_trial(torch, widths):
    """Draw a network, take the linear step; return whether the sign flips, and ‖η∇f‖/‖x‖."""
    weights = [torch.randn(b, a).mul_(a**-0.5) for a, b in pairwise(widths)]
    x = torch.ones(widths[0], requires_grad=True)

    def f(y):
        for w in weights[:-1]:
            y = torch.relu(w @ y)
        return (weights[-1] @ y)[0]

    value = f(x)
    (gradient,) = torch.autograd.grad(value, x)
    with torch.no_grad():
        step = -2 * value / gradient.square().sum() * gradient
        flipped = f(x + step) * value < 0
        return bool(flipped), float(step.norm() / x.norm())


def check_trials(dim, flipped, relative_norm):
    """Linear steps flip most signs, and ‖η∇f‖/‖x‖ = 2|u₁| for u uniform on the sphere.

    That law is exact at any widths; a true one is refused with a probability of 1e-6.
    """
    assert np.mean(flipped) > 0.5
    squares = (np.atleast_1d(relative_norm) / 2) ** 2
    assert stats.kstest(squares, stats.beta(0.5, (dim - 1) / 2).cdf).pvalue > 1e-6
