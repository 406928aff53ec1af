"""The command that finds and draws every linear region of a plane."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

import randrelu as rr
from randrelu._support import arguments
from randrelu.cli import bars, inputs, options, tables
from randrelu.cli.options import (
    Bias,
    Init,
    Json,
    LabelColumn,
    Scale,
    Seed,
    Storage,
    Threads,
    Weights,
    Widths,
)
from randrelu.cli.through import Through, through
from randrelu.figures import style
from randrelu.figures.plane import COLORS, MOST_VECTOR_FACES, mark

_AS_IMAGE = {
    None: "",
    "shading": ", the shading as an image",
    "regions": f", the regions as an image: {MOST_VECTOR_FACES} or more are no lines",
}


def plane(
    widths: Widths = None,
    weights: Weights = None,
    points: Annotated[
        Path | None,
        typer.Option(
            "--through",
            help="One to three points in a .npy or .csv file, a row for each; by default "
            "(1, …, 1). One point has its gradient and a random direction, two their difference "
            "and a random direction.",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(help="Which points of --through, from 0, such as 0,5,7; by default all."),
    ] = None,
    label_column: LabelColumn = None,
    scale: Scale = None,
    extent: Annotated[
        str | None,
        typer.Option(help="The rectangle s0,s1,t0,t1; by default one around the points."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Draw the regions into this .png, .svg or .pdf file."),
    ] = None,
    color: Annotated[
        str | None,
        typer.Option(
            help=f"What the colours say: {', '.join(COLORS)}; by default value, and decision "
            "where there are several outputs."
        ),
    ] = None,
    level: Annotated[
        float, typer.Option(help="The level of f to draw; 0 where there are several outputs.")
    ] = 0.0,
    init: Init = None,
    bias: Bias = None,
    storage: Storage = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Find every linear region of a plane through points, and draw them."""
    if out is not None:
        style.require_format(out, "--out")
    elif color is not None:
        raise ValueError("--color goes with --out, the file of the picture")
    if color is not None:
        arguments.one_of("--color", color, COLORS)
    rectangle = None if extent is None else options.extent(extent)
    number = arguments.seed_of(seed)
    net = inputs.network(widths, weights, init, bias, storage, None if weights else number, threads)
    x, labels = inputs.points(
        points, net.widths[0], label_column=label_column, scale=options.scale(scale),
        option="--through",
    )  # fmt: skip
    if rows is not None:
        chosen = inputs.chosen_rows(options.rows(rows), points, len(x))
        x = x[chosen]
        labels = None if labels is None else labels[chosen]
    inputs.warn_outside(x, net)
    if level and net.outputs > 1:
        raise ValueError(
            f"--level goes with a network of one output; this one has {net.outputs}, and what is "
            "drawn is where the largest changes"
        )
    way = through(net, x, np.random.default_rng(number))
    with bars.bar("regions") as progress:
        found = rr.plane(
            net, way.x, way.u, way.v, way.extent if rectangle is None else rectangle,
            threads=threads, progress=progress,
        )  # fmt: skip
    shares = found.decision(level).shares()
    # Neither a file nor a plane through three points has anything random.
    drawn = number if weights is None or len(x) < 3 else None
    picture = {}
    if out is not None:
        names = [str(k) for k in range(len(x))] if labels is None else [str(n) for n in labels]
        raster = _draw(found, way, names, out, color, level)
        picture = {"out": str(out), "raster": raster}
    if as_json:
        tables.print_json({**_results(net, drawn, way, found, shares, level), **picture})
    else:
        _print(net, drawn, way, found, shares, level)
        if out is not None:
            print(f"Drawn into {out}{_AS_IMAGE[raster]}.")


def _draw(
    found: rr.Plane, way: Through, names: list[str], out: Path, color: str | None, level: float
) -> str | None:
    """Draw the regions, and return what of a vector file is an image: nothing is None."""
    chosen = color or ("value" if found.outputs.ndim == 1 else "decision")
    figure = found.plot(chosen, level)
    mark(figure.axes[0], way.places, names)
    figure.savefig(out, dpi=200)
    if out.suffix == ".png":
        return None
    if found.regions >= MOST_VECTOR_FACES:
        return "regions"
    return "shading" if chosen == "value" else None


def _results(
    net: rr.Network, seed: int | None, way: Through, found: rr.Plane, shares: Any, level: float
) -> dict[str, Any]:
    areas = found.area
    return {
        "network": {"widths": net.widths, "init": net.init, "seed": net.seed},
        "seed": seed,
        "x": found.x.tolist(),
        "u": found.u.tolist(),
        "v": found.v.tolist(),
        "points": way.places.tolist(),
        "extent": found.extent.tolist(),
        "regions": found.regions,
        "edges": found.edges_by_layer.tolist(),
        "area": {
            "sum": float(areas.sum()),
            "median": float(np.median(areas)),
            "smallest": float(areas.min()),
            "largest": float(areas.max()),
        },
        "level": level,
        "shares": shares.tolist(),
        "level_set": [line.tolist() for line in found.level_set(level)],
    }


def _print(
    net: rr.Network, seed: int | None, way: Through, found: rr.Plane, shares: Any, level: float
) -> None:
    areas = found.area
    if net.outputs == 1:
        decisions = f"f is above {level:.4g} on {shares[1]:.2%} of the area."
    else:
        taken = [f"{i} on {shares[i]:.2%}" for i in np.argsort(-shares) if shares[i] > 0]
        decisions = f"Decisions: {', '.join(taken)} of the area."
    lines = [
        way.words if seed is None else f"Seed {seed}. {way.words}",
        f"{found.regions} regions, areas from {areas.min():.4g} to {areas.max():.4g}, median "
        f"{np.median(areas):.4g}, in units of (s, t).",
        f"Edges by layer: {', '.join(map(str, found.edges_by_layer)) or 'none'}.",
        decisions,
    ]
    console = Console()
    console.print(Text(repr(net), style="bold"))
    console.print(Text("\n".join(lines)))
