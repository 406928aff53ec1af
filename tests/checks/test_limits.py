"""What checks and their figures say of infinite width: drawn beside, and never judged."""

import numpy as np
import pytest
from randrelu import check
from randrelu.checks import STATEMENTS
from randrelu.checks.deep import descend, ratios_at_infinite_width
from randrelu.figures.style import styled
from scipy import stats

SMALL = {"trials": 5, "rng": 3}


@pytest.mark.statistics
def test_deep_networks_of_infinite_width_against_wide_ones():
    depths, points, dim = (1, 3, 8), 4, 5
    parameters = {"dim": dim, "points": points, "depths": depths, "rng": 1}
    found = ratios_at_infinite_width(parameters)
    assert found.shape == (200, 3)
    wide = descend(dim, 20_000, depths, points, 0, 150, 2, threads=1, progress=None)
    for k in range(3):  # each false with probability 10⁻⁶
        assert stats.ks_2samp(found[:, k], wide.sampled_ratio[:, k]).pvalue > 1e-6
    # It is the depth that they agree on.
    assert stats.ks_2samp(found[:, 2], wide.sampled_ratio[:, 0]).pvalue < 1e-6
    assert (ratios_at_infinite_width(parameters) == found).all()


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("theorem-1.1", {"widths": (30, 40, 40, 1)}, 2),
        ("theorem-1.1", {"widths": (30, 40, 40, 1), "eta": "linear"}, 2),
        ("lemma-2.2", {"widths": (30, 40, 40, 1)}, 6),
        ("lemma-2.8", {"widths": (30, 40, 40, 1)}, 1),
        ("theorem-3.1", {"width": 30, "depths": (1, 5), "points": 3, "steps": 1}, 2),
    ],
)
def test_the_limit_is_told_and_drawn(name, given, said):
    found = check(name, **given, **SMALL)
    assert sum("infinite width" in m.paper for m in found.measurements) == said
    with styled():
        figure = STATEMENTS[name].figure(found)
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    if name != "theorem-1.1" or given.get("eta") != "linear":
        assert sum("infinite width" in label for label in labels) == 1
    for axes in figure.axes:
        for drawn in axes.lines:
            assert np.isfinite(np.asarray(drawn.get_ydata(), float)).all()


def test_without_hidden_layers_f_is_linear():
    found = check("theorem-1.1", widths=(30, 1), eta="linear", **SMALL)
    assert any("f is linear" in m.paper for m in found.measurements)
