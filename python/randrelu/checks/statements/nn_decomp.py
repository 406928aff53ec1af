"""(NN-DECOMP): the bottleneck layers, and what the narrowest one does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.trials import nonzero_point, over_networks, trial_threads
from randrelu.measures.ball import sample_ball
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.flips import flips
from randrelu.network import Network

CLAIM = (
    "Going back from the output, the bottleneck layers i_1 > i_2 > … > i_m = 0 get wider, and no "
    "layer between two of them is narrower than the earlier one. The narrowest layer before layer "
    "j sets the scale of what changes there."
)


def run(
    *,
    widths: tuple[int, ...],
    layer: int = 1,
    narrow: Sequence[int] = (10, 30, 100, 300, 1000),
    radius: float = 0.05,
    samples: int = 20,
    trials: int = 50,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """List the bottlenecks, then make one layer narrower and measure the ball around x.

    Parameters
    ----------
    layer : int
        The hidden layer whose width takes the values of `narrow`.
    radius : float
        The radius of the ball, relative to ‖x‖.
    samples : int
        Points sampled from the ball around x, for each of `trials` networks.
    """
    widths = arguments.widths_tuple(widths)
    place = arguments.integer("layer", layer, at_least=1, at_most=len(widths) - 2)
    sizes = [arguments.integer(f"narrow[{i}]", k, at_least=1) for i, k in enumerate(narrow)]
    trials = arguments.integer("trials", trials, at_least=1)
    samples = arguments.integer("samples", samples, at_least=1)
    arguments.storage(storage)
    radius = arguments.number("radius", radius)
    seed = arguments.seed_of(rng)
    threads = trial_threads(widths, threads)
    x = nonzero_point(None, widths[0])
    size = radius * float(np.linalg.norm(x))
    rows: dict[str, list[float]] = {"width": [], "deviation": [], "flipped_share": []}
    for done, width in enumerate(sizes):
        shape = (*widths[:place], width, *widths[place + 1 :])

        def measure(net: Network) -> tuple[float, float]:
            y = sample_ball(x, size, samples, rng=net.seed, threads=threads)
            deviation = gradient_deviation(net, x, points=y, remember=False, threads=threads)
            flipped = flips(net, x, points=y, remember=False, threads=threads)
            # 0/0 where no unit of the narrow layer is active at x nor elsewhere: no change.
            relative = np.nan_to_num(deviation.relative, nan=0.0, posinf=np.inf)
            return float(relative.max()), float(flipped.fraction.mean())

        def report(trial: int, _: int, done: int = done) -> None:
            if progress is not None:
                progress(done * trials + trial, len(sizes) * trials)

        found = over_networks(
            measure, shape, trials, seed, storage=storage, threads=threads, progress=report
        )
        for deviation, flipped in found:
            rows["width"].append(width)
            rows["deviation"].append(deviation)
            rows["flipped_share"].append(flipped)
    columns = {name: np.array(values) for name, values in rows.items()}
    chain = bottlenecks(widths)
    layers = ", ".join(f"{i} (width {widths[i]})" for i in chain)
    measurements = [Measurement("number of bottleneck layers", len(chain), paper=layers)]
    for width in sizes:
        here = columns["width"] == width
        for name, column in (
            ("largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖", "deviation"),
            ("share of units that flip", "flipped_share"),
        ):
            median = float(np.median(columns[column][here]))
            measurements.append(Measurement(f"d_{place} = {width}: {name}, median", median))
    return Check(
        statement="nn-decomp",
        claim=CLAIM,
        parameters={
            "widths": widths, "layer": place, "narrow": tuple(sizes), "radius": radius,
            "samples": samples, "trials": trials, "storage": storage, "rng": seed,
        },
        hypothesis=Hypothesis("nothing of the widths", f"d_min = {min(widths[:-1])}", True),
        measurements=tuple(measurements),
        conclusion="holds" if chain_is_right(widths, chain) else "violated",
        trials=columns,
    )  # fmt: skip


def chain_is_right(widths: tuple[int, ...], chain: tuple[int, ...]) -> bool:
    """Return whether the layers of `chain` are what the paper says of (NN-DECOMP)."""
    ends = chain[-1] == 0 and widths[chain[0]] == min(widths[:-1])
    return ends and all(
        later > earlier
        and widths[later] < widths[earlier]
        and min(widths[earlier:later]) == widths[earlier]
        for later, earlier in pairwise(chain)
    )
