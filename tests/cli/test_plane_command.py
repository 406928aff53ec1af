"""The regions of planes at the command line."""

import json
import re

import numpy as np
import pytest
import randrelu as rr
from randrelu.cli.through import through
from terminal import run

RNG = np.random.default_rng(5)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in ((9, 4), (7, 9), (3, 7))]
BIASES = [RNG.normal(size=len(w)).astype(np.float32) for w in WEIGHTS]
PIXELS = RNG.integers(0, 256, (6, 4))
LABELS = RNG.integers(0, 3, 6)


def network():
    return rr.Network.from_weights(WEIGHTS, BIASES)


@pytest.fixture
def files(tmp_path):
    network().save(tmp_path / "net.onnx")
    np.savetxt(tmp_path / "images.csv", np.column_stack([LABELS, PIXELS]), "%d", delimiter=",")
    return ("--weights", tmp_path / "net.onnx", "--through", tmp_path / "images.csv",
            "--label-column", 0, "--scale", "1/255")  # fmt: skip


@pytest.mark.parametrize("rows", [[0], [2, 5], [1, 0, 4]])
def test_the_numbers_are_those_of_the_plane(files, rows):
    out = json.loads(run("plane", *files, "--rows", ",".join(map(str, rows)), "--seed", 3,
                         "--json").stdout)  # fmt: skip
    assert out["seed"] == (3 if len(rows) < 3 else None)  # three points leave nothing to draw
    points = PIXELS[rows] / 255
    x, u, v = (np.array(out[name]) for name in "xuv")
    np.testing.assert_allclose(x, points[0], rtol=1e-15)
    assert abs(u @ v) < 1e-14 * (u @ u) and np.linalg.norm(v) == pytest.approx(np.linalg.norm(u))
    for (s, t), point in zip(out["points"], points, strict=True):
        np.testing.assert_allclose(x + s * u + t * v, point, rtol=0, atol=1e-14)
    found = rr.plane(network(), x, u, v, out["extent"])
    assert out["regions"] == found.regions and out["edges"] == found.edges_by_layer.tolist()
    assert out["area"]["sum"] == pytest.approx(found.area.sum())
    assert out["area"]["median"] == pytest.approx(np.median(found.area))
    assert out["shares"] == pytest.approx(found.decision().shares())
    assert len(out["level_set"]) == len(found.level_set())
    again = json.loads(run("plane", *files, "--rows", ",".join(map(str, rows)), "--seed", 3,
                           "--json").stdout)  # fmt: skip
    assert again == out


def test_one_point_follows_its_gradient(files):
    out = json.loads(run("plane", *files, "--rows", 2, "--seed", 3, "--json").stdout)
    net, x = network(), PIXELS[2] / 255
    margin = net.margin(*map(int, net.decision(x)))
    f, g = margin.value_and_gradient(x)
    assert np.array(out["u"]) == pytest.approx(-f * g / (g @ g), rel=1e-5)


def test_a_random_network_and_a_picture(tmp_path):
    png, svg = tmp_path / "plane.png", tmp_path / "plane.svg"
    network = ("--widths", "6,20,20,1", "--seed", 4, "--bias", 0.5)
    options = ("plane", *network, "--extent", "-9,9,-9,9", "--out")
    text = run(*options, png).stdout
    net = rr.Network.random((6, 20, 20, 1), rng=4, bias=0.5)
    way = through(net, np.ones((1, 6)), np.random.default_rng(4))
    found = rr.plane(net, way.x, way.u, way.v, (-9, 9, -9, 9))
    assert f"{found.regions} regions" in text and f"Drawn into {png}." in text.replace("\n", "")
    assert f"f is above 0 on {found.decision().shares()[1]:.2%}" in text
    assert f"Edges by layer: {', '.join(map(str, found.edges_by_layer))}." in text
    assert png.read_bytes().startswith(b"\x89PNG")
    done = run(*options, svg, "--color", "layer", "--level", "0.1", "--json")
    out = json.loads(done.stdout)
    assert out["raster"] is None and out["out"] == str(svg) and out["level"] == 0.1
    assert b"<svg" in svg.read_bytes() and b"<image" not in svg.read_bytes()
    shaded = run(*options, svg).stdout
    assert "the shading as an image" in shaded and b"<image" in svg.read_bytes()
    assert out["seed"] == 4 and out["network"]["widths"] == [6, 20, 20, 1]


def test_many_regions_are_an_image_in_the_svg(tmp_path):
    svg = tmp_path / "plane.svg"
    network = ("--widths", "4,250,1", "--bias", 1, "--seed", 0)
    text = run("plane", *network, "--extent", "-200,200,-200,200", "--out", svg,
               "--color", "layer").stdout  # fmt: skip
    regions = int(re.search(r"(\d+) regions,", text)[1])
    assert (
        regions >= 20_000
        and "the regions as an image" in text.replace("\n", " ")
        and b"<image" in svg.read_bytes()
    )


@pytest.mark.parametrize("rows", ["0,1,2,3", "0,0", "0,1,1"])
def test_points_that_give_no_plane(files, rows):
    message = {"0,1,2,3": "one to three points, got 4", "0,0": "must differ",
               "0,1,1": "must not lie on a line"}[rows]  # fmt: skip
    done = run("plane", *files, "--rows", rows, code=2)
    assert message in done.stderr and not done.stdout


def test_more_that_give_no_plane(tmp_path):
    assert "no plane" in run("plane", "--widths", "1,9,1", code=2).stderr
    dead = rr.Network.from_weights([-np.ones((3, 2)), np.ones(3)])
    dead.save(tmp_path / "net.npz")
    done = run("plane", "--weights", tmp_path / "net.npz", code=2)
    assert "give two or three points" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "either --widths"),
        (("--widths", "3,5,1", "--extent", "1,2"), "--extent must be four numbers s0,s1,t0,t1"),
        (("--widths", "3,5,1", "--extent", "1,1,2,3"), "which has an area"),
        (("--widths", "3,5,1", "--out", "a.txt"), "--out must end in one of .png, .svg, .pdf"),
        (("--widths", "3,5,1", "--color", "layer"), "--color goes with --out"),
        (("--widths", "3,5,1", "--out", "a.png", "--color", "red"), "--color must be one of"),
        (("--widths", "3,5,2", "--level", "1"), "--level goes with a network of one output"),
        (("--widths", "3,5,1", "--level", "nan"), "level must be finite"),
        (("--widths", "3,5,1", "--rows", "0"), "--rows goes with --through"),
        (("--widths", "3,5,1", "--scale", "2"), "--scale goes with --through"),
        (("--widths", "3,5,1", "--through", "a.txt"), "--through must be a .npy or .csv file"),
    ],
)
def test_bad_usage(options, message):
    done = run("plane", *options, code=2)
    assert message in done.stderr and not done.stdout and "Traceback" not in done.stderr


def test_rows_that_are_none(files):
    assert "from 0 to 5, got 6" in run("plane", *files, "--rows", "1,6", code=2).stderr
    assert "--rows must be integers" in run("plane", *files, "--rows", "a", code=2).stderr
    assert "one to three points, got 6" in run("plane", *files, code=2).stderr
