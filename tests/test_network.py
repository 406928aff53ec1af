"""Values, preactivations and gradients against plain NumPy, with rigorous rounding bounds."""

import copy
import pickle

import numpy as np
import pytest
import reference
from randrelu import Network
from scipy import stats

SHAPES = [
    (1, 1),
    (5, 1),
    (1, 1, 1),
    (3, 1, 2, 1),
    (64, 63, 65, 1),
    (63, 64, 1),
    (65, 128, 64, 63, 1),
    (17, 1100, 40, 1),
    (600, 30, 700, 1),
]
POINTS = [0, 1, 2, 4, 5, 33]
DTYPES = ["float32", "float64"]


def double_weights(net):
    return [net.weights(i).astype(np.float64) for i in range(1, net.depth + 2)]


def sample(shape, points, seed=0, dtype="float32"):
    """Points that both dtypes hold exactly."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(points, shape[0])).astype("float32").astype(dtype)


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_everything_agrees_with_plain_numpy(shape, points, dtype, storage):
    net = Network.random(shape, rng=points, dtype=dtype, storage=storage)
    weights, x = double_weights(net), sample(shape, points)
    x64 = x.astype(np.float64)
    bounds = [  # ours, and that of the reference in double
        2 * bound for bound in reference.preactivation_bounds(weights, x64, dtype)
    ]

    preactivations = reference.preactivations(weights, x64)
    masks = []
    for got, a, unpacked, z, bound in zip(
        net.preactivations(x),
        net.activations(x),
        net.pattern(x).unpack(),
        preactivations,
        bounds[:-1],
        strict=True,
    ):
        assert got.dtype == a.dtype == np.dtype(dtype)
        assert got.shape == a.shape == unpacked.shape == z.shape
        assert (np.abs(got - z) <= bound).all()
        assert (np.abs(a - np.maximum(z, 0)) <= bound).all()
        assert np.array_equal(a, np.maximum(got, 0))
        certain = np.abs(z) > bound
        assert np.array_equal(unpacked[certain], (z > 0)[certain])
        masks.append(unpacked)

    values = net.forward(x)
    assert values.shape == (points,) and values.dtype == np.dtype(dtype)
    assert (np.abs(values - reference.forward(weights, x64)) <= bounds[-1][:, 0]).all()

    both_values, gradients = net.value_and_gradient(x)
    assert np.array_equal(both_values, values)
    assert gradients.shape == (points, shape[0]) and gradients.dtype == np.dtype(dtype)
    exact = reference.gradient(weights, masks)
    assert (np.abs(gradients - exact) <= 2 * reference.gradient_bound(weights, masks, dtype)).all()
    assert np.array_equal(net.gradient(x), gradients)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 1), (6, 9, 1), (6, 9, 70, 1)])
def test_one_point_keeps_its_rank(shape, dtype):
    net = Network.random(shape, rng=1, dtype=dtype)
    x = sample(shape, 1, dtype=dtype)
    value, gradient = net.value_and_gradient(x[0])
    assert np.shape(value) == () and value == net.forward(x[0]) == net.forward(x)[0]
    assert gradient.shape == (shape[0],) and np.array_equal(gradient, net.gradient(x)[0])
    for one, batch in zip(net.preactivations(x[0]), net.preactivations(x), strict=True):
        assert np.array_equal(one, batch[0])
    for one, batch in zip(net.activations(x[0]), net.activations(x), strict=True):
        assert np.array_equal(one, batch[0])
    assert np.array_equal(net.pattern(x[0]).active(), net.pattern(x).active()[0])


@pytest.mark.parametrize("init", ["paper", "he", "unit"])
def test_dtype_is_the_arithmetic_only(init):
    single = Network.random((40, 30, 1), rng=7, init=init)
    double = Network.random((40, 30, 1), rng=7, init=init, dtype="float64")
    for i in (1, 2):
        assert single.weights(i).dtype == double.weights(i).dtype == np.float32
        assert np.array_equal(single.weights(i), double.weights(i))


def test_init_sets_the_variance():
    # χ² of 10⁶ weights; false alarm 1e-6 each.
    for init, variance in [("paper", 1 / 500), ("he", 2 / 500), ("unit", 1.0)]:
        w = Network.random((500, 2000, 1), rng=3, init=init).weights(1).astype(float)
        p = stats.chi2.cdf(np.sum(w**2) / variance, w.size)
        assert 5e-7 < p < 1 - 5e-7


@pytest.mark.parametrize("shape", [(50, 1), (50, 40, 30, 1), (200, 300, 1)])
def test_euler_identity(shape):
    """⟨∇f(x), x⟩ = f(x), since f is positively homogeneous."""
    net = Network.random(shape, rng=2, dtype="float64")
    x = sample(shape, 20, dtype="float64")
    f, g = net.value_and_gradient(x)
    weights = double_weights(net)
    masks = net.pattern(x).unpack()
    tolerance = 4 * reference.preactivation_bounds(weights, x, "float64")[-1][:, 0] + np.sum(
        (
            2 * reference.gradient_bound(weights, masks, "float64")
            + reference.gamma(shape[0], "float64") * np.abs(g)
        )
        * np.abs(x),
        axis=1,
    )
    assert (np.abs(np.sum(g * x, axis=1) - f) <= tolerance).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_homogeneity_is_exact_for_powers_of_two(dtype):
    net = Network.random((33, 70, 20, 1), rng=4, dtype=dtype)
    x = sample((33,), 9, dtype=dtype)
    for factor in (0.25, 2.0, 1024.0):
        assert np.array_equal(net.forward(factor * x), factor * net.forward(x))
        assert np.array_equal(net.gradient(factor * x), net.gradient(x))


def test_gradient_is_the_slope_away_from_kinks():
    net = Network.random((12, 40, 30, 1), rng=5, dtype="float64")
    h, checked = 1e-6, 0
    rng = np.random.default_rng(0)
    for x in sample((12,), 40, dtype="float64"):
        u = rng.normal(size=12)
        ends = np.stack([x - h * u, x + h * u])
        if net.pattern(x).flips(net.pattern(ends)).any():
            continue
        slope = np.diff(net.forward(ends))[0] / (2 * h)
        # f is linear here, so only rounding is left: bounds on both values over 2h.
        error = reference.preactivation_bounds(double_weights(net), ends, "float64")[-1].sum()
        assert abs(slope - net.gradient(x) @ u) <= error / (2 * h) + 1e-12 * abs(slope)
        checked += 1
    assert checked >= 30


@pytest.mark.statistics
def test_gradient_direction_is_uniform():
    """(f/(‖∇f‖‖x‖))² follows Beta(1/2, (d−1)/2) at any widths: 2000 networks, false alarm 1e-6."""
    d, x = 6, np.arange(1.0, 7.0)
    ratios = []
    for seed in range(2000):
        f, g = Network.random((d, 30, 9, 1), rng=seed, dtype="float64").value_and_gradient(x)
        if g.any():
            ratios.append((f / (np.linalg.norm(g) * np.linalg.norm(x))) ** 2)
    assert len(ratios) > 1950
    assert stats.kstest(ratios, stats.beta(0.5, (d - 1) / 2).cdf).pvalue > 1e-6


def test_more_points_than_a_block_holds():
    net = Network.random((20, 30, 1), rng=8, dtype="float64")
    x = sample((20,), 2500, dtype="float64")
    weights, masks = double_weights(net), net.pattern(x).unpack()
    bound = 2 * reference.preactivation_bounds(weights, x, "float64")[-1][:, 0]
    assert (np.abs(net.forward(x) - reference.forward(weights, x)) <= bound).all()
    bound = 2 * reference.gradient_bound(weights, masks, "float64")
    assert (np.abs(net.gradient(x) - reference.gradient(weights, masks)) <= bound).all()
    bounds = reference.preactivation_bounds(weights, x, "float64")[:-1]
    layers = zip(net.preactivations(x), reference.preactivations(weights, x), bounds, strict=True)
    for got, z, bound in layers:
        assert got.shape == z.shape and (np.abs(got - z) <= 2 * bound).all()


def test_zero_in_zero_out():
    net = Network.random((9, 8, 7, 1), rng=0)
    assert net.forward(np.zeros(9)) == 0
    assert np.array_equal(net.forward(np.zeros((3, 9))), np.zeros(3))


def test_given_weights_are_copied_and_read_only():
    w1, w2 = np.ones((3, 2)), np.ones(3)
    net = Network.from_weights([w1, w2])
    assert net.widths == (2, 3, 1) and net.depth == 1 and net.init is None and net.seed is None
    assert net.dtype == net.weights(1).dtype == np.float64 and net.nbytes == 8 * 9
    w1[:] = 7
    assert net.forward([1, 1]) == 6
    view = net.weights(1)
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 5
    del net
    assert view.sum() == 6  # the view keeps the memory alive


@pytest.mark.parametrize(
    ("given", "dtype", "held"),
    [
        ("float16", None, "float32"),
        ("float32", None, "float32"),
        ("float64", None, "float64"),
        ("int8", None, "float32"),
        ("int64", None, "float64"),
        ("float64", "float32", "float32"),
        ("float32", "float64", "float64"),
        (">f4", None, "float32"),
    ],
)
def test_type_of_given_weights(given, dtype, held):
    net = Network.from_weights([np.ones((3, 2), given), np.ones((1, 3), given)], dtype=dtype)
    assert net.dtype == net.weights(1).dtype == np.dtype(held)


def test_random_is_reproducible_from_its_seed():
    net = Network.random((8, 6, 1))
    again = Network.random((8, 6, 1), rng=net.seed)
    assert np.array_equal(net.weights(1), again.weights(1))
    assert not np.array_equal(net.weights(1), Network.random((8, 6, 1)).weights(1))


def test_every_kind_of_rng():
    big = 2**100 + 1
    assert Network.random((2, 1), rng=big).seed == Network.random((2, 1), rng=big).seed
    sequence = np.random.SeedSequence(5)
    assert Network.random((2, 1), rng=sequence).seed == Network.random((2, 1), rng=sequence).seed
    generator = np.random.default_rng(5)
    assert Network.random((2, 1), rng=generator).seed != Network.random((2, 1), rng=generator).seed
    assert Network.random((2, 1), rng=np.int64(9)).seed == 9
    assert Network.random((2, 1), rng=2**64 - 1).seed == 2**64 - 1


@pytest.mark.parametrize("copy", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_networks_can_be_copied_and_sent_to_other_processes(copy):
    random = Network.random((8, 6, 1), rng=3, init="he", dtype="float64")
    streamed = Network.random((8, 6, 1), rng=3, storage="streamed")
    given = Network.from_weights([np.eye(4, 8), np.ones(4)])
    for net in (random, streamed, given):
        again = copy(net)
        assert repr(again) == repr(net)
        assert all(np.array_equal(again.weights(i), net.weights(i)) for i in (1, 2))
    assert len(pickle.dumps(random)) < 200


class Tensor:
    """What NumPy meets when it is given a PyTorch tensor that wants gradients."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self):
        return self

    def cpu(self):
        return self.array


def test_tensors_that_want_gradients_work():
    net = Network.from_weights([Tensor(np.eye(2)), Tensor(np.ones((1, 2)))])
    assert net.forward(Tensor(np.array([3.0, -1.0]))) == 3


def test_properties_and_repr():
    net = Network.random((784, 100, 1), rng=3, init="he", dtype="float64")
    assert (net.widths, net.depth, net.storage, net.init) == ((784, 100, 1), 1, "stored", "he")
    assert (net.dtype, net.seed, net.nbytes) == (np.float64, 3, 4 * (784 * 100 + 100))
    assert repr(net) == (
        "Network((784, 100, 1), init='he', seed=3, dtype='float64', storage='stored', 314.0 kB)"
    )


@pytest.mark.parametrize(
    "variant",
    [
        lambda x: x[:, ::-1][:, ::-1],
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.astype(">f8"),
        lambda x: x.astype(np.float16),
        lambda x: x.astype(np.int32),
        lambda x: x.tolist(),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_layout_and_real_type_and_nothing_is_changed(variant, dtype):
    x = np.random.default_rng(0).integers(-8, 8, size=(6, 10)).astype(np.float64)
    net = Network.random((10, 20, 1), rng=1, dtype=dtype)
    expected = net.value_and_gradient(x)
    given = variant(x.copy())
    before = np.array(given, copy=True)
    if isinstance(given, np.ndarray):
        given.flags.writeable = False
    for got, want in zip(net.value_and_gradient(given), expected, strict=True):
        assert np.array_equal(got, want)
    assert np.array_equal(given, before)
