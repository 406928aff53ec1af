"""Flips and gradient deviations of 1024 points sampled from a ball, beside PyTorch and JAX.

Drawing the points is part of the work on every side. The floor is what the matrix products that
remain would take at the machine's own rate: see the group `machine: matrix product` for that.
"""

import numpy as np
import pytest
from randrelu import Network, flips, gradient_deviation

POINTS, HIDDEN, RELATIVE = 1024, 3, 0.05
WIDTHS = [64, 128, 256, 512, 4096]


class Case:
    def __init__(self, width):
        self.width = width
        self.net = Network.random((width,) * (HIDDEN + 1) + (1,), rng=0)
        self.x = np.random.default_rng(0).normal(size=width)
        self.radius = RELATIVE * float(np.linalg.norm(self.x))
        self.weights = [np.array(self.net.weights(i)) for i in range(1, HIDDEN + 2)]
        # The means over the ball are the same for everybody, to six standard errors.
        self.counts = flips(self.net, self.x, self.radius, POINTS, rng=0).counts
        self.norms = gradient_deviation(self.net, self.x, self.radius, POINTS, rng=0).norms

    def check_flips(self, counts):
        self.check(np.asarray(counts), self.counts)

    def check_deviations(self, norms):
        self.check(np.asarray(norms)[:, np.newaxis], self.norms[:, np.newaxis])

    def check(self, got, expected):
        error = np.sqrt((got.var(axis=0) + expected.var(axis=0)) / POINTS)
        assert (np.abs(got.mean(axis=0) - expected.mean(axis=0)) < 6 * error).all()


@pytest.fixture(scope="module", params=WIDTHS, ids=lambda w: f"width {w}")
def case(request):
    return Case(request.param)


def time(benchmark, case, what, function):
    benchmark.group = f"{what} of {POINTS} points, width {case.width}"
    benchmark.pedantic(function, rounds=7 if case.width > 1024 else 40, warmup_rounds=2)


class PyTorch:
    def __init__(self, torch, case):
        self.torch, self.radius = torch, case.radius
        self.x = torch.from_numpy(case.x.astype(np.float32))
        self.weights = [torch.from_numpy(w) for w in case.weights]
        with torch.no_grad():
            self.base = self.masks(self.x[None])
            self.gradient = self.by_hand(self.base)

    def sample(self):
        torch = self.torch
        u = torch.randn(POINTS, self.x.numel())
        length = self.radius * torch.rand(POINTS, 1) ** (1 / self.x.numel())
        return self.x + u * (length / u.norm(dim=1, keepdim=True))

    def masks(self, a):
        masks = []
        for w in self.weights[:-1]:
            z = a @ w.T
            masks.append(z > 0)
            a = self.torch.relu_(z)
        return masks

    def by_hand(self, masks):
        g = self.weights[-1]
        for w, mask in zip(self.weights[-2::-1], masks[::-1], strict=True):
            g = (g * mask) @ w
        return g

    def flips(self):
        with self.torch.no_grad():
            masks = self.masks(self.sample())
            pairs = zip(masks, self.base, strict=True)
            return self.torch.stack([(a ^ b).sum(dim=1) for a, b in pairs], dim=1)

    def deviations_by_hand(self):
        with self.torch.no_grad():
            return (self.by_hand(self.masks(self.sample())) - self.gradient).norm(dim=1)

    def deviations_autograd(self):
        y = self.sample().requires_grad_()
        a = y
        for w in self.weights[:-1]:
            a = self.torch.relu(a @ w.T)
        (g,) = self.torch.autograd.grad((a @ self.weights[-1].T).sum(), y)
        return (g - self.gradient).norm(dim=1)


class Jax:
    def __init__(self, jax, case):
        np_ = jax.numpy
        x, weights = np_.asarray(case.x, np_.float32), [np_.asarray(w) for w in case.weights]
        radius, dim = case.radius, case.width
        self.key = jax.random.PRNGKey(0)

        def sample(key):
            one, two = jax.random.split(key)
            u = jax.random.normal(one, (POINTS, dim))
            length = radius * jax.random.uniform(two, (POINTS, 1)) ** (1 / dim)
            return x + u * (length / np_.linalg.norm(u, axis=1, keepdims=True))

        def masks(a):
            found = []
            for w in weights[:-1]:
                z = a @ w.T
                found.append(z > 0)
                a = np_.maximum(z, 0)
            return found

        def gradient(found):
            g = weights[-1]
            for w, mask in zip(weights[-2::-1], found[::-1], strict=True):
                g = (g * mask) @ w
            return g

        base = masks(x[None])
        at_x = gradient(base)

        def count(key):
            pairs = zip(masks(sample(key)), base, strict=True)
            return np_.stack([(a ^ b).sum(axis=1) for a, b in pairs], axis=1)

        def deviate(key):
            return np_.linalg.norm(gradient(masks(sample(key))) - at_x, axis=1)

        self._count, self._deviate = jax.jit(count), jax.jit(deviate)

    def flips(self):
        return self._count(self.key).block_until_ready()

    def deviations(self):
        return self._deviate(self.key).block_until_ready()


class TestFlips:
    def test_ours(self, benchmark, case):
        time(benchmark, case, "flips",
             lambda: flips(case.net, case.x, case.radius, POINTS, rng=1))  # fmt: skip

    def test_torch(self, benchmark, case, torch):
        peer = PyTorch(torch, case)
        case.check_flips(peer.flips())
        time(benchmark, case, "flips", peer.flips)

    def test_jax(self, benchmark, case):
        peer = Jax(pytest.importorskip("jax", reason="JAX is not installed"), case)
        case.check_flips(peer.flips())
        time(benchmark, case, "flips", peer.flips)


class TestDeviations:
    def test_ours(self, benchmark, case):
        time(benchmark, case, "gradient deviations",
             lambda: gradient_deviation(case.net, case.x, case.radius, POINTS, rng=1))  # fmt: skip

    @pytest.mark.parametrize("form", ["by_hand", "autograd"])
    def test_torch(self, benchmark, case, torch, form):
        peer = PyTorch(torch, case)
        run = getattr(peer, f"deviations_{form}")
        case.check_deviations(run())
        time(benchmark, case, "gradient deviations", run)

    def test_jax(self, benchmark, case):
        peer = Jax(pytest.importorskip("jax", reason="JAX is not installed"), case)
        case.check_deviations(peer.deviations())
        time(benchmark, case, "gradient deviations", peer.deviations)
