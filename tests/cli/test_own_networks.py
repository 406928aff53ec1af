"""The command line on networks from files: biases, several outputs, images with labels."""

import json

import numpy as np
import onnx
import pytest
import randrelu as rr
from onnx import helper, numpy_helper
from terminal import run

RNG = np.random.default_rng(3)
SHAPES = ((8, 4), (6, 8), (3, 6))
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in SHAPES]
BIASES = [RNG.normal(size=shape[0]).astype(np.float32) for shape in SHAPES]
PIXELS = RNG.integers(0, 256, (30, 4))
LABELS = RNG.integers(0, 3, 30)


def outputs(x):
    """The network's values in plain NumPy."""
    x = np.asarray(x, np.float64)
    for w, b in zip(WEIGHTS[:-1], BIASES[:-1], strict=True):
        x = np.maximum(0, x @ w.T.astype(np.float64) + b)
    return x @ WEIGHTS[-1].T.astype(np.float64) + BIASES[-1]


@pytest.fixture
def folder(tmp_path):
    """The network as files of several kinds, and images with their labels in the last column."""
    net = rr.Network.from_weights(WEIGHTS, BIASES)
    for suffix in ("npz", "onnx", "safetensors"):
        net.save(tmp_path / f"net.{suffix}")
    table = np.column_stack([PIXELS, LABELS])
    np.savetxt(tmp_path / "images.csv", table, "%d", delimiter=",", header="a,b,c,d,y", comments="")
    np.save(tmp_path / "images.npy", table)
    return tmp_path


def attack(folder, network, images, *options, columns=200):
    return run(
        "attack", "--weights", folder / network, "--input", folder / images,
        "--label-column", -1, "--scale", "1/255", *options, columns=columns,
    ).stdout  # fmt: skip


def test_attack_says_the_decisions_before_and_after_and_how_many_are_the_labels(folder):
    out = json.loads(attack(folder, "net.onnx", "images.csv", "--eta", "flip", "--json"))
    before, after = outputs(PIXELS / 255).argmax(axis=1), outputs(out["x_adv"]).argmax(axis=1)
    assert out["network"]["widths"] == [4, 8, 6, 3] and out["label"] == LABELS.tolist()
    assert out["top"] == before.tolist() and out["top_after"] == after.tolist()
    changed = int((before != after).sum())
    assert changed > 0
    text = attack(folder, "net.onnx", "images.csv", "--eta", "flip")
    assert f"Decision changed at {changed} of 30 points" in text
    right = int((before == LABELS).sum()), int((after == LABELS).sum())
    assert f"at {right[0]} of 30 points before the step, and at {right[1]} after it." in text
    heading = text.splitlines()[2].split()
    assert heading[:5] == ["point", "label", "decision", "against", "after"]
    first = next(line.split() for line in text.splitlines() if line.split()[:1] == ["0"])
    size = np.linalg.norm(out["x_adv"][0] - PIXELS[0] / 255) / np.linalg.norm(PIXELS[0] / 255)
    assert first[1:3] == [str(LABELS[0]), str(before[0])] and first[4] == str(after[0])
    assert float(first[-1]) == pytest.approx(size, rel=1e-3)  # of four digits
    assert "… and 10 more points" in text and "quantile over points" in text


def test_a_terminal_of_80_columns_cuts_nothing_off(folder):
    text = attack(folder, "net.npz", "images.csv", "--eta", "flip", columns=80)
    rows = text.partition("Of all:")[0]
    assert "‖η∇f‖/‖x‖" in rows and rows.count("…") == 1  # that of "… and 10 more points"


def test_attack_is_the_same_for_every_kind_of_file(folder):
    one, *others = (
        json.loads(attack(folder, network, images, "--json"))
        for network, images in [
            ("net.npz", "images.csv"),
            ("net.onnx", "images.npy"),
            ("net.safetensors", "images.csv"),
        ]
    )
    assert others == [one, one]


def test_attack_against_an_output(folder):
    out = json.loads(attack(folder, "net.npz", "images.csv", "--against", 1, "--json"))
    values = outputs(PIXELS / 255)
    assert out["other"] == [1] * 30
    np.testing.assert_allclose(out["f_before"], values.max(axis=1) - values[:, 1], atol=1e-12)


def test_labels_of_one_output_are_shown_beside_it(tmp_path):
    (tmp_path / "x.csv").write_text("5,1,2\n-7,3,4\n")
    options = ("--widths", "2,6,1", "--seed", 1, "--input", tmp_path / "x.csv")
    text = run("attack", *options, "--label-column", 0, "--scale", 2).stdout
    net = rr.Network.random((2, 6, 1), rng=1)
    assert "label" in text and "-7" in text and "Decision" not in text
    assert f"{net.forward(np.array([6.0, 8.0])):.4g}" in text and "Sign flipped at" in text


def test_random_networks_have_the_biases_and_outputs_that_are_asked_for():
    options = ("--widths", "5,7,3", "--bias", "0.5", "--seed", 4)
    out = json.loads(run("attack", *options, "--json").stdout)
    net = rr.Network.random((5, 7, 3), rng=4, bias=0.5)
    assert out["f_before"] == [float(rr.gradient_step(net, np.ones(5)).f_before)]
    assert "bias=0.5" in run("attack", *options).stdout


@pytest.mark.parametrize("network", [("--weights",), ("--widths", "4,8,6,1", "--bias", "0.1")])
def test_flips_have_no_prediction_where_there_is_no_law(folder, network):
    if network == ("--weights",):
        network = ("--weights", folder / "net.onnx")
    picture = folder / "flips.png"
    options = ("--samples", 40, "--seed", 1, "--plot", picture)
    text = run("flips", *network, *options).stdout
    assert "most seen" in text and "predict" not in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_flips_around_an_image(folder):
    (folder / "one.csv").write_text("".join(f"{p}," for p in PIXELS[0]) + "2\n")
    options = ("--weights", folder / "net.npz", "--samples", 40, "--seed", 1, "--json", "--input")
    out = run("flips", *options, folder / "one.csv", "--label-column", 4, "--scale", "1/255").stdout
    np.save(folder / "x.npy", PIXELS[0] * (1 / 255))
    assert out == run("flips", *options, folder / "x.npy").stdout


@pytest.mark.parametrize("row", [0, 29])
def test_flips_around_one_image_of_several(folder, row):
    options = ("--weights", folder / "net.npz", "--samples", 40, "--seed", 1, "--json", "--input")
    columns = ("--label-column", -1, "--scale", "1/255")
    out = run("flips", *options, folder / "images.csv", "--row", row, *columns).stdout
    np.save(folder / "x.npy", PIXELS[row] * (1 / 255))
    assert out == run("flips", *options, folder / "x.npy").stdout
    assert out == run("flips", *options, folder / "x.npy", "--row", 0).stdout


def test_a_row_that_there_is_not(folder):
    options = ("flips", "--weights", folder / "net.npz", "--samples", 4)
    images = ("--input", folder / "images.csv", "--label-column", -1)
    said = run(*options, *images, "--row", 30, code=2).stderr
    assert "--row must be a point of --input" in said and "from 0 to 29, got 30" in said
    assert "--row goes with --input" in run(*options, "--row", 0, code=2).stderr


def test_suffixes_of_points_may_be_capitals(folder):
    (folder / "images.csv").rename(folder / "IMAGES.CSV")
    (folder / "images.npy").rename(folder / "IMAGES.NPY")
    upper = [attack(folder, "net.npz", f"IMAGES.{end}", "--json") for end in ("CSV", "NPY")]
    assert upper[0] == upper[1]


def test_points_outside_of_the_ranges_of_the_file_are_told(folder):
    pixels = PIXELS / 255
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    weights = {f"W_{i}": w for i, w in enumerate(WEIGHTS, 1)}
    np.savez(folder / "ranges.npz", **weights, input_min=low, input_max=high)
    options = ("--weights", folder / "ranges.npz", "--input", folder / "images.csv")
    options += ("--label-column", -1)
    more = ("--row", 0, "--samples", 4)
    many = int(((high < PIXELS) | (low > PIXELS)).any(axis=1).sum())
    said = run("attack", *options).stderr
    assert said.startswith(f"randrelu: {many} of 30 points lie outside") and "--scale" in said
    assert len(said.splitlines()) == 1
    assert "1 of 1 points lie outside" in run("flips", *options, *more).stderr
    assert run("attack", *options, "--scale", "1/255").stderr == ""
    assert run("flips", *options, *more, "--scale", "1/255").stderr == ""


def test_points_that_are_decided_for_the_output_already_are_counted(folder):
    decided = int((outputs(PIXELS / 255).argmax(axis=1) == 2).sum())
    assert 0 < decided < 30
    said = f"{decided} of 30 points are decided for that output already"
    assert said in attack(folder, "net.npz", "images.csv", "--against", 2)
    assert "already" not in attack(folder, "net.npz", "images.csv")


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e200])
def test_info_tells_the_norms_of_weights_of_any_size(tmp_path, size):
    np.savez(tmp_path / "net.npz", W_1=size * np.array([[3.0, 0], [0, 4], [0, 0]]))
    (layer,) = json.loads(run("info", tmp_path / "net.npz", "--json").stdout)["layers"]
    names = ("frobenius_norm", "spectral_norm", "largest_row_norm")
    for name, value in zip(names, (5 * size, 4 * size, 4 * size), strict=True):
        assert layer[name] == pytest.approx(value, rel=1e-12, abs=0)


def test_info_describes_a_file(folder):
    out = json.loads(run("info", folder / "net.onnx", "--json").stdout)
    assert out["widths"] == [4, 8, 6, 3] and out["dtype"] == "float32" and out["ties"] == "zero"
    assert out["numbers"] == sum(a.size for a in (*WEIGHTS, *BIASES))
    assert out["input_range"] is None
    text = run("info", folder / "net.onnx").stdout
    for layer, w in zip(out["layers"], WEIGHTS, strict=True):
        wide = w.astype(np.float64)
        assert layer["shape"] == list(w.shape) and layer["bias"]
        expected = {
            "frobenius_norm": np.sqrt((wide**2).sum()),
            "spectral_norm": np.sqrt(np.linalg.eigvalsh(wide @ wide.T).max()),
            "largest_row_norm": np.sqrt((wide**2).sum(axis=1).max()),
            "smallest": wide.min(),
            "largest": wide.max(),
        }
        for name, value in expected.items():
            assert layer[name] == pytest.approx(value, rel=1e-12)
            assert f"{value:.4g}" in text
    assert "8 × 4" in text and "the file does not say" in text and "float32" in text


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (([0, -1], [1, 2.5]), "inputs: 0 … 1, -1 … 2.5\n"),
        (([0, 0], [1, 1]), "inputs: 0 … 1 for each of them\n"),
    ],
)
def test_info_tells_the_range_of_the_inputs(tmp_path, ends, words):
    low, high = (np.array(end, np.float64) for end in ends)
    np.savez(tmp_path / "net.npz", W_1=np.eye(2), input_min=low, input_max=high)
    text = run("info", tmp_path / "net.npz").stdout
    assert words in text and "float64" in text
    assert " no " in text and " yes " not in text  # of a bias


def test_what_is_left_off_a_file_is_said_in_a_line(tmp_path):
    values = [helper.make_tensor_value_info(name, 1, [1, 2]) for name in ("x", "y")]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"]),
    ]
    weights = [numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")]
    graph = helper.make_graph(nodes, "net", values[:1], values[1:], weights)
    onnx.save(helper.make_model(graph), tmp_path / "net.onnx")
    done = run("info", tmp_path / "net.onnx")
    (line,) = done.stderr.splitlines()
    assert line.startswith("randrelu: ") and "Softmax" in line and "2 × 2" in done.stdout
