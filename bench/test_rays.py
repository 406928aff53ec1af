"""Flips at several radii of the same directions, beside PyTorch.

PyTorch takes the first product once, too. The floor are the products that remain: W_1 u and
W_2 D_1(x) W_1 u once for all radii, and in every later layer, at every radius, one with the units
that are active at x, about half of them.
"""

import numpy as np
import pytest
from randrelu import Network, flips
from turns import in_turns

POINTS = 1024
SHAPES = {"4096 × 3": (4096,) * 4 + (1,), "784, 2048 × 2": (784, 2048, 2048, 1)}
RADII = {
    "1 radius": [0.05],
    "8 radii": np.linspace(0.005, 0.1, 8),
    "40 radii": np.linspace(0.0025, 0.1, 40),
}


class PyTorch:
    def __init__(self, torch, net, x):
        self.torch = torch
        self.x = torch.from_numpy(x.astype(np.float32))
        self.weights = [torch.from_numpy(np.array(net.weights(i))) for i in range(1, net.depth + 1)]
        with torch.no_grad():
            self.first = self.weights[0] @ self.x
            self.base = self.masks(self.first[None])

    def masks(self, z):
        found = [z > 0]
        for w in self.weights[1:]:
            z = self.torch.relu(z) @ w.T
            found.append(z > 0)
        return found

    def flips(self, radii):
        torch = self.torch
        with torch.no_grad():
            u = torch.randn(POINTS, self.x.numel())
            length = torch.rand(POINTS, 1) ** (1 / self.x.numel())
            step = (u * (length / u.norm(dim=1, keepdim=True))) @ self.weights[0].T
            counts = []
            for radius in radii:
                pairs = zip(self.masks(self.first + radius * step), self.base, strict=True)
                counts.append(torch.stack([(a ^ b).sum(dim=1) for a, b in pairs], dim=1))
            return torch.stack(counts)


@pytest.mark.parametrize("antithetic", [False, True], ids=["", "antithetic"])
@pytest.mark.parametrize("radii", RADII)
@pytest.mark.parametrize("shape", SHAPES)
def test_beside_torch(benchmark, torch, shape, radii, antithetic):
    widths = SHAPES[shape]
    net = Network.random(widths, rng=0)
    x = np.random.default_rng(0).normal(size=widths[0])
    sizes = [float(r * np.linalg.norm(x)) for r in RADII[radii]]
    peer = PyTorch(torch, net, x)

    def check(found):
        """The mean counts of the first layer are those of the angle, to six standard errors.

        Points share x, so that no more than about half of the mean is the variance of the mean.
        """
        counts = np.asarray(getattr(found, "counts", found))
        mean = counts[..., 0].mean(axis=1)
        expected = np.arctan(RADII[radii]) / np.pi * widths[1]
        assert (np.abs(mean - expected) < 6 * np.sqrt(expected / 2)).all()

    in_turns(
        benchmark,
        f"flips of {POINTS} points, {shape}, {radii}",
        f"PyTorch{' (ours antithetic)' if antithetic else ''}",
        lambda: flips(net, x, sizes, POINTS, rng=1, antithetic=antithetic),
        lambda: peer.flips(sizes),
        check,
        rounds=5,
    )
