"""One gradient step, and whether it flips the sign of the network (Theorem 1.1)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments, euclid, extras
from randrelu._support.arguments import Progress
from randrelu.measures.line import first_reach
from randrelu.network import Network

if TYPE_CHECKING:
    import pandas as pd

_NAMED_ETAS = ("linear", "paper", "exact", "flip")
_LONGEST = 50.0  # times 1/√d: how far, relative to ‖x‖, "exact" and "flip" look by default


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


def gradient_step(
    net: Network,
    x: ArrayLike,
    *,
    eta: float | str | Sequence[float] | NDArray[Any] = "linear",
    delta: float = 0.05,
    longest: float | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Attack:
    """Take one step x + η∇f(x) and see whether the sign of f flips (Theorem 1.1).

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,) or (N, d)
        The points to attack, none of them 0.
    eta : float, sequence of float, "linear", "paper", "exact" or "flip"
        The step, sign included. A sequence of K values takes K steps from every point. "linear" is
        −2f/‖∇f‖², which turns f into −f where f is linear. "paper" is the step in the proof of
        Theorem 1.1, −sign(f) 2^ℓ log(d) √(log(1/δ)) / ‖∇f‖² at ‖x‖ = √d, carried over to other
        norms of x and other scales of the weights by homogeneity. (It is longer than the size bound
        in the theorem's statement by a factor log d.) "exact" is the shortest step along ±∇f(x) for
        which the theorem's conclusion holds, where f reaches −f(x), and "flip" the shortest where f
        reaches 0; both are found by `line`, which knows every flip on the way, not by a search.
    delta : float, default 0.05
        The failure probability δ of the theorem, in (0, 1); only "paper" uses it.
    longest : float, optional
        How far "exact" and "flip" look, relative to ‖x‖; by default 50/√d. A point where f does not
        get there has `success` and `sign_flipped` False, and a step of 0.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`; in points for "exact" and "flip".

    Returns
    -------
    Attack

    Raises
    ------
    TypeError
        If `net` is not a Network, or an argument is not numeric.
    ValueError
        If a point is 0 or has the wrong shape, or `eta` or `delta` is not as described.

    Notes
    -----
    Everything is evaluated in float64, whatever ``net.dtype`` is, because |f(x_adv)| ≥ |f(x)|
    compares numbers that the linear step makes nearly equal. Where no unit flips between x and
    x_adv, f is linear there, and f(x) + η‖∇f‖² is taken for f(x_adv) instead of a second rounding.

    A point whose gradient is 0 stays where it is: η is 0 for the named steps, and `success` False.
    """
    if not isinstance(net, Network):
        raise TypeError(f"net must be a Network, got {type(net).__name__}")
    points, single = arguments.points("x", x, net.widths[0], np.dtype("float64"))
    nonzero = points.any(axis=1)
    if not nonzero.all():
        where = f"x[{int(np.argmin(nonzero))}]" if not single else "x"
        raise ValueError(f"{where} must not be 0: Theorem 1.1 asks for x ≠ 0")
    arguments.probability("delta", delta)
    if isinstance(eta, str):
        if eta not in _NAMED_ETAS:
            names = ", ".join(map(repr, _NAMED_ETAS))
            raise ValueError(f"eta must be a number or one of {names}, got {eta!r}")
        steps = None
    else:
        steps = _numeric_eta(eta)

    if isinstance(eta, str) and eta in ("exact", "flip"):
        reach = _LONGEST / math.sqrt(net.widths[0]) if longest is None else float(longest)
        if not 0 < reach < math.inf:
            raise ValueError(f"longest must be a positive number, got {longest}")
        attack = _shortest_steps(net, points, eta, reach, threads=threads, progress=progress)
        return one_step(one_point(attack, 0) if single else attack, 0)

    # The base takes a pass forward and one back, every step one forward.
    count = 1 if steps is None else steps.size
    unit = len(points) * sum(a * b for a, b in pairwise(net.widths))
    first, rest = (_from(progress, done * unit, (2 + count) * unit) for done in (0, 2))
    base = evaluate_base(net, points, threads=threads, progress=first)
    if steps is not None:
        etas = np.repeat(np.atleast_1d(steps)[:, np.newaxis], len(points), axis=1)
        with np.errstate(over="ignore"):  # take_steps refuses it
            changes = etas * base.grad_norm * base.grad_norm
        attack = take_steps(net, base, etas, changes, threads=threads, progress=rest)
    else:
        change = -2.0 * base.f
        if eta == "paper":
            size = laws.paper_step_size(net.widths, delta) / math.sqrt(net.widths[0])
            change = -np.sign(base.f) * size * base.norm * _nn_def_scale(net)
        attack = take_changes(net, base, change[np.newaxis], threads=threads, progress=rest)
    if single:
        attack = one_point(attack, 0)
    return one_step(attack, 0) if steps is None or steps.ndim == 0 else attack


@dataclass(frozen=True, eq=False)
class Base:
    """What every step from the points needs to know about them, in float64."""

    points: NDArray[np.float64]  # (N, d)
    norm: NDArray[np.float64]  # (N,), of the points
    f: NDArray[np.float64]  # (N,)
    bits: list[NDArray[np.uint8]]
    gradient: NDArray[np.float64]  # (N, d)
    grad_norm: NDArray[np.float64]  # (N,)


def _from(progress: Progress | None, offset: int, total: int) -> Progress | None:
    """Return the progress of a stage that begins at `offset` of `total`."""
    return progress and (lambda done, _: progress(offset + done, total))


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
    changes: NDArray[np.float64],
    *,
    threads: int | None,
    progress: Progress | None = None,
) -> Attack:
    """Take steps η of shape (K, N), whose `changes` η‖∇f‖² are those of f where it is linear."""
    with np.errstate(over="ignore", invalid="ignore"):
        x_adv = base.points + etas[:, :, np.newaxis] * base.gradient
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

    return Attack(
        x_adv=x_adv,
        **outcome_columns(etas, base.f, f_after, base.grad_norm, base.grad_norm / base.norm),
    )


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


def _shortest_steps(
    net: Network,
    points: NDArray[np.float64],
    eta: str,
    reach: float,
    *,
    threads: int | None,
    progress: Progress | None,
) -> Attack:
    """Take the shortest step from every point behind which f is −f(x), or 0; K = 1."""
    base = evaluate_base(net, points, threads=threads)
    etas, f_after = np.zeros(len(points)), base.f.copy()
    for n, (x, f, g) in enumerate(zip(points, base.f, base.gradient, strict=True)):
        level = -f if eta == "exact" else 0.0
        best = reach * float(base.norm[n])
        # Against f, and then, no farther, the other way: f may turn on its way up.
        for sign in (-1.0, 1.0) if f != 0 and base.grad_norm[n] > 0 else ():
            t = first_reach(net, x, sign * np.sign(f) * g, best, level, threads=threads)
            if t <= best:
                best, etas[n], f_after[n] = t, sign * np.sign(f) * t / base.grad_norm[n], level
        if progress is not None:
            progress(n + 1, len(points))
    return Attack(
        x_adv=(points + etas[:, np.newaxis] * base.gradient)[np.newaxis],
        **outcome_columns(
            etas[np.newaxis], base.f, f_after[np.newaxis], base.grad_norm,
            base.grad_norm / base.norm,
        ),
    )  # fmt: skip


def one_step(attack: Attack, k: int) -> Attack:
    """Return step k of an attack that has the axis K."""
    names = ("x_adv", "eta", "f_after", "relative_norm", "sign_flipped", "success")
    return replace(attack, **{name: getattr(attack, name)[k] for name in names})


def one_point(attack: Attack, n: int) -> Attack:
    """Return point n of an attack that has the axes K and N."""
    fields = {f.name: getattr(attack, f.name)[..., n] for f in dataclasses.fields(attack)[1:]}
    return Attack(x_adv=attack.x_adv[:, n], **fields)


def _numeric_eta(eta: Any) -> NDArray[np.float64]:
    """Return η as a float64 array of shape () or (K,)."""
    steps: NDArray[np.float64] = arguments.real_array("eta", eta).astype(np.float64)
    if steps.ndim > 1:
        raise ValueError(
            f"eta must be a number, a sequence of K numbers, 'linear' or 'paper', "
            f"got an array of shape {steps.shape}"
        )
    return steps


def _nn_def_scale(net: Network) -> float:
    """Return how much larger f is than on the scale of NN-DEF.

    Given weights are measured against NN-DEF by their Frobenius norms, whose squares it expects to
    be d_i.
    """
    if net.init is not None:
        return laws.nn_def_scale(net.widths, laws.weight_variances(net.widths, net.init))
    norms = [
        float(np.linalg.norm(net.weights(i).astype(np.float64))) / math.sqrt(width)
        for i, width in enumerate(net.widths[1:], start=1)
    ]
    return math.prod(norms)
