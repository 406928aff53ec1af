"""The smallest and the largest f on a sphere around 0, as far as ascent finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments, euclid, extras, memory
from randrelu._support.arguments import Progress, Rng
from randrelu._support.shown import Shown
from randrelu.measures.ball import sample_ball
from randrelu.network import Network, require_one_output

if TYPE_CHECKING:
    import pandas as pd

_Doubles = NDArray[np.float64]

# Of the turns of an ascent, as shares of the whole way to the gradient. Deep networks bend so much
# that few whole turns pay.
_FIRST, _SHORTEST = 0.25, 2.0**-12


@dataclass(frozen=True, eq=False, repr=False)
class Extremes(Shown):
    """The smallest and the largest f that were attained on a sphere around 0.

    The smallest f of the whole sphere is no larger, and the largest no smaller.

    Attributes
    ----------
    values : ndarray of float64, shape (2,)
        f at `points`, evaluated in float64: the smallest, then the largest.
    points : ndarray of float64, shape (2, d)
        Points of the sphere, up to rounding. A network with ``dtype="float64"`` has
        ``net.forward(points[k]) == values[k]``, bit for bit; another evaluates in float32.
    radius : float
        The radius of the sphere.
    """

    values: _Doubles
    points: _Doubles
    radius: float

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the values as a column, a row each."""
        return {"extreme": np.array(["smallest", "largest"]), "value": self.values}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row for each extreme; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        low, high = self.values
        return f"Extremes(‖x‖ = {self.radius:.4g}: f attained from {low:.4g} to {high:.4g})"


def extremes(
    net: Network,
    *,
    radius: float,
    starts: int = 16,
    steps: int = 30,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Extremes:
    """Find points of the sphere ‖x‖ = radius where f is small, and where it is large.

    The theorems about deep networks (3.1 and B.1) are about all points of the unit sphere. Both
    values are attained; no bound is certified. From random points x turns towards r ∇f(x)/‖∇f(x)‖,
    where the linear function that f is around x is largest: a part of the way at first, twice as
    far after a turn that paid, and half as far after one that did not. To the smallest f it turns
    towards −r ∇f(x)/‖∇f(x)‖. The best of all starts is kept.

    Parameters
    ----------
    net : Network
        A network of one output, with biases or without. A deferred one remembers every point.
    radius : float
        The radius r > 0.
    starts : int, default 16
        The random points, at least 1, from each of which one ascent and one descent begin.
    steps : int, default 30
        The most points that each of them tries, at least 1.
    rng : None, int, SeedSequence or Generator
        Where the starts come from.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, in steps.

    Returns
    -------
    Extremes

    Raises
    ------
    MemoryError
        If what a deferred network would remember does not fit in the memory that is free.
    TypeError, ValueError
        If an argument is not as described, or the network has several outputs.
    """
    require_one_output(net, "an extreme value")
    arguments.callback(progress)
    radius = arguments.number("radius", radius, positive=True)
    starts = arguments.integer("starts", starts, at_least=1)
    steps = arguments.integer("steps", steps, at_least=1, at_most=arguments.WIDEST)
    if net.storage == "deferred":
        tried = (2 * steps + 1) * starts
        memory.require_revealing(
            net.widths, tried, 8, backward=tried, way_out="choose fewer starts or steps"
        )

    def evaluate(points: _Doubles) -> tuple[_Doubles, _Doubles]:
        values, _, gradients = net._evaluate(points, value=True, gradient=True, threads=threads)
        return values, gradients

    first = sample_ball(
        np.zeros(net.widths[0]), radius, starts, rng=rng, surface=True, threads=threads
    )
    signs = np.repeat([-1.0, 1.0], starts)
    values, points = climb_on_sphere(
        evaluate, _onto_sphere(np.tile(first, (2, 1)), radius), signs, radius, steps, progress
    )
    best = [int(values[:starts].argmin()), starts + int(values[starts:].argmax())]
    # A point has the same bits alone as it has when somebody evaluates it again, alone.
    alone = [net._evaluate(points[k : k + 1], value=True, threads=threads)[0][0] for k in best]
    return Extremes(np.array(alone), points[best], radius)


def climb_on_sphere(
    evaluate: Callable[[_Doubles], tuple[_Doubles, _Doubles]],
    points: _Doubles,
    signs: _Doubles,
    radius: float,
    steps: int,
    progress: Progress | None = None,
) -> tuple[_Doubles, _Doubles]:
    """Move points (N, d) of a sphere to where f is larger, or smaller for the sign −1.

    `evaluate` returns f (N,) and ∇f (N, d) at points (N, d). A turn towards r ∇f/‖∇f‖ that does not
    pay is not taken, and the next one is half as far, so a point never goes down or round in
    circles. It rests where f is flat, and where turns have become tiny.

    Returns
    -------
    values : ndarray, shape (N,)
        f at the points that were reached.
    points : ndarray, shape (N, d)
    """
    points = points.copy()
    values, gradients = (found.copy() for found in evaluate(points))
    turns = np.full(len(points), _FIRST)
    for step in range(steps):
        ways = signs[:, np.newaxis] * gradients
        lengths = euclid.norms(ways)
        moving = np.flatnonzero((lengths > 0) & (turns >= _SHORTEST))
        if moving.size:
            turn = turns[moving, np.newaxis]
            aims = ways[moving] / lengths[moving, np.newaxis]
            between = (1 - turn) * (points[moving] / radius) + turn * aims
            opposite = ~between.any(axis=1, keepdims=True)  # 0 is halfway, which has no direction
            tried = _onto_sphere(np.where(opposite, aims, between), radius)
            f, gradient = evaluate(tried)
            better = signs[moving] * f > signs[moving] * values[moving]
            turns[moving] = np.where(better, np.minimum(2 * turns[moving], 1), turns[moving] / 2)
            gone = moving[better]
            points[gone], values[gone], gradients[gone] = tried[better], f[better], gradient[better]
        if progress is not None:
            progress(step + 1, steps)
    return values, points


def _onto_sphere(rows: _Doubles, radius: float) -> _Doubles:
    """Return the rows, none of them 0, scaled to the radius."""
    return rows / euclid.norms(rows)[:, np.newaxis] * radius
