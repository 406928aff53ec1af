"""How an ONNX file holds its numbers: by type, beside it, and as the writer writes them."""

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx_models import BATCH, RNG, check, compare, model_of, node, read, whole
from randrelu.formats.onnx import onnx_bytes, read_onnx

W54, B5 = whole(5, 4), whole(5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes(dtype, tmp_path):
    nodes = [node("Gemm", "_", W54.astype(dtype), B5.astype(dtype), transB=1)]
    chain = check(("N", 4), nodes, tmp_path, dtype=dtype)
    assert chain.weights[0].dtype == np.promote_types(dtype, np.float32)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"])
def test_how_tensors_hold_their_numbers(kind, raw, tmp_path):
    number = getattr(onnx.TensorProto, kind)
    values = np.float32([[0.5, -1.25, 0, -0.0]])
    tensor = helper.make_tensor("W", number, values.shape, values.ravel())
    if raw:
        array = onnx.numpy_helper.to_array(tensor)
        tensor = helper.make_tensor("W", number, values.shape, array.tobytes(), raw=True)
    assert tensor.HasField("raw_data") == raw
    model = model_of(("N", 4), [node("Gemm", "_", "W", transB=1)])
    model.graph.initializer.append(tensor)
    (weights,) = read(model, tmp_path).weights
    assert weights.dtype == (np.float64 if kind == "DOUBLE" else np.float32)
    assert np.array_equal(weights, values) and np.signbit(weights[0, 3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shapes", [[(1, 1)], [(5, 4), (3, 5), (2, 3)]])
@pytest.mark.parametrize("biased", ["all", "some", "none"])
def test_what_is_written_is_read_again_bit_for_bit(shapes, dtype, biased, tmp_path):
    weights = [RNG.normal(size=shape).astype(dtype) for shape in shapes]
    has = {"all": lambda i: True, "some": lambda i: i % 2, "none": lambda i: False}[biased]
    biases = [
        RNG.normal(size=len(w)).astype(dtype) if has(i) else None for i, w in enumerate(weights)
    ]
    content = onnx_bytes([np.asfortranarray(w) for w in weights], biases)
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    chain = read(model, tmp_path)
    for found, given in zip(chain.weights + chain.biases, weights + biases, strict=True):
        assert (found is None) == (given is None)
        assert found is None or (found.dtype, found.tobytes()) == (given.dtype, given.tobytes())
    points = RNG.normal(size=(BATCH, shapes[0][1])).astype(dtype)
    (y,) = ReferenceEvaluator(model).run(None, {"x": points})
    assert y.shape == (BATCH, shapes[-1][0])


def test_what_is_too_large_to_write_is_refused():
    zeros = np.broadcast_to(np.float32(0), (2**15, 2**15))
    with pytest.raises(ValueError, match=r"save them as \.npz or \.safetensors"):
        onnx_bytes([zeros], [None])


def beside(path, model, **changes):
    """Write a model whose tensors lie in "data/net.bin", with these entries changed."""
    content = b"before"
    for tensor in model.graph.initializer:
        raw = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entries = {"location": "data/net.bin", "offset": len(content), "length": len(raw)} | changes
        for key, value in entries.items():
            if value is not None:
                tensor.external_data.add(key=key, value=str(value))
        content += raw
    (path.parent / "data").mkdir(exist_ok=True)
    (path.parent / "data" / "net.bin").write_bytes(content)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("length", [{}, {"length": None}, {"checksum": "of anything"}])
def test_external_data_are_read(length, tmp_path):
    model = model_of(("N", 4), [node("Gemm", "_", W54, B5, transB=1)])
    beside(tmp_path / "net.onnx", onnx.ModelProto.FromString(model.SerializeToString()), **length)
    compare(("N", 4), model, read_onnx(tmp_path / "net.onnx"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"location": "../outside.bin"}, "in the folder of the file or below it"),
        ({"location": "data/../../outside.bin"}, "in the folder of the file or below it"),
        ({"location": "link.bin"}, "in the folder of the file or below it"),
        ({"location": "/etc/passwd"}, "in the folder of the file or below it"),
        ({"location": None}, "in the folder of the file or below it"),
        ({"location": "."}, "in the folder of the file or below it"),
        ({"location": "data"}, "no such file"),
        ({"location": "data/absent.bin"}, "no such file"),
        ({"location": "data/" + "long" * 1000}, "no such file"),
        ({"location": "data/\0"}, "null"),
        ({"offset": -1}, "offset: expected an integer"),
        ({"offset": "²"}, "offset: expected an integer"),
        ({"offset": 10**17}, "of which 0 are there"),
        ({"offset": 80, "length": None}, "of which 6 are there"),
        ({"length": 79}, "expected 80 bytes"),
        ({"length": "9" * 5000}, "length: expected an integer"),
    ],
)
def test_external_data_that_are_not_there_are_refused(changes, expected, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(1000))
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    beside(folder / "net.onnx", model_of(("N", 4), [node("Gemm", "_", W54, transB=1)]), **changes)
    with pytest.raises(ValueError, match=f"net.onnx: .*{expected}"):
        read_onnx(folder / "net.onnx")
