"""How large the gradient, and its change, can be in a ball, at most."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid, memory
from randrelu._support.arguments import Progress
from randrelu.measures.bounding import Bounding
from randrelu.measures.budgets import Budget, budgets
from randrelu.measures.gradient_intervals import Backward, Gates, backward_vectors, farthest
from randrelu.measures.jacobian_norms import jacobian_norms
from randrelu.measures.scaled import Scaled
from randrelu.network import Network

_Doubles = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


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


def certified_gradient(
    net: Network,
    x: _Doubles | None,
    radius: float,
    norm: float,
    *,
    threads: int | None,
    progress: Progress | None = None,
) -> Certified:
    """Bound the gradient in the ball around x, or everywhere where x is None.

    Each number is the smallest of several bounds. All of them change at some layer k: what comes
    after it is bounded by intervals (`backward_vectors`), what comes before by norms
    (`jacobian_norms`); k = ℓ + 1 has norms alone, k = 0 intervals alone. For the deviation the
    flips before layer k are those of (GD-DECOMP): ‖Δ_j‖ is at most the norm of what the backward
    vector of x has at the units that flip, times that of the Jacobian of the units that can.
    """
    memory.require(
        8 * 6 * max(net.widths) ** 2,
        "bounding with six matrices of the widest layer in float64",
        "take a narrower network, or certify=False",
    )
    largest = 1.0 if x is None else max(float(np.abs(x).max()), radius)
    scaled = Scaled(net, net.depth + 1, largest, threads=threads)
    steps = net.depth + 2
    limits: list[Budget] = []
    gates = [Gates.unknown(width) for width in net.widths[1:-1]]
    if x is not None:
        bounding = Bounding(scaled, x[np.newaxis], np.array([radius]), norm)
        for budget in budgets(bounding, net.depth):
            gates[len(limits)] = _gates(bounding, len(limits))
            limits.append(budget)
            if progress is not None:
                progress(len(limits), steps)
    masked, met = backward_vectors(scaled, gates)
    last = np.ones(1, bool)
    jacobians = jacobian_norms(
        scaled.weights, [*(g.off for g in gates), ~last], [*(g.able for g in gates), last]
    )
    dim = net.widths[0]
    # ‖v‖_1 is at most √d times ‖v‖.
    factor = 1.0 if norm == 2 else math.sqrt(dim) * (1 + 4 * _EPS)

    def length(bounds: _Doubles) -> float:
        far = farthest(bounds)
        return (_norm(far) if norm == 2 else float(far.sum())) * (1 + (dim + 8) * _EPS)

    gradients = [length(met[0].anywhere), factor * jacobians[-1][0]]
    for vectors, (reach, _) in zip(masked, jacobians, strict=False):
        gradients.append(factor * _norm(farthest(vectors.anywhere)) * reach)
    deviation = math.inf
    if x is not None:
        terms = _terms(limits, met, jacobians)
        deviations = [length(met[0].change), factor * sum(terms)]
        for k, (vectors, (reach, _)) in enumerate(zip(masked, jacobians, strict=False)):
            after = _norm(farthest(vectors.change)) * reach
            deviations.append(factor * (after + sum(terms[:k])))
        at_x = min(length(met[0].at_x), *gradients)
        gradients.append(at_x + min(deviations))
        deviations.append(at_x + min(gradients))
        deviation = min(deviations) if radius > 0 else 0.0
    if progress is not None:
        progress(steps, steps)
    return Certified(_unscaled(min(gradients), scaled), _unscaled(deviation, scaled))


def _unscaled(bound: float, scaled: Scaled) -> float:
    """Return a sum of a few bounds for each layer in the units of the network, rounded up."""
    if bound in (0, math.inf):
        return bound
    slack = 1 + (4 * len(scaled.widths) + 64) * _EPS
    (_, before), (_, after) = math.frexp(scaled.scales[0]), math.frexp(scaled.scales[-1])
    try:
        found = math.ldexp(bound * slack, after - before)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise OverflowError("a bound leaves the range of float64")
    return math.nextafter(found, math.inf)


def _gates(bounding: Bounding, k: int) -> Gates:
    """Return the gates of the layer after k others, which is bounded."""
    low, high = bounding.lower[k][0], bounding.upper[k][0]
    value, error = bounding.values[k][0], bounding.errors[k][0]
    on, off = low > 0, high < 0
    return Gates(on, off, on | (value > error), off | (value < -error))


def _terms(
    limits: list[Budget], met: list[Backward], jacobians: list[tuple[float, float]]
) -> list[float]:
    """Return what the ‖Δ_j‖ of (GD-DECOMP) are at most."""
    return [
        _share(farthest(vectors.at_x), budget) * of_able
        for budget, vectors, (_, of_able) in zip(limits, met[1:], jacobians, strict=False)
    ]


def _share(sizes: _Doubles, budget: Budget) -> float:
    """Return what the norm of the sizes of a set of units that can flip at once is at most.

    For any λ ≥ 0, Σ_S b² ≤ Σ_S (b² − λ gaps²) + λ moved² ≤ Σ max(b² − λ gaps², 0) + λ moved² over
    all units that are able. The best λ is the value b²/gaps² at which the budget is spent.
    """
    sizes, gaps = sizes[budget.able], budget.gaps[budget.able]
    largest = float(sizes.max(initial=0))
    if largest == 0:
        return 0.0
    whole = _norm(sizes)
    if not budget.moved > 0:  # those alone that are at 0 already
        return _norm(sizes[gaps == 0])
    squares = (sizes / largest) ** 2
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        shares = (gaps / budget.moved) ** 2
        values = np.where(shares > 0, squares / shares, np.inf)
        order = np.argsort(-values, kind="stable")
        spent = int(np.searchsorted(np.cumsum(shares[order]), 1.0))
        price = float(values[order[spent]]) if spent < len(order) else 0.0
        total = float(np.maximum(squares - price * shares, 0).sum()) + price
    # Each difference is rounded by no more than an eps of what is subtracted, up to the square.
    total += (len(sizes) + 16) * _EPS * (float(squares.sum()) + price)
    if not math.isfinite(total):
        return whole
    return min(whole, largest * math.sqrt(total) * (1 + 8 * _EPS))


def _norm(vector: _Doubles) -> float:
    """Return no less than the norm of a vector."""
    return euclid.norm(vector) * (1 + (len(vector) + 8) * _EPS)
