"""The shortest gradient steps after which f is beyond −f(x), or 0, or the decision another one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support.arguments import Progress
from randrelu.measures.attack import Attack, Base
from randrelu.measures.line import first_crossing
from randrelu.measures.trace import origin_on, parts, pieces, unit_vector
from randrelu.network import Network

LONGEST = 50.0  # times 1/√d: how far, relative to ‖x‖, is looked by default

# What is to reach a level, (…, C), of the outputs (…, k).
_Read = Callable[[NDArray[np.float64]], NDArray[np.float64]]


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
    infima = np.full(len(base.f), np.nan)
    goals = margin + (np.abs(base.f) if eta == "exact" else np.zeros(len(base.f)))
    for n, (x, f, g) in enumerate(zip(base.points, base.f, base.gradient, strict=True)):
        if progress is not None:
            progress(n, len(base.f))
        level, grad_norm = float(-np.sign(f) * goals[n]), base.grad_norm[n]
        if f == 0 or grad_norm == 0:
            continue
        # At the origin as far as where x has the size at which f is like a random linear function.
        norm = float(base.norm[n]) or math.sqrt(net.widths[0]) * abs(f) / grad_norm
        shortest, read = longest * norm, base.reader(n, any_other=eta == "flip")
        # The first direction lets |f| fall. The other is looked along too, no farther than the
        # first needed, since f may turn there.
        for sign in (-np.sign(f), np.sign(f)):
            unit, slope = unit_vector(sign * g), float(sign * grad_norm)
            t = _first_reach(net, x, unit, shortest, level, float(f), slope, read, threads)
            if t <= shortest:
                shortest, infima[n] = t, sign * t / grad_norm
    steps = np.nan_to_num(infima)[np.newaxis]
    attack = base.take(
        core.StepKind.etas, steps, goals=goals, any_other=eta == "flip", margin=margin,
        threads=threads,
    )  # fmt: skip
    if progress is not None:
        progress(len(base.f), len(base.f))
    return replace(attack, eta_infimum=infima[np.newaxis])


def _first_reach(
    net: Network,
    x: NDArray[np.float64],
    unit: NDArray[np.float64],
    length: float,
    level: float,
    f: float,
    slope: float,
    read: _Read,
    threads: int | None,
) -> float:
    """Return the smallest t in [0, length] at which what `read` reads of x + t u is the level.

    NaN if there is none. f(x) and df/dt say where to look first. Unlike `line` this goes through
    the origin, after which a network without biases is linear.
    """
    origin = origin_on(net, x, unit, length)
    before = length if origin is None else origin * (1 - 1e-9)
    for part in parts(before, level - f, slope):
        found = pieces(net, x, unit, part, threads)
        knots = np.r_[0.0, found.t, part]
        outputs = np.vstack([found.f0, found.f])
        end = outputs[-1] + (part - knots[-2]) * found.slopes[-1]
        t, _ = first_crossing(knots, read(np.vstack([outputs, end])), level)
        if not math.isnan(t):
            return t
    if origin is None:
        return math.nan
    value, _, _ = net._evaluate(unit[np.newaxis], value=True, threads=threads)
    end = (length - origin) * value.reshape(-1)
    knots = np.array([origin, length])
    return first_crossing(knots, read(np.vstack([np.zeros_like(end), end])), level)[0]
