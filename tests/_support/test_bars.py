"""Where a bar is shown, and what it says; see tests/notebooks for that of a real notebook."""

import io
import sys
import types

import pytest
import randrelu as rr
from randrelu._support import bars, notebook


class Terminal(io.StringIO):
    def isatty(self):
        return True


def at_terminal(monkeypatch):
    """Return what standard error is from now on; in a fixture pytest would take it back."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return made


def count_to(number, progress=None):
    with bars.shown(progress, "steps") as show:
        for done in range(number + 1):
            show(done, number)


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    terminal = at_terminal(monkeypatch)
    count_to(30)
    assert "steps" in terminal.getvalue() and "30/30" in terminal.getvalue()


def test_the_caller_is_told_instead(monkeypatch):
    terminal = at_terminal(monkeypatch)
    told = []
    count_to(2, lambda *at: told.append(at))
    assert told == [(0, 2), (1, 2), (2, 2)] and not terminal.getvalue()


def test_elsewhere_there_is_none(capfd):
    count_to(3)
    assert capfd.readouterr() == ("", "")


def test_a_sweep_has_one(monkeypatch):
    terminal = at_terminal(monkeypatch)
    rr.sweep("attack", grid={"width": [8], "depth": [1]}, trials=4, rng=0)
    assert "trials" in terminal.getvalue() and "4/4" in terminal.getvalue()


class Display:
    """What IPython's display makes, without a kernel."""

    def __init__(self):
        self.pictures = []

    def display(self, data, *, raw, display_id):
        assert raw and display_id
        self.pictures.append(data)
        return self

    def update(self, data, *, raw):
        assert raw
        self.pictures.append(data)


@pytest.fixture
def display(monkeypatch):
    made = Display()
    shell = types.SimpleNamespace(kernel=None)
    ipython = types.SimpleNamespace(get_ipython=lambda: shell, display=made)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return made


def test_ipython_at_a_terminal_is_no_notebook(monkeypatch, display):
    assert notebook.is_running()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: types.SimpleNamespace())
    assert not notebook.is_running()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)
    assert not notebook.is_running()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.is_running()


def test_the_bar_of_a_notebook_has_the_time_that_remains(monkeypatch, display):
    clock = iter([100.0, 100.01, 110.0, 5200.0, 5200.05])
    monkeypatch.setattr(notebook.time, "monotonic", lambda: next(clock))
    with bars.shown(None, "steps") as show:
        for done in (20, 21, 30, 90, 100):
            show(done, 100)
    htmls = [picture.get("text/html") for picture in display.pictures]
    # 10 steps took 10 s, so 70 are left in 70 s; 70 took 5100 s.
    assert htmls == [
        None,
        '<progress value="20" max="100"></progress> 20 of 100 steps',
        '<progress value="30" max="100"></progress> 30 of 100 steps, 0:01:10 left',
        '<progress value="90" max="100"></progress> 90 of 100 steps, 0:12:09 left',
        '<progress value="100" max="100"></progress> 100 of 100 steps, 0:00:00 left',
        "",
    ]


def test_the_bar_is_gone_after_an_error_too(display):
    def stopped():
        with bars.shown(None, "<b>") as show:
            show(1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert "&lt;b&gt;" in display.pictures[1]["text/html"]
    assert display.pictures[-1]["text/html"] == ""
