"""Forward passes, patterns and gradients in float32, beside NumPy and PyTorch."""

import numpy as np
import pytest
import reference
from randrelu import Network, Pattern
from turns import in_turns

HIDDEN = 3
CASES = [(1024, width) for width in (256, 512, 1024, 2048, 4096)]  # points and width
CASES += [(1, width) for width in (256, 1024, 4096)]
CHECKED = 16  # points that are compared with the reference in double


class Case:
    """One network in the form that every peer likes best."""

    def __init__(self, points, width):
        self.net = Network.random((width,) * (HIDDEN + 1) + (1,), rng=0)
        self.x = np.random.default_rng(0).normal(size=(points, width)).astype(np.float32)
        self.weights = [np.array(self.net.weights(i)) for i in range(1, HIDDEN + 2)]
        self.exact = [w.astype(np.float64) for w in self.weights]
        self.some = self.x[:CHECKED].astype(np.float64)
        self.bounds = reference.preactivation_bounds(self.exact, self.some, "float32")

    def check_values(self, values):
        error = np.abs(
            np.asarray(values).reshape(-1)[:CHECKED] - reference.forward(self.exact, self.some)
        )
        assert (error <= self.bounds[-1][:, 0]).all()

    def check_masks(self, masks):
        masks = masks.unpack() if isinstance(masks, Pattern) else masks
        layers = reference.preactivations(self.exact, self.some)
        for mask, z, bound in zip(masks, layers, self.bounds[:-1], strict=True):
            certain = np.abs(z) > bound
            assert np.array_equal(np.asarray(mask)[:CHECKED][certain], (z > 0)[certain])

    def check_gradients(self, gradients):
        """Float32 may misjudge units near 0; each of a layer's units carries 1/√width of ‖∇f‖."""
        masks = [z > 0 for z in reference.preactivations(self.exact, self.some)]
        exact = reference.gradient(self.exact, masks)
        error = np.linalg.norm(np.asarray(gradients)[:CHECKED] - exact, axis=1)
        assert (error <= 0.1 * np.linalg.norm(exact, axis=1)).all()


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]} points, width {case[1]}")
def case(request):
    return Case(*request.param)


class NumPy:
    def __init__(self, case):
        self.x, self.weights = case.x, case.weights

    def forward(self):
        a = self.x
        for w in self.weights[:-1]:
            a = np.maximum(a @ w.T, 0)
        return a @ self.weights[-1].T

    def pattern(self):
        a, masks = self.x, []
        for w in self.weights[:-1]:
            z = a @ w.T
            masks.append(z > 0)
            a = np.maximum(z, 0, out=z)
        return masks

    def gradient(self):
        g = self.weights[-1]
        for w, mask in zip(self.weights[-2::-1], self.pattern()[::-1], strict=True):
            g = (g * mask) @ w
        return g


class PyTorch:
    def __init__(self, case):
        import torch

        self.torch = torch
        self.x = self.torch.from_numpy(case.x)
        self.weights = [self.torch.from_numpy(w) for w in case.weights]

    def _run(self, x):
        for w in self.weights[:-1]:
            x = self.torch.relu(x @ w.T)
        return x @ self.weights[-1].T

    def forward(self):
        with self.torch.no_grad():
            return self._run(self.x)

    def pattern(self):
        masks, a = [], self.x
        with self.torch.no_grad():
            for w in self.weights[:-1]:
                z = a @ w.T
                masks.append(z > 0)
                a = z.relu_()
        return masks

    def gradient(self):
        x = self.x.detach().requires_grad_()
        return self.torch.autograd.grad(self._run(x).sum(), x)[0]


class PyTorchByHand(PyTorch):
    def gradient(self):
        with self.torch.no_grad():
            g = self.weights[-1]
            for w, mask in zip(self.weights[-2::-1], self.pattern()[::-1], strict=True):
                g = (g * mask) @ w
        return g


def compare(benchmark, case, peer, request, what, check):
    if issubclass(peer, PyTorch):
        request.getfixturevalue("torch")  # skips where it is not installed, and sets its threads
    points, width = case.x.shape
    name = {PyTorchByHand: "PyTorch, masks by hand"}.get(peer, peer.__name__)
    ours = lambda: getattr(case.net, what)(case.x)  # noqa: E731
    theirs = getattr(peer(case), what)
    rounds = 7 if points * width > 1 << 20 else 40
    group = f"{what}, {points} points, width {width}"
    in_turns(benchmark, group, name, ours, theirs, check, rounds=rounds)


@pytest.mark.parametrize("peer", [NumPy, PyTorch])
def test_forward(benchmark, case, peer, request):
    compare(benchmark, case, peer, request, "forward", case.check_values)


@pytest.mark.parametrize("peer", [NumPy, PyTorch])
def test_pattern(benchmark, case, peer, request):
    compare(benchmark, case, peer, request, "pattern", case.check_masks)


@pytest.mark.parametrize("peer", [NumPy, PyTorch, PyTorchByHand])
def test_gradient(benchmark, case, peer, request):
    compare(benchmark, case, peer, request, "gradient", case.check_gradients)
