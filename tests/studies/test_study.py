"""What every study does: it runs its sweeps, says what they found, and can be stopped."""

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import randrelu as rr
from randrelu.cli import app
from randrelu.figures.style import canvas
from randrelu.studies import named, run
from randrelu.studies.kind import Conclusion, Finding, Kind, Part
from randrelu.sweeps.spec import read_spec


def draw(sizes):
    figure, axes = canvas("network", "size of the step")
    axes.plot(sizes)
    return figure


def conclude(tables):
    sizes = tables["steps"]["relative_norm"]
    counted = {
        "median": float(np.median(sizes)), "none": float("nan"), "networks": sizes.size,
        "dims": np.unique(tables["steps"]["dim"]),
    }  # fmt: skip
    finding = Finding(
        "sizes", "Sizes <small>", f"The median of x^{{2}} is {np.median(sizes):.3g}.", counted,
        partial(draw, sizes), "Somebody says so.",
    )  # fmt: skip
    return Conclusion("It is small.", (finding,), ("It shows nothing about d > 9.",))


def parts(full, *, dim=9, broken=False):
    points = tuple({"dim": d, "width": 20, "depth": 1} for d in (4, dim))
    second = ({"widths": [3, 5, 1], "radius": 0.1},)
    if broken:
        second = ({"widths": [3, 5, 1], "radius": 0.1, "storage": "stored", "samples": 2**31 - 1},)
    return (
        Part("steps", "attack", points, 7 if full else 5),
        Part("balls", "flips", second, 3),
    )


TOY = Kind("depth", "A toy & more", "Is f_{i} small?", parts, conclude, ("Networks are drawn.",))


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(run, "named", lambda name: TOY)


def test_a_study_writes_a_page_tables_figures_and_numbers(toy, tmp_path):
    calls = []
    found = rr.study("depth", tmp_path / "out", rng=3, progress=lambda *c: calls.append(c))
    assert calls[-1] == (13, 13) and [c[0] for c in calls] == sorted(c[0] for c in calls)
    results = json.loads(found.page.with_name("results.json").read_text())
    assert results == json.loads(json.dumps(results, allow_nan=False)) and results["finished"]
    finding = results["findings"]["sizes"]
    table = pq.read_table(tmp_path / "out/tables/steps.parquet")
    assert table.num_rows == 10 and pq.read_table(tmp_path / "out/tables/balls.parquet").num_rows
    assert finding["numbers"]["median"] == np.median(table["relative_norm"].to_numpy())
    assert finding["numbers"]["none"] is None and finding["numbers"]["dims"] == [4, 9]
    for file in finding["files"]:
        assert (tmp_path / "out" / file).stat().st_size > 1000
    page = found.page.read_text()
    for text in ("It is small.", "A toy &amp; more", "Sizes &lt;small&gt;", "x<sup>2</sup>",
                 "Somebody says so.", "d &gt; 9", "randrelu study depth --seed 3",
                 "Networks are drawn."):  # fmt: skip
        assert text in page, text
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and page.count("<svg") == page.count('role="img"') == 1
    assert set(re.findall(r'(?:labelledby="|url\(#|href="#)([^")]+)', page)) <= set(ids)
    assert not re.search(r'(src|href)="(https?:|/)', page) and "<script" not in page
    for pointer in re.findall(r'data-key="([^"]+)"', page):
        value = results
        for key in pointer.strip("/").split("/"):
            value = value[key]
    assert found.to_frame()["slug"].tolist() == ["sizes"] and "1 findings" in repr(found)


def test_a_notebook_shows_the_answer_and_the_findings(toy, tmp_path):
    html = rr.study("depth", tmp_path / "out", rng=3)._repr_html_()
    assert "It is small." in html and "Sizes &lt;small&gt;" in html and "<small>" not in html


def test_the_same_seed_gives_the_same_numbers_with_any_executor(toy, tmp_path):
    one, two = (
        rr.study("depth", tmp_path / name, rng=3, executor=executor)
        for name, executor in (("a", None), ("b", 2))
    )
    for slug in ("steps", "balls"):
        assert one.sweeps[slug].to_arrow().equals(two.sweeps[slug].to_arrow())
    other = rr.study("depth", tmp_path / "c", rng=4)
    assert not one.sweeps["steps"].to_arrow().equals(other.sweeps["steps"].to_arrow())


def test_a_folder_keeps_its_seed_and_a_full_run_adds_to_it(toy, tmp_path):
    quick = rr.study("depth", tmp_path)
    full = rr.study("depth", tmp_path, full=True)
    assert full.seed == quick.seed
    rows = quick.sweeps["steps"].to_arrow().to_pylist()
    more = full.sweeps["steps"].to_arrow().to_pylist()
    assert len(more) == 14 and all(row in more for row in rows)


def test_a_stopped_study_goes_on_where_it_was(toy, tmp_path):
    def stop(done, total):
        if done >= 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rr.study("depth", tmp_path / "a", rng=3, progress=stop)
    assert json.loads((tmp_path / "a/results.json").read_text())["finished"] is False
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "a/sweeps/steps").rglob("*.parquet")}
    assert before
    resumed = rr.study("depth", tmp_path / "a")  # the folder has the seed
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    whole = rr.study("depth", tmp_path / "b", rng=3)
    for slug in ("steps", "balls"):
        assert resumed.sweeps[slug].to_arrow().equals(whole.sweeps[slug].to_arrow())


def test_a_grid_runs_by_itself_into_the_same_store(toy, tmp_path):
    found = rr.study("depth", tmp_path / "a", rng=3)
    spec = read_spec(tmp_path / "a/sweeps/steps.toml")
    alone = rr.sweep(
        spec.experiment, points=spec.points, trials=spec.trials, rng=spec.rng,
        store=tmp_path / "store",
    )  # fmt: skip
    assert alone.to_arrow().equals(found.sweeps["steps"].to_arrow())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "depht"}, ValueError, r"name must be one of 'depth', 'width', 'training'"),
        ({"data": "digits"}, TypeError, "'depth' does not take 'data'; it takes dim, broken"),
        ({"rng": 4}, ValueError, "belongs to the seed 3, got 4; choose another folder"),
        ({"out": "other"}, ValueError, "belongs to the study 'width', got 'depth'"),
        ({"out": "report"}, ValueError, r"results\.json must be of a study.*another folder"),
        ({"out": "file"}, OSError, "out must be a folder"),
    ],
)
def test_what_cannot_be_run_is_named_and_nothing_is_lost(
    monkeypatch, tmp_path, change, error, message
):
    monkeypatch.setattr(run, "named", lambda name: TOY if name == "depth" else named.named(name))
    rr.study("depth", tmp_path / "ours", rng=3)
    for name, content in (("other", {"study": "width", "seed": 3}), ("report", {"runs": {}})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(content))
    (tmp_path / "file").write_text("mine")
    before = everything(tmp_path)
    given = {"name": "depth", "rng": 3, **change}
    given["out"] = tmp_path / given.get("out", "ours")
    with pytest.raises(error, match=message):
        rr.study(**given)
    assert before == everything(tmp_path)


def everything(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_trials_that_fail_are_listed_and_a_part_without_rows_has_no_answer(toy, tmp_path):
    found = rr.study("depth", tmp_path, rng=3, broken=True)
    assert found.conclusion is None and "every trial failed of balls" in found.answer
    assert found.failures and "MemoryError" in found.page.read_text()
    assert json.loads((tmp_path / "results.json").read_text())["sweeps"]["balls"]["failed"] == 3
    assert rr.study("depth", tmp_path, rng=3).conclusion is not None  # the rest was kept


def test_a_conclusion_that_fails_loses_nothing(monkeypatch, tmp_path):
    def fails(tables):
        raise ArithmeticError("no conclusion")

    monkeypatch.setattr(run, "named", lambda name: replace(TOY, conclude=fails))
    with pytest.raises(ArithmeticError, match="no conclusion"):
        rr.study("depth", tmp_path, rng=3)
    assert pq.read_table(tmp_path / "tables/steps.parquet").num_rows == 10
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("sweeps/*/trials/*.parquet")}
    monkeypatch.setattr(run, "named", lambda name: TOY)
    assert rr.study("depth", tmp_path).answer == "It is small."
    assert all(path.stat().st_mtime_ns == when for path, when in before.items()) and before


def test_a_folder_has_one_run_at_a_time(toy, tmp_path):
    refused = []

    def another(done, total):
        with pytest.raises(BlockingIOError, match=r"the folder .* process \d+; wait for it") as e:
            rr.study("depth", tmp_path)
        refused.append(e)

    rr.study("depth", tmp_path, rng=3, progress=another)
    assert refused and rr.study("depth", tmp_path).seed == 3


def test_a_generator_is_drawn_from_once(toy, tmp_path):
    first = rr.study("depth", tmp_path, rng=np.random.default_rng(5))
    assert rr.study("depth", tmp_path, rng=np.random.default_rng(5)).seed == first.seed


def test_options_are_kept_as_plain_values(toy, tmp_path):
    found = rr.study("depth", tmp_path, rng=3, dim=np.int64(7), broken=None)
    assert found.options == {"dim": 7}
    assert found.command == "randrelu study depth --dim 7 --seed 3"
    assert json.loads((tmp_path / "results.json").read_text())["options"] == {"dim": 7}


def run_command(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["randrelu", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    return ended.value.code


def test_the_command_says_what_was_found(toy, monkeypatch, tmp_path, capsys):
    assert run_command(monkeypatch, "study", "depth", "--out", tmp_path / "a", "--seed", 3) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "It is small." in said and "It shows nothing about d > 9." in said
    assert run_command(monkeypatch, "study", "depth", "--out", tmp_path / "a", "--json") == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 3
    assert run_command(monkeypatch, "study", "depth", "--out", tmp_path / "a", "--seed", 4) == 2
    assert "belongs to the seed 3" in " ".join(capsys.readouterr().err.split())
    assert run_command(monkeypatch, "study", "deep", "--out", tmp_path / "a") == 2
    assert run_command(monkeypatch, "study", "depth", "--data", "digits") == 2
    assert run_command(
        monkeypatch, "study", "width", "--workers", 2, "--scheduler", "tcp://x", "--out", tmp_path
    ) == 2  # fmt: skip


def test_ctrl_c_stops_a_study_and_says_how_it_goes_on(tmp_path):
    command = [sys.executable, "-m", "randrelu", "study", "depth", "--out", str(tmp_path / "a")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("a/sweeps/*/trials/*.parquet")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "the same command goes on" in said
    assert list(tmp_path.glob("a/sweeps/*/trials/*.parquet"))
