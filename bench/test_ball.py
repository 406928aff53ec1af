"""Flips and gradient deviations of 1024 points sampled from a ball, beside PyTorch and JAX.

Drawing the points is part of the work on every side. The floor is what the matrix products that
remain would take at the machine's own rate: see the group `machine: float32 GEMM` for that.
"""

import numpy as np
import pytest
import reference
from randrelu import Network, flips, gradient_deviation
from turns import alone, in_turns

POINTS, HIDDEN, RELATIVE = 1024, 3, 0.05
WIDTHS = [64, 128, 256, 512, 4096]


class Case:
    def __init__(self, width):
        self.width = width
        self.net = Network.random((width,) * (HIDDEN + 1) + (1,), rng=0)
        self.x = np.random.default_rng(0).normal(size=width)
        self.radius = RELATIVE * float(np.linalg.norm(self.x))
        self.weights = [np.array(self.net.weights(i)) for i in range(1, HIDDEN + 2)]
        self.counts, self.norms = self.by_the_reference()

    def by_the_reference(self):
        """Flips and deviations of a sample of its own, in double."""
        weights = [w.astype(float) for w in self.weights]
        rng = np.random.default_rng(1)
        u = rng.normal(size=(POINTS, self.width))
        length = self.radius * rng.uniform(size=(POINTS, 1)) ** (1 / self.width)
        y = self.x + u * (length / np.linalg.norm(u, axis=1, keepdims=True))
        at_x, at_y = (
            [z > 0 for z in reference.preactivations(weights, points)]
            for points in (self.x[None], y)
        )
        counts = [(a ^ b).sum(axis=1) for a, b in zip(at_x, at_y, strict=True)]
        change = reference.gradient(weights, at_y) - reference.gradient(weights, at_x)
        return np.stack(counts, axis=1), np.linalg.norm(change, axis=1)

    def check_flips(self, found):
        self.check(np.asarray(getattr(found, "counts", found)), self.counts)

    def check_deviations(self, found):
        norms = np.asarray(getattr(found, "norms", found))
        self.check(norms[:, np.newaxis], self.norms[:, np.newaxis])

    def check(self, got, expected):
        """The means over the ball are the same for everybody, to six standard errors."""
        error = np.sqrt((got.var(axis=0) + expected.var(axis=0)) / POINTS)
        assert (np.abs(got.mean(axis=0) - expected.mean(axis=0)) < 6 * error).all()


@pytest.fixture(scope="module", params=WIDTHS, ids=lambda w: f"width {w}")
def case(request):
    return Case(request.param)


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


class Question:
    """What is asked: how ours answers, how it is checked, and the group."""

    def __init__(self, case, what):
        if what == "flips":
            ask, self.check = flips, case.check_flips
        else:
            ask, self.check = gradient_deviation, case.check_deviations
        self.ours = lambda: ask(case.net, case.x, case.radius, POINTS, rng=1)
        self.group = f"{what} of {POINTS} points, width {case.width}"
        self.rounds = 7 if case.width > 1024 else 40

    def alone(self, benchmark):
        alone(benchmark, self.group, self.ours, self.check, rounds=self.rounds)

    def beside(self, benchmark, peer, theirs):
        in_turns(
            benchmark, self.group, peer, self.ours, theirs, self.check, rounds=self.rounds
        )  # fmt: skip


WHAT = pytest.mark.parametrize("what", ["flips", "gradient deviations"])


@WHAT
def test_ours(benchmark, case, what):
    Question(case, what).alone(benchmark)


@pytest.mark.parametrize("form", ["flips", "deviations_by_hand", "deviations_autograd"])
def test_beside_torch(benchmark, case, torch, form):
    question = Question(case, "flips" if form == "flips" else "gradient deviations")
    name = f"PyTorch, {form.replace('_', ' ')}"
    question.beside(benchmark, name, getattr(PyTorch(torch, case), form))


@WHAT
def test_beside_jax(benchmark, case, what):
    peer = Jax(pytest.importorskip("jax", reason="JAX is not installed"), case)
    theirs = peer.flips if what == "flips" else peer.deviations
    Question(case, what).beside(benchmark, "JAX", theirs)
