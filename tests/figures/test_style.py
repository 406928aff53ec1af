"""The drawing kit without Matplotlib, and the names that figures are saved under."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import randrelu as rr
from randrelu.figures import style


def test_checks_and_the_kit_do_not_load_matplotlib():
    code = (
        "import sys, randrelu as rr, randrelu.pages.draw, randrelu.figures.flips\n"
        "rr.check('lemma-2.5', widths=(5, 4, 1), trials=2)\n"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


@pytest.fixture
def without_matplotlib(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


def test_what_draws_says_which_extra_it_needs(without_matplotlib, tmp_path):
    net, x = rr.Network.random((5, 4, 1), rng=0), np.ones(5)
    for draw in (
        rr.line(net, x, x, 1.0).plot,
        rr.figure_1(5, (2, 3), 2, rng=0).plot,
        style.canvas,
        lambda: style.require_format(Path("a.png")),
    ):
        with pytest.raises(ImportError, match=r"figures need Matplotlib.*randrelu\[plot\]"):
            draw()
    with pytest.raises(ImportError, match=r"figures need Matplotlib.*randrelu\[report\]"):
        rr.reproduce(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a.xyz", "a", "png"])
def test_other_formats_are_refused(name):
    with pytest.raises(ValueError, match=r"plot must end in one of \.png, \.svg, \.pdf, got"):
        style.require_format(Path(name))
    style.require_format(Path("a.b.svg"))
