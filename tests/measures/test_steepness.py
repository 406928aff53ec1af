"""The gradient that the search for steep points climbs."""

import numpy as np
import pytest
from randrelu import Network
from randrelu.measures.steepness import Steepness


def soft_gradient(net, y, widths):
    """∇f(y), in plain NumPy, with sigmoids for gates; forward there are none."""
    weights = [net.weights(i).astype(float) for i in range(1, net.depth + 2)]
    f, product = y, np.eye(len(y))
    for w, i, width in zip(weights, range(1, net.depth + 1), widths, strict=False):
        z = w @ f + (0 if net.bias(i) is None else net.bias(i))
        f, product = np.maximum(z, 0), (w @ product) / (1 + np.exp(-z / width))[:, np.newaxis]
    return (weights[-1] @ product)[0]


@pytest.mark.parametrize("norm", [2, 1])
@pytest.mark.parametrize("shape", [(5, 9, 1), (5, 9, 8, 1), (5, 9, 8, 7, 1)])
def test_uphill_is_what_differences_say(shape, norm):
    net = Network.random(shape, rng=2, bias=0.2, dtype="float64", init="he")
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(3, 5)), rng.normal(size=5)
    widths = [rng.uniform(0.5, 2, (3, 1)) for _ in shape[1:-1]]
    sought = Steepness(net, target, norm, None)
    found = sought.uphill(net.preactivations(points), widths)

    def size(y, p):
        return np.linalg.norm(soft_gradient(net, y, [w[p, 0] for w in widths]) - target, norm)

    step = 1e-5
    for p, y in enumerate(points):
        slopes = [(size(y + step * e, p) - size(y - step * e, p)) / (2 * step) for e in np.eye(5)]
        np.testing.assert_allclose(
            found[p], slopes, rtol=0, atol=1e-7 * np.abs(slopes).max() + 1e-8
        )


@pytest.mark.parametrize("norm", [2, 1])
def test_sizes_are_those_of_the_gradients(norm):
    net = Network.random((5, 9, 8, 1), rng=2, dtype="float64")
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(20, 5)), rng.normal(size=5)
    sought = Steepness(net, target, norm, None)
    expected = np.linalg.norm(net.gradient(points) - target, norm, axis=1)
    np.testing.assert_allclose(sought.sizes_at(net.preactivations(points)), expected, rtol=1e-13)
    np.testing.assert_allclose(sought.gradients(points), net.gradient(points), rtol=1e-13)
