"""The figure of the regions of a plane."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from randrelu import Network, plane
from randrelu._support import memory
from randrelu.figures import plane as drawing


@pytest.fixture(scope="module")
def one():
    net = Network.random((5, 12, 10, 1), rng=3, bias=0.5, dtype="float64")
    x, u, v = np.random.default_rng(0).normal(size=(3, 5))
    return plane(net, x, u, v - (v @ u) / (u @ u) * u, (-2, 2, -1, 3))


@pytest.fixture(scope="module")
def several():
    net = Network.random((5, 12, 10, 4), rng=3, bias=0.1, dtype="float64")
    x, u, v = np.random.default_rng(0).normal(size=(3, 5))
    return plane(net, x, u, v, (-2, 2, -1, 3))


def words(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def curves(axes):
    return [line.get_xydata() for line in axes.lines if len(line.get_xdata()) > 1]


@pytest.mark.parametrize("color", drawing.COLORS)
def test_the_level_set_is_drawn_as_it_is(one, color):
    level = float(np.median(one.outputs))
    axes = one.plot(color, level).axes[0]
    drawn, expected = curves(axes), one.level_set(level)
    assert len(drawn) == len(expected) > 0
    assert all(np.array_equal(a, b) for a, b in zip(drawn, expected, strict=True))
    assert words(axes)[-1] == f"f = {level:.4g}"
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 2), (-1, 3))
    assert axes.get_aspect() == pytest.approx(np.linalg.norm(one.v) / np.linalg.norm(one.u))
    assert not curves(one.plot(color, None).axes[0])


def test_shading_is_f_at_the_vertices(one):
    level = float(np.median(one.outputs))
    axes, bar = one.plot("value", level).axes
    shading, edges = axes.collections
    values = np.asarray(shading.get_array())
    assert np.array_equal(values[: one.outputs.size], one.outputs)
    assert (values[one.outputs.size :] == pytest.approx(level)) and bar.get_ylabel() == "f"
    low, high = shading.get_clim()
    assert (low + high) / 2 == pytest.approx(level)
    assert low <= one.outputs.min() and one.outputs.max() <= high
    assert shading.get_rasterized() and len(edges.get_segments()) == one.edges_by_layer.sum()
    triangles = drawing._triangles(one.faces)
    a, b, c = (one.vertices[triangles[:, i]] for i in range(3))
    area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    assert area.sum() == pytest.approx(16, rel=1e-12) and area.min() >= -1e-15


def test_every_edge_has_the_colour_of_its_layer(one):
    axes = one.plot("layer", None).axes[0]
    counts = one.edges_by_layer
    assert words(axes) == [f"layer {i}: {n} edges" for i, n in enumerate(counts, start=1)]
    for i, lines in zip((2, 1), axes.collections, strict=True):
        ends = one.vertices[one.edges[one.edge_layer == i]]
        assert np.array_equal(lines.get_segments(), ends)
        assert np.array_equal(lines.get_colors()[0][:3], drawing_rgb(drawing.color(i - 1)))
    deep = Network.random((4, *[6] * 6, 1), rng=0, bias=0.3)
    found = plane(deep, np.ones(4), np.arange(4.0), np.eye(4)[0])
    assert len(words(found.plot("layer", None).axes[0])) == 6


def drawing_rgb(name):
    from matplotlib.colors import to_rgb

    return to_rgb(name)


def test_decisions_are_filled_in_their_colour(several):
    found = several.decision()
    axes = several.plot("decision").axes[0]
    filled = axes.collections[0]
    assert len(filled.get_paths()) == len(found.faces)
    colors = np.array([drawing_rgb(drawing.PASTELS[i]) for i in found.top])
    assert np.array_equal(filled.get_facecolors()[:, :3], colors)
    shares = found.shares()
    expected = [f"output {i} ({drawing._percent(shares[i])})" for i in np.flatnonzero(shares)]
    assert words(axes) == [*expected, "the decision changes"] and len(expected) > 1
    assert several.plot("value").axes[1].get_ylabel() == "the largest output"
    assert drawing._percent(1.0) == "100%" and drawing._percent(0.004) == "< 1%"


def test_of_one_output_the_decision_is_the_side_of_the_level(one):
    level = float(np.quantile(one.outputs, 0.3))
    texts = words(one.plot("decision", level).axes[0])
    low, high = one.decision(level).shares()
    assert texts == [
        f"f ≤ {level:.4g} ({low:.0%})", f"f > {level:.4g} ({high:.0%})", f"f = {level:.4g}"
    ]  # fmt: skip


def test_random_colours_are_the_same_every_time(one):
    first, second = (one.plot("random").axes[0].collections[0].get_facecolors() for _ in "ab")
    assert np.array_equal(first, second) and len(first) == one.regions
    assert len(np.unique(first, axis=0)) > one.regions / 2


def test_many_faces_are_an_image(one, several, monkeypatch):
    def svg(found, color):
        content = io.BytesIO()
        found.plot(color).savefig(content, format="svg")
        return content.getvalue()

    for color in ("layer", "decision", "random"):
        assert b"<image" not in svg(several, color)
    monkeypatch.setattr(drawing, "MOST_VECTOR_FACES", one.regions)
    for color in ("layer", "decision", "random"):
        text = svg(one, color)
        assert b"<image" in text and len(text) < 10**6


def test_in_given_axes(one):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert one.plot("layer", ax=right) is figure and not left.collections
    drawing.mark(right, np.array([(0.0, 0), (1, 2)]), ["x", "y"])
    assert [text.get_text() for text in right.texts] == ["x", "y"]
    assert right.texts[1].xy == (1, 2)


def test_more_regions_than_there_is_room_for(monkeypatch):
    net = Network.random((4, 200, 1), rng=0, bias=1.0)
    found = plane(net, np.ones(4), np.arange(4.0), np.eye(4)[0], (-9, 9, -9, 9))
    assert found.regions > 10_000
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**7)
    with pytest.raises(MemoryError, match=f"drawing {found.regions} regions takes .* smaller ext"):
        found.plot("layer")


def test_wrong_colours_and_levels(one, several):
    with pytest.raises(ValueError, match="color must be one of 'value', 'layer', 'decision', 'ran"):
        one.plot("red")
    with pytest.raises(TypeError, match="level must be a number"):
        one.plot("value", "high")
    with pytest.raises(ValueError, match="level must be 0 where there are several outputs"):
        several.plot("decision", 0.5)
