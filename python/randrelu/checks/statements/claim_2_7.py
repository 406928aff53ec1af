"""Claim 2.7: between two bottleneck layers a point and its net point hardly differ."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import Check, Hypothesis, Measurement, conclude, share
from randrelu.checks.trials import (
    nonzero_point,
    over_networks,
    trial_seeds,
    trial_threads,
    width_hypothesis,
)
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.flips import flips
from randrelu.measures.worst import worst_flips
from randrelu.network import Network

CLAIM = (
    "With probability at least 1 − δ, a point of layer i_{j+1} and the point of an ε-net next to "
    "it differ in at most 4 d_{i_{j+1}} units of every layer up to i_j."
)

_STEPS = 15  # of the ascent; four times as many find a few flips more


def run(
    *,
    widths: tuple[int, ...],
    epsilon: float = 0.01,
    samples: int = 20,
    multiple: float = 4.0,
    trials: int = 100,
    delta: float = 0.05,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Move the image of x at every bottleneck by ε, and count the units that flip behind it.

    The part of the network behind a bottleneck is independent of the image there, so it is drawn
    for itself. The points at distance ε are sampled, and found by ascent (`worst_flips`).

    Parameters
    ----------
    epsilon : float
        ε relative to the image's norm. The paper takes d_max^{−32ℓ}, which is less than the
        smallest double for most networks and moves nothing.
    samples : int
        Points sampled at distance ε.
    multiple : float
        The 4 of the claim.
    """
    widths = arguments.widths_tuple(widths)
    trials = arguments.integer("trials", trials, at_least=1)
    samples = arguments.integer("samples", samples, at_least=1)
    delta = arguments.probability("delta", delta)
    arguments.storage(storage)
    epsilon = arguments.number("epsilon", epsilon)
    multiple = arguments.number("multiple", multiple)
    seed = arguments.seed_of(rng)
    threads = trial_threads(widths, threads)
    if len(widths) == 2:
        raise ValueError(f"widths must have a hidden layer, got {widths}")
    # From one bottleneck to the next, and from the last one to the end (claim A.3).
    ends = (len(widths) - 2, *bottlenecks(widths))
    parts = [(earlier, later) for later, earlier in pairwise(ends) if earlier < later]
    rows = []
    for place, (earlier, later) in enumerate(parts):
        segment = (*widths[earlier : later + 1], 1)

        def count(net: Network, earlier: int = earlier) -> list[float]:
            image = _image(widths[: earlier + 1], net.seed, storage)
            size = epsilon * float(np.linalg.norm(image))
            found = flips(net, image, size, samples, rng=net.seed, surface=True, threads=threads)
            attained = [
                worst_flips(net, image, size, layer=i, steps=_STEPS, threads=threads).attained
                for i in range(1, net.depth + 1)
            ]
            limit = widths[earlier]
            sampled = found.counts.max(axis=0, initial=0)
            return [float(sampled.max() / limit), float(max(attained) / limit)]

        def report(trial: int, _: int, place: int = place) -> None:
            if progress is not None:
                progress(place * trials + trial, len(parts) * trials)

        # Parts of one network are independent of each other.
        part = np.random.SeedSequence(seed, spawn_key=(0, place))
        own = arguments.seed_of(part) if place else seed
        rows.append(
            over_networks(
                count, segment, trials, own, storage=storage, threads=threads, progress=report
            )
        )
    found = np.array(rows)  # (parts, trials, 2)
    attained = found[:, :, 1].max(axis=0)
    few = share(f"at most {multiple:g} d units differ", attained <= multiple, f"≥ {1 - delta:g}")
    measurements = [few]
    for (earlier, later), values in zip(parts, found, strict=True):
        for name, column in (("sampled", 0), ("attained", 1)):
            measurements.append(
                Measurement(
                    f"layers {earlier + 1} to {later}: units that differ, {name}, largest",
                    float(values[:, column].max() * widths[earlier]),
                    paper=f"≤ {multiple * widths[earlier]:g} = {multiple:g} d_{earlier}",
                )
            )
    asked = width_hypothesis(widths, delta)
    smallest = -32 * (len(widths) - 2) * math.log10(max(widths[:-1]))
    return Check(
        statement="claim-2.7",
        claim=CLAIM,
        parameters={
            "widths": widths, "epsilon": epsilon, "samples": samples, "multiple": multiple,
            "trials": trials, "delta": delta, "storage": storage, "rng": seed,
        },
        hypothesis=Hypothesis(
            f"{asked.asks}; and ε = 10^{smallest:.0f}", f"{asked.has}, ε = {epsilon:g}", False
        ),
        measurements=tuple(measurements),
        conclusion=conclude(few, 1 - delta),
        trials={
            "seed": np.array(trial_seeds(seed, trials), np.uint64),
            "sampled": found[:, :, 0].max(axis=0),
            "attained": attained,
        },
    )  # fmt: skip


def _image(before: tuple[int, ...], seed: int | None, storage: str) -> np.ndarray:
    """Return f_i(x) of the layers up to a bottleneck, x itself if that is the input."""
    x = nonzero_point(None, before[0])
    if len(before) == 1:
        return x
    other = arguments.seed_of(np.random.SeedSequence(seed, spawn_key=(0, 0)))
    net = Network.random((*before, 1), rng=other, dtype="float64", storage=storage)
    image: np.ndarray = net.activations(x)[-1]
    return image
