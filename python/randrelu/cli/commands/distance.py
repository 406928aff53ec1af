"""The command that brackets how far points are from a change of decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

import randrelu as rr
from randrelu._support.arguments import Progress
from randrelu.cli import bars, inputs, network_tables, options, tables
from randrelu.cli.options import (
    Bias,
    Init,
    Json,
    LabelColumn,
    Points,
    Scale,
    Seed,
    Storage,
    Threads,
    Weights,
    Widths,
)

_AT_ONCE = 32  # points: what is held does not grow with the file


def distance(
    widths: Widths = None,
    weights: Weights = None,
    points: Points = None,
    row: Annotated[
        int | None,
        typer.Option(min=0, help="One point of --input, from 0; by default all of them."),
    ] = None,
    label_column: LabelColumn = None,
    scale: Scale = None,
    norm: Annotated[str, typer.Option(help="The norm of the distance: 2 or inf.")] = "2",
    against: Annotated[
        int | None,
        typer.Option(
            help="The output, from 0, that is to be as large as the one that decides; by default "
            "any other one."
        ),
    ] = None,
    no_certify: Annotated[
        bool,
        typer.Option(
            "--no-certify", help="Only attack: leave out what is certified, most of the work."
        ),
    ] = False,
    init: Init = None,
    bias: Bias = None,
    storage: Storage = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Bracket how far points are from the nearest change of one network's sign or decision."""
    if weights is not None and seed is not None:
        raise ValueError("--seed goes with --widths, not with --weights")
    size = options.norm(norm)
    net = inputs.network(widths, weights, init, bias, storage, seed, threads)
    x, labels = inputs.points(
        points, net.widths[0], row=row, label_column=label_column, scale=options.scale(scale)
    )
    if labels is not None:
        inputs.require_outputs(labels, net.outputs)
    inputs.warn_outside(x, net)
    with bars.bar("points") as progress:
        parts = [
            rr.distance(
                net,
                x[first : first + _AT_ONCE],
                size,
                against,
                certify=not no_certify,
                threads=threads,
                progress=_in_points(progress, first, len(x)),
            )
            for first in range(0, len(x), _AT_ONCE)
        ]
    columns = _columns(parts, labels, certified=not no_certify)
    if as_json:
        network = {"widths": net.widths, "init": net.init, "seed": net.seed}
        lists = {name: values.tolist() for name, values in columns.items()}
        found = np.concatenate([part.x_adv for part in parts if part.x_adv is not None])
        x_adv = [None if np.isnan(y).any() else y.tolist() for y in found]
        tables.print_json({"network": network, "norm": norm, **lists, "x_adv": x_adv})
    else:
        table = network_tables.distance_table(net, size, against, columns, first=row or 0)
        Console().print(table)


def _in_points(progress: Progress, first: int, points: int) -> Progress:
    """Return the progress of the points from `first` on as that of all, in points."""
    some = min(_AT_ONCE, points - first)
    return lambda done, total: progress(first + some * done // total, points)


def _columns(
    parts: Sequence[rr.Distance], labels: NDArray[np.int64] | None, *, certified: bool
) -> dict[str, NDArray[Any]]:
    """Return the columns of all points, with their labels and attained/certified if there are."""
    of_parts = [part.columns() for part in parts]
    columns = {name: np.concatenate([c[name] for c in of_parts]) for name in of_parts[0]}
    if labels is not None:
        columns = {"label": labels, **columns}
    if not certified:
        del columns["certified"]
        return columns
    above, below = columns["attained"], columns["certified"]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["ratio"] = np.where(above == below, 1.0, above / below)  # of 0 and of ∞, too
    return columns
