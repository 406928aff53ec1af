"""What every reader must survive: files that are cut, and files with other bytes."""

import os
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = settings(
    max_examples=int(os.environ.get("RANDRELU_EXAMPLES", 2 * settings().max_examples))
)

# Up to three bytes of a file become others, wherever a share of its length says.
FLIPS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3
)


def flipped(content, flips):
    result = bytearray(content)
    for share, byte in flips:
        result[int(share * len(result))] = byte
    return bytes(result)


def same(chain, other):
    """Whether two chains are one network, bit for bit."""
    pairs = zip(chain.weights + chain.biases, other.weights + other.biases, strict=True)
    return len(chain.weights) == len(other.weights) and all(
        (a is None and b is None) or np.array_equal(a, b) for a, b in pairs
    )


def finite(chain):
    arrays = [a for a in (*chain.weights, *chain.biases) if a is not None]
    return all(np.isfinite(a).all() for a in arrays)


def attempt(read, path):
    """What is read, or None after a ValueError that begins with the file."""
    try:
        return read(path)
    except ValueError as error:
        refusal = str(error)
    assert refusal.startswith(f"{path}: ")
    return None


@contextmanager
def refused(path, *words):
    """A ValueError that begins with the file and has these words, in little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"expected|must be") as caught:
            yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(f"{path}: ")
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert peak < 100e6
