"""One gradient step on networks of many depths: at infinite width, and at finite widths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import euclid
from randrelu._support.threads import share_of_threads
from randrelu.limit import LimitNetwork
from randrelu.measures.extremes import extremes
from randrelu.measures.trace import line
from randrelu.network import Network
from randrelu.sweeps.blocks import Row
from randrelu.sweeps.experiments.steps import LONGEST, angles, first_size, sizes_at

_Floats = NDArray[np.float64]
NETWORKS = 100  # of infinite width, in a trial


@share_of_threads(1)
def depth(
    rng: np.random.Generator,
    *,
    dim: int,
    depth: int,
    width: int | None = None,
    storage: str = "deferred",
    networks: int | None = None,
) -> Row | list[Row]:
    """Look for the shortest step along the gradient after which f is 0, and −f(x).

    Steps go against the sign of f at (1, …, 1): down where f is positive. Their sizes are relative
    to ‖x‖ and at most 200/√d. They are looked for among steps to angles that are 15 % apart, and f
    is taken as linear in between: `flip` for 0 and `reach` for −f(x), None where none is seen.
    `tangent` is where the tangent at x is 0.

    Without a width the networks are infinitely wide, and a trial has a row for each of several
    (100 by default). `flip_half` is `flip` where only every second of the angles is looked at: how
    much it differs tells how much the choice of angles matters.

    With a width a trial is one network, whose hidden layers have that width, and of which there is
    more: `linearity`, how far f after the linear step is from the tangent, over 2|f|; and the
    cosine of ∇f(x) and the gradient after that step (`cosine_after`), and at an independent point
    (`cosine_other`), with the ratio of f there to f(x) (`ratio_other`). Where its storage is not
    deferred, the line is also followed exactly (`flip_followed`, `reach_followed`).
    """
    if width is None:
        return _of_limit(rng, dim, depth, NETWORKS if networks is None else networks)
    if networks is not None:
        raise ValueError("networks is for infinite width: with a width a trial is one network")
    shape = (dim, *[width] * depth, 1)
    net = Network.random(shape, rng=rng, init="he", storage=storage, dtype="float64")
    return _of_network(rng, net, followed=net.storage != "deferred")


def _of_limit(rng: np.random.Generator, dim: int, depth: int, networks: int) -> list[Row]:
    """Return a row for each of so many independent networks of infinite width.

    f on the plane of x and ∇f(x) is, by homogeneity, a function of the angle, and what f(x) and
    ∇f(x) leave open of it does not depend on them, nor on d. So it is taken from networks of two
    inputs, at fixed angles. Of f(x) and the gradient across x only the sizes matter, which are a
    normal and a χ_{d−1} variable.
    """
    angle = angles(dim, depth)
    x, y = np.array([1.0, 0.0]), np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # Outputs are independent networks; f has variance 1 where ‖x‖ = 1.
    net = LimitNetwork(2, depth, rng=rng, init="he", outputs=networks)
    flat = net.jacobian(x).reshape(networks, 2)
    values = net.forward(y).reshape(-1, networks).T
    kernel = laws.limit_kernel_at(angle, depth)

    def mean(f: _Floats, across: _Floats) -> _Floats:
        """Return E f(y) given f(x) and the derivative across x, shape (n, m)."""
        result: _Floats = np.multiply.outer(f, kernel.value)
        result += np.multiply.outer(across, kernel.first * np.sin(angle))
        return result

    f = np.abs(rng.standard_normal(networks))  # f(x) and −f(x) are alike
    across = np.sqrt(2 * rng.standard_gamma((dim - 1) / 2, networks)) if dim > 1 else 0 * f
    after: _Floats = mean(f, -across) + values - mean(*flat.T)
    tangent = f / np.hypot(f, across)
    sizes = sizes_at(angle, tangent)
    # ‖y‖/‖x‖, from the triangle of 0, x and y: the step is at the angle arcsin(tangent) to x.
    scale = np.where(np.isfinite(sizes), _norm_after(sizes, tangent), 1.0)
    after *= scale
    found = _found(dim, sizes, f, after)
    found["flip_half"] = _found(dim, sizes[:, 1::2], f, after[:, 1::2])["flip"]
    return [
        {"tangent": float(t), **{name: _number(column[n]) for name, column in found.items()}}
        for n, t in enumerate(tangent)
    ]


def _norm_after(sizes: _Floats, tangent: _Floats) -> _Floats:
    """Return ‖x + η∇f(x)‖/‖x‖ after steps of these sizes."""
    cosine = tangent[:, np.newaxis]
    finite = np.where(np.isfinite(sizes), sizes, 0)
    norm: _Floats = np.hypot(1 - finite * cosine, finite * np.sqrt(1 - cosine**2))
    return norm


def _found(dim: int, sizes: _Floats, f: _Floats, after: _Floats) -> dict[str, _Floats]:
    """Return the first sizes at which f > 0 reaches 0 and −f, (n,); NaN where none does."""
    steps = np.concatenate([np.zeros((len(f), 1)), sizes], axis=1)
    values = np.concatenate([f[:, np.newaxis], after], axis=1)
    found = {"flip": first_size(steps, values, 0 * f), "reach": first_size(steps, values, -f)}
    longest = LONGEST / math.sqrt(dim)
    return {name: np.where(size <= longest, size, np.nan) for name, size in found.items()}


def _of_network(rng: np.random.Generator, net: Network, *, followed: bool) -> Row:
    dim = net.widths[0]
    x = np.ones(dim)
    other = rng.standard_normal(dim)
    other *= math.sqrt(dim) / euclid.norm(other)
    value, gradient = net.value_and_gradient(x)
    f, slope = abs(float(value)), euclid.norm(gradient)
    names = ("tangent", "flip", "reach", "linearity", "cosine_after", "cosine_other", "ratio_other")
    if not f or not slope:  # no unit is active in some layer
        return dict.fromkeys((*names, "flip_followed", "reach_followed"))
    down = -math.copysign(1.0, value) * gradient / slope
    tangent = min(f / (slope * math.sqrt(dim)), 1.0)
    sizes = sizes_at(angles(dim, net.depth), np.array(tangent))
    # As far as the longest step, and one farther.
    sizes = sizes[: np.searchsorted(sizes, LONGEST / math.sqrt(dim)) + 1]
    sizes = sizes[np.isfinite(sizes)]
    ways = np.r_[2 * tangent, sizes] * math.sqrt(dim)
    after = net.forward(x + np.multiply.outer(ways, down)) * math.copysign(1.0, value)
    ends, gradients = net.value_and_gradient(np.stack([x + ways[0] * down, other]))
    found = _found(dim, sizes[np.newaxis], np.array([f]), after[np.newaxis, 1:])
    cosines = [_cosine(gradient, g) for g in gradients]
    row: Row = {
        "tangent": tangent,
        **{name: _number(size[0]) for name, size in found.items()},
        "linearity": float(abs(after[0] + f) / (2 * f)),
        "cosine_after": cosines[0],
        "cosine_other": cosines[1],
        "ratio_other": float(ends[1] / value),
        "flip_followed": None,
        "reach_followed": None,
    }
    if followed:
        way = line(net, x, down, LONGEST)  # as ‖x‖ = √d
        for name, level in (("flip_followed", 0.0), ("reach_followed", -float(value))):
            row[name] = _number(way.first_crossing(level) / math.sqrt(dim))
    return row


def _cosine(u: NDArray[Any], v: NDArray[Any]) -> float | None:
    norms = euclid.norm(u) * euclid.norm(v)
    return float(np.add.reduce(u * v)) / norms if norms else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def spread(
    rng: np.random.Generator,
    *,
    dim: int,
    depth: int,
    width: int,
    storage: str = "deferred",
    starts: int = 2,
    steps: int = 12,
) -> Row:
    """Find points of the unit sphere where f is small and where it is large (theorem 3.1).

    `low` and `high` are attained, by so many ascents and descents of so many steps. With the mean
    of f at 16 random points, `spread` is (high − low)/|mean|; `ratio` is (high − low) over the
    smaller of |low| and |high|, which a value of 0 in between makes infinite: None.
    """
    net = Network.random(
        (dim, *[width] * depth, 1), rng=rng, init="he", storage=storage, dtype="float64"
    )
    points = rng.standard_normal((16, dim))
    points /= euclid.norms(points)[:, np.newaxis]
    mean = float(np.mean(net.forward(points)))
    found = extremes(net, radius=1.0, starts=starts, steps=steps, rng=rng)
    low, high = (float(value) for value in found.values)
    one_sign = low * high > 0
    return {
        "low": low,
        "high": high,
        "mean": mean,
        "one_sign": int(one_sign),
        "spread": (high - low) / abs(mean) if mean else None,
        "ratio": (high - low) / min(abs(low), abs(high)) if one_sign else None,
    }
