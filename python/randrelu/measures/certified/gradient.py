"""How large the gradient, and its change, can be in a ball, at most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from randrelu._support import memory
from randrelu._support.arguments import Progress
from randrelu._support.progress import Count, counting
from randrelu.measures.certified.bounding import Bounding
from randrelu.measures.certified.budgets import Budget, budgets
from randrelu.measures.certified.gradient_intervals import (
    Backward,
    Gates,
    backward_vectors,
    farthest,
)
from randrelu.measures.certified.jacobian_norms import jacobian_norms
from randrelu.measures.certified.rounding import EPS, gamma, norm_above
from randrelu.measures.certified.scaled import Scaled
from randrelu.measures.certified.spectral import largest_singular_value
from randrelu.network import Network

_Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Certified:
    """What no point of a ball exceeds, rounding included.

    Attributes
    ----------
    gradient : float
        ‖∇f(y)‖, in the norm that is dual to that of the ball.
    deviation : float
        ‖∇f(x) − ∇f(y)‖, in the same norm; infinite where there is no x.
    """

    gradient: float
    deviation: float


def certified_gradients(
    net: Network,
    x: _Doubles | None,
    radii: Sequence[float],
    norm: float,
    *,
    threads: int | None,
    progress: Progress | None = None,
) -> list[Certified]:
    """Bound the gradient in the balls around x of some radii.

    Where x is None it is bounded everywhere, and the radii say nothing but how often.

    Each number is the smallest of several bounds. All of them change at some layer k: what comes
    after it is bounded by intervals (`backward_vectors`), what comes before by norms
    (`jacobian_norms`); k = ℓ + 1 has norms alone, k = 0 intervals alone. For the deviation the
    flips before layer k are those of (GD-DECOMP): ‖Δ_j‖ is at most the norm of what the backward
    vector of x has at the units that flip, times that of the Jacobian of the units that can.
    """
    if not radii:
        return []
    memory.require(
        8 * 6 * max(net.widths) ** 2,
        "bounding with six matrices of the widest layer in float64",
        "take a narrower network, or certify=False",
    )
    largest = 1.0 if x is None else max(float(np.abs(x).max()), *radii)
    scaled = Scaled(net, net.depth + 1, largest, threads=threads)
    layers = 0 if x is None else net.depth
    steps = counting(progress, layers + len(radii) * (layers + 2))
    norms = []
    for weights in scaled.weights[:layers]:
        norms.append(largest_singular_value(weights))
        steps(1)
    found = []
    for radius in radii:
        gates, limits = [Gates.unknown(width) for width in net.widths[1:-1]], None
        if x is not None:
            bounding = Bounding(scaled, x[np.newaxis], np.array([radius]), norm)
            gates, limits = _in_ball(bounding, norms, steps)
        certified = _certified(scaled, gates, limits, norm)
        if x is not None and radius == 0:
            certified = replace(certified, deviation=0.0)
        found.append(certified)
        steps(2)
    return found


def _certified(
    scaled: Scaled, gates: list[Gates], limits: list[Budget] | None, norm: float
) -> Certified:
    """Bound the gradient by what is known of the units; its change, too, where there are limits."""
    last = np.ones(1, bool)
    jacobians = jacobian_norms(
        scaled.weights, [*(g.off for g in gates), ~last], [*(g.able for g in gates), last]
    )
    bounds = _Bounds(*backward_vectors(scaled, gates), jacobians, norm)
    gradient, deviation = bounds.gradient(), math.inf
    if limits is not None:
        at_x, change = min(bounds.at_x(), gradient), bounds.deviation(limits)
        gradient, deviation = min(gradient, at_x + change), min(change, at_x + gradient)
    return Certified(_unscaled(gradient, scaled), _unscaled(deviation, scaled))


def _in_ball(
    bounding: Bounding, norms: list[float], count: Count
) -> tuple[list[Gates], list[Budget]]:
    """Bound the hidden layers in the ball, and return what is known of the units of each."""
    gates, limits = [], []
    for k, budget in enumerate(budgets(bounding, norms)):
        low, high = bounding.lower[k][0], bounding.upper[k][0]
        value, error = bounding.values[k][0], bounding.errors[k][0]
        on, off = low > 0, high < 0
        gates.append(Gates(on, off, on | (value > error), off | (value < -error)))
        limits.append(budget)
        count(1)
    return gates, limits


@dataclass(frozen=True, eq=False)
class _Bounds:
    """Bounds in scaled units, each the smallest of those that change from norms to intervals.

    Attributes
    ----------
    masked, met : list of Backward
        The backward vectors, see `backward_vectors`.
    jacobians : list of pairs of float
        The norms of the Jacobians, see `jacobian_norms`.
    norm : float
        The norm of the ball, 2 or inf.
    """

    masked: list[Backward]
    met: list[Backward]
    jacobians: list[tuple[float, float]]
    norm: float

    def gradient(self) -> float:
        """Return what ‖∇f(y)‖ is at most."""
        whole = self.jacobians[-1][0]
        mixed = [
            norm_above(farthest(vectors.anywhere)) * reach
            for vectors, (reach, _) in zip(self.masked, self.jacobians, strict=False)
        ]
        return min(self._length(self.met[0].anywhere), self._dual(min([whole, *mixed])))

    def at_x(self) -> float:
        """Return what ‖∇f(x)‖ is at most, by intervals."""
        return self._length(self.met[0].at_x)

    def deviation(self, limits: list[Budget]) -> float:
        """Return what ‖∇f(x) − ∇f(y)‖ is at most."""
        terms = [  # what the ‖Δ_j‖ of (GD-DECOMP) are at most
            _share(farthest(vectors.at_x), budget) * of_able
            for budget, vectors, (_, of_able) in zip(
                limits, self.met[1:], self.jacobians, strict=False
            )
        ]
        mixed = [
            norm_above(farthest(vectors.change)) * reach + sum(terms[:k], 0.0)
            for k, (vectors, (reach, _)) in enumerate(
                zip(self.masked, self.jacobians, strict=False)
            )
        ]
        by_norms = self._dual(min([sum(terms, 0.0), *mixed]))
        return min(self._length(self.met[0].change), by_norms)

    def _length(self, bounds: _Doubles) -> float:
        """Return what the dual norm of a vector between bounds is at most."""
        far = farthest(bounds)
        return norm_above(far) if self.norm == 2 else float(far.sum()) * (1 + gamma(far.size))

    def _dual(self, length: float) -> float:
        """Return what the dual norm is at most where the Euclidean one is no larger than this."""
        if self.norm == 2:
            return length
        dim = self.met[0].at_x.shape[1]
        return math.sqrt(dim) * (1 + 4 * EPS) * length


def _unscaled(bound: float, scaled: Scaled) -> float:
    """Return a sum of a few bounds for each layer in the units of the network, rounded up."""
    if bound in (0, math.inf):
        return bound
    slack = 1 + (4 * len(scaled.widths) + 64) * EPS
    (_, before), (_, after) = math.frexp(scaled.scales[0]), math.frexp(scaled.scales[-1])
    try:
        found = math.ldexp(bound * slack, after - before)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise OverflowError("a bound leaves the range of float64")
    return math.nextafter(found, math.inf)


def _share(sizes: _Doubles, budget: Budget) -> float:
    """Return what the norm of the sizes of a set of units that can flip at once is at most.

    For any λ ≥ 0, Σ_S b² ≤ Σ_S (b² − λ gaps²) + λ moved² ≤ Σ max(b² − λ gaps², 0) + λ moved² over
    all units that are able. The best λ is the value b²/gaps² at which the budget is spent.
    """
    sizes, gaps = sizes[budget.able], budget.gaps[budget.able]
    largest = float(sizes.max(initial=0))
    if largest == 0:
        return 0.0
    whole = norm_above(sizes)
    if not budget.moved > 0:  # those alone that are at 0 already
        return norm_above(sizes[gaps == 0])
    squares = (sizes / largest) ** 2
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        shares = (gaps / budget.moved) ** 2
        values = np.where(shares > 0, squares / shares, np.inf)
        order = np.argsort(-values, kind="stable")
        spent = int(np.searchsorted(np.cumsum(shares[order]), 1.0))
        price = float(values[order[spent]]) if spent < len(order) else 0.0
        total = float(np.maximum(squares - price * shares, 0).sum()) + price
    # Each difference is rounded by no more than an eps of what is subtracted, up to the square.
    total += (len(sizes) + 16) * EPS * (float(squares.sum()) + price)
    if not math.isfinite(total):
        return whole
    return min(whole, largest * math.sqrt(total) * (1 + 8 * EPS))
