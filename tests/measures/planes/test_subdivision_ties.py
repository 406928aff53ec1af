"""Lines that meet in a point, coincide, or are nowhere: what rounding would tear apart."""

import numpy as np
import pytest
import reference
from faces import bits, check_geometry, check_topology, middles, subdivide
from randrelu import Network

AXES = np.eye(2)


def given(*layers, ties="zero"):
    """A network of these (weights, biases) in two inputs, which are s and t."""
    weights, biases = zip(*layers, strict=True)
    return Network.from_weights(
        [np.array(w, float) for w in weights], [np.array(b, float) for b in biases], ties=ties
    )


def faces_of(net, **options):
    found = subdivide(net, np.zeros(2), *AXES, **options)
    check_topology(found)
    return found, check_geometry(found)


def test_all_lines_of_a_plane_through_the_origin_meet_there():
    """Without biases each unit of the first layer has its line through 0: 2 n sectors."""
    net = Network.random((40, 30, 1), rng=0, dtype="float64")
    rng = np.random.default_rng(1)
    found = subdivide(net, np.zeros(40), *rng.normal(size=(2, 40)))
    check_topology(found)
    assert check_geometry(found).min() > 1e-6
    assert len(found.face_start) - 1 == 60
    # One vertex in the middle: the corners of the square, two ends of every line, and that.
    assert len(found.vertices) == 4 + 60 + 1
    assert np.linalg.norm(found.vertices, axis=1).min() < 1e-15


def test_deeper_layers_bend_on_rays_too():
    """A network without biases is linear along every ray: all faces of the plane are sectors."""
    net = Network.random((40, 30, 30, 30, 1), rng=0, dtype="float64")
    rng = np.random.default_rng(1)
    found = subdivide(net, np.zeros(40), *rng.normal(size=(2, 40)))
    check_topology(found)
    check_geometry(found)
    faces = len(found.face_start) - 1
    assert len(found.vertices) == 4 + faces + 1 and faces > 60
    assert np.linalg.norm(found.vertices, axis=1).min() < 1e-15


@pytest.mark.parametrize("scale", [1, -1, 3, -1 / 3])
def test_a_line_that_two_units_share_is_cut_once(scale):
    once = [1 / 3, 1 / 7]
    net = given(
        ([once, np.multiply(scale, once), [1, -1]], [1 / 11, scale / 11, 0]), ([[1] * 3], [0])
    )
    found, areas = faces_of(net)
    assert len(areas) == 4
    assert set(found.edge_unit[found.edge_layer == 1]) == {0, 2}  # the first unit keeps it


@pytest.mark.parametrize("scale", [1, 3, 1 / 3])
def test_a_line_that_two_layers_share_is_the_first_ones(scale):
    first = ([[1 / 3, 1 / 7], [-1 / 3, -1 / 7]], [1 / 11, -1 / 11])
    second = ([[scale, -scale], [1, 1]], [0, -0.1])
    found, areas = faces_of(given(first, second, ([[1, 1]], [0])))
    # The second layer's first unit is 0 just there, and its second on both sides of it.
    assert len(areas) == 4
    assert set(zip(found.edge_layer, found.edge_unit, strict=True)) == {(0, 0), (1, 0), (2, 1)}


def test_parallel_lines():
    shifts = np.arange(-5, 6) / 7
    net = given(([[1 / 3, 1 / 9]] * 11, shifts / 3), ([[1] * 11], [0]))
    _, areas = faces_of(net)
    assert len(areas) == 12 and areas.min() > 0.1


@pytest.mark.parametrize("ties", ["zero", "one"])
def test_units_that_are_zero_on_a_face_take_their_coin(ties):
    """The second layer is 0 where the first is off; the third is off everywhere."""
    net = given(([[1, 0]], [0]), ([[1], [-1]], [0, 0]), ([[-1, -1]], [-1]), ([[1]], [2]), ties=ties)
    found, areas = faces_of(net)
    assert sorted(areas) == [2, 2]
    left = middles(found)[:, 0] < 0
    second = found.patterns[1][:, 0]
    assert second[left] == (3 if ties == "one" else 0)
    assert second[~left] == 1
    assert (found.patterns[2] == 0).all() and (found.outputs == 2).all()


def test_coins_of_a_random_network():
    net = Network.random((3, 1, 40, 1), rng=2, dtype="float64")
    x, u, v = np.random.default_rng(0).normal(size=(3, 3))
    found = subdivide(net, 9 * x, u, v)
    z = net.preactivations(9 * x)
    coins = [reference.coin(net.seed, 2, unit) for unit in range(40)]
    expected = coins if (z[1] == 0).all() else z[1] > 0
    assert len(found.face_start) - 1 == 1
    assert np.array_equal(np.unpackbits(found.patterns[1][0], bitorder="little"), expected)


def test_a_dead_layer_leaves_a_constant():
    net = given(([[1, 1]], [-9]), ([[1], [2]], [1, -1]), ([[1, 1]], [0]))
    found, areas = faces_of(net)
    assert len(areas) == 1 and (found.outputs == 1).all()


def test_lines_along_the_border_and_through_corners_cut_nothing_twice():
    weights = [[1, 0], [0, 1], [1, 1], [1, -1], [1, 1]]
    net = given((weights, [1, -1, 2, 0, 0]), ([[1] * 5], [0]))
    found, areas = faces_of(net)
    # Two units are 0 on a side, one at a corner; the diagonals are all that is left.
    assert areas == pytest.approx(np.ones(4))
    assert len(found.vertices) == 5


@pytest.mark.parametrize("gap", [1e-3, 1e-9, 1e-12, 1e-14, 1e-15, 1e-16, 1e-18])
def test_nearly_coincident_lines(gap):
    """A face as thin as the gap, or none: whichever it is, faces stay in one piece."""
    rng = np.random.default_rng(3)
    w = np.concatenate([np.repeat(rng.normal(size=(1, 2)), 6, axis=0), rng.normal(size=(6, 2))])
    w[:6] += gap * rng.normal(size=(6, 2))
    b = np.r_[0.1 + gap * rng.normal(size=6), 0.1 * rng.normal(size=6)]
    deep = rng.normal(size=(12, 12))
    deep[1::2] = deep[::2] + gap * rng.normal(size=(6, 12))
    net = given((w, b), (deep, 0.1 * np.repeat(rng.normal(size=6), 2)), (np.ones((1, 12)), [0]))
    found, _ = faces_of(net)
    merged, _ = faces_of(given((w[5:], b[5:]), (np.ones((1, 7)), [0])))
    assert len(found.face_start) >= len(merged.face_start)


def test_inputs_of_very_different_sizes():
    """Tolerances look at every product, not at the longest vectors: no small line is lost."""
    rng = np.random.default_rng(4)
    sizes = np.array([1e6, 1.0, 1e-3])
    net = Network.random((3, 30, 30, 30, 30, 1), rng=5, dtype="float64", bias=0.3)
    weights, biases = reference.layers(net)
    x, u, v = rng.normal(size=(3, 3))
    plain = subdivide(net, x, u, v)
    scaled = Network.from_weights([weights[0] / sizes, *weights[1:]], biases, dtype="float64")
    other = subdivide(scaled, x * sizes, u * sizes, v * sizes)
    assert {bytes(row) for row in bits(plain)} == {bytes(row) for row in bits(other)}
    assert len(other.face_start) > 1000


@pytest.mark.parametrize("extent", [1, 1e-3, 1e-6, 1e-9])
def test_a_tiny_plane_keeps_its_digits(extent):
    """Two lines at right angles through the middle of a square make four equal parts of it."""
    net = given(([[1, 2], [2, -1], [0, 0]], [-3, -1, 1]), ([[1, 1, -1]], [9]), ([[1]], [0]))
    found = subdivide(net, np.ones(2), *extent * AXES)
    check_topology(found)
    assert check_geometry(found) == pytest.approx(np.ones(4), rel=1e-15 / min(extent, 1e-3))


def test_no_hidden_layers_leave_one_face():
    net = Network.random((5, 3), rng=6, dtype="float64", bias=0.1)
    x, u, v = np.random.default_rng(0).normal(size=(3, 5))
    for some in (net, net.margin(0, 2)):
        found = subdivide(some, x, u, v)
        check_topology(found)
        assert found.patterns == [] and len(found.face_start) == 2
        truth = some.forward(x + found.vertices @ np.stack([u, v])).reshape(4, -1)
        assert np.abs(found.outputs - truth).max() <= 32 * 2**-53 * 20
