"""Small networks and points of every kind, drawn by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import randrelu as rr
import reference
from hypothesis import settings
from hypothesis import strategies as st

F64 = np.dtype("float64")
SEEDS = st.integers(0, 2**32)
ONE = {"outputs": (1,)}


def share(of: int) -> settings:
    """As many examples as the profile has, divided by `of`."""
    return settings(max_examples=max(1, settings().max_examples // of))


@dataclass(frozen=True)
class Drawn:
    """A network, its weights and biases in float64, and points (N, d) that float32 holds."""

    net: rr.Network
    weights: list[np.ndarray]
    biases: list[np.ndarray | None]
    x: np.ndarray

    def __repr__(self) -> str:
        """Show all that it takes to make it again."""
        return f"{self.net}, weights={self.weights}, biases={self.biases}, x={self.x.tolist()}"

    def preactivations(self, x):
        """All layers at points (N, d), and what float64 rounds at most in them."""
        values = reference.preactivations(self.weights, x, self.biases)
        last = reference.outputs(self.weights, x, self.biases)
        return [*values, last], reference.preactivation_bounds(self.weights, x, F64, self.biases)

    def size(self, x):
        """What no sum of products at points (N, d) exceeds, added up over its layers."""
        sizes = [np.abs(w) for w in self.weights]
        biases = [None if b is None else np.abs(b) for b in self.biases]
        return reference.outputs(sizes, np.abs(x), biases).max(axis=1)


def numbers(rng, shape, kind):
    """Float32 numbers of a shape, as float64; whole ones meet 0 and each other exactly."""
    if kind == "whole":
        return rng.integers(-2, 3, size=shape).astype(float)
    values = rng.normal(size=shape)
    if kind == "sparse":
        values *= rng.random(shape) < 0.4
    return values.astype(np.float32).astype(float)


@st.composite
def drawn(draw, outputs=(1, 1, 2, 4), dtypes=("float32", "float64"), most=8):
    """A network of at most three hidden layers, and one to five points."""
    hidden = draw(st.lists(st.integers(1, most), max_size=3))
    shape = (draw(st.integers(1, 6)), *hidden, draw(st.sampled_from(outputs)))
    dtype, storage = draw(st.sampled_from(dtypes)), draw(st.sampled_from(["given", "streamed"]))
    kind = draw(st.sampled_from(["normal", "whole", "sparse"]))
    scale = 2.0 ** draw(st.sampled_from([0, 0, -20, 20]))
    with_biases = draw(st.booleans())
    seed = draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    if storage == "given":
        pairs = list(zip(shape[1:], shape[:-1], strict=True))
        biases = [numbers(rng, a, kind) if with_biases and rng.random() < 0.8 else None
                  for a, _ in pairs]  # fmt: skip
        matrices = [numbers(rng, pair, kind) for pair in pairs]
        net = rr.Network.from_weights(matrices, biases, dtype=dtype)
    else:
        bias = 0.5 if with_biases else 0.0
        net = rr.Network.random(shape, rng=seed, bias=bias, dtype=dtype, storage=storage)
    x = scale * numbers(rng, (draw(st.integers(1, 5)), shape[0]), kind)
    return Drawn(net, *reference.layers(net), x)


def nonzero(case):
    """Whether no point is 0, where there may be no angle and no step."""
    return bool(case.x.any(axis=1).all())


def rounding(case, x, dtype):
    """What an evaluation in `dtype`, and that of the reference, round at most."""
    bounds = reference.preactivation_bounds(case.weights, x, dtype, case.biases)
    return [a + b for a, b in zip(bounds, case.preactivations(x)[1], strict=True)]


def unsure(values, bounds):
    """The hidden units whose sign rounding may decide, and those at exactly 0, a coin's."""
    return [np.abs(z) <= b for z, b in zip(values[:-1], bounds[:-1], strict=True)]


def said(result):
    """Every result has a line and columns of one length."""
    assert "\n" not in repr(result)
    assert len({len(column) for column in result.columns().values()}) <= 1
