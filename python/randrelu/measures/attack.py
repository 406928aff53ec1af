"""The outcome of gradient steps from points that are evaluated once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import euclid, extras
from randrelu._support.arguments import Progress
from randrelu._support.threads import thread_number
from randrelu.network import Network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Attack:
    """The outcome of gradient steps x + η∇f(x).

    For a single point and a single η the fields are scalars and `x_adv` has shape (d,); a batch of
    N points puts the axis N in front, and a sequence of K values of η an axis K before that.
    Everything is float64 (or bool), whatever the network's dtype.

    Attributes
    ----------
    x_adv : ndarray, shape ([K,] [N,] d)
        The points after the step.
    eta : ndarray, shape ([K,] [N])
        The steps η taken, sign included.
    f_before : ndarray, shape ([N])
        f(x).
    f_after : ndarray, shape ([K,] [N])
        f(x + η∇f(x)).
    grad_norm : ndarray, shape ([N])
        ‖∇f(x)‖.
    relative_norm : ndarray, shape ([K,] [N])
        ‖η∇f(x)‖/‖x‖.
    sign_flipped : ndarray of bool, shape ([K,] [N])
        Whether sign f(x_adv) ≠ sign f(x).
    success : ndarray of bool, shape ([K,] [N])
        The conclusion of Theorem 1.1: the sign differs and |f(x_adv)| ≥ |f(x)|. A step that fails
        is an outcome, not an error. Where f_after = −f_before exactly, evaluating f again at the
        rounded x_adv may differ in the last digit.
    """

    x_adv: NDArray[np.float64]
    eta: NDArray[np.float64]
    f_before: NDArray[np.float64]
    f_after: NDArray[np.float64]
    grad_norm: NDArray[np.float64]
    relative_norm: NDArray[np.float64]
    sign_flipped: NDArray[np.bool_]
    success: NDArray[np.bool_]

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per step and point; needs pandas."""
        return extras.frame(self.columns())

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `x_adv` as columns, a row per step and point."""
        shape = np.shape(self.f_after)
        fields = ("eta", "f_before", "f_after", "grad_norm", "relative_norm", "sign_flipped",
                  "success")  # fmt: skip
        return {name: np.broadcast_to(getattr(self, name), shape).reshape(-1) for name in fields}

    def __repr__(self) -> str:
        steps = np.size(self.success)
        if steps == 1:
            return (
                f"Attack(success={bool(np.all(self.success))}, "
                f"f_before={np.ravel(self.f_before)[0]:.4g}, "
                f"f_after={np.ravel(self.f_after)[0]:.4g}, "
                f"relative_norm={np.ravel(self.relative_norm)[0]:.4g})"
            )
        median = f"{np.median(self.relative_norm):.4g}" if steps else "none"
        return (
            f"Attack(success={int(np.sum(self.success))} of {steps} steps, "
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
    """

    def __init__(
        self,
        net: Network,
        points: NDArray[np.float64],
        *,
        threads: int | None,
        progress: Progress | None = None,
    ) -> None:
        net._require_room(points, gradient=True)
        self._net = net
        self._core = core.Attack(
            net._core, points, threads=thread_number(threads), progress=progress
        )
        self.points, self.norm = points, euclid.norms(points)
        self.f, self.gradient = self._core.f, self._core.gradients
        self.grad_norm = self._core.grad_norms

    def take(
        self,
        kind: core.StepKind,
        numbers: NDArray[np.float64],
        *,
        threads: int | None,
        progress: Progress | None = None,
    ) -> Attack:
        """Take K steps from every point, whose numbers (K, N) are of this kind."""
        self._net._require_room(self.points, times=len(numbers))
        taken = self._core.step(kind, numbers, threads=thread_number(threads), progress=progress)
        return outcome(self, taken.x_after, taken.eta, taken.f_after)


def outcome(
    base: Base,
    x_adv: NDArray[np.float64],
    etas: NDArray[np.float64],
    f_after: NDArray[np.float64],
) -> Attack:
    """Return the attack of steps η of shape (K, N) to `x_adv`, where f is `f_after`."""
    slope = base.grad_norm / base.norm
    return Attack(x_adv=x_adv, **outcome_columns(etas, base.f, f_after, base.grad_norm, slope))


def outcome_columns(
    eta: NDArray[np.float64],
    f: NDArray[np.float64],
    f_after: NDArray[np.float64],
    grad_norm: NDArray[np.float64],
    relative_grad_norm: NDArray[np.float64],
) -> dict[str, NDArray[Any]]:
    """Return the fields of an `Attack` but `x_adv`; `relative_grad_norm` is ‖∇f(x)‖/‖x‖."""
    return {
        "eta": eta,
        "f_before": f,
        "f_after": f_after,
        "grad_norm": grad_norm,
        "relative_norm": np.abs(eta) * relative_grad_norm,
        "sign_flipped": core.sign_flips(f, f_after),
        "success": core.succeeds(f, f_after),
    }


def one_step(attack: Attack, k: int) -> Attack:
    """Return step k of an attack that has the axis K."""
    names = ("x_adv", "eta", "f_after", "relative_norm", "sign_flipped", "success")
    return replace(attack, **{name: getattr(attack, name)[k] for name in names})


def one_point(attack: Attack, n: int) -> Attack:
    """Return point n of an attack that has the axes K and N."""
    fields = {f.name: getattr(attack, f.name)[..., n] for f in dataclasses.fields(attack)[1:]}
    return Attack(x_adv=attack.x_adv[:, n], **fields)
