"""What holds for every statement of the registry."""

import inspect
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from randrelu import check, figure_1
from randrelu.checks import STATEMENTS, words
from randrelu.checks.statements import (
    corollary_c_4,
    lemma_2_2,
    lemma_2_3,
    lemma_2_5,
    lemma_c_1,
    theorem_3_1,
    theorem_c_3,
)
from randrelu.pages.draw import draw
from small import SMALL

EVERY = pytest.mark.parametrize("name", SMALL)
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "statements.md"


def same(a, b):
    assert a.to_dict() == b.to_dict() and list(a.trials) == list(b.trials)
    for column, values in a.trials.items():
        assert np.array_equal(values, b.trials[column])


def through_json(c):
    return json.loads(json.dumps(c.to_dict(), allow_nan=False))["parameters"]


def numpy_values(value):
    """Return what a user of NumPy may pass instead: arrays of numbers, and NumPy's own numbers."""
    if isinstance(value, tuple):
        array = np.array(value)
        return array if array.dtype.kind in "if" else list(value)
    return np.array(value)[()] if isinstance(value, (int, float)) else value


@EVERY
def test_true_statements_are_not_violated_and_repeat(name):
    seen = []
    c = check(name, **SMALL[name], rng=1, progress=lambda *numbers: seen.append(numbers))
    assert c.statement == name and c.claim == STATEMENTS[name].claim
    assert c.conclusion != "violated"
    assert seen[-1][0] == seen[-1][1] and seen == sorted(seen)
    assert c.parameters["rng"] == 1 and len(c.measurements) > 1
    same(check(name, **SMALL[name], rng=1), c)
    if name != "fact-b.2":  # where nothing is random
        other = check(name, **SMALL[name], rng=2)
        assert any(not np.array_equal(other.trials[k], c.trials[k]) for k in c.trials)


@EVERY
def test_its_own_parameters_repeat_a_check(name):
    c = check(name, **SMALL[name], rng=1)
    same(check(name, **c.parameters), c)
    same(check(name, **through_json(c)), c)
    of_numpy = check(name, **{k: numpy_values(v) for k, v in c.parameters.items()})
    same(of_numpy, c)
    assert through_json(of_numpy) == through_json(c)
    assert set(c.parameters) | {"threads", "progress"} == {
        p.name for p in inspect.signature(STATEMENTS[name].run).parameters.values()
    }


@pytest.mark.parametrize("name", ["theorem-1.1", "lemma-2.2"])
def test_a_point_of_ones_own_is_among_the_parameters(name):
    given = {"widths": (4, 30, 1), "trials": 5, "rng": 1}
    x = np.array([0.1, -2.0, 3.0, 4.5])
    c = check(name, **given, x=x)
    assert c.parameters["x"] == (0.1, -2.0, 3.0, 4.5)
    same(check(name, **c.parameters), c)
    same(check(name, **through_json(c)), c)
    assert check(name, **given).parameters["x"] is None
    assert "-p x=0.1,-2.0,3.0,4.5" in words.command(c)


def drawn_of(c):
    return draw(partial(STATEMENTS[c.statement].figure, c))


@pytest.mark.parametrize("name", [name for name, one in STATEMENTS.items() if one.figure])
def test_its_figure_is_drawn(name):
    drawn = drawn_of(check(name, **SMALL[name], rng=1))
    assert drawn.png.startswith(b"\x89PNG") and "<svg" in drawn.svg and drawn.words


def test_figures_are_drawn_for_any_number_of_series():
    for c in (
        check("theorem-1.1-scaling", dims=(2, 3), depths=(0, 1, 2, 3, 4), trials=1, rng=0),
        check("lemma-2.6", widths=(9, 8, 7, 6, 5, 4, 1), trials=2, rng=0),
        check("lemma-2.3", widths=(5, 4, 1), trials=2, rng=0),
    ):
        assert drawn_of(c).png.startswith(b"\x89PNG")


def lines_of(module, c):
    axes = module.draw(c).axes[0]
    return {line.get_label(): np.array(line.get_data(), float) for line in axes.lines}


def printed(c, start):
    """Return the bounds that are printed beside the measurements of that name."""
    said = [m.paper for m in c.measurements if m.name.startswith(start)]
    return [float(re.match(r"≤ ([\d.e+-]+)", paper)[1]) for paper in said]


class TestTheBoundThatIsDrawnIsTheOnePrinted:
    """Up to the four digits that are printed."""

    @pytest.mark.parametrize("widths", [(2, 2, 1, 2, 1), (20, 30, 10, 1)])  # log 2 is below 1
    @pytest.mark.parametrize("constant", [1.0, 10.0])
    def test_lemma_2_3(self, widths, constant):
        c = check("lemma-2.3", widths=widths, constant=constant, trials=2, rng=0)
        layers, drawn = lines_of(lemma_2_3, c)[f"the paper's bound, C = {constant:g}"]
        for i, bound in zip(layers, drawn, strict=True):
            assert printed(c, f"sup ‖f̃_{i:g}(x)") == pytest.approx([bound] * 2, rel=1e-3)

    @pytest.mark.parametrize("lipschitz", [1.0, 0.5, 3.0])
    def test_theorem_c_3(self, lipschitz):
        c = check("theorem-c.3", trials=1000, levels=(0.5, 1.0), lipschitz=lipschitz, rng=0)
        (label,) = (name for name in lines_of(theorem_c_3, c) if name.startswith("exp"))
        t, drawn = lines_of(theorem_c_3, c)[label]
        assert t[-1] == 1.0 and printed(c, "share that is 1 above") == pytest.approx(
            [drawn[-1]], rel=1e-3
        )

    def test_lemma_c_1(self):
        """The share within the bound is what the drawn line cuts off."""
        c = check("lemma-c.1", rows=30, cols=40, trials=100, constant=0.82, rng=0)
        at, _ = lines_of(lemma_c_1, c)["0.82 (√m + √n + √(log 1/δ))"]
        assert 0 < c.measurements[0].count[0] < 100
        assert (c.trials["norm"] <= at[0]).sum() == c.measurements[0].count[0]

    def test_lemma_2_2(self):
        c = check("lemma-2.2", widths=(5, 4, 4, 1), trials=200, rng=0)
        lines = lines_of(lemma_2_2, c)
        lower, upper = (
            next(at[0] for label, (at, _) in lines.items() if label.startswith(f"its {which}"))
            for which in ("lower bound", "bound")
        )
        steep = c.trials["grad_norm"] >= lower
        assert 0 < steep.sum() == c.measurements[0].count[0] < 200
        needed = np.sort(np.where(steep, np.abs(c.trials["f"]) / upper, np.inf))
        assert c.measurements[1].value == needed[189]  # 95 % of 200 trials

    def test_lemma_2_5(self):
        c = check("lemma-2.5", widths=(20, 30, 1), trials=5, rng=0)
        lines = lines_of(lemma_2_5, c)
        law, claimed = (lines[name][1][0] for name in ("exact law", "claimed to be exceeded"))
        assert c.measurements[4].paper == f"{law:.4g} (exact law); claimed ≥ {claimed:.4g}"

    def test_theorem_3_1(self):
        c = check("theorem-3.1", depths=(1, 2), width=20, trials=2, rng=0)
        _, (limit, _) = lines_of(theorem_3_1, c)["√(log d/d)"]
        (m,) = (m for m in c.measurements if m.name.startswith("first of the depths"))
        assert m.paper == f"√(log d/d) = {limit:.4g}"

    def test_corollary_c_4(self):
        c = check("corollary-c.4", rows=40, cols=20, trials=5, rng=0)
        assert f"about {np.sqrt(2):.3g}" in lines_of(corollary_c_4, c)
        assert c.measurements[3].paper.endswith(f" = {np.sqrt(2):.4g}")


def test_figure_1_is_the_results_own():
    given = {"dim": 40, "hidden": (10, 3, 50), "runs": 5, "rng": 1}
    of_check = STATEMENTS["figure-1"].figure(check("figure-1", **given)).axes[0].lines
    of_result = figure_1(**given).plot().axes[0].lines
    assert len(of_check) == len(of_result) == 3
    for a, b in zip(of_check, of_result, strict=True):
        assert a.get_label() == b.get_label()
        assert np.array_equal(a.get_xydata(), b.get_xydata())
    assert of_result[0].get_ydata() == pytest.approx(np.sqrt([3 / 40, 10 / 40, 1]))


def test_the_guide_has_a_row_for_every_statement_in_the_order_of_the_registry():
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert names == list(STATEMENTS), f"{PAGE} must name every statement, in this order"


def test_every_statement_documents_each_parameter_of_its_own():
    """And no other: those that most checks share are documented by `check`."""
    shared = set(re.findall(r"^    (\w+) :", inspect.getdoc(check), re.MULTILINE))
    assert shared == {"widths", "trials", "delta", "storage", "rng", "threads", "progress"}
    for name, statement in STATEMENTS.items():
        takes = set(inspect.signature(statement.run).parameters)
        text = inspect.getdoc(statement.run)
        _, _, section = text.partition("Parameters\n----------\n")
        heads = re.findall(r"^(\w[\w, ]*)(?: :.*)?\n    ", section, re.MULTILINE)
        documented = {word.strip() for head in heads for word in head.split(",")}
        assert takes - shared <= documented <= takes, name


def test_module_names_are_those_of_the_statements():
    """`lemma-2.8` is found in `lemma_2_8.py`, whose plan is of several rows only with labels."""
    for name, statement in STATEMENTS.items():
        assert statement.run.__module__.rpartition(".")[2] == re.sub(r"[-.]", "_", name)
        labels = [row.label for row in statement.plan]
        assert labels and len(set(labels)) == len(labels), name
