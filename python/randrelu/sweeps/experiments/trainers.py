"""Networks that are trained epoch by epoch, by scikit-learn or PyTorch, after one recipe.

Adam on the mean cross-entropy of shuffled batches, nothing else: no weight decay, no dropout. The
weights and biases of a layer start uniform in ±√(6/(fan_in + fan_out)) (Glorot and Bengio 2010),
as scikit-learn draws them. All is in float32 and on one thread, whose order of summation is fixed.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from randrelu._support import extras
from randrelu.network import Network
from randrelu.sweeps.experiments.images import Images

BATCH = 64
RATE = 1e-3  # of Adam, whose other constants are β₁ = 0.9, β₂ = 0.999 and ε = 1e-8
_NO_RATE = 1e-300  # an epoch with such steps changes no weight


class Trainer(Protocol):
    """A network in training."""

    def epoch(self) -> None:
        """Show every image once."""

    def network(self) -> Network:
        """Return the network as it is now."""


def begin(name: str, hidden: tuple[int, ...], images: Images, rng: np.random.Generator) -> Trainer:
    """Return a network with these hidden layers that was not trained yet.

    Parameters
    ----------
    name : {"sklearn", "torch"}
        What trains it.
    hidden : tuple of int
        The widths of the hidden layers; without any it is multinomial logistic regression.
    images : Images
        What it is trained on; it has an output for each of their classes.
    rng : Generator
        Where the weights and the order of the images come from.

    Raises
    ------
    ImportError
        If the library is not installed.
    """
    return TRAINERS[name](hidden, images, rng)


def require_trainer(name: str) -> None:
    """Raise ImportError unless a trainer's library is installed, and say what brings it."""
    TRAINERS[name].require()


class _Sklearn:
    """An MLPClassifier."""

    def __init__(self, hidden: tuple[int, ...], images: Images, rng: np.random.Generator) -> None:
        self._known = self.require()
        self._limits = importlib.import_module("threadpoolctl")  # scikit-learn needs it, too
        self._images, self._hidden = images, hidden
        seed = int(rng.integers(2**32))
        # The weights that it starts from are not to be had without an epoch. The other classifier
        # draws them again, from the same seed.
        self._now = self._shown(self._classifier(seed, _NO_RATE))
        self._trained = self._classifier(seed, RATE)

    @staticmethod
    def require() -> Any:
        """Return what trains."""
        source = "'randrelu[study]'"
        return extras.module(
            "trainer='sklearn' needs scikit-learn", "sklearn.neural_network", source
        )

    def epoch(self) -> None:
        self._now = self._shown(self._trained)

    def network(self) -> Network:
        return _with_two_outputs(Network.from_sklearn(self._now, dtype="float64"))

    def _classifier(self, seed: int, rate: float) -> Any:
        return self._known.MLPClassifier(
            self._hidden,
            alpha=0.0,
            batch_size=min(BATCH, len(self._images.labels)),
            learning_rate_init=rate,
            random_state=np.random.RandomState(seed),  # it moves on; a number would not
        )

    def _shown(self, classifier: Any) -> Any:
        """Return a classifier after it was shown every image once more."""
        every = np.arange(self._images.classes)
        with self._limits.threadpool_limits(1), warnings.catch_warnings():
            # It makes a warning of Ctrl-C, and goes on.
            warnings.filterwarnings("error", "Training interrupted by user", UserWarning)
            try:
                return classifier.partial_fit(
                    self._images.pixels, self._images.labels, classes=every
                )
            except UserWarning:
                raise KeyboardInterrupt from None


class _Torch:
    """An nn.Sequential of Linear and ReLU."""

    def __init__(self, hidden: tuple[int, ...], images: Images, rng: np.random.Generator) -> None:
        self._torch = torch = self.require()
        self._rng = rng
        widths = (images.pixels.shape[1], *hidden, images.classes)
        weights, biases = [], []
        for fan_in, fan_out in pairwise(widths):
            bound = math.sqrt(6 / (fan_in + fan_out))
            weights.append(rng.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32))
            biases.append(rng.uniform(-bound, bound, fan_out).astype(np.float32))
        self._module = Network.from_weights(weights, biases).to_torch()
        self._optimizer = torch.optim.Adam(self._module.parameters(), lr=RATE)
        self._pixels = torch.from_numpy(images.pixels)
        self._labels = torch.from_numpy(images.labels)

    @staticmethod
    def require() -> Any:
        """Return what trains."""
        return extras.module(
            "trainer='torch' needs PyTorch; without it choose 'sklearn'", "torch", "torch"
        )

    def epoch(self) -> None:
        loss = self._torch.nn.functional.cross_entropy
        order = self._torch.from_numpy(self._rng.permutation(len(self._labels)))
        with _one_thread(self._torch):
            for batch in order.split(BATCH):
                self._optimizer.zero_grad()
                loss(self._module(self._pixels[batch]), self._labels[batch]).backward()
                self._optimizer.step()

    def network(self) -> Network:
        return Network.from_torch(self._module, dtype="float64")


TRAINERS: dict[str, type[_Sklearn] | type[_Torch]] = {"sklearn": _Sklearn, "torch": _Torch}


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """Let PyTorch run on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _with_two_outputs(net: Network) -> Network:
    """Return a network of one output, whose sign decides, as one of two, the first of them 0."""
    if net.outputs > 1:
        return net
    last = net.depth + 1
    weights: list[NDArray[Any]] = [net.weights(i) for i in range(1, last + 1)]
    biases = [net.bias(i) for i in range(1, last + 1)]
    assert biases[-1] is not None
    weights[-1] = np.concatenate([np.zeros_like(weights[-1]), weights[-1]])
    biases[-1] = np.concatenate([np.zeros_like(biases[-1]), biases[-1]])
    return Network.from_weights(weights, biases, dtype="float64")
