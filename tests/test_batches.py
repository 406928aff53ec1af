"""A point's results are the same bits alone and in any batch, at any place of it, on any threads.

RANDRELU_EXAMPLES sets how many examples the property is tried on.
"""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from randrelu import Network

EXAMPLES = settings(max_examples=int(os.environ.get("RANDRELU_EXAMPLES", settings().max_examples)))
WIDTHS = st.one_of(st.integers(1, 300), st.sampled_from([1, 2, 8, 63, 64, 65, 512, 513, 1025]))
SIZES = st.one_of(st.integers(1, 12), st.integers(1, 300), st.sampled_from([513, 1025]))


def results(net, x, threads):
    """All that is said of every point of a batch, by name."""
    found = {"f": net.forward(x, threads=threads)}
    for i, z in enumerate(net.preactivations(x, threads=threads), start=1):
        found[f"layer {i}"] = z
    for i, active in enumerate(net.pattern(x, threads=threads).unpack(), start=1):
        found[f"pattern {i}"] = active
    if net.outputs == 1:
        found["gradient"] = net.gradient(x, threads=threads)
        values, gradients = net.value_and_gradient(x, threads=threads)
        found["f of both"], found["gradient of both"] = values, gradients
    else:
        found["jacobian"] = net.jacobian(x, threads=threads)
    return found


def laid_out(x, layout):
    """The same points, elsewhere in memory."""
    if layout == "columns":
        return np.asfortranarray(x)
    if layout == "backwards":
        return np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
    if layout == "every other":
        return np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3]
    return x


def compare(net, x, place, other):
    """The point x[place] alone, in x, and among the points of `other`, by 1 or 2 threads."""
    alone = results(net, x[place : place + 1].copy(), 1)
    middle = len(other) // 2
    others = np.concatenate([other[:middle], x[place : place + 1], other[middle:]])
    for batch, at, threads in [(x, place, 1), (x, place, 2), (others, middle, 2)]:
        for name, entries in results(net, batch, threads).items():
            where = f"{name}, place {at} of {len(batch)}, {threads} threads, {net}"
            assert np.array_equal(entries[at], alone[name][0]), where


@EXAMPLES
@given(
    widths=st.lists(WIDTHS, min_size=1, max_size=4),
    outputs=st.sampled_from([1, 1, 1, 2, 3, 10]),
    sizes=st.tuples(SIZES, SIZES),
    where=st.floats(0, 1),
    layout=st.sampled_from(["rows", "columns", "backwards", "every other"]),
    dtype=st.sampled_from(["float32", "float64"]),
    points=st.sampled_from(["float32", "float64"]),
    kind=st.sampled_from(["stored", "streamed", "given"]),
    bias=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 2**32),
)
def test_a_point_has_the_same_bits_alone_and_in_any_batch(
    widths, outputs, sizes, where, layout, dtype, points, kind, bias, seed
):
    rng = np.random.default_rng(seed)
    shape = (*widths, outputs)
    if kind == "given":
        dims = zip(shape[1:], shape[:-1], strict=True)
        net = Network.from_weights([rng.normal(size=d) for d in dims], dtype=dtype)
    else:
        net = Network.random(shape, rng=seed, storage=kind, dtype=dtype, bias=bias)
    x, other = (rng.normal(size=(n, shape[0])).astype(points) for n in sizes)
    compare(net, laid_out(x, layout), round(where * (sizes[0] - 1)), other)


@pytest.mark.parametrize("kind", ["stored", "streamed"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_size_of_a_batch_gives_the_same_bits(dtype, kind):
    """At widths that fill no vector and no chain, and at some that fill all."""
    for shape in [(5, 7, 3, 1), (64, 512, 128, 1), (100, 513, 37, 1)]:
        net = Network.random(shape, rng=1, storage=kind, dtype=dtype, bias=0.1)
        x = np.random.default_rng(0).normal(size=(129, shape[0]))
        alone = results(net, x[:1], 1)
        for n in [*range(2, 34), 63, 64, 65, 127, 128, 129]:
            for name, entries in results(net, x[:n], 1).items():
                assert np.array_equal(entries[0], alone[name][0]), f"{name}, {n} points, {net}"
