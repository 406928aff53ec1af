"""Of any bytes, `load` makes a network or a ValueError that begins with the name of the file."""

import tracemalloc
import warnings

import numpy as np
import pytest
import randrelu as rr
from formats.hostile import flipped
from hypothesis import given, settings
from hypothesis import strategies as st

NET = rr.Network.random((3, 4, 2), rng=0, bias=0.5)
NNET = """// a network
2,3,2,4,
3,4,2,
0
-1.0,-1.0,-1.0,
1.0,1.0,1.0,
0.0,0.5,0.0,1.0,
1.0,2.0,1.0,4.0,
""" + "".join(
    ",".join(map(str, row)) + ",\n"
    for i in (1, 2)
    for row in [*NET.weights(i).tolist(), *NET.bias(i)[:, np.newaxis].tolist()]
)
SUFFIXES = (".npz", ".onnx", ".safetensors", ".nnet")
MOST = 200e6  # bytes that a file of a kilobyte may take

SHARES = st.floats(0, 1, exclude_max=True)
PIECES = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"\0" * 8, b"\xff" * 8, b"1e999", b"nan"])
)


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """The content of a valid file of every format."""
    folder, content = tmp_path_factory.mktemp("valid"), {".nnet": NNET.encode()}
    for suffix in SUFFIXES[:-1]:
        NET.save(folder / f"net{suffix}")
        content[suffix] = (folder / f"net{suffix}").read_bytes()
    return content


@pytest.fixture(scope="module")
def attempt(tmp_path_factory):
    """Load what is written to a file of a suffix: a network, or None after a ValueError."""
    folder = tmp_path_factory.mktemp("fuzzed")

    def load(suffix, content):
        path = folder / f"net{suffix}"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # about what is left out at the end
                net = rr.load(path)
        except ValueError as error:
            refusal = str(error)
        else:
            assert np.isfinite(net.weights(1)).all()
            return net
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < MOST
        assert refusal.startswith(f"{path}: ") and len(refusal) < 1000
        return None

    return load


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_changed_below_is_valid(suffix, valid, attempt):
    assert attempt(suffix, valid[suffix]).widths == NET.widths


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(content=st.binary(max_size=300))
def test_random_bytes(suffix, attempt, content):
    assert attempt(suffix, content) is None


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(content=st.text(alphabet='0123456789,.-+e\n/ naif{}[]":_WF', max_size=200))
def test_random_text(suffix, attempt, content):
    attempt(suffix, content.encode())


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=2 * settings().max_examples)
@given(
    flips=st.lists(st.tuples(SHARES, st.integers(0, 255)), max_size=4),
    cuts=st.lists(st.tuples(SHARES, st.integers(0, 30), PIECES), max_size=2),
    end=st.one_of(st.just(1.0), SHARES),
)
def test_changed_bytes(suffix, valid, attempt, flips, cuts, end):
    content = flipped(valid[suffix], flips)
    for share, length, piece in cuts:
        place = int(share * len(content))
        content = content[:place] + piece + content[place + length :]
    attempt(suffix, content[: int(end * len(content))])


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
def test_the_content_of_another_format(suffix, valid, attempt, data):
    other = data.draw(st.sampled_from([s for s in SUFFIXES if s != suffix]))
    assert attempt(suffix, valid[other]) is None
    ends = data.draw(st.tuples(SHARES, SHARES))
    halves = [
        content[: int(end * len(content))]
        for content, end in zip((valid[suffix], valid[other]), ends, strict=True)
    ]
    attempt(suffix, b"".join(halves))


def test_a_cut_file_is_refused(valid, attempt):
    for suffix in SUFFIXES:
        content = valid[suffix]
        for end in range(0, len(content) - 2, max(1, len(content) // 200)):
            assert attempt(suffix, content[:end]) is None
