"""The .npz of W_1, b_1, …: what NumPy writes, and what nobody should."""

import io
import struct
import time
import zipfile

import numpy as np
import pytest
from formats.hostile import EXAMPLES, FLIPS, attempt, flipped, refused, same
from hypothesis import given
from hypothesis import strategies as st
from randrelu.formats.npz import npz_bytes, read_npz

RNG = np.random.default_rng(0)
W_1, b_1 = RNG.normal(size=(4, 3)).astype(np.float32), RNG.normal(size=4).astype(np.float32)
W_2, b_2 = RNG.normal(size=(2, 4)).astype(np.float32), RNG.normal(size=2).astype(np.float32)
PLAIN = {"W_1": W_1, "b_1": b_1, "W_2": W_2, "b_2": b_2}


def member(array):
    """An array as a .npy."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array))
    return buffer.getvalue()


def header(text, data=b""):
    """A .npy with this header."""
    text = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def archive(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def described(shape, dtype="<f4", data=b""):
    """A file whose W_1 says that it has a shape."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return archive([("W_1.npy", header(text, data))])


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "net.npz"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", ">f8", "f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_numpy_writes(tmp_path, save, dtype, order):
    arrays = {name: np.asarray(a, dtype, order=order) for name, a in PLAIN.items()}
    save(tmp_path / "net.npz", **arrays)
    chain = read_npz(tmp_path / "net.npz")
    assert [w.shape for w in chain.weights] == [(4, 3), (2, 4)]
    for ours, name in zip(
        (*chain.weights, *chain.biases), ("W_1", "W_2", "b_1", "b_2"), strict=True
    ):
        np.testing.assert_array_equal(ours, arrays[name])
        assert ours.dtype == dtype
    assert chain.input_range is None


def test_a_bias_may_be_absent_and_the_order_is_that_of_the_numbers(tmp_path):
    layers = {f"W_{i}": np.full((1, 1), i, np.float32) for i in range(1, 13)}
    np.savez(tmp_path / "net.npz", b_11=np.ones(1), **dict(reversed(layers.items())))
    chain = read_npz(tmp_path / "net.npz")
    assert [w.item() for w in chain.weights] == list(range(1, 13))
    assert [i for i, b in enumerate(chain.biases, 1) if b is not None] == [11]


def test_matrices_without_names_are_in_their_order_and_the_last_may_be_a_vector(tmp_path):
    for matrix, bias in ((W_1, b_1), (W_1.T, b_1), (np.eye(4), np.ones(4))):
        np.savez(tmp_path / "net.npz", matrix, bias)  # which would be read as d → 4 → 1
        with refused(tmp_path / "net.npz", "arr_1", "W_1=kernel.T", "may be a bias"):
            read_npz(tmp_path / "net.npz")
    np.savez(tmp_path / "net.npz", W_1, W_2, b_1, b_1=b_1)
    with refused(tmp_path / "net.npz", "W_3", "(fan_out, 2)"):
        read_npz(tmp_path / "net.npz")
    np.savez(tmp_path / "net.npz", W_1, W_2, b_2, b_1=b_1)
    chain = read_npz(tmp_path / "net.npz")
    for ours, theirs in zip(chain.weights, (W_1, W_2, b_2[np.newaxis]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(chain.biases[0], b_1)
    assert chain.biases[1:] == [None, None]


@pytest.mark.parametrize("biases", [(b_1, b_2), (None, b_2), (None, None)])
@pytest.mark.parametrize("ends", [None, (np.zeros(3), np.array([1.0, 2.0, 3.0]))])
def test_what_is_written_is_read_and_numpy_reads_it(write, biases, ends):
    path = write(npz_bytes([W_1, W_2], biases, ends))
    chain = read_npz(path)
    assert chain.weights[0].tobytes() == W_1.tobytes() and chain.weights[0].dtype == np.float32
    assert [b is None for b in chain.biases] == [b is None for b in biases]
    with np.load(path) as arrays:
        expected = {"W_1", "W_2"} | {f"b_{i}" for i, b in enumerate(biases, 1) if b is not None}
        assert set(arrays) == expected | ({"input_min", "input_max"} if ends else set())
        np.testing.assert_array_equal(arrays["W_2"], W_2)
    if ends is None:
        assert chain.input_range is None
    else:
        np.testing.assert_array_equal(chain.input_range, ends)


def test_the_bytes_do_not_depend_on_the_day(monkeypatch):
    first = npz_bytes([W_1, W_2], [b_1, None])
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert npz_bytes([W_1, W_2], [b_1, None]) == first


def encrypted():
    """A file whose members say that they are encrypted."""
    content = bytearray(archive([("W_1.npy", member(W_1))]))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


class Bomb:
    def __reduce__(self):
        return print, ("run",)


def objects():
    buffer = io.BytesIO()
    np.savez(buffer, W_1=np.array([[Bomb()]], dtype=object))
    return buffer.getvalue()


def duplicate():
    content = archive([("W_1.npy", member(W_1)), ("W_3.npy", member(W_1))])
    return content.replace(b"W_3", b"W_1")


def shrunk():
    """A file whose deflated member ends before the size that it declares, checksum and all."""
    whole = member(np.zeros((4, 3), np.float32))
    content = archive([("W_1.npy", whole[:-4])], zipfile.ZIP_DEFLATED)
    return content.replace(struct.pack("<I", len(whole) - 4), struct.pack("<I", len(whole)))


def left_out():
    """A file in whose list the second member is the comment of the first."""
    content = bytearray(archive([("W_1.npy", member(W_1)), ("W_2.npy", member(W_2))]))
    first = content.index(b"PK\1\2")
    content[first + 32] = 46 + len("W_2.npy")
    return bytes(content)


def misnamed():
    """A file whose first member, in its own words, has a name of 2000 bytes."""
    content = bytearray(archive([("W_1.npy", member(np.ones((20, 30))))]))
    content[26:28] = struct.pack("<H", 2000)
    return bytes(content)


REFUSED = {
    "nothing": (b"",),
    "text": (b"W_1 = 1, 2, 3\n" * 10,),
    "no members": (archive([]), "at least one matrix"),
    "a .npy": (member(W_1),),
    "objects": (objects(), "W_1", "object"),
    "a pickle in a member": (archive([("W_1.npy", b"cos\nsystem\n(S'true'\ntR.")]), "W_1"),
    "another name": (archive([("weights.npy", member(W_1))]), "weights.npy", "W_1, b_1"),
    "a count from 0": (archive([("W_0.npy", member(W_1))]), "W_0", "from 1"),
    "a kernel by its name": (archive([("d/kernel:0.npy", member(W_1))]), "W_1=kernel.T"),
    "kernels": (
        archive([("W_1.npy", member(W_1.T)), ("b_1.npy", member(b_1))]),
        "W_1",
        "(4,)",
        "W_1=kernel.T",
    ),
    "a range upside down": (
        npz_bytes([W_1], [None], (np.array([0.0, 2.0, 0.0]), np.ones(3))),
        "input_min",
        "above",
    ),
    "a name and none": (
        archive([("arr_0.npy", member(W_1)), ("W_1.npy", member(W_1))]),
        "W_1",
        "one member",
    ),
    "a leading 0 and no name": (archive([("arr_00.npy", member(W_1))]), "arr_00"),
    "no .npy": (archive([("W_1", member(W_1))]), "'W_1'"),
    "a folder": (archive([("W_1.npy/", b"")]), "W_1.npy/"),
    "a path": (archive([("../W_1.npy", member(W_1))]), "../W_1.npy"),
    "a leading 0": (archive([("W_01.npy", member(W_1))]), "W_01"),
    "a name twice": (duplicate(), "W_1", "one member"),
    "a gap": (archive([("W_1.npy", member(W_1)), ("W_3.npy", member(W_2))]), "W_3", "W_1 to W_2"),
    "a bias of no matrix": (archive([("W_1.npy", member(W_1)), ("b_2.npy", member(b_2))]), "b_2"),
    "only a bias": (archive([("b_1.npy", member(b_1))]), "b_1"),
    "a chain that breaks": (
        archive([("W_1.npy", member(W_1)), ("W_2.npy", member(W_1))]),
        "W_2",
        "(fan_out, 4)",
        "(4, 3)",
    ),
    "a bias that is short": (
        archive([("W_1.npy", member(W_1)), ("b_1.npy", member(b_2))]),
        "W_1",
        "(4,)",
        "(2,)",
    ),
    "a bias of one number": (
        archive([("W_1.npy", member(W_1)), ("b_1.npy", member(np.ones(1)))]),
        "(4,)",
    ),
    "a vector": (
        archive([("W_1.npy", member(b_1)), ("W_2.npy", member(W_2))]),
        "W_1",
        "(4,)",
    ),
    "a scalar": (archive([("W_1.npy", member(np.float32(1)))]), "W_1", "()"),
    "three axes": (archive([("W_1.npy", member(np.ones((2, 2, 2))))]), "W_1", "(2, 2, 2)"),
    "no rows": (archive([("W_1.npy", member(np.ones((0, 3))))]), "W_1", "(0, 3)"),
    "NaN": (archive([("W_1.npy", member([[1.0, np.nan]]))]), "W_1", "nan", "(0, 1)"),
    "infinity": (
        archive([("W_1.npy", member(W_1)), ("b_1.npy", member([1, 2, 3, np.inf]))]),
        "b_1",
        "inf",
    ),
    "complex numbers": (archive([("W_1.npy", member([[1j]]))]), "W_1", "complex128"),
    "strings": (archive([("W_1.npy", member([["one"]]))]), "W_1", "<U3"),
    "dates": (archive([("W_1.npy", member(np.array([["2026-01-01"]], "M8[D]")))]), "W_1"),
    "a structure": (archive([("W_1.npy", member(np.ones((1, 1), [("a", "f4")])))]), "W_1"),
    "a shape of 10^12": (described((10**6, 10**6)), "W_1", "0 bytes", "(1000000, 1000000)"),
    "a shape of 10^30": (described((10**15, 10**15)), "W_1"),
    "a shape below 0": (described((-1, -1), data=bytes(4)), "W_1", "(-1, -1)"),
    "too many bytes": (described((1, 1), data=bytes(8)), "W_1", "8 bytes"),
    "an empty type": (described((1, 1), dtype="|S0"), "W_1"),
    "a header that is code": (
        archive([("W_1.npy", header("__import__('os').system('true')"))]),
        "W_1",
    ),
    "a deep header": (archive([("W_1.npy", header("(" * 9000))]), "W_1"),
    "a header of version 2": (
        archive([("W_1.npy", b"\x93NUMPY\2\0" + struct.pack("<I", 2**31))]),
        "W_1",
        "1.0",
    ),
    "encrypted": (encrypted(), "encrypted"),
    "a member that ends early": (shrunk(),),
    "a member that the list leaves out": (left_out(), "expected 2 members, got 1"),
    "a long name": (misnamed(), "W_1.npy", "…"),
    "lzma": (archive([("W_1.npy", member(W_1))], zipfile.ZIP_LZMA)[:-1],),
    "one end of the range": (
        archive([("W_1.npy", member(W_1)), ("input_min.npy", member(np.zeros(3)))]),
        "both",
    ),
    "a range of another dimension": (
        npz_bytes([W_1], [None], (np.zeros(2), np.ones(2))),
        "input_max",
        "(3,)",
    ),
    "a range without an end": (
        npz_bytes([W_1], [None], (np.zeros(3), np.array([0, 0, np.inf]))),
        "inf",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(write, what, capsys):
    content, *words = REFUSED[what]
    path = write(content)
    with refused(path, *words):
        read_npz(path)
    assert capsys.readouterr().out == ""  # nothing was unpickled


def test_a_bomb_is_refused_before_it_is_read(write):
    zeros = np.zeros((2**12, 2**12), np.float32)  # 2^26 bytes, of which 2^16 are left
    path = write(archive([("W_1.npy", member(zeros))], zipfile.ZIP_DEFLATED))
    assert path.stat().st_size < 2**18
    with refused(path, "times the file's"):
        read_npz(path)


def test_100_000_members_are_refused_before_they_are_listed(write):
    """A list of members with the names of a network, as long as a million bytes and more."""
    entry = b"PK\1\2" + bytes(24) + struct.pack("<HHHHHII", 11, 0, 0, 0, 0, 0, 0)
    names = (b"W_%05d.npy" % i for i in range(10**5))
    listed = b"".join(entry + name for name in names)
    path = write(
        listed + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFE, 0xFFFE, len(listed), 0, 0)
    )
    with refused(path, "list of members"):
        read_npz(path)


def test_10_001_members_are_refused_on_either_side(write):
    one = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match="at most 10000 matrices and biases, got 10001"):
        npz_bytes([one] * 10_001, [None] * 10_001)
    content = archive((f"W_{i}.npy", b"") for i in range(1, 10_002))
    path = write(content)
    with refused(path, "at most 10000", "got 10001"):
        read_npz(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_that_is_cut_is_refused(write, compression):
    content = archive([(f"{n}.npy", member(a)) for n, a in PLAIN.items()], compression)
    for end in range(len(content)):
        assert attempt(read_npz, write(content[:end])) is None


@EXAMPLES
@given(flips=FLIPS, compression=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_other_bytes_are_refused_or_the_same(tmp_path_factory, flips, compression):
    """The checksums tell: what is read is the network, but for what no checksum covers."""
    content = archive([(f"{n}.npy", member(a)) for n, a in PLAIN.items()], compression)
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    path.write_bytes(flipped(content, flips))
    chain = attempt(read_npz, path)
    path.write_bytes(content)
    assert chain is None or same(chain, read_npz(path))
