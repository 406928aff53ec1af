"""The linear regions of a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments, memory
from randrelu.figures.style import INK, color, require_matplotlib, styled

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from randrelu.measures.planes.faces import Faces
    from randrelu.measures.planes.plane import Plane

COLORS = ("value", "layer", "decision", "random")
MOST_VECTOR_FACES = 20_000  # fewer are lines and polygons in an SVG, others an image
PASTELS = (
    "#a9c9e8", "#f0b99a", "#a5d3b8", "#cdb4e0", "#f2d58c", "#9fd6da", "#eeb0c0", "#c9cfa0",
    "#c8b8a6", "#b9c0c9",
)  # fmt: skip
_SIGNS = ["#0a5fb4", "#7fb0dc", "#f7f7f5", "#e3a583", "#b3471a"]  # from below the level to above
_SIZES = ["#f7f7f5", "#7fb0dc", "#0a3f78"]
_EACH = 2000  # bytes that a region takes in Matplotlib: its polygon and two edges are paths
_MOST_SERIES = 4  # layers that have the colours of series; more have those of a scale


def plane_figure(plane: Plane, color: str, level: float | None, ax: Axes | None) -> Any:
    """Draw the regions of a plane, and return the figure; see `Plane.plot`."""
    require_matplotlib()
    arguments.one_of("color", color, COLORS)
    memory.require(
        _EACH * plane.regions, f"drawing {plane.regions} regions", "take a smaller extent"
    )
    lines = [] if level is None else plane.level_set(level)
    with styled():
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(5.2, 4.8), layout="constrained").add_subplot()
        handles = _DRAW[color](ax, plane, 0.0 if level is None else level)
        for line in lines:
            (curve,) = ax.plot(*line.T, color=INK, linewidth=1.6, solid_joinstyle="round", zorder=3)
        if lines:
            curve.set_label(
                "the decision changes" if plane.outputs.ndim > 1 else f"f = {level:.4g}"
            )
            handles.append(curve)
        (s0, t0), (s1, t1) = plane.extent.min(axis=0), plane.extent.max(axis=0)
        ax.set(xlabel="s", ylabel="t", xlim=(s0, s1), ylim=(t0, t1))
        ax.spines[:].set_visible(False)
        _keep_shape(ax, plane)
        if handles:
            ax.legend(
                handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3,
                borderaxespad=0.3, handlelength=1.4, columnspacing=1.2, fontsize="small",
            )  # fmt: skip
    return ax.figure


def mark(ax: Axes, places: NDArray[np.float64], names: Sequence[str]) -> None:
    """Mark places (n, 2) of a plane, each with its name beside it."""
    from matplotlib.patheffects import withStroke

    ax.plot(
        *places.T, "o", color="white", markeredgecolor=INK, markersize=6, zorder=5, clip_on=False
    )
    for place, name in zip(places, names, strict=True):
        ax.annotate(
            name, tuple(place), xytext=(6, 5), textcoords="offset points", color=INK, zorder=5,
            fontweight="bold", path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )  # fmt: skip


def _keep_shape(ax: Axes, plane: Plane) -> None:
    """Let lengths be as in the space of inputs, where the picture stays readable."""
    size = np.ptp(plane.extent, axis=0)
    u, v = (float(np.linalg.norm(w)) for w in (plane.u, plane.v))
    right = abs(float(plane.u @ plane.v)) < 1e-6 * u * v
    if right and 1 / 3 < size[1] * v / (size[0] * u) < 3:
        ax.set_aspect(v / u)


def _draw_value(ax: Axes, plane: Plane, level: float) -> list[Artist]:
    """Shade the largest output, or the only one, which is affine on triangles."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.tri import Triangulation

    several = plane.outputs.ndim > 1
    found = plane.decision(0.0 if several else level)
    triangles = _triangles(found.faces)
    low, high = found.values[triangles].min(), found.values[triangles].max()
    hues = _SIZES
    if not several and low < level < high:
        hues, span = _SIGNS, max(level - low, high - level)
        low, high = level - span, level + span
    corners: Any = (*found.faces.points.T, triangles)
    shading = ax.tripcolor(
        Triangulation(*corners), found.values, shading="gouraud", norm=Normalize(low, high),
        cmap=LinearSegmentedColormap.from_list("f", hues), rasterized=True, zorder=0,
    )  # fmt: skip
    _draw_edges(ax, plane, INK, alpha=0.4, width=0.7)
    label = "the largest output" if several else "f"
    bar: Any = ax.figure.colorbar(shading, ax=ax, shrink=0.8, pad=0.02, label=label)
    bar.outline.set_visible(False)
    return []


def _draw_layer(ax: Axes, plane: Plane, level: float) -> list[Artist]:
    """Draw every edge in the colour of its layer, the last layer first."""
    from matplotlib import colormaps
    from matplotlib.lines import Line2D

    depth = len(plane.widths)
    colors: list[Any] = [color(i) for i in range(depth)]
    if depth > _MOST_SERIES:
        colors = list(colormaps["viridis"](np.linspace(0, 0.9, depth)))
    handles: list[Artist] = []
    for i in range(depth, 0, -1):
        which = plane.edge_layer == i
        _draw_edges(ax, plane, colors[i - 1], which=which, width=1.1)
        label = f"layer {i}: {np.count_nonzero(which)} edges"
        handles.insert(0, Line2D([], [], color=colors[i - 1], label=label))
    return handles


def _draw_decision(ax: Axes, plane: Plane, level: float) -> list[Artist]:
    """Fill the faces, split where the decision changes, in the colour of the largest output."""
    from matplotlib.patches import Patch

    found = plane.decision(level)
    shares = found.shares()
    names = [f"f ≤ {level:.4g}", f"f > {level:.4g}"]
    if plane.outputs.ndim > 1:
        names = [f"output {i}" for i in range(found.outputs)]
    colors = [PASTELS[i % len(PASTELS)] for i in range(found.outputs)]
    _fill(ax, plane, found.faces, np.array(colors)[found.top])
    _draw_edges(ax, plane, "white", alpha=0.9)
    return [
        Patch(color=colors[i], label=f"{names[i]} ({_percent(shares[i])})")
        for i in np.flatnonzero(shares)
    ]


def _draw_random(ax: Axes, plane: Plane, level: float) -> list[Artist]:
    """Fill every face in a colour that says nothing, always the same ones."""
    from matplotlib.colors import to_rgb

    rng = np.random.default_rng(0)
    hues = np.array([to_rgb(name) for name in PASTELS])
    light = rng.uniform(0.75, 1.1, size=(plane.regions, 1))
    colors = hues[rng.integers(len(hues), size=plane.regions)] * light
    _fill(ax, plane, plane.faces, np.clip(colors, 0, 1))
    return []


_DRAW = {
    "value": _draw_value, "layer": _draw_layer, "decision": _draw_decision, "random": _draw_random
}  # fmt: skip


def _fill(ax: Axes, plane: Plane, faces: Faces, colors: NDArray[Any]) -> None:
    from matplotlib.collections import PolyCollection

    polygons = np.split(faces.points[faces.corners], faces.start[1:-1])
    filled = PolyCollection(
        polygons, facecolors=colors, edgecolors="face", linewidths=0.3, zorder=0,
        rasterized=plane.regions >= MOST_VECTOR_FACES,
    )  # fmt: skip
    ax.add_collection(filled)


def _draw_edges(
    ax: Axes,
    plane: Plane,
    color: Any,
    *,
    which: NDArray[np.bool_] | None = None,
    alpha: float = 1.0,
    width: float = 0.9,
) -> None:
    """Draw edges, those of hidden units by default: thinner, the more there are."""
    from matplotlib.collections import LineCollection

    edges = plane.edges[plane.edge_layer > 0 if which is None else which]
    thin = width * min(1.0, max(0.15, (800 / plane.regions) ** 0.5))
    lines = LineCollection(
        list(plane.vertices[edges]), colors=[color], linewidths=thin, alpha=alpha, zorder=1,
        capstyle="round", rasterized=plane.regions >= MOST_VECTOR_FACES,
    )  # fmt: skip
    ax.add_collection(lines)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "< 1%"


def _triangles(faces: Faces) -> NDArray[np.int64]:
    """Return triangles (n, 3) that make up the faces, all from the first vertex of each."""
    first = np.repeat(faces.first(), faces.sizes)
    inner = (faces.corners != first) & (faces.following != first)
    result: NDArray[np.int64] = np.stack([first, faces.corners, faces.following], axis=1)[inner]
    return result
