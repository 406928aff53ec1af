"""The figure of flips in balls."""

import numpy as np
import pytest
import randrelu as rr
from randrelu.figures.flips import flips_figure, smooth_radii


def labels(axes):
    (legend,) = axes.figure.legends
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_a_prediction_is_drawn_where_there_is_one(bias):
    net, x = rr.Network.random((6, 90, 50, 1), rng=1, bias=bias), np.ones(6)
    radii = [1.0, 0.3]
    found = rr.flips(net, x, radii, 20, rng=1)
    axes = flips_figure(radii, found).axes[0]
    measured = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "-"]
    dashed = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "--"]
    assert len(measured) == 2 and len(dashed) == (0 if bias else 2)  # a line for each layer
    assert sum("predicted" in label for label in labels(axes)) == (0 if bias else 1)
    assert len(labels(axes)) == len(axes.lines) - (0 if bias else 1)
    for i, width in enumerate(net.widths[1:-1]):
        np.testing.assert_array_equal(measured[i], found.mean[::-1, i] / width)
        if not bias:
            np.testing.assert_array_equal(dashed[i], found.predicted[::-1, i] / width)


def test_a_band_ends_at_half_a_unit_where_nothing_flips():
    net, x = rr.Network.random((6, 90, 50, 1), rng=1), np.ones(6)
    radii = np.array([0.0, 1e-9, 0.01, 0.1, 1.0])
    found = rr.flips(net, x, radii, 200, rng=1)
    low, high = found.quantiles([0.05, 0.95])
    assert not low[:4].any() and high[3].all() and not found.mean[1].any()
    axes = flips_figure(radii, found).axes[0]
    for i, (band, width) in enumerate(zip(axes.collections, (90, 50), strict=True)):
        ends = band.get_paths()[0].vertices[:, 1] * width
        assert ends.min() == pytest.approx(0.5) and ends.max() == pytest.approx(high[:, i].max())
        curve = axes.lines[i].get_ydata()
        assert np.isnan(curve[:2]).all() and (curve[3:] > 0).all()
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] > 0
    with pytest.raises(ValueError, match="must hold a number above 0"):
        flips_figure([0.0], rr.flips(net, x, [0.0], 3))


def test_no_two_of_ten_layers_look_alike():
    net, x = rr.Network.random((3, *[6] * 10, 1), rng=1), np.ones(3)
    axes = flips_figure([0.1, 1.0], rr.flips(net, x, [0.1, 1.0], 20, rng=1)).axes[0]
    looks = [(line.get_color(), line.get_linestyle()) for line in axes.lines[:10]]
    assert len(set(looks)) == 10 and all(style != "--" for _, style in looks)


def test_smooth_radii_lie_between_the_others():
    radii = smooth_radii([0.0, 1.0, 0.01])
    assert (radii.size, radii[0], radii[-1]) == (40, 0.01, 1.0) and (np.diff(radii) > 0).all()
    assert smooth_radii([0.0]).size == 0
