"""The command line, as a user at a terminal drives it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import randrelu as rr
from randrelu import Network, check, gradient_step
from randrelu._load import core
from randrelu.cli.commands import networks
from randrelu.figures.flips import flips_figure
from sklearn.datasets import load_digits
from terminal import COMMAND, run


def test_check_prints_the_table():
    options = ("--widths", "100,80,80,1", "--trials", 30, "--delta", 0.2, "--seed", 1)
    out = run("check", "theorem-1.1", *options).stdout
    c = check("theorem-1.1", widths=(100, 80, 80, 1), trials=30, delta=0.2, rng=1)
    flipped = c.measurements[0]
    assert f"{flipped.count[0]} of 30" in out
    assert f"[{flipped.low:.4f}, {flipped.high:.4f}]" in out
    assert f"{np.median(c.trials['linear_relative_norm']):.4g}" in out
    assert "smallest c₃" in out and f"{c.measurements[-1].value:.4g}" in out
    assert "Hypothesis: open." in out and "d_min = 80" in out and "10^" in out
    assert "Verdict: hypothesis open" in out and "with probability 0.001 at most" in out
    # The first line repeats the check.
    command = out.splitlines()[0].split()
    assert command[0] == "randrelu" and run(*command[1:]).stdout == out


def test_check_of_figure_1_prints_the_command_that_repeats_it():
    options = ("-p", "dim=60", "-p", "hidden=5,20,60", "-p", "method=solve,law,solve")
    out = run("check", "figure-1", *options, "-p", "runs=4", "--seed", 1).stdout
    command = out.splitlines()[0].split()
    assert command[0] == "randrelu" and run(*command[1:]).stdout == out
    assert "mean ‖δ*‖/‖x‖, k = 20, drawn from the law" in out
    assert "Verdict: consistent" in out


def test_check_json_is_the_result():
    for name in ("theorem-1.1", "lemma-2.2"):
        out = run("check", name, "--widths", "20,10,1", "--trials", 5, "--seed", 3, "--json").stdout
        c = check(name, widths=(20, 10, 1), trials=5, rng=3)
        assert json.loads(out) == json.loads(json.dumps(c.to_dict()))


def test_check_at_infinite_width():
    options = ("-p", "dim=20", "-p", "depth=2", "--trials", 4, "--seed", 3, "--json")
    c = check("theorem-1.1", widths="infinite", dim=20, depth=2, trials=4, rng=3)
    out = run("check", "theorem-1.1", "--widths", "infinite", *options).stdout
    assert json.loads(out) == json.loads(json.dumps(c.to_dict()))


def test_check_passes_its_options_on():
    out = run("check", "theorem-1.1", "--widths", "20,10,1", "--trials", 5, "--seed", 3, "--json",
              "--eta", "-0.5", "--delta", "0.2", "--threads", 1).stdout  # fmt: skip
    parameters = json.loads(out)["parameters"]
    assert (parameters["eta"], parameters["delta"], parameters["rng"]) == (-0.5, 0.2, 3)
    first, second = (
        json.loads(run("check", "lemma-2.2", "--widths", "3,1", "--trials", 2, "--json").stdout)
        for _ in range(2)
    )
    assert first["parameters"]["rng"] != second["parameters"]["rng"]


@pytest.fixture
def digits(tmp_path):
    images = load_digits().data
    assert images.shape == (1797, 64)
    np.save(tmp_path / "digits.npy", images)
    np.savetxt(tmp_path / "digits.csv", images, delimiter=",", header="pixels", comments="")
    return images


def test_attack_on_every_digit(digits, tmp_path):
    """Real images: each of 1797 digits, in both file types, on one random network."""
    arguments = ("attack", "--widths", "64,300,200,1", "--seed", 5, "--input")
    out = json.loads(run(*arguments, tmp_path / "digits.npy", "--json").stdout)
    a = gradient_step(Network.random((64, 300, 200, 1), rng=5), digits)
    assert len(out["success"]) == 1797
    for name, values in a.columns().items():
        assert np.array_equal(np.array(out[name], values.dtype), values, equal_nan=True)
    assert np.array_equal(out["x_adv"], a.x_adv)
    assert json.loads(run(*arguments, tmp_path / "digits.csv", "--json").stdout) == out
    table = run(*arguments, tmp_path / "digits.npy").stdout
    assert f"Sign flipped at {int(a.sign_flipped.sum())} of 1797 points" in table
    paper = json.loads(run(*arguments, tmp_path / "digits.npy", "--eta", "paper", "--json").stdout)
    a = gradient_step(Network.random((64, 300, 200, 1), rng=5), digits, eta="paper")
    assert paper["success"] == a.success.tolist() and any(paper["success"])


def test_attack_on_given_weights(tmp_path):
    net = Network.random((6, 5, 4, 1), rng=2)
    np.savez(tmp_path / "net.npz", *(net.weights(1), net.weights(2), net.weights(3)[0]))
    np.savetxt(tmp_path / "point.csv", np.arange(1.0, 7.0))  # one number a line is one point
    out = json.loads(run("attack", "--weights", tmp_path / "net.npz", "--input",
                         tmp_path / "point.csv", "--eta", "-0.5", "--json").stdout)  # fmt: skip
    a = gradient_step(net, np.arange(1.0, 7.0), eta=-0.5)
    assert out["f_after"] == [float(a.f_after)] and out["network"]["widths"] == [6, 5, 4, 1]
    table = run("attack", "--weights", tmp_path / "net.npz").stdout
    assert f"{gradient_step(net, np.ones(6)).relative_norm:.4g}" in table


def test_info():
    facts = json.loads(run("info", "--json").stdout)
    assert facts["isa"] == core.build_info()["isa"] and facts["threads"] >= 1
    assert {"version", "eigen", "compiler", "numpy", "python"} <= set(facts)
    assert facts["eigen"] in run("info").stdout


def test_terminals_without_mathematics_get_a_table_all_the_same():
    for extra in ([], ["--json"]):
        done = subprocess.run(
            [*COMMAND, "check", "lemma-2.2", "--widths", "3,1", "--trials", "2", *extra],
            capture_output=True,
            timeout=120,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert done.returncode == 0 and done.stdout.isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_interrupt_exits_with_130():
    process = subprocess.Popen(
        [*COMMAND, "check", "lemma-2.2", "--widths", "50,50,1", "--trials", "10000000"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130 and not output and "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_progress_shows_on_a_terminal():
    import pty

    terminal, end = pty.openpty()
    shown = bytearray()

    def read():  # meanwhile, because a terminal that nobody reads stops the writer when it is full
        with suppress(OSError):  # at the end, on Linux
            while piece := os.read(terminal, 100_000):
                shown.extend(piece)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    done = subprocess.run(
        [*COMMAND, "check", "lemma-2.2", "--widths", "20,10,1", "--trials", "30", "--seed", "1"],
        stderr=end,
        stdout=subprocess.PIPE,
        timeout=120,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(end)
    reader.join(timeout=30)
    os.close(terminal)
    shown = shown.decode()
    assert done.returncode == 0 and "lemma-2.2" in shown and "30/30" in shown
    assert "\x1b" not in done.stdout.decode()


def test_flips_prints_measured_beside_predicted(tmp_path):
    options = ("--widths", "30,200,100,1", "--relative-radii", "0.01,0.3", "--seed", 5)
    out = run("flips", *options, "--samples", 200).stdout
    net, x = rr.Network.random((30, 200, 100, 1), rng=5), np.ones(30)
    for relative in (0.01, 0.3):
        found = rr.flips(net, x, relative * np.linalg.norm(x), 200, rng=5)
        for mean, predicted in zip(found.mean, found.predicted, strict=True):
            assert f"{mean:.4g}" in out and f"{predicted:.4g}" in out
    result = json.loads(run("flips", *options, "--samples", 200, "--json").stdout)
    assert result["seed"] == 5 and result["balls"][1]["mean"] == found.mean.tolist()
    assert [ball["relative_radius"] for ball in result["balls"]] == [0.01, 0.3]
    assert [list(ball) for ball in result["balls"]] == [["relative_radius", *found.columns()]] * 2


@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_a_picture_of_flips_has_a_smooth_curve_and_changes_no_number(
    tmp_path, monkeypatch, capsys, storage
):
    """Deferred networks, which take far longer for many radii, are drawn at those asked for."""
    drawn = []

    def draw(radii, found):
        drawn.append((radii, found))
        return flips_figure(radii, found)

    monkeypatch.setattr(networks, "flips_figure", draw)
    options = {"widths": "30,200,100,1", "relative_radii": "0.3,0,0.01", "samples": 20}
    options |= {"seed": 5, "storage": storage, "as_json": True}
    picture = tmp_path / "flips.svg"
    networks.flips(**options, plot=picture)
    balls = json.loads(capsys.readouterr().out)["balls"]
    assert [ball["relative_radius"] for ball in balls] == [0.3, 0.0, 0.01]
    networks.flips(**options)
    assert json.loads(capsys.readouterr().out)["balls"] == balls and picture.exists()
    ((radii, found),) = drawn
    assert found.counts.shape == (len(radii), 20, 2)
    assert len(radii) == (43 if storage == "stored" else 3)
    assert radii.max() == 0.3 and radii[radii > 0].min() == 0.01


def test_flips_of_given_weights_and_point_into_a_picture(tmp_path):
    np.savez(tmp_path / "net.npz", np.eye(3), np.ones((1, 3)))
    np.save(tmp_path / "x.npy", np.array([1.0, -2.0, 3.0]))
    picture = tmp_path / "flips.png"
    run("flips", "--weights", tmp_path / "net.npz", "--input", tmp_path / "x.npy",
        "--samples", 50, "--plot", picture)  # fmt: skip
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_version_and_statements():
    assert run("--version").stdout == f"randrelu {rr.__version__}\n"
    assert "theorem-3.1" in run("check", "--help").stdout
    assert "radius must be a number, got 'abc'" in run(
        "check", "lemma-2.8", "--widths", "20,30,1", "-p", "radius=abc", code=2
    ).stderr.replace("\n", " ")


def test_help_and_the_guide_agree_on_how_long_a_reproduction_takes():
    text = re.sub(r"[\s│]+", " ", run("reproduce", "--help").stdout)
    page = Path(__file__).parents[2] / "docs" / "guide" / "statements.md"
    guide = page.read_text(encoding="utf-8")
    assert "for a minute" in text and "half an hour" in text
    assert "in less than a minute on two cores (`--full` in half an hour)" in guide
