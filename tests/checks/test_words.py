"""A check in words."""

import math

import numpy as np
import pytest
from randrelu import check
from randrelu.checks import words
from randrelu.checks.result import Measurement, constant_needed


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.25, "0.25"), (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "undefined")],
)
def test_numbers_that_are_not_finite(value, said):
    assert words.value(Measurement("a number", value)) == said
    assert words.interval(Measurement("a number", 0.0, value, 1.0)) == f"[{said}, 1]"


def test_only_a_smallest_constant_says_that_none_does():
    assert words.value(constant_needed("C", np.array([1.0, np.inf]), 0.95)) == "none does"
    assert words.value(constant_needed("C", np.array([1.0, np.inf]), 0.5)) == "1"
    assert words.value(constant_needed("C", np.array([np.nan, np.nan]), 0.95)) == "undefined"
    deep = check("theorem-3.1", dim=2, width=2, depths=(30,), trials=3, rng=0)
    said = {m.name: words.value(m) for m in deep.measurements}
    assert said["smallest C at depth 30, 90% of trials"] == "none does"
    assert said["first of the depths where the attained median is below √(log d/d)"] == "none does"
    assert said["largest |f(x) − f(y)|/|f(x)| at depth 30, attained, median"] == "∞"


def test_the_smallest_constants_of_the_theorem_and_of_lemma_2_2():
    for name, at in (("theorem-1.1", -1), ("lemma-2.2", 1)):
        c = check(name, widths=(2, 1, 1), trials=20, rng=0)
        assert words.value(c.measurements[at]) == "none does"
