"""What is read from an ONNX file computes what onnx.reference does."""

import itertools

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx_models import check, compare, forward, model_of, node, read, whole

W54, W45, W65, B5, B6 = whole(5, 4), whole(4, 5), whole(6, 5), whole(5), whole(6)
GEMM = node("Gemm", "_", W54, B5, transB=1)
TWO = helper.make_tensor("two", onnx.TensorProto.FLOAT, [1], [2.0])
TENSOR = (1, 2, 3, 4)
INTO = node("MatMul", "_", whole(24, 5))

CASES = {
    # Matrices on either side.
    "x W, N": (("N", 4), [node("MatMul", "_", W45)]),
    "x W, 1": ((1, 4), [node("MatMul", "_", W45)]),
    "x W, no batch": ((4,), [node("MatMul", "_", W45)]),
    "x W, more axes": ((1, 1, 1, 4), [node("MatMul", "_", W45)]),
    "x W, N in between": ((1, "N", 4), [node("MatMul", "_", W45)]),
    "x W, axes of W": (("N", 4), [node("MatMul", "_", W45[None, None])]),
    "x W, axes of W, no batch": ((4,), [node("MatMul", "_", W45[None, None])]),
    "x w": (("N", 4), [node("MatMul", "_", W45[:, 0])]),
    "x w, no batch": ((4,), [node("MatMul", "_", W45[:, 0])]),
    "W x, no batch": ((4,), [node("MatMul", W54, "_")]),
    "W x, a column": ((4, 1), [node("MatMul", W54, "_"), node("Add", "_", B5[:, None])]),
    "W x, columns": ((4, "N"), [node("MatMul", W54, "_"), node("Add", "_", B5[:, None])]),
    "W x, N columns": (("N", 4, 1), [node("MatMul", W54, "_"), node("Add", "_", B5[:, None])]),
    "W x, axes of W": (("N", 4, 1), [node("MatMul", W54[None], "_")]),
    "w x": ((4, "N"), [node("MatMul", W54[0], "_")]),
    "w x, N columns": (("N", 4, 1), [node("MatMul", W54[0], "_")]),
    "two MatMuls": (("N", 4), [node("MatMul", "_", W45), node("MatMul", "_", W65.T)]),
    "x in Gemm's B": ((4, "N"), [node("Gemm", W54, "_", B5[:, None])]),
    "x in Gemm's B, transposed": (("N", 4), [node("Gemm", W45, "_", transA=1, transB=1)]),
    "x in Gemm's A, transposed": ((4, "N"), [node("Gemm", "_", W45, transA=1)]),
    # Arithmetic.
    "c + x": (("N", 4), [node("Add", W54[0], "_"), GEMM]),
    "c − x": (("N", 4), [GEMM, node("Sub", B5, "_")]),
    "x − c": (("N", 4), [GEMM, node("Sub", "_", B5)]),
    "c x": (("N", 4), [node("Mul", W54[0], "_"), GEMM, node("Mul", "_", B5)]),
    "−x": (("N", 4), [node("Neg", "_"), GEMM, node("Neg", "_")]),
    "x / c": (("N", 4), [node("Div", "_", np.float32([1, 2, -4, 8])), GEMM]),
    "arithmetic of rows": (("N", 4), [GEMM, node("Add", "_", B5[None, None]), node("Relu", "_")]),
    "arithmetic of one number": ((4,), [node("Div", "_", np.float32(4)), node("Add", "_", B5[:1])]),
    "arithmetic in another layout": (
        (1, 2, 3),
        [node("Transpose", "_"), node("Add", "_", whole(3, 2, 1)), node("Mul", "_", whole(2, 1))],
    ),
    # ReLUs.
    "ReLU first and last": (("N", 4), [node("Relu", "_"), GEMM, node("Relu", "_")]),
    "ReLU of ReLU": (("N", 4), [GEMM, node("Relu", "_"), node("Relu", "_")]),
    "Clip of 11": (("N", 4), [GEMM, node("Clip", "_", np.float32(0))]),
    "Clip of 11 with a bound": (
        ("N", 4),
        [GEMM, node("Clip", "_", np.float32(0), np.finfo(np.float32).max)],
    ),
    "Max(x, 0)": (("N", 4), [GEMM, node("Max", "_", np.float32(0))]),
    "Max(0, x)": (("N", 4), [GEMM, node("Max", np.zeros((1, 5), np.float32), "_")]),
    "Max(x)": (("N", 4), [GEMM, node("Max", "_")]),
    # What moves entries.
    "Flatten": (("N", 2, 3, 4), [node("Flatten", "_"), INTO]),
    "Flatten at 0": (TENSOR, [node("Flatten", "_", axis=0), INTO]),
    "Flatten at −1": (TENSOR, [node("Flatten", "_", axis=-1), node("Reshape", "_", [24]), INTO]),
    "Flatten of columns": ((4, "N"), [node("Flatten", "_"), node("MatMul", W54, "_")]),
    "Reshape to −1": (("N", 2, 3, 4), [node("Reshape", "_", [-1, 24]), INTO]),
    "Reshape with 0": (("N", 2, 3, 4), [node("Reshape", "_", [0, -1]), INTO]),
    "Reshape with 0s": (("N", 2, 3, 4), [node("Reshape", "_", [0, 0, 12]), node("Flatten", "_")]),
    "Reshape to more axes": (("N", 24), [node("Reshape", "_", [1, -1, 24]), INTO]),
    "Reshape to a vector": (TENSOR, [node("Reshape", "_", [-1]), INTO]),
    "Reshape there and back": (
        (1, 24),
        [node("Reshape", "_", [3, 8]), node("Transpose", "_"), node("Reshape", "_", [1, -1]), INTO],
    ),
    "Squeeze": (("N", 1, 4, 1), [node("Squeeze", "_", [1, -1]), GEMM]),
    "Squeeze of all": ((1, 1, 4, 1), [node("Squeeze", "_"), node("MatMul", "_", W45)]),
    "Unsqueeze": (("N", 4), [node("Unsqueeze", "_", [0, 3]), node("MatMul", W54, "_")]),
    "Unsqueeze after": (("N", 4), [node("Unsqueeze", "_", [-1]), node("MatMul", W54, "_")]),
    "Transpose": (
        ("N", 2, 3, 4),
        [node("Transpose", "_", perm=[0, 2, 3, 1]), node("Flatten", "_"), INTO],
    ),
    "Transpose of all axes": (
        TENSOR,
        [node("Transpose", "_"), node("Reshape", "_", [1, 24]), INTO],
    ),
    "Transpose to columns": (("N", 4), [node("Transpose", "_"), node("MatMul", W54, "_")]),
    "Transpose at the end": (
        TENSOR,
        [node("Add", "_", whole(3, 1)), node("Transpose", "_", perm=[2, 0, 3, 1])],
    ),
    "what changes nothing": (
        ("N", 4),
        [
            node("Identity", "_"),
            node("Dropout", "_"),
            node("Cast", "_", to=11),
            node("Cast", "_", to=1),
            GEMM,
        ],
    ),
    "Dropout that says it does not train": (
        ("N", 4),
        [node("Dropout", "_", np.float32(0.5), np.array(False)), GEMM],
    ),
    # Constants.
    "constants that are moved": (
        ("N", 4),
        [
            node("Identity", W54, output="V"),
            node("Transpose", "V", output="W"),
            node("Unsqueeze", B5, [0], output="b"),
            node("Gemm", "_", "W", "b"),
        ],
    ),
    "a constant that is cast": (
        ("N", 4),
        [node("Cast", W45.astype(np.int64), to=1, output="W"), node("MatMul", "_", "W")],
    ),
    "a shape that is made": (
        ("N", 2, 2),
        [
            node("Constant", value_ints=[-1, 4], output="s"),
            node("Reshape", "_", "s"),
            GEMM,
        ],
    ),
    "a shape that is computed": (
        ("N", 2, 2),
        [
            node("Shape", "_", output="all"),
            node("Gather", "all", np.array(0), output="n"),
            node("Unsqueeze", "n", [0], output="N"),
            node("Concat", "N", [-1], axis=0, output="s"),
            node("Reshape", "_", "s"),
            GEMM,
        ],
    ),
    "a part of a shape": (
        ("N", 2, 2),
        [
            node("Shape", "_", start=0, end=-2, output="N"),
            node("Concat", "N", [4], axis=0, output="s"),
            node("Reshape", "_", "s"),
            GEMM,
        ],
    ),
    "numbers that are made": (
        ("N", 4),
        [
            node("Constant", value_floats=[1.0, 2.0, 3.0, 4.0], output="a"),
            node("Constant", value_float=2.0, output="b"),
            node("Mul", "_", "a"),
            node("Add", "_", "b"),
        ],
    ),
    "ConstantOfShape": (
        ("N", 4),
        [
            GEMM,
            node("ConstantOfShape", [5], output="a"),
            node("ConstantOfShape", [5, 6], value=TWO, output="W"),
            node("Add", "_", "a"),
            node("MatMul", "_", "W"),
        ],
    ),
}


@pytest.mark.parametrize(("shape", "nodes"), CASES.values(), ids=CASES)
def test_nodes_compute_what_the_reference_does(shape, nodes, tmp_path):
    check(shape, nodes, tmp_path, opset=15)


@pytest.mark.parametrize("hold", ["initializer", "input", "node"])
def test_constants_may_be_held_in_any_way(hold, tmp_path):
    nodes = [node("Sub", "_", W54[0]), GEMM, node("Relu", "_"), node("MatMul", "_", W65.T)]
    check(("N", 4), nodes, tmp_path, hold=hold)


@pytest.mark.parametrize("bias", [None, (), (1,), (5,), (1, 5), (1, 1)])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (-0.5, 2.0), (0.0, 0.0)])
@pytest.mark.parametrize(("flip_a", "flip_b"), list(itertools.product([0, 1], [0, 1])))
def test_every_gemm(flip_a, flip_b, alpha, beta, bias, tmp_path):
    inputs = ["_", whole(5, 4) if flip_b else whole(4, 5)]
    inputs += [] if bias is None else [whole(*bias)]
    attributes = {"transA": flip_a, "transB": flip_b, "alpha": alpha, "beta": beta}
    shape = (4, "N") if flip_a else ("N", 4)
    check(shape, [node("Gemm", *inputs, **attributes)], tmp_path)


def test_a_gemm_and_a_matmul_keep_the_files_bits(tmp_path):
    nodes = [
        node("Flatten", "_"),
        node("Gemm", "_", W54, B5, transB=1),
        node("Relu", "_"),
        node("MatMul", "_", W65.T.copy()),
        node("Add", "_", B6),
    ]
    chain = check((1, 1, 2, 2), nodes, tmp_path)
    for found, given in zip(chain.weights + chain.biases, [W54, W65, B5, B6], strict=True):
        assert found.dtype == np.float32
        assert found.tobytes() == given.tobytes()


@pytest.mark.parametrize("length", [(), (3,)])
@pytest.mark.parametrize("opset", [6, 7, 9, 13, 15])
def test_batch_normalization(opset, length, tmp_path):
    """Older versions are the same, but onnx.reference trains them: the newest is the oracle."""
    shape, means = ("N", 4, *length), whole(3, 4)
    variances = np.float32([0.75, 3.75, 15.75, 0])  # with ε, squares of powers of two
    older = {"is_test": 1} if opset == 6 else {}
    models = [
        model_of(
            shape,
            [node("BatchNormalization", "_", *means, variances, epsilon=0.25, **more)],
            opset=version,
        )
        for version, more in ((opset, older), (15, {}))
    ]
    chain = read(models[0], tmp_path)
    compare(shape, models[1], chain)
    assert len(chain.weights) == 1


OLDER = {
    "Clip of 6": (6, ("N", 4), [node("MatMul", "_", W45), node("Clip", "_", min=0.0)]),
    "Reshape of 5": (5, ("N", 2, 2), [node("Reshape", "_", [-1, 4]), node("MatMul", "_", W45)]),
    "Squeeze of 1": (8, ("N", 1, 4), [node("Squeeze", "_", axes=[1]), GEMM]),
    "Unsqueeze of 1": (8, ("N", 4), [node("Unsqueeze", "_", axes=[2]), node("MatMul", W54, "_")]),
    "Dropout of 7": (7, ("N", 4), [node("Dropout", "_", ratio=0.5), GEMM]),
    "Gemm of 7": (7, ("N", 4), [GEMM]),
}


@pytest.mark.parametrize(("opset", "shape", "nodes"), OLDER.values(), ids=OLDER)
def test_older_operators(opset, shape, nodes, tmp_path):
    check(shape, nodes, tmp_path, opset=opset)


def test_an_axis_said_where_older_constants_begin(tmp_path):
    """onnx.reference does not know that attribute: the same graph without it is the oracle."""
    b = whole(2)
    older = model_of((1, 2, 3), [node("Add", "_", b, axis=1, broadcast=1)], opset=6)
    compare((1, 2, 3), model_of((1, 2, 3), [node("Add", "_", b[:, None])]), read(older, tmp_path))


def test_a_shape_with_nothing_but_its_own_zeros(tmp_path):
    with pytest.raises(ValueError, match="Reshape"):
        check(("N", 4), [node("Reshape", "_", [0, 4], allowzero=1)], tmp_path, opset=14)
    check(("N", 4), [node("Reshape", "_", [-1, 4], allowzero=1), GEMM], tmp_path, opset=14)


AXES = {
    "Softmax": {"axis": -1},
    "LogSoftmax": {},
    "ArgMax": {"axis": 1},
    "Identity": {},
    "Cast": {"to": 7},
}


@pytest.mark.parametrize(
    "last", [["Softmax"], ["LogSoftmax", "Identity"], ["Softmax", "ArgMax"], ["ArgMax", "Cast"]]
)
def test_what_only_makes_a_class_is_left_off_with_one_warning(last, tmp_path):
    model = model_of(("N", 4), [GEMM, *(node(name, "_", **AXES[name]) for name in last)])
    with pytest.warns(UserWarning, match=rf"'n_1' \({last[0]}\) at the end is left off") as told:
        chain = read(model, tmp_path)
    assert len(told) == 1
    compare(("N", 4), model_of(("N", 4), [GEMM]), chain)


@pytest.mark.parametrize(("opset", "read_off"), [(11, True), (13, False)])
def test_an_older_softmax_is_over_all_axes_from_its_own_on(opset, read_off, tmp_path):
    nodes = [node("Reshape", "_", [-1, 2, 3]), node("Softmax", "_", axis=1)]
    model = model_of(("N", 6), nodes, opset=opset)
    if read_off:
        with pytest.warns(UserWarning, match="left off"):
            assert read(model, tmp_path).weights[0].shape == (6, 6)
    else:
        with pytest.raises(ValueError, match="axis 1"):
            read(model, tmp_path)


def test_a_relu_last_has_an_identity_after_it(tmp_path):
    chain = check(("N", 4), [GEMM, node("Relu", "_")], tmp_path)
    assert np.array_equal(chain.weights[1], np.eye(5))


@pytest.mark.parametrize("seed", range(3))
def test_a_network_of_random_numbers_is_within_rounding_of_the_reference(seed, tmp_path):
    rng = np.random.default_rng(seed)
    widths = (20, 30, 40, 3)
    nodes = [node("Sub", "_", np.float32(rng.normal(size=20)))]
    nodes += [node("Div", "_", np.float32(rng.uniform(1, 2, size=20)))]
    for n, m in itertools.pairwise(widths):
        w, b = rng.normal(size=(m, n)), rng.normal(size=m)
        nodes += [node("Gemm", "_", np.float32(w), np.float32(b), transB=1), node("Relu", "_")]
    model = model_of(("N", 20), nodes[:-1])
    chain = read(model, tmp_path)
    points = rng.normal(size=(50, 20)).astype(np.float32)
    (found,) = ReferenceEvaluator(model).run(None, {"x": points})
    size, terms = np.abs(points) + 10, 2  # of absolute values throughout; |Sub's| are below 10
    for weights, bias in zip(chain.weights, chain.biases, strict=True):
        size = size @ np.abs(weights).T + np.abs(bias)
        terms += weights.shape[1] + 2
    bound = 1.01 * terms * np.finfo(np.float32).eps * size
    assert np.all(np.abs(found - forward(chain, points)) <= bound)
