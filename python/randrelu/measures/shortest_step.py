"""The shortest gradient steps after which f is beyond −f(x), or 0."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support.arguments import Progress
from randrelu.measures.attack import Attack, Base
from randrelu.measures.trace import origin_on, trace_until, unit_vector
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

    After it f is beyond −f(x) for η "exact", and beyond 0 for "flip", by the margin. It is at most
    `longest` times ‖x‖, by default 50/√d; where f does not get there, the step is 0.
    """
    if longest is None:
        longest = LONGEST / math.sqrt(net.widths[0])
    infima = np.full(len(base.f), np.nan)
    goals = margin + (np.abs(base.f) if eta == "exact" else np.zeros(len(base.f)))
    for n, (x, f, g) in enumerate(zip(base.points, base.f, base.gradient, strict=True)):
        if progress is not None:
            progress(n, len(base.f))
        level, grad_norm = float(-np.sign(f) * goals[n]), base.grad_norm[n]
        shortest = longest * float(base.norm[n])
        # The first direction lets |f| fall. The other is looked along too, no farther than the
        # first needed, since f may turn there.
        for sign in (-np.sign(f), np.sign(f)) if f != 0 and grad_norm > 0 else ():
            start = float(f), float(sign * grad_norm)
            t = _first_reach(net, x, unit_vector(sign * g), shortest, level, start, threads)
            if t <= shortest:
                shortest, infima[n] = t, sign * t / grad_norm
    steps = np.nan_to_num(infima)[np.newaxis]
    attack = base.take(core.StepKind.etas, steps, goals=goals, margin=margin, threads=threads)
    if progress is not None:
        progress(len(base.f), len(base.f))
    return replace(attack, eta_infimum=infima[np.newaxis])


def _first_reach(
    net: Network,
    x: NDArray[np.float64],
    unit: NDArray[np.float64],
    length: float,
    level: float,
    start: tuple[float, float],
    threads: int | None,
) -> float:
    """Return the smallest t in [0, length] with f(x + t u) = level, NaN if there is none.

    `start` holds f(x) and df/dt there. Unlike `line` this goes through the origin, after which f is
    linear.
    """
    origin = origin_on(x, unit, length)
    if origin is None:
        traced = trace_until(net, x, unit, length, level, start, threads=threads)
        return traced.first_crossing(level)
    before = trace_until(net, x, unit, origin * (1 - 1e-9), level, start, threads=threads)
    t = before.first_crossing(level)
    if not math.isnan(t):
        return t
    value, _, _ = net._evaluate(unit[np.newaxis], value=True, threads=threads)
    beyond = 0.0 if level == 0 else level / value[0] if value[0] else math.nan
    return origin + beyond if beyond >= 0 and origin + beyond <= length else math.nan
