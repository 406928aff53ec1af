"""The figure of a bracket over the radius."""

import numpy as np
from randrelu.figures.bracket import bracket_figure


def test_every_curve_is_drawn_as_what_it_is():
    radii = [0.01, 0.1]
    brackets = {
        "layer 1": ([0.5, 0.9], [0.2, 0.4], [0.1, 0.3]),
        "layer 2": ([0.6, 1.0], [0.3, 0.5], [0.05, np.nan]),
    }
    figure = bracket_figure(radii, brackets, "share of the units")
    axes = figure.axes[0]
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    assert list(handles)[:2] == ["layer 1", "layer 2"] and len(handles) == 5
    drawn = [line for line in axes.lines if len(line.get_xdata())]
    for name, curves in brackets.items():
        for word, values in zip(("certified", "attained", "sampled"), curves, strict=True):
            like = next(handle for label, handle in handles.items() if label.startswith(word))
            (line,) = (
                line
                for line in drawn
                if line.get_color() == handles[name].get_color()
                and line.get_marker() == like.get_marker()
                and line.get_linestyle() == like.get_linestyle()
            )
            np.testing.assert_array_equal(line.get_xdata(), radii)
            np.testing.assert_array_equal(line.get_ydata(), values)
    assert axes.get_ylabel() == "share of the units"
    for band, (certified, attained, _) in zip(axes.collections, brackets.values(), strict=True):
        box = band.get_paths()[0].get_extents()
        assert (box.y0, box.y1) == (min(attained), max(certified))
