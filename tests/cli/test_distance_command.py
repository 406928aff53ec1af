"""Brackets of distances at the command line."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import randrelu as rr
from terminal import COMMAND, run

EPS = float(np.finfo(float).eps)
RNG = np.random.default_rng(21)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in ((9, 4), (7, 9), (3, 7))]
BIASES = [RNG.normal(size=len(w)).astype(np.float32) for w in WEIGHTS]
PIXELS = RNG.integers(0, 256, (40, 4))
LABELS = RNG.integers(0, 3, 40)


def outputs(x):
    """The network's values in plain NumPy."""
    for w, b in zip(WEIGHTS[:-1], BIASES[:-1], strict=True):
        x = np.maximum(0, x @ w.T.astype(np.float64) + b)
    return x @ WEIGHTS[-1].T.astype(np.float64) + BIASES[-1]


@pytest.fixture
def files(tmp_path):
    rr.Network.from_weights(WEIGHTS, BIASES).save(tmp_path / "net.onnx")
    np.savetxt(tmp_path / "images.csv", np.column_stack([LABELS, PIXELS]), "%d", delimiter=",")
    return ("--weights", tmp_path / "net.onnx", "--input", tmp_path / "images.csv",
            "--label-column", 0, "--scale", "1/255")  # fmt: skip


@pytest.mark.parametrize("norm", ["2", "inf"])
def test_points_at_the_attained_distances_have_another_decision(files, norm):
    out = json.loads(run("distance", *files, "--norm", norm, "--json").stdout)
    x, x_adv = PIXELS * (1 / 255), np.array(out["x_adv"])
    top, after = outputs(x).argmax(axis=1), outputs(x_adv).argmax(axis=1)
    assert out["norm"] == norm and out["label"] == LABELS.tolist()
    assert out["top"] == top.tolist() and out["against"] == after.tolist()
    assert (top != after).all()
    sizes = np.linalg.norm(x_adv - x, np.inf if norm == "inf" else 2, axis=1)
    np.testing.assert_allclose(out["attained"], sizes, rtol=32 * EPS)  # of sums of 4 squares
    certified = np.array(out["certified"])
    assert (certified > 0).all() and (certified <= sizes).all()
    np.testing.assert_allclose(out["ratio"], out["attained"] / certified, rtol=2 * EPS)


def test_the_numbers_are_those_of_the_function_for_32_points_at_a_time(files):
    out = json.loads(run("distance", *files, "--against", 1, "--json").stdout)
    net, x = rr.Network.from_weights(WEIGHTS, BIASES), PIXELS * (1 / 255)
    parts = [rr.distance(net, some, against=1).columns() for some in (x[:32], x[32:])]
    for name in ("top", "against", "certified", "attained"):
        assert out[name] == np.concatenate([part[name] for part in parts]).tolist()
    text = run("distance", *files, "--against", 1).stdout
    assert "output 1 is as large" in text and "decision changes" not in text
    assert 1 in out["top"]  # decided so already: nothing to divide
    assert all(r == 1 for r, top in zip(out["ratio"], out["top"], strict=True) if top == 1)


def test_one_row(files):
    net, x = rr.Network.from_weights(WEIGHTS, BIASES), PIXELS * (1 / 255)
    found = rr.distance(net, x[33:34])
    out = json.loads(run("distance", *files, "--row", 33, "--json").stdout)
    assert out["certified"] == found.certified.tolist() and out["label"] == [LABELS[33]]
    assert any(
        line.startswith("33 ") for line in run("distance", *files, "--row", 33).stdout.splitlines()
    )
    assert "from 0 to 39, got 40" in run("distance", *files, "--row", 40, code=2).stderr


def test_the_table_has_decisions_labels_and_medians(files):
    out = json.loads(run("distance", *files, "--json").stdout)
    text = run("distance", *files, columns=80).stdout
    lines = text.splitlines()
    heading = next(line.split() for line in lines if line.startswith("point"))
    assert heading == ["point", *["label", "decision", "against", "certified", "attained", "ratio"]]
    first = next(line.split() for line in lines if line.startswith("0 "))
    assert first[1:4] == [str(out[name][0]) for name in ("label", "top", "against")]
    numbers = ("certified", "attained", "ratio")
    assert first[4:] == [f"{out[name][0]:.4g}" for name in numbers]
    assert "… and 20 more points" in text and "quantile over points" in text
    right = int((outputs(PIXELS / 255).argmax(axis=1) == LABELS).sum())
    assert f"agree with the labels at {right} of 40 points" in text
    medians = ", ".join(f"{name} {np.median(out[name]):.4g}" for name in numbers)
    assert lines[-1] == f"Medians of 40 points: {medians}."


def test_without_a_certificate_nothing_is_called_certified(files):
    text = run("distance", *files, "--no-certify").stdout
    assert "ertified" not in text and "ratio" not in text and "Attained" in text
    out = json.loads(run("distance", *files, "--no-certify", "--json").stdout)
    assert "certified" not in out and "ratio" not in out
    whole = json.loads(run("distance", *files, "--json").stdout)
    assert {name: whole[name] for name in out} == out


def test_a_decision_that_never_changes(tmp_path):
    np.savez(tmp_path / "net.npz", W_1=np.zeros((3, 2)), W_2=np.ones((2, 3)), b_2=[1.0, 2.0])
    options = ("distance", "--weights", tmp_path / "net.npz")
    out = json.loads(run(*options, "--json").stdout)
    assert out["attained"] == out["certified"] == ["inf"] and out["x_adv"] == [None]
    assert out["ratio"] == [1] and out["against"] == [-1]
    text = run(*options).stdout
    assert "No change was found from 1 of 1 points." in text and "none" in text
    np.save(tmp_path / "x.npy", np.ones((30, 2)))  # more than have a row: quantiles of infinity
    done = run(*options, "--input", tmp_path / "x.npy")
    assert "nan" not in done.stdout and not done.stderr


def test_random_networks_of_one_output():
    options = ("distance", "--widths", "6,20,20,1", "--seed", 5)
    found = rr.distance(rr.Network.random((6, 20, 20, 1), rng=5), np.ones(6))
    text = run(*options).stdout
    assert f"{found.certified:.4g}" in text and f"{found.attained:.4g}" in text
    assert "decision " not in text.split("Attained")[0]
    refused = run(*options, "--storage", "deferred", code=2).stderr
    assert "certify must be False" in refused
    run(*options, "--storage", "deferred", "--no-certify")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "either --widths"),
        (("--weights", "w.npz", "--seed", 1), "--seed goes with --widths"),
        (("--widths", "3,1", "--norm", "1"), "--norm must be 2 or inf, got '1'"),
        (("--widths", "3,1", "--against", 0), "against is for a network of several outputs"),
        (("--widths", "3,1", "--scale", 2), "--scale goes with --input"),
        (("--widths", "3,1", "--row", 0), "--row goes with --input"),
    ],
)
def test_bad_usage(options, message):
    done = run("distance", *options, code=2)
    assert message in done.stderr and not done.stdout and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal, and signals of Unix")
def test_the_bar_moves_and_ctrl_c_stops(tmp_path):
    import pty

    np.save(tmp_path / "x.npy", np.random.default_rng(0).uniform(size=(500, 64)))
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "distance", "--widths", "64,200,200,200,10", "--seed", "1",
         "--input", str(tmp_path / "x.npy")],
        stdout=subprocess.PIPE, stderr=end,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(end)
    try:
        shown, places = b"", set()
        stop = time.monotonic() + 60
        while len(places) < 3 and time.monotonic() < stop:  # the bar is at three places in turn
            shown += os.read(terminal, 100_000)
            places = set(re.findall(rb"(\d+)/500", shown))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(terminal)
    assert len(places) >= 3 and process.returncode == 130 and not output
    assert b"Traceback" not in shown
