"""The figure of flips in balls."""

import numpy as np
import pytest
import randrelu as rr
from randrelu.figures.flips import flips_figure


@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_a_prediction_is_drawn_where_there_is_one(bias):
    net, x = rr.Network.random((6, 90, 50, 1), rng=1, bias=bias), np.ones(6)
    radii = [1.0, 0.3]
    found = [rr.flips(net, x, radius, 20, rng=1) for radius in radii]
    axes = flips_figure(radii, found).axes[0]
    dashed = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "--"]
    assert len(dashed) == (0 if bias else 3)  # a line for each layer, and one for the legend
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert any("predicted" in text for text in texts) == (not bias)
    if not bias:
        for i, width in enumerate(net.widths[1:-1]):
            np.testing.assert_array_equal(dashed[i], [f.predicted[i] / width for f in found[::-1]])
