"""The outcome of gradient steps from points that are evaluated once."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import euclid, extras
from randrelu._support.arguments import Progress
from randrelu._support.shown import Shown
from randrelu._support.threads import thread_number
from randrelu.network import Network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Attack(Shown):
    """The outcome of gradient steps x + η∇f(x).

    For a single point and a single η the fields are scalars and `x_adv` has shape (d,); a batch of
    N points puts the axis N in front, and a sequence of K values of η an axis K before that.
    Everything is float64 (or bool, or int64), whatever the network's dtype. Where a network has
    several outputs, f is the margin f_top − f_other of its decision at x.

    Attributes
    ----------
    x_adv : ndarray, shape ([K,] [N,] d)
        The points after the step.
    eta : ndarray, shape ([K,] [N])
        The steps η taken, sign included.
    eta_infimum : ndarray, shape ([K,] [N])
        Where f on the line x + η∇f(x) first reaches the level that the step is for, and the margin
        beyond it, a number and no point: the η of "exact" and "flip" without the ulps that it
        takes to be there after rounding. NaN for other steps, and where f does not get there.
    f_before : ndarray, shape ([N])
        f(x).
    f_after : ndarray, shape ([K,] [N])
        f evaluated at `x_adv`, always: the float64 number that ``net.forward`` gives, bit for bit
        where the weights are explicit. Deferred and limit networks agree up to rounding.
    grad_norm : ndarray, shape ([N])
        ‖∇f(x)‖.
    relative_norm : ndarray, shape ([K,] [N])
        ‖η∇f(x)‖/‖x‖.
    sign_flipped : ndarray of bool, shape ([K,] [N])
        Whether sign f(x_adv) ≠ sign f(x), by `f_before` and `f_after`; with several outputs,
        whether another one is the largest at `x_adv`.
    success : ndarray of bool, shape ([K,] [N])
        The conclusion of Theorem 1.1: the sign differs and |f(x_adv)| ≥ |f(x)|, with the `margin`
        of `gradient_step` on top, by the same numbers. A step that fails is an outcome, not an
        error.
    top : ndarray of int64, shape ([N]), or None
        With several outputs the decision at x, the largest one.
    other : ndarray of int64, shape ([N]), or None
        The output that it is attacked for: the runner-up, or that of ``against=``.
    top_after : ndarray of int64, shape ([K,] [N]), or None
        The decision at `x_adv`.
    """

    x_adv: NDArray[np.float64]
    eta: NDArray[np.float64]
    eta_infimum: NDArray[np.float64]
    f_before: NDArray[np.float64]
    f_after: NDArray[np.float64]
    grad_norm: NDArray[np.float64]
    relative_norm: NDArray[np.float64]
    sign_flipped: NDArray[np.bool_]
    success: NDArray[np.bool_]
    top: NDArray[np.int64] | None = None
    other: NDArray[np.int64] | None = None
    top_after: NDArray[np.int64] | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per step and point; needs pandas."""
        return extras.frame(self.columns())

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `x_adv` as columns, a row per step and point."""
        shape = np.shape(self.f_after)
        fields = _held(self) - {"x_adv"}
        names = [field.name for field in dataclasses.fields(self) if field.name in fields]
        return {name: np.broadcast_to(getattr(self, name), shape).reshape(-1) for name in names}

    def __repr__(self) -> str:
        steps = np.size(self.success)
        if steps == 1:
            decided = ""
            if self.top is not None and self.top_after is not None:
                decided = f"decision {np.ravel(self.top)[0]} → {np.ravel(self.top_after)[0]}, "
            return (
                f"Attack(success={bool(np.all(self.success))}, {decided}"
                f"f_before={np.ravel(self.f_before)[0]:.4g}, "
                f"f_after={np.ravel(self.f_after)[0]:.4g}, "
                f"relative_norm={np.ravel(self.relative_norm)[0]:.4g})"
            )
        median = f"{np.median(self.relative_norm):.4g}" if steps else "none"
        decided = ""
        if self.top is not None:
            decided = f"{int(np.sum(self.sign_flipped))} other decisions, "
        return (
            f"Attack(success={int(np.sum(self.success))} of {steps} steps, {decided}"
            f"median relative_norm={median})"
        )


class Base:
    """Points from which steps are taken, evaluated once, in float64.

    Attributes
    ----------
    points : ndarray, shape (N, d)
        The points.
    norm : ndarray, shape (N,)
        Their norms.
    f : ndarray, shape (N,)
        f(x).
    gradient : ndarray, shape (N, d)
        ∇f(x).
    grad_norm : ndarray, shape (N,)
        ‖∇f(x)‖.
    top, other : ndarray of int64, shape (N,), or None
        The outputs whose difference f is, where there are several: the largest at x, and the
        runner-up, or that of `against`.
    """

    def __init__(
        self,
        net: Network,
        points: NDArray[np.float64],
        against: NDArray[np.int64] | None = None,
        *,
        threads: int | None,
        progress: Progress | None = None,
    ) -> None:
        net._require_room(points, gradient=True)
        self._net = net
        self._core = core.Attack(
            net._core, points, against, threads=thread_number(threads), progress=progress
        )
        self.points, self.norm = points, euclid.norms(points)
        self.f, self.gradient = self._core.f, self._core.gradients
        self.grad_norm = self._core.grad_norms
        self.top, self.other = self._core.top, self._core.other

    def reach(
        self,
        goals: NDArray[np.float64],
        lengths: NDArray[np.float64],
        *,
        any_other: bool,
        most_flips: int,
        threads: int | None,
        progress: Progress | None = None,
    ) -> NDArray[np.float64]:
        """Return the η of the shortest steps along ±∇f(x), (N,), after which f is at its goal.

        The goals (N,) are how far beyond 0 it is to come; NaN where it does not within its length
        (N,). With `any_other` the first margin of a decision that gets there counts.
        """
        return self._core.reach(
            goals, lengths, any_other=any_other, most_flips=most_flips,
            threads=thread_number(threads), progress=progress,
        )  # fmt: skip

    def take(
        self,
        kind: core.StepKind,
        numbers: NDArray[np.float64],
        *,
        goals: NDArray[np.float64] | None = None,
        any_other: bool = False,
        margin: float = 0.0,
        threads: int | None,
        progress: Progress | None = None,
    ) -> Attack:
        """Take K steps from every point, whose numbers (K, N) are of this kind.

        A step that misses its point's goal (N,), how far beyond 0 f is to come, by rounding alone
        goes on until an evaluation shows that it got there; with `any_other` that of the margins of
        a decision that comes farthest.
        """
        times = len(numbers)
        if goals is not None:  # some points at once are tried where a step goes on
            times = max(times, math.ceil(core.FEW_POINTS / max(1, len(self.points))))
        self._net._require_room(self.points, times=times)
        taken = self._core.step(
            kind,
            numbers,
            goals,
            any_other=any_other,
            threads=thread_number(threads),
            progress=progress,
        )
        with np.errstate(divide="ignore", invalid="ignore"):  # at 0 every step is infinitely long
            relative = self.grad_norm / self.norm
        columns = outcome_columns(
            taken.eta, self.f, taken.f_after, self.grad_norm, relative, margin
        )
        attack = Attack(x_adv=taken.x_after, **columns)
        if taken.top_after is None:
            return attack
        flipped = taken.top_after != self.top
        return replace(
            attack, sign_flipped=flipped, success=attack.success & flipped, top=self.top,
            other=self.other, top_after=taken.top_after,
        )  # fmt: skip


def outcome_columns(
    eta: NDArray[np.float64],
    f: NDArray[np.float64],
    f_after: NDArray[np.float64],
    grad_norm: NDArray[np.float64],
    relative_grad_norm: NDArray[np.float64],
    margin: float = 0.0,
) -> dict[str, NDArray[Any]]:
    """Return the fields of an `Attack` but `x_adv`; `relative_grad_norm` is ‖∇f(x)‖/‖x‖."""
    return {
        "eta": eta,
        "eta_infimum": np.full_like(eta, np.nan),
        "f_before": f,
        "f_after": f_after,
        "grad_norm": grad_norm,
        "relative_norm": np.abs(eta) * np.where(eta == 0, 0, relative_grad_norm),
        "sign_flipped": core.sign_flips(f, f_after),
        "success": core.succeeds(f, f_after, margin),
    }


def one_step(attack: Attack, k: int) -> Attack:
    """Return step k of an attack that has the axis K."""
    of_points = {"f_before", "grad_norm", "top", "other"}
    return replace(attack, **{name: getattr(attack, name)[k] for name in _held(attack) - of_points})


def one_point(attack: Attack, n: int) -> Attack:
    """Return point n of an attack that has the axes K and N."""
    names = _held(attack) - {"x_adv"}
    fields = {name: getattr(attack, name)[..., n] for name in names}
    return replace(attack, x_adv=attack.x_adv[:, n], **fields)


def _held(attack: Attack) -> set[str]:
    """Return the names of the fields that an attack has."""
    names = (field.name for field in dataclasses.fields(attack))
    return {name for name in names if getattr(attack, name) is not None}
