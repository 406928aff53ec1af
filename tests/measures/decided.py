"""Networks whose decisions are attacked, and what NumPy says of them."""

import numpy as np
import reference
from randrelu import Network


def network(shape, outputs, bias, seed=0, **keywords):
    keywords = {"dtype": "float64", "init": "he"} | keywords
    return Network.random((*shape, outputs), rng=seed, bias=bias, **keywords)


def points(net, n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, net.widths[0]))


def error(weights, biases, y):
    """What two evaluations at y are apart at most, (N, k)."""
    return 2 * reference.preactivation_bounds(weights, np.atleast_2d(y), float, biases)[-1]


def margin(outputs, top, other):
    """f, or the margin, (N,), of outputs (N, k)."""
    if outputs.shape[1] == 1:
        return outputs[:, 0]
    rows = np.arange(len(outputs))
    return outputs[rows, top] - outputs[rows, other]


def order(outputs):
    """The largest output and the runner-up, the first of equal ones."""
    ranks = np.argsort(-outputs, axis=1, kind="stable")
    return ranks[:, 0], ranks[:, min(1, outputs.shape[1] - 1)]


def gradients(weights, biases, x, top, other):
    masks = [z > 0 for z in reference.preactivations(weights, x, biases)]
    rows = np.broadcast_to(
        reference.jacobian(weights, masks), (len(x), len(weights[-1]), x.shape[1])
    )
    if len(weights[-1]) == 1:
        return rows[:, 0]
    each = np.arange(len(x))
    return rows[each, top] - rows[each, other]
