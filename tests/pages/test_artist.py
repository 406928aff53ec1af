"""The process that draws: its figures are those drawn here, and an error in it is told."""

import os
import subprocess
import sys
from functools import partial

import pytest
import randrelu as rr
from randrelu import checks
from randrelu.checks.statement import PlanRow, Statement
from randrelu.figures.style import stacked
from randrelu.pages.artist import Artist
from randrelu.pages.draw import draw
from randrelu.reproduction import run as reproduction
from randrelu.reproduction.plan import Run

SMALL = {"widths": (20, 30, 1), "trials": 12}


class Dies:
    """A figure that ends the process that is to draw it."""

    def __reduce__(self):
        return os._exit, (3,)

    def __call__(self, check):
        """Draw the check, which is never called."""


def test_it_draws_what_is_drawn_here():
    figure_of = checks.STATEMENTS["lemma-2.2"].figure
    make = partial(figure_of, rr.check("lemma-2.2", rng=1, **SMALL))
    with Artist() as artist:
        assert artist.draw(make).result() == draw(make)


def test_words_have_no_markup_and_every_panel_its_axis():
    def make():
        figure, (upper, _) = stacked("width", ["size", "share"])
        upper.plot([1, 2], label="fit of\nthese: d$^{0.5}$")
        return figure

    assert draw(make).words == "Size against width: fit of these: d^0.5. Share against width."


def test_an_error_is_told_and_stops_no_other_figure(capfd):
    figure_of = checks.STATEMENTS["lemma-2.2"].figure
    make = partial(figure_of, rr.check("lemma-2.2", rng=1, **SMALL))
    with Artist() as artist:
        asked = [artist.draw(m) for m in (partial(print, "no answer"), partial(int, "x"), make)]
        asked += [artist.draw(lambda: None), artist.draw(make)]
        printed, raised, drawn, local, again = (one.result() for one in asked)
    assert printed.startswith("AttributeError: ") and "no answer" in capfd.readouterr().err
    assert raised == "ValueError: invalid literal for int() with base 10: 'x'"
    assert "pickle" in local and drawn == again == draw(make)


def test_a_process_that_dies_fails_its_run_and_the_rest_is_written(monkeypatch, tmp_path):
    small = PlanRow("Lemma 2.2", SMALL, SMALL)
    statement = checks.STATEMENTS["lemma-2.2"]
    dies = Statement("dies", statement.claim, statement.run, statement.may, Dies())
    monkeypatch.setitem(checks.STATEMENTS, "lemma-2.2", dies)
    monkeypatch.setattr(reproduction, "PLAN", (Run("lemma-2.2", small),))
    monkeypatch.setattr(reproduction.lead, "pictures", lambda *_: ())
    report = rr.reproduce(tmp_path, rng=1)
    (outcome,) = report.failed
    assert outcome.error == "the process that draws the figures has ended, with 3"
    assert outcome.check is not None and outcome.files == ("trials/lemma-2.2.parquet",)
    assert outcome.error in report.page.read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_it_ends_when_the_process_that_asked_is_killed():
    code = """
import os, signal
from randrelu.pages.artist import Artist
Artist().draw(int).result()
os.kill(os.getpid(), signal.SIGKILL)
"""
    # Both have the same standard error, which is read until both have ended.
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == -9 and done.stderr == b""
