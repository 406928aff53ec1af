"""A file becomes a network by its suffix, and a network a file."""

import os

import numpy as np
import pytest
import randrelu as rr

RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=(5, 3)), RNG.normal(size=(4, 5)), RNG.normal(size=(2, 4))]
BIASES = [RNG.normal(size=5), None, RNG.normal(size=2)]
SUFFIXES = [".onnx", ".nnet", ".npz", ".safetensors"]
WRITTEN = [".npz", ".onnx", ".safetensors"]

# y = 2 (relu(x − 1) − 3 relu(1 − x) + 0.5) + 10, of inputs from −4 to 6.
NNET = """// a network
2,1,1,2,
1,2,1,
0,
-4.0,
6.0,
1.0,10.0,
1.0,2.0,
1.0,
-1.0,
0.0,
0.0,
1.0,-3.0,
0.5,
"""


def skip_without(suffix):
    if suffix in (".onnx", ".safetensors"):
        pytest.importorskip(suffix[1:])


def network(dtype="float32"):
    biases = [None if b is None else b.astype(dtype) for b in BIASES]
    return rr.Network.from_weights([w.astype(dtype) for w in WEIGHTS], biases, ties="zero")


def same(net, other):
    layers = range(1, net.depth + 2)
    biases = [(net.bias(i), other.bias(i)) for i in layers]
    return (
        net.widths == other.widths
        and net.dtype == other.dtype
        and all(net.weights(i).tobytes() == other.weights(i).tobytes() for i in layers)
        and all((a is None) == (b is None) for a, b in biases)
        and all(a.tobytes() == b.tobytes() for a, b in biases if a is not None)
    )


@pytest.mark.parametrize("suffix", WRITTEN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_saved_is_loaded_bit_for_bit(tmp_path, suffix, dtype):
    skip_without(suffix)
    net = network(dtype)
    net.save(tmp_path / f"net{suffix}")
    loaded = rr.load(tmp_path / f"net{suffix}")
    assert same(net, loaded)
    assert loaded.ties == "zero" and loaded.input_range is None
    assert os.listdir(tmp_path) == [f"net{suffix}"]


def test_names_may_be_strings_and_suffixes_in_capitals(tmp_path):
    network().save(str(tmp_path / "NET.NPZ"))
    assert same(rr.load(str(tmp_path / "NET.NPZ")), network())


def test_an_nnet_file(tmp_path):
    path = tmp_path / "net.nnet"
    path.write_text(NNET)
    net = rr.load(path)
    x = np.array([[-9.0], [0.0], [1.0], [3.0], [9.0]])
    expected = [2 * (max(a - 1, 0) - 3 * max(1 - a, 0) + 0.5) + 10 for a in x[:, 0]]
    assert net.forward(x).tolist() == expected
    assert net.dtype == np.float64 and rr.load(path, dtype="float32").dtype == np.float32
    np.testing.assert_array_equal(net.input_range, [[-4.0], [6.0]])
    bare = rr.load(path, normalized=True)
    assert bare.forward(x - 1).tolist() == [(y - 10) / 2 for y in expected]
    np.testing.assert_array_equal(bare.input_range, [[-5.0], [5.0]])


def test_the_range_of_the_inputs_stays_in_an_npz(tmp_path):
    (tmp_path / "net.nnet").write_text(NNET)
    rr.load(tmp_path / "net.nnet").save(tmp_path / "net.npz")
    np.testing.assert_array_equal(rr.load(tmp_path / "net.npz").input_range, [[-4.0], [6.0]])


def test_units_at_0_are_off_unless_it_is_asked(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, W_1=np.ones((1, 1)), W_2=np.ones((1, 1)))
    assert rr.load(path).gradient([0.0]).tolist() == [0.0]
    assert rr.load(path, ties="one").gradient([0.0]).tolist() == [1.0]


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".pt", ".txt", ""])
def test_no_file_and_folders(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=f"none{suffix}"):
        rr.load(tmp_path / f"none{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(IsADirectoryError, match=f"folder{suffix}"):
        rr.load(tmp_path / f"folder{suffix}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(OSError, match=r"regular file.*pipe\.npz"):
        rr.load(tmp_path / "pipe.npz")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ".pickle", ".joblib"])
def test_pickles_are_refused_by_their_names(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"cos\nabort\n(tR.")  # which would end this process
    with pytest.raises(ValueError, match=rf"net\{suffix}.*weights_only=True.*Network\.from_torch"):
        rr.load(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_files_are_refused_with_what_to_call(tmp_path, suffix):
    (tmp_path / f"net{suffix}").write_bytes(b"\x89HDF\r\n")
    with pytest.raises(ValueError, match=rf"net\{suffix}.*get_weights\(\), transposed"):
        rr.load(tmp_path / f"net{suffix}")


@pytest.mark.parametrize(
    ("name", "got"),
    [("net.txt", r"'\.txt'"), ("net", "a name without"), ("npz", "a name"), (".npz", "a name")],
)
def test_other_suffixes_are_refused_with_those_that_are_known(tmp_path, name, got):
    (tmp_path / name).write_text("W_1")
    with pytest.raises(ValueError, match=rf"\.onnx, \.nnet, \.npz, \.safetensors, got {got}"):
        rr.load(tmp_path / name)
    with pytest.raises(ValueError, match=r"\.npz, \.onnx, \.safetensors"):
        network().save(tmp_path / name)
    assert (tmp_path / name).read_text() == "W_1"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_file_of_its_suffix_is_named(tmp_path, suffix):
    skip_without(suffix)
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"\x00\xff" * 50)
    with pytest.raises(ValueError, match=rf"net\{suffix}: "):
        rr.load(path)
    assert os.listdir(tmp_path) == [path.name]


def test_what_the_network_refuses_names_the_file(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, W_1=np.full((1, 1), 1e300))
    with pytest.raises(ValueError, match=r"net\.npz: weights\[0\].*float64"):
        rr.load(path, dtype="float32")


def test_means_and_ranges_are_of_nnet_files(tmp_path):
    network().save(tmp_path / "net.npz")
    with pytest.raises(ValueError, match=r"net\.npz: normalized"):
        rr.load(tmp_path / "net.npz", normalized=True)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "net.npz"
    path.write_bytes(b"old")
    network().save(path)
    assert same(rr.load(path), network())
    assert os.listdir(tmp_path) == ["net.npz"]


def test_where_a_file_cannot_be(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.npz"):
        network().save(tmp_path / "folder.npz")
    with pytest.raises(FileNotFoundError, match="none"):
        network().save(tmp_path / "none" / "net.npz")
    assert os.listdir(tmp_path) == ["folder.npz"]


def test_a_streamed_network_is_saved_as_the_stored_one(tmp_path):
    for storage in ("stored", "streamed"):
        net = rr.Network.random((20, 30, 1), rng=0, storage=storage)
        net.save(tmp_path / f"{storage}.npz")
    streamed, stored = (tmp_path / f"{name}.npz" for name in ("streamed", "stored"))
    assert streamed.read_bytes() == stored.read_bytes()


def test_what_cannot_be_saved_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.npz"
    path.write_bytes(b"old")
    deferred = rr.Network.random((10**6, 10**7, 1), rng=0, storage="deferred")
    with pytest.raises(ValueError, match="a deferred network"):
        deferred.save(path)
    wide = rr.Network.random((10**6, 10**7, 1), rng=0, storage="streamed")
    with pytest.raises(MemoryError, match=r"writing .*net\.npz takes 80"):
        wide.save(path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net.npz"]
