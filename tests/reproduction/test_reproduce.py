"""The reproduction: a page and files that say what the checks found, whatever happens to one."""

import dataclasses
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser

import numpy as np
import pyarrow.parquet as pq
import pytest
import randrelu as rr
from randrelu import checks
from randrelu.checks import words
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statement import PlanRow, Statement
from randrelu.cli import app, options
from randrelu.figures.style import COLORS
from randrelu.reproduction import lead
from randrelu.reproduction import run as reproduction
from randrelu.reproduction.plan import PLAN, Run
from randrelu.reproduction.report import Outcome, summary
from randrelu.reproduction.sections import by_section

SMALL = {"widths": (20, 30, 1), "trials": 12}
THEOREM = Run("theorem-1.1", PlanRow("Theorem 1.1 <small> & fast", SMALL, {**SMALL, "trials": 15}))
LEMMA = Run("lemma-2.2", PlanRow("Lemma 2.2", SMALL, SMALL, label="a second"))
RAISES = Run("raises", PlanRow("Too large", {"widths": (3, 1)}, {"widths": (3, 1)}))
VIOLATED = Run("violated", PlanRow("Violated", {}, {}))
FIGURE_1 = {"dim": 30, "hidden": (3, 10, 20), "runs": 4, "method": ("solve", "solve", "law")}
FIGURE = Run("figure-1", PlanRow("Figure 1", FIGURE_1, FIGURE_1))
FEW = lead.Settings((20, 30, 30, 1), 1, {10: 12, 20: 9, 40: 6}, (8,), (1, 3), 7)
VOID = {"meta", "link", "br", "hr", "img"}


def too_large(*, widths, rng=None, threads=None, progress=None):
    raise MemoryError(f"widths {widths} <need> more than there is")


def false_claim(*, rng=None):
    """A check without threads or progress, of a claim that is wrong; not every number is finite."""
    return Check(
        "violated", "1 > 2.", {"rng": rng}, Hypothesis("nothing", "that", met=True),
        (Measurement("1 > 2", 0.0, 0.0, 0.1, (0, 40)), Measurement("how far", np.inf)),
        "violated", {"number": np.array([1.0, np.inf, np.nan])},
    )  # fmt: skip


@pytest.fixture
def plan(monkeypatch):
    for statement in (
        Statement("raises", "There is enough memory.", too_large, ()),
        Statement("violated", "1 > 2.", false_claim, ("violated",)),
    ):
        monkeypatch.setitem(checks.STATEMENTS, statement.name, statement)

    monkeypatch.setattr(lead, "QUICK", FEW)
    monkeypatch.setattr(lead, "FULL", FEW)

    def choose(*runs):
        monkeypatch.setattr(reproduction, "PLAN", runs)

    choose(THEOREM, RAISES, VIOLATED, LEMMA)
    return choose


class Page(HTMLParser):
    """What a page holds, once every tag was closed in order."""

    def __init__(self, path):
        super().__init__()
        self.open, self.ids, self.links, self.headings, self.headers = [], [], [], [], []
        self.keyed, self.keyless, self._keys = [], [], []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)
            given = dict(attributes)
            self._keys.append(given.get("data-key"))
            if self._keys[-1]:
                self.keyed.append([self._keys[-1], ""])
            elif given.get("class") == "number":
                self.keyless.append(tag)

    def handle_startendtag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.links += re.findall(r"url\((.*?)\)", " ".join(v or "" for v in given.values()))
        self.headings += [int(tag[1])] if re.fullmatch(r"h\d", tag) else []
        self.headers += [given.get("scope")] if tag == "th" else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._keys.pop()

    def handle_data(self, data):
        if any(self._keys):
            self.keyed[-1][1] += data


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_page_stands_alone_and_its_links_lead_somewhere(plan, tmp_path):
    report = rr.reproduce(tmp_path, rng=1)
    page = Page(report.page)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert (tmp_path / link).is_file()
    assert "http" not in page.text and "@import" not in page.text and "<script" not in page.text
    # Headings go down one level at a time; every table header says what it heads.
    assert page.headings[0] == 1 and (np.diff(page.headings) <= 1).all()
    assert page.headings.count(1) == 1 and set(page.headers) == {"col", "row", "rowgroup"}
    assert '<html lang="en">' in page.text and "width=device-width" in page.text
    assert page.text.count("<svg role=") == page.text.count("<figcaption") == 5


def test_the_page_says_what_the_checks_found(plan, tmp_path):
    report = rr.reproduce(tmp_path, rng=1)
    text = re.sub(r"<su[bp]>", "", report.page.read_text(encoding="utf-8"))
    theorem, raised, violated, _ = report.outcomes
    flipped = theorem.check.measurements[0]
    assert f"{flipped.count[0]} of 12" in text and f"[{flipped.low:.4f}, " in text
    assert "Theorem 1.1 &lt;small&gt; &amp; fast" in text
    assert "MemoryError: widths (3, 1) &lt;need&gt; more than there is" in text
    assert raised.check is None and report.failed == (raised,)
    assert report.violated == (violated,) and "1 violated although the hypothesis is met" in text
    assert "of 2 is open or not met, and the conclusion violated in none" in summary(report)
    wrong = dataclasses.replace(theorem.check, conclusion="violated")
    outcomes = (dataclasses.replace(theorem, check=wrong), *report.outcomes[1:])
    assert "violated in theorem-1.1." in summary(dataclasses.replace(report, outcomes=outcomes))
    assert "randrelu reproduce --seed 1" in text and rr.__version__ in text
    # A run's command repeats its check.
    command = re.search(r"<code>randrelu (check theorem-1.1 .*?)</code>", text)[1]
    done = subprocess.run(
        [sys.executable, "-m", "randrelu", *command.split(), "--json"],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert json.loads(done.stdout) == json.loads(json.dumps(theorem.check.to_dict()))


def test_every_number_of_the_page_is_keyed_to_the_results(plan, tmp_path):
    plan(THEOREM, RAISES, VIOLATED, LEMMA, FIGURE)
    page = Page(rr.reproduce(tmp_path, rng=1).page)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert page.keyless == [] and len(page.keyed) > 60
    for key, text in page.keyed:
        text = text.replace("\N{NO-BREAK SPACE}", " ")  # which keeps an interval whole
        value = results
        for part in key[1:].split("/"):
            value = value[int(part) if isinstance(value, list) else part]
        if isinstance(value, dict):  # a measurement, or its interval
            ends = re.fullmatch(r"\[(.*), (.*)\]", text)
            if ends is not None:
                pairs = [(ends[1], value["low"]), (ends[2], value["high"])]
            elif text == "":
                pairs = []
                assert value["low"] is None
            elif value["count"] is not None:
                pairs = []
                assert text == "{} of {}".format(*value["count"])
            else:
                pairs = [(text, value["value"])]
            for shown, number in pairs:
                if number is None:
                    assert shown in ("∞", "−∞", "undefined", "none does")
                else:  # four digits of it
                    assert float(shown) == pytest.approx(number, rel=5.1e-4, abs=5.1e-5)
        elif isinstance(value, float):
            assert abs(float(text) - value) <= 0.051  # a decimal of seconds
        else:
            assert text == re.sub(r"\^\{(.*?)\}", r"\1", str(value))


def test_the_page_is_arranged_by_the_sections_of_the_paper():
    runs = [Outcome(run, 0.0, None, None, (), None) for run in PLAN]
    found = by_section(runs)
    assert [o for section in found for o in section.outcomes] == runs  # in the paper's order
    names = {s.slug: {o.run.statement for o in s.outcomes} for s in found}
    assert list(names) == [f"section-{name}" for name in "123abcd"]
    assert {"theorem-1.1", "theorem-1.1-scaling"} <= names["section-1"]
    assert {"lemma-2.1", "gd-decomp", "nn-decomp"} <= names["section-2"]
    assert {"lemma-a.4"} <= names["section-a"] and {"fact-b.2"} <= names["section-b"]
    assert {"corollary-c.4", "lemma-c.6"} <= names["section-c"]
    assert names["section-d"] >= {"figure-1"}


def test_a_command_gives_every_parameter_back():
    given = {
        "widths": (3, 2, 1), "ks": (5,), "grid": ((1, 2), (3, 4)), "name": "a b", "on": True,
        "x": (-0.5, 1e-30),
    }  # fmt: skip
    check = Check("s", "", {**given, "eta": None, "rng": 7}, Hypothesis("", "", True),
                  (), "holds", {})  # fmt: skip
    said = shlex.split(words.command(check))
    assert said[:5] == ["randrelu", "check", "s", "--widths", "3,2,1"]
    assert said[-2:] == ["--seed", "7"] and said[5:-2:2] == ["-p"] * 5
    assert {"widths": (3, 2, 1), **options.parameters(said[6:-2:2])} == given


def test_the_figures_take_their_colours_from_the_page(plan, tmp_path):
    report = rr.reproduce(tmp_path, rng=1)
    page = report.page.read_text(encoding="utf-8")
    style, body = page.split("</style>", 1)
    for name, color in COLORS.items():
        assert style.count(f"--{name}:") == 3 and color not in body  # light, dark, print
    assert "#000000" not in body
    assert (tmp_path / "figures/theorem-1.1.png").read_bytes().startswith(b"\x89PNG")


def test_trials_and_results_read_back(plan, tmp_path):
    report = rr.reproduce(tmp_path, rng=1)
    results = json.loads(
        (tmp_path / "results.json").read_text(encoding="utf-8"), parse_constant=pytest.fail
    )
    assert list(results["runs"]) == ["theorem-1.1", "raises", "violated", "lemma-2.2-a-second"]
    for outcome in report.outcomes:
        found = results["runs"][outcome.run.slug]
        assert all((tmp_path / name).is_file() for name in found["files"])
        if outcome.check is None:
            assert found["check"] is None and found["error"].startswith("MemoryError: ")
            continue
        assert found["check"] == json.loads(json.dumps(outcome.check.to_dict()))
        table = pq.read_table(tmp_path / f"trials/{outcome.run.slug}.parquet")
        assert table.column_names == list(outcome.check.trials)
        for name, values in outcome.check.trials.items():
            read = table[name].to_numpy()
            assert read.dtype == values.dtype
            np.testing.assert_array_equal(read, values)
        metadata = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
        assert metadata["statement"] == outcome.check.statement
        assert json.loads(metadata["parameters"]) == found["check"]["parameters"]
        assert int(metadata["seed"]) == outcome.check.parameters["rng"] < 2**53
        assert metadata["randrelu"] == rr.__version__
    assert len(report.to_frame()) == 4


def test_same_seed_same_files_and_a_row_more_changes_no_other(plan, tmp_path):
    plan(THEOREM, LEMMA)
    rr.reproduce(tmp_path / "a", rng=5)
    rr.reproduce(tmp_path / "b", rng=5, threads=1)
    rr.reproduce(tmp_path / "other", rng=6)
    plan(RAISES, LEMMA, VIOLATED, THEOREM)
    rr.reproduce(tmp_path / "c", rng=5)
    a, b, c, other = (files_of(tmp_path / name) for name in ("a", "b", "c", "other"))
    runs, leads = {}, {}
    for name, files in (("a", a), ("b", b), ("c", c)):
        results = json.loads(files["results.json"])
        runs[name], leads[name] = results["runs"], results["lead"]
        for run in runs[name].values():
            del run["seconds"]
    kept = [name for name in a if name.startswith(("trials", "figures"))]
    assert len(kept) == 12  # trials and a figure in two formats of each run, and three pictures
    for name in kept:
        assert a[name] == b[name] == c[name] != other[name]
    assert [name for name in kept if "lead" in name]
    assert runs["a"] == runs["b"] == {slug: runs["c"][slug] for slug in runs["a"]}
    assert leads["a"] == leads["b"] == leads["c"] and len(leads["a"]) == 3


def test_full_runs_at_length(plan, tmp_path):
    report = rr.reproduce(tmp_path, full=True, rng=1)
    assert report.outcomes[0].check.parameters["trials"] == 15
    assert "randrelu reproduce --full --seed 1" in report.page.read_text(encoding="utf-8")


def test_progress_tells_every_run(plan, tmp_path):
    seen = []
    rr.reproduce(tmp_path, rng=1, progress=seen.append)
    ends = [s for s in seen if s.outcome is not None]
    assert [s.run for s in ends] == [THEOREM, RAISES, VIOLATED, LEMMA]
    assert [s.number for s in ends] == [1, 2, 3, 4] and {s.of for s in seen} == {4}
    assert (12, 12) in [(s.done, s.total) for s in seen if s.run is THEOREM]


def test_on_a_terminal_a_bar_counts_the_runs(plan, tmp_path, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    plan(THEOREM, VIOLATED)
    rr.reproduce(tmp_path / "out", rng=1)
    assert "runs" in terminal.getvalue() and "2/2" in terminal.getvalue()


@pytest.mark.parametrize(
    ("runs", "code"),
    [((THEOREM,), 0), ((THEOREM, RAISES), 1), ((VIOLATED,), 3), ((RAISES, VIOLATED), 3)],
)
def test_exit_codes_a_line_a_run_and_a_table(plan, tmp_path, monkeypatch, capsys, runs, code):
    plan(*runs)
    arguments = ["randrelu", "reproduce", "--out", str(tmp_path / "out"), "--seed", "1"]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stopped:
        app.main()
    out = capsys.readouterr().out.splitlines()
    assert stopped.value.code == code
    assert [line.split(":")[0] for line in out[: len(runs)]] == [run.name for run in runs]
    assert out[-1] == f"The report is {tmp_path / 'out' / 'report.html'}"
    assert ("violated although" in out[-2]) == (VIOLATED in runs)
    top = next(i for i, line in enumerate(out) if line.split()[:2] == ["statement", "measured,"])
    results = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))["runs"]
    for run in runs:
        at = next(i for i, line in enumerate(out) if i > top and line.split()[:1] == [run.name])
        row = out[at]
        if run is RAISES:
            assert "MemoryError" in row and "failed" in row
            continue
        first, verdict = (results[run.slug]["check"][k] for k in ("measurements", "verdict"))
        assert "{} of {}".format(*first[0]["count"]) in row and first[0]["name"] in row
        below = " ".join(out[at + 1 : at + 3])
        assert f"[{first[0]['low']:.4f}, {first[0]['high']:.4f}]" in below and verdict in row


def test_json_is_the_results_alone(plan, tmp_path, monkeypatch, capsys):
    plan(THEOREM, VIOLATED)
    arguments = ["randrelu", "reproduce", "--out", str(tmp_path / "out"), "--seed", "1", "--json"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        app.main()
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert stopped.value.code == 3
    assert found.pop("page") == str(tmp_path / "out/report.html")
    assert found == json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))
    ended = [line.split(":")[0] for line in printed.err.splitlines()]
    assert ended == [THEOREM.name, VIOLATED.name]


def test_a_notebook_shows_a_row_for_each_run(plan, tmp_path):
    report = rr.reproduce(tmp_path / "out", rng=1)
    html = report._repr_html_()
    assert html.count("<tr>") == 1 + 4 and "violated although" in html
    assert "Theorem 1.1" not in html and "theorem-1.1" in html and "failed" in html


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_runs(plan, tmp_path):
    (tmp_path / "file").write_text("")
    seen = []
    for place in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(OSError, match="out must be a folder that can be written to"):
            rr.reproduce(place, progress=seen.append)
    assert seen == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder_is_refused(plan, tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(PermissionError, match="out must be a folder that can be written to"):
        rr.reproduce(tmp_path / "out")


@pytest.mark.parametrize("missing", ["pyarrow", "jinja2"])
def test_a_missing_extra_is_told_before_anything_runs(tmp_path, missing):
    code = f"""
import sys
import randrelu as rr
sys.modules[{missing!r}] = None
try:
    rr.reproduce("out", progress=print)
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert re.fullmatch(r".*: pip install 'randrelu\[report\]'\n", done.stdout), done.stderr
    assert missing in done.stdout.lower() and not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_what_was_finished_before_ctrl_c_is_kept(tmp_path):
    code = """
import sys
import randrelu.cli.app
from randrelu.checks.statement import PlanRow
from randrelu.reproduction.plan import Run
small, endless = ({"widths": (20, 30, 1), "trials": n} for n in (5, 10**8))
randrelu.reproduction.run.PLAN = (
    Run("lemma-2.2", PlanRow("first", small, small)),
    Run("lemma-2.2", PlanRow("second", endless, endless, label="endless")),
)
sys.argv = ["randrelu", "reproduce", "--out", "out", "--seed", "1"]
randrelu.cli.app.main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline().startswith("lemma-2.2: ")
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to what it started, too
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    # Its standard error has ended, so the process that draws, which has the same, has, too.
    assert process.returncode == 130 and "Traceback" not in errors and "out" in errors
    results = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))
    assert list(results["runs"]) == ["lemma-2.2"] and results["left"] == ["lemma-2.2 (endless)"]
    assert "Not run: lemma-2.2 (endless)" in Page(tmp_path / "out/report.html").text
    assert not [p for p in tmp_path.rglob("*") if p.suffix == ".part"]


def test_the_plan_runs_statements_that_exist_with_parameters_that_they_take():
    import inspect

    assert len({run.slug for run in PLAN}) == len(PLAN)
    for run in PLAN:
        for full in (False, True):
            check = checks.STATEMENTS[run.statement].run
            bound = inspect.signature(check).bind(**run.parameters(full))
            assert "rng" not in bound.arguments and run.seed(1, full) != run.seed(2, full)
    assert list(dict.fromkeys(run.statement for run in PLAN)) == list(checks.STATEMENTS)


def test_what_is_run_keeps_its_seed():
    """A reproduction with a seed gives the same numbers as ever; these were the first it gave."""
    seeds = {run.name: (run.seed(1, False), run.seed(1, True)) for run in PLAN}
    assert seeds["theorem-1.1"] == (2328310358138226, 4005611389771179)
    assert seeds["theorem-1.1-scaling (wide)"] == (4544159829608603, 8417764782928202)
    assert seeds["lemma-2.8 (bottleneck)"] == (3192236027342853, 6421936939888694)
    assert seeds["lemma-3.2"] == (834690292653952, 8616528065458035)
    assert seeds["figure-1"] == (4005268298981408, 5510580813448997)
