"""The largest change of the gradient anywhere in a ball, from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, euclid, extras
from randrelu._support.arguments import Progress
from randrelu._support.progress import stretch
from randrelu._support.threads import thread_number
from randrelu.measures.ball import visit
from randrelu.measures.certified_gradient import certified_gradient
from randrelu.measures.steepest_points import steepest_in_ball
from randrelu.measures.steepness import Steepness
from randrelu.network import Network, require_one_output

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class WorstDeviation:
    """A bracket of the largest ‖∇f(x) − ∇f(y)‖ of all y in a ball around x.

    Attributes
    ----------
    attained : float
        ‖∇f(x) − ∇f(y)‖ at the `point`, in float64: the largest is at least this.
    point : ndarray, shape (d,)
        The point y of the ball.
    certified : float or None
        The largest is at most this, rounding included. None for deferred networks, whose rows do
        not exist, and where it was not asked for.
    grad_norm : float
        ‖∇f(x)‖.
    """

    attained: float
    point: NDArray[np.float64]
    certified: float | None
    grad_norm: float

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `point` as columns of one row."""
        columns = {
            "attained": self.attained,
            "certified": self.certified,
            "grad_norm": self.grad_norm,
        }
        return {name: np.atleast_1d(c) for name, c in columns.items() if c is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame of one row; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        bound = "no certified bound"
        if self.certified is not None:
            bound = f"certified ≤ {self.certified:.4g}"
        return (
            f"WorstDeviation(attained {self.attained:.4g}, {bound}, where ‖∇f(x)‖ is "
            f"{self.grad_norm:.4g})"
        )


def worst_deviation(
    net: Network,
    x: ArrayLike,
    radius: float,
    *,
    steps: int = 60,
    certify: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> WorstDeviation:
    """Bracket the largest ‖∇f(x) − ∇f(y)‖ of all y in B(x, radius) (Lemma 2.8).

    From below the number is attained by ascent: points of the ball are moved so that the gradient,
    with gates that are softened and become hard, departs from ∇f(x), and the best place on their
    ways is kept. From above it is certified by the smallest of several bounds; see the notes.

    Parameters
    ----------
    net : Network
        The network, of one output.
    x : array_like, shape (d,)
        The base point.
    radius : float
        The radius R ≥ 0.
    steps : int, default 60
        The steps of the ascent, at least 1; fewer find a little less.
    certify : bool, default True
        Whether to bound the number from above, too: it takes copies of the weights in float64 and
        the eigenvalues of matrices as wide as they are. Deferred networks know no rows, so there
        is no bound, and they remember the questions of the ascent, five for each step.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of steps.

    Returns
    -------
    WorstDeviation

    Raises
    ------
    MemoryError
        If what the ascent or the certificate needs does not fit in the memory that is free.
    OverflowError
        If a bound leaves the range of float64.
    TypeError, ValueError
        If an argument is not as described, or the network has several outputs.

    Notes
    -----
    Only units whose `bounds` have 0 within can flip. The bounds are: (GD-DECOMP), where ‖Δ_j‖ is at
    most the norm of the entries of the backward vector of x at units that can flip together (see
    `worst_flips`) times that of the Jacobian of the units that can, by ECLipsE-Fast (Xu and
    Sivaranjani 2024); intervals for every entry of the change of the backward vectors, down to any
    layer, and the former from there; and ‖∇f(x)‖ and the largest ‖∇f(y)‖ together, see `lipschitz`.
    """
    require_one_output(net, "a gradient")
    base = arguments.point("x", x, net.widths[0])
    size = arguments.number("radius", radius)
    steps = arguments.integer("steps", steps, at_least=1)
    certify = certify and net.storage != "deferred"
    whole = steps + (net.depth + 2 if certify else 0)
    number = thread_number(threads)
    at_x = core.BasePoint(net._core, base, layers=net.depth, gradient=True, threads=number)
    sought = Steepness(net, at_x.gradient, 2, threads)
    point = steepest_in_ball(
        sought, base, size, 2, steps, progress=stretch(progress, 0, steps, whole)
    )
    visited = visit(
        net, base, points=point[np.newaxis], gradient=True, dtype=base.dtype, threads=threads
    )
    assert visited.deviations is not None
    certified = None
    if certify:
        certified = certified_gradient(
            net, base, size, 2, threads=threads, progress=stretch(progress, steps, whole, whole)
        ).deviation
    attained, grad_norm = float(visited.deviations[0]), euclid.norm(at_x.gradient)
    return WorstDeviation(attained, point.copy(), certified, grad_norm)
