"""The figure of a bracket over the radius."""

import numpy as np
from randrelu.figures.bracket import bracket_figure


def test_every_curve_is_drawn_as_what_it_is():
    radii = [0.01, 0.1]
    brackets = {
        "share of the units": {
            "layer 1": ([0.5, 0.9], [0.2, 0.4], [0.1, 0.3]),
            "layer 2": ([0.6, 1.0], [0.3, 0.5], [0.05, np.nan]),
        },
        "deviation": {"the gradient": ([3.0, 6.0], [0.4, 0.7], [0.2, 0.3])},
    }
    figure = bracket_figure(radii, brackets)
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    handles = dict(zip(words, legend.legend_handles, strict=True))
    assert words[:3] == ["layer 1", "layer 2", "the gradient"] and len(words) == 6
    assert len({handles[word].get_color() for word in words}) == 4  # a hue each, and ink
    for axes, (label, of_panel) in zip(figure.axes, brackets.items(), strict=True):
        assert axes.get_ylabel() == label
        drawn = [line for line in axes.lines if len(line.get_xdata())]
        assert len(drawn) == 3 * len(of_panel)
        for name, curves in of_panel.items():
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
        bands = zip(axes.collections, of_panel.values(), strict=True)
        for band, (certified, attained, _) in bands:
            box = band.get_paths()[0].get_extents()
            assert (box.y0, box.y1) == (min(attained), max(certified))
