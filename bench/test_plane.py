"""Every linear region of a plane, beside regioncam (Rust, float32)."""

import numpy as np
import pytest
import reference
from randrelu import Network
from randrelu._load import core
from trained import Trained
from turns import alone, in_turns

SQUARE = np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])
DIGITS = "the plane through three digits, 784 → 256 × 4 → 10"
DEEP = "two inputs of five, 5 → 50 × 6 → 5"
WIDE = "larger and larger parts of a plane, 20 → 1024 → 256 → 256 → 1"


class Case:
    """The square |s|, |t| ≤ 1 of the plane x + s u + t v."""

    def __init__(self, net, x, u, v):
        self.net, self.x, self.u, self.v = net, x, u, v

    def faces(self):
        return core.subdivide(self.net._core, self.x, self.u, self.v, SQUARE, 10**7, 0, None)

    def check(self, found):
        """Euler's formula; outputs at vertices, to twice a bound, as their place is rounded too."""
        counts = len(found.vertices) - len(found.edges) + len(found.face_start) - 1
        assert counts == 1
        some = np.linspace(0, len(found.vertices) - 1, 16).astype(int)
        y = self.x + found.vertices[some] @ np.stack([self.u, self.v])
        weights, biases = reference.layers(self.net)
        bounds = reference.preactivation_bounds(weights, y, "float64", biases)[-1]
        truth = reference.outputs(weights, y, biases)
        assert (np.abs(found.outputs[some] - truth) <= 2 * bounds).all()


@pytest.fixture(scope="module")
def digits():
    trained = Trained((256,) * 4)
    a, b, c = trained.images[:3].astype(float)
    return Case(trained.net, (a + b + c) / 3, b - a, c - a)


@pytest.fixture(scope="module")
def deep():
    """The shape of ACAS-Xu's networks, and about as many regions."""
    net = Network.random((5, *(50,) * 6, 5), rng=0, init="he", bias=0.1, dtype="float64")
    return Case(net, np.zeros(5), *np.eye(5)[:2])


def by_regioncam(regioncam, case):
    """The work of regioncam, which takes the network on (s, t), in float32."""
    weights, biases = reference.layers(case.net)
    layers = reference.affine(weights, biases)
    w, b = layers[0]
    layers[0] = w @ np.stack([case.u, case.v], axis=1), b + w @ case.x
    modules = []
    for w, b in layers:
        linear = regioncam.nn.Linear(w.T.astype(np.float32).copy(), b.astype(np.float32))
        modules += [linear, regioncam.nn.ReLU()]

    def work():
        square = regioncam.Regioncam(size=1.0)
        for module in modules[:-1]:
            square.add(module)
        return square

    return work


@pytest.mark.parametrize("name", ["digits", "deep"])
def test_ours(benchmark, request, name):
    case = request.getfixturevalue(name)
    benchmark.extra_info["faces"] = len(case.faces().face_start) - 1
    alone(benchmark, {"digits": DIGITS, "deep": DEEP}[name], case.faces, case.check, rounds=7)


@pytest.mark.parametrize("name", ["digits", "deep"])
def test_beside_regioncam(benchmark, request, name):
    regioncam = pytest.importorskip("regioncam", reason="regioncam is not installed")
    case = request.getfixturevalue(name)
    faces = len(case.faces().face_start) - 1

    def check(result):
        if isinstance(result, core.Subdivision):
            case.check(result)
        else:  # it loses slivers to float32
            assert abs(result.num_faces - faces) <= 0.03 * faces

    group = {"digits": DIGITS, "deep": DEEP}[name]
    theirs = by_regioncam(regioncam, case)
    in_turns(benchmark, group, "regioncam, float32", case.faces, theirs, check, rounds=5)


@pytest.mark.parametrize("size", [0.5, 1, 2, 4])
def test_growth(benchmark, size):
    """From 150 000 to 900 000 faces, which take as long each."""
    net = Network.random((20, 1024, 256, 256, 1), rng=0, bias=0.1, dtype="float64")
    x, u, v = np.random.default_rng(0).normal(size=(3, 20))
    case = Case(net, x, size * u, size * v)
    alone(benchmark, WIDE, case.faces, case.check, rounds=2)
    faces = benchmark.extra_info["faces"] = len(case.faces().face_start) - 1
    if not benchmark.disabled:
        benchmark.extra_info["µs a face"] = 1e6 * benchmark.stats.stats.median / faces
