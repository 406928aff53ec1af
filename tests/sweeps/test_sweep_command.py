"""Sweeps at the terminal."""

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
import sweep_experiments as ours
from randrelu.cli import app
from sweep_helpers import same

SPEC = """\
experiment = "attack"
trials = 4
seed = 3

[grid]
width = [16, 32]
depth = [1, 2]
"""


def randrelu(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "randrelu", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


class TestCommandLine:
    def test_sweep_show_plot(self, tmp_path):
        (tmp_path / "spec.toml").write_text(SPEC)
        store = tmp_path / "store"
        done = randrelu("sweep", tmp_path / "spec.toml", "--store", store, "--workers", 2)
        assert done.returncode == 0 and "4 points × 4 trials, 0 failed" in done.stdout
        assert not done.stderr  # no bar where there is no terminal
        grid = {"width": [16, 32], "depth": [1, 2]}
        assert same(rr.read_sweep(store), rr.sweep("attack", grid=grid, trials=4, rng=3))
        shown = randrelu("show", store)
        assert "attack, seed 3" in shown.stdout and "4 of 4" in shown.stdout
        assert '"done": 4' in randrelu("show", store, "--json").stdout
        out = tmp_path / "figure.pdf"
        plot = randrelu(
            "plot",
            store,
            "--x",
            "width",
            "--y",
            "relative_norm",
            "--by",
            "depth",
            "--log",
            "--out",
            out,
        )
        assert plot.returncode == 0 and out.read_bytes().startswith(b"%PDF")

    def test_json(self, tmp_path):
        (tmp_path / "spec.toml").write_text(SPEC)
        store, out = tmp_path / "store", tmp_path / "figure.svg"
        done = randrelu("sweep", tmp_path / "spec.toml", "--store", store, "--json")
        assert (
            done.returncode == 0
            and [p["done"] for p in json.loads(done.stdout)["points"]] == [4] * 4
        )
        assert json.loads(randrelu("show", store, "--json").stdout) == json.loads(done.stdout)
        axes = ("--x", "width", "--y", "relative_norm")
        drawn = json.loads(randrelu("plot", store, *axes, "--out", out, "--json").stdout)
        assert drawn["out"] == str(out) and drawn["y"] == "relative_norm" and out.exists()

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("trials = 4", "trials = 0", "line 2, trials: trials must be at least 1"),
            ("trials = 4", "trails = 4", "line 2, trails: unknown"),
            ("trials = 4\n", "", "trials: is missing"),
            ('"attack"', '"atack"', "line 1, experiment: "),
            ("seed = 3", "seed = -3", "line 3, seed: "),
            ("seed = 3", "store = 3", "line 3, store: "),
            ("[16, 32]", "16", "line 6, grid.width: "),
            ("[16, 32]", "[16, -1]", "line 6, grid.width: width must be at least 1, got -1"),
            ("depth = ", "dept = ", "line 7, grid.dept: attack does not take 'dept'"),
            ("depth = [1, 2]", "", "line 5, grid: attack needs width and depth"),
            ("depth = [1, 2]", "depth == [1, 2]", "line 7, column 8"),
            ("[grid]", "[[points]]", "line 6, points[0].width: width must be an integer"),
            ("[grid]", "[other]", "line 5, other: unknown"),
        ],
    )
    def test_a_spec_that_is_wrong(self, tmp_path, old, new, message):
        from randrelu.sweeps.spec import read_spec

        (tmp_path / "spec.toml").write_text(SPEC.replace(old, new))
        with pytest.raises(ValueError, match=re.escape(message)):
            read_spec(tmp_path / "spec.toml")

    def test_the_line_of_a_point(self, tmp_path):
        from randrelu.sweeps.spec import read_spec

        text = 'experiment = "attack"\ntrials = 1\n' + 3 * "[[points]]\nwidth = 8\ndepth = 1\n"
        for old, new, message in (
            ("width", "wide", "line 10, points[2].wide: attack does not take 'wide'"),
            ("depth = 1", "depth = -1", "line 11, points[2].depth: depth must be at least 1"),
            ("depth = 1", "", "line 9, points[2]: attack needs width and depth"),
        ):
            last = text.rindex("[[points]]")
            (tmp_path / "spec.toml").write_text(text[:last] + text[last:].replace(old, new))
            with pytest.raises(ValueError, match=re.escape(message)):
                read_spec(tmp_path / "spec.toml")
        mixed = 'eta = [1.0, "exact"]\n'
        (tmp_path / "spec.toml").write_text(SPEC + mixed)
        with pytest.raises(ValueError, match=re.escape("line 8, grid.eta: eta must have values")):
            read_spec(tmp_path / "spec.toml")

    def test_workers_that_do_not_start(self, tmp_path, monkeypatch, capsys):

        def broken(*_, **__):
            raise RuntimeError("the workers did not start")

        (tmp_path / "spec.toml").write_text(SPEC)
        arguments = ["sweep", str(tmp_path / "spec.toml"), "--store", str(tmp_path / "s")]
        monkeypatch.setattr(sys, "argv", ["randrelu", *arguments])
        monkeypatch.setattr(rr, "sweep", broken)
        with pytest.raises(SystemExit) as end:
            app.main()
        assert end.value.code == 2 and "the workers did not start" in capsys.readouterr().err

    def test_show_says_every_value(self, tmp_path):
        points = [{"a": 1, "b": "x[/b]y"}, {"a": 1, "b": "p[red]q"}]
        rr.sweep(ours.cheap, points=points, trials=1, rng=0, store=tmp_path / "words")
        shown = randrelu("show", tmp_path / "words").stdout
        assert "x[/b]y" in shown and "p[red]q" in shown
        rr.sweep(ours.cheap, points=[{"a": np.inf}], trials=1, rng=0, store=tmp_path / "inf")
        assert '"a": "inf"' in randrelu("show", tmp_path / "inf", "--json").stdout

    def test_bad_usage(self, tmp_path):
        (tmp_path / "spec.toml").write_text(SPEC)
        lost = randrelu("sweep", tmp_path / "spec.toml")
        assert lost.returncode == 2 and "--store is missing" in lost.stderr
        wrong = randrelu("show", tmp_path)
        assert wrong.returncode == 2 and "no store of a sweep" in wrong.stderr

    def test_failures_are_an_exit_code(self, tmp_path):
        spec = 'experiment = "lemma-c.1"\ntrials = 1\n[[points]]\nrows = 0\n[[points]]\nrows = 5\n'
        (tmp_path / "spec.toml").write_text(spec)
        done = randrelu("sweep", tmp_path / "spec.toml", "--store", tmp_path / "s")
        assert done.returncode == 1 and "rows must be at least 1" in done.stderr
        assert "1 of 1" in randrelu("show", tmp_path / "s").stdout

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_ctrl_c(self, tmp_path, workers):
        (tmp_path / "spec.toml").write_text(SPEC.replace("trials = 4", "trials = 100_000"))
        arguments = ["sweep", "spec.toml", "--store", "s", "--workers", workers]
        process = subprocess.Popen(
            [sys.executable, "-m", "randrelu", *arguments],
            cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            while not list(tmp_path.glob("s/trials/*.parquet")):
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=30)  # a hang fails; slowness need not
        finally:
            process.kill()
        assert process.returncode == 130
        assert error.strip() == "stopped; the same command goes on from s"

    def test_a_bar_on_a_terminal(self, tmp_path):
        import pty

        (tmp_path / "spec.toml").write_text(SPEC.replace("trials = 4", "trials = 400"))
        parent, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "randrelu", "sweep", "spec.toml", "--store", "s"], cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=terminal,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )  # fmt: skip
        os.close(terminal)
        seen = b""
        while True:
            try:
                piece = os.read(parent, 4096)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        assert process.wait() == 0
        assert b"1600" in seen
