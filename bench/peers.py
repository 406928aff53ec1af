"""What several benchmarks compare with."""

from itertools import pairwise


def torch_trial(torch, widths):
    """Draw a network, take the linear gradient step, and say whether the sign flips."""
    weights = [torch.randn(b, a).mul_(a**-0.5) for a, b in pairwise(widths)]
    x = torch.ones(widths[0], requires_grad=True)

    def f(y):
        for w in weights[:-1]:
            y = torch.relu(w @ y)
        return (weights[-1] @ y)[0]

    value = f(x)
    (gradient,) = torch.autograd.grad(value, x)
    with torch.no_grad():
        return f(x - 2 * value / gradient.square().sum() * gradient) * value < 0
