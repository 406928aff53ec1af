"""The shortest gradient steps after which f is beyond −f(x), or 0, or the decision another one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from randrelu._load import core
from randrelu._support.arguments import Progress
from randrelu.measures.attack import Attack, Base
from randrelu.measures.trace import most_flips
from randrelu.network import Network

LONGEST = 50.0  # times 1/√d: how far, relative to ‖x‖, is looked by default


def shortest_steps(
    net: Network,
    base: Base,
    eta: str,
    longest: float | None = None,
    *,
    margin: float = 0.0,
    threads: int | None,
    progress: Progress | None = None,
) -> Attack:
    """Take the shortest step along ±∇f(x) from every point, K = 1.

    After it f is beyond −f(x) for η "exact", and beyond 0 for "flip", by the margin; where f is the
    margin of a decision, "flip" is for the first other output that gets there. The step is at most
    `longest` times ‖x‖, by default 50/√d; where f does not get there, it is 0.
    """
    if longest is None:
        longest = LONGEST / math.sqrt(net.widths[0])
    goals = margin + (np.abs(base.f) if eta == "exact" else np.zeros(len(base.f)))
    # At the origin as far as where x has the size at which f is like a random linear function.
    with np.errstate(divide="ignore", invalid="ignore"):
        typical = math.sqrt(net.widths[0]) * np.abs(base.f) / base.grad_norm
    lengths = longest * np.where(base.norm > 0, base.norm, typical)
    infima = base.reach(
        goals, lengths, any_other=eta == "flip", most_flips=most_flips(net), threads=threads,
        progress=progress,
    )[np.newaxis]  # fmt: skip
    attack = base.take(
        core.StepKind.etas, np.nan_to_num(infima), goals=goals, any_other=eta == "flip",
        margin=margin, threads=threads,
    )  # fmt: skip
    return replace(attack, eta_infimum=infima)
