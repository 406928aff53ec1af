"""The commands that ask something of one network: attack and flips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

import randrelu as rr
from randrelu._support import arguments, euclid
from randrelu.cli import bars, inputs, network_tables, options, tables
from randrelu.cli.options import (
    Bias,
    Init,
    Json,
    LabelColumn,
    Points,
    Row,
    Scale,
    Seed,
    Storage,
    Threads,
    Weights,
    Widths,
)
from randrelu.figures import style
from randrelu.figures.flips import flips_figure, smooth_radii
from randrelu.measures.gradient_step import STEPS


def attack(
    widths: Widths = None,
    weights: Weights = None,
    points: Points = None,
    label_column: LabelColumn = None,
    scale: Scale = None,
    eta: Annotated[
        str, typer.Option(help=f"The step: {', '.join(STEPS)}, or a number.")
    ] = "linear",
    against: Annotated[
        int | None,
        typer.Option(
            help="The output, from 0, that decisions among several are attacked for; by default "
            "the runner-up at every point."
        ),
    ] = None,
    delta: Annotated[float, typer.Option(help="The failure probability δ, in (0, 1).")] = 0.05,
    init: Init = None,
    bias: Bias = None,
    storage: Storage = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Take one gradient step from every point of one network, against its sign or decision."""
    if weights is not None and seed is not None:
        raise ValueError("--seed goes with --widths, not with --weights")
    net = inputs.network(widths, weights, init, bias, storage, seed, threads)
    x, labels = inputs.points(
        points, net.widths[0], label_column=label_column, scale=options.scale(scale)
    )
    if labels is not None:
        inputs.require_outputs(labels, net.outputs)
    inputs.warn_outside(x, net)
    with bars.bar("weights times points") as progress:
        result = rr.gradient_step(
            net,
            x,
            eta=options.eta(eta),
            delta=delta,
            against=against,
            threads=threads,
            progress=progress,
        )
    if as_json:
        network = {"widths": net.widths, "init": net.init, "seed": net.seed}
        columns = result.columns() if labels is None else {"label": labels, **result.columns()}
        lists = {name: values.tolist() for name, values in columns.items()}
        tables.print_json({"network": network, **lists, "x_adv": result.x_adv.tolist()})
    else:
        Console().print(network_tables.attack_table(net, result, labels))


def flips(
    widths: Widths = None,
    weights: Weights = None,
    point: Annotated[
        Path | None,
        typer.Option("--input", help="The point x in a .npy or .csv file; by default (1, …, 1)."),
    ] = None,
    row: Row = None,
    label_column: LabelColumn = None,
    scale: Scale = None,
    relative_radii: Annotated[
        str, typer.Option(help="The radii of the balls, as multiples of ‖x‖.")
    ] = "0.001,0.01,0.1",
    samples: Annotated[
        int, typer.Option(min=1, help="How many points to sample from every ball.")
    ] = 1000,
    surface: Annotated[
        bool, typer.Option("--surface", help="Sample the sphere instead of the ball.")
    ] = False,
    init: Init = None,
    bias: Bias = None,
    storage: Storage = None,
    seed: Seed = None,
    threads: Threads = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the flips against the radius into this .png, .svg or .pdf file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count the units that flip in balls around a point, beside the prediction if there is one."""
    radii = options.radii(relative_radii)
    if plot is not None:
        style.require_format(plot)
    seed = arguments.seed_of(seed)
    net = inputs.network(widths, weights, init, bias, storage, seed, threads)
    x = inputs.point(
        point, net.widths[0], row=row, label_column=label_column, scale=options.scale(scale)
    )
    inputs.warn_outside(x[np.newaxis], net)
    if not x.any():
        raise ValueError("x must not be 0: the radii are multiples of ‖x‖")
    length = euclid.norm(x)
    balls = len(radii)
    # Where weights are explicit, more radii cost little.
    smooth = plot is not None and net.storage != "deferred"
    drawn = np.concatenate([radii, smooth_radii(radii) if smooth else []])
    with bars.bar(f"{balls} balls, samples") as progress:
        found = rr.flips(
            net,
            x,
            drawn * length,
            samples,
            rng=seed,
            surface=surface,
            remember=False,  # nobody asks this network again
            threads=threads,
            progress=progress,
        )
    if plot is not None:
        flips_figure(drawn, found).savefig(plot, dpi=200)
    columns = {
        name: values.reshape(len(drawn), net.depth)[:balls]
        for name, values in found.columns().items()
        if name != "radius"
    }
    if as_json:
        by_ball = [
            {"relative_radius": r, **{name: values[k].tolist() for name, values in columns.items()}}
            for k, r in enumerate(radii)
        ]
        network = {"widths": net.widths, "init": net.init}
        tables.print_json({"network": network, "seed": seed, "samples": samples, "balls": by_ball})
    else:
        Console().print(network_tables.flips_table(net, seed, samples, radii, columns))
