"""The outcome of gradient steps from points that are evaluated once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid, extras
from randrelu._support.arguments import Progress
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


@dataclass(frozen=True, eq=False)
class Base:
    """What every step from the points needs to know of them, evaluated once, in float64."""

    points: NDArray[np.float64]  # (N, d)
    norm: NDArray[np.float64]  # (N,), of the points
    f: NDArray[np.float64]  # (N,)
    bits: list[NDArray[np.uint8]]
    gradient: NDArray[np.float64]  # (N, d)
    grad_norm: NDArray[np.float64]  # (N,)


def evaluate_base(
    net: Network,
    points: NDArray[np.float64],
    *,
    threads: int | None,
    progress: Progress | None = None,
) -> Base:
    """Evaluate f, the pattern and the gradient at points (N, d) in float64."""
    f, bits, gradient = net._evaluate(
        points, value=True, bits=True, gradient=True, threads=threads, progress=progress
    )
    norm, grad_norm = euclid.norms(points), euclid.norms(gradient)
    return Base(points, norm, f, bits, gradient, grad_norm)


def take_changes(
    net: Network,
    base: Base,
    changes: NDArray[np.float64],
    *,
    threads: int | None,
    progress: Progress | None = None,
) -> Attack:
    """Take the steps that change f by `changes`, (K, N), where it is linear; none at gradient 0."""
    alive = base.grad_norm > 0
    safe_norm = np.where(alive, base.grad_norm, 1.0)
    changes = np.where(alive, changes, 0.0)
    with np.errstate(over="ignore"):  # take_steps refuses it
        etas = changes / safe_norm / safe_norm
    return take_steps(net, base, etas, changes, threads=threads, progress=progress)


def take_steps(
    net: Network,
    base: Base,
    etas: NDArray[np.float64],
    changes: NDArray[np.float64] | None = None,
    *,
    threads: int | None,
    progress: Progress | None = None,
) -> Attack:
    """Take steps η of shape (K, N), which change f by `changes`, η‖∇f‖², where it is linear."""
    with np.errstate(over="ignore", invalid="ignore"):
        if changes is None:
            changes = etas * base.grad_norm * base.grad_norm
        x_adv = etas[:, :, np.newaxis] * base.gradient
        x_adv += base.points
    if not np.isfinite(x_adv).all():
        raise OverflowError(
            "η or x + η∇f(x) leaves the range of float64; choose a smaller eta, or weights and "
            "points of another scale"
        )
    f_after, bits_after, _ = net._evaluate(
        x_adv.reshape(-1, base.points.shape[1]),
        value=True,
        bits=True,
        threads=threads,
        progress=progress,
    )
    linear = np.ones(etas.shape, bool)
    for before, after in zip(base.bits, bits_after, strict=True):
        linear &= (after.reshape(*etas.shape, before.shape[1]) == before).all(axis=-1)
    f_after = np.where(linear, base.f + changes, f_after.reshape(etas.shape))
    return outcome(base, x_adv, etas, f_after)


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
    flipped = np.sign(f_after) != np.sign(f)
    return {
        "eta": eta,
        "f_before": f,
        "f_after": f_after,
        "grad_norm": grad_norm,
        "relative_norm": np.abs(eta) * relative_grad_norm,
        "sign_flipped": flipped,
        "success": flipped & (np.abs(f_after) >= np.abs(f)),
    }


def one_step(attack: Attack, k: int) -> Attack:
    """Return step k of an attack that has the axis K."""
    names = ("x_adv", "eta", "f_after", "relative_norm", "sign_flipped", "success")
    return replace(attack, **{name: getattr(attack, name)[k] for name in names})


def one_point(attack: Attack, n: int) -> Attack:
    """Return point n of an attack that has the axes K and N."""
    fields = {f.name: getattr(attack, f.name)[..., n] for f in dataclasses.fields(attack)[1:]}
    return Attack(x_adv=attack.x_adv[:, n], **fields)
