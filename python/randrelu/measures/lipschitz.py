"""The largest gradient in a ball, or anywhere, from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments, extras
from randrelu._support.arguments import Progress
from randrelu._support.progress import stretch
from randrelu._support.shown import Shown
from randrelu.measures.certified.gradient import certified_gradients
from randrelu.measures.steepest_points import steepest_anywhere, steepest_in_balls
from randrelu.measures.steepness import Steepness
from randrelu.network import Network, require_one_output

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Lipschitz(Shown):
    """A bracket of the Lipschitz constant of f in a ball, or everywhere.

    Attributes
    ----------
    attained : float
        The dual norm of ∇f at the `point`, in float64: the constant is at least this.
    point : ndarray, shape (d,)
        The point.
    certified : float or None
        The constant is at most this, rounding included. None for deferred networks, whose rows do
        not exist, and where it was not asked for.
    norm : float
        The norm of distances, 2 or inf; its dual, that of gradients, is 2 or 1.
    """

    attained: float
    point: NDArray[np.float64]
    certified: float | None
    norm: float

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `point` as columns of one row."""
        columns = {"norm": self.norm, "attained": self.attained, "certified": self.certified}
        return {name: np.atleast_1d(c) for name, c in columns.items() if c is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame of one row; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        bound = "no certified bound"
        if self.certified is not None:
            bound = f"certified ≤ {self.certified:.4g}"
        norm = "∞" if self.norm == np.inf else "2"
        return f"Lipschitz(norm {norm}, attained {self.attained:.4g}, {bound})"


def lipschitz(
    net: Network,
    x: ArrayLike | None = None,
    radius: float | None = None,
    norm: float = 2,
    *,
    steps: int = 60,
    certify: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Lipschitz:
    """Bracket the Lipschitz constant of f in a ball around x, or everywhere.

    It is the largest ‖∇f(y)‖, in the norm that is dual to that of distances. From below it is
    attained by ascent, as in `worst_deviation`; from above it is certified by the smallest of
    several bounds.

    Parameters
    ----------
    net : Network
        The network, of one output.
    x : array_like, shape (d,), optional
        The centre of the ball. By default all points count; then a network without biases is
        searched in one ball around 0, and one with biases in several, as its scale matters.
    radius : float, optional
        The radius R ≥ 0, where there is an x.
    norm : {2, inf}
        The norm of distances, that of the ball among them. For inf gradients have ‖·‖_1.
    steps : int, default 60
        The steps of the ascent, at least 1; fewer find a little less.
    certify : bool, default True
        Whether to bound the constant from above, too; see `worst_deviation`.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of steps.

    Returns
    -------
    Lipschitz

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
    The bounds are the product of the norms of the weights, and ECLipsE-Fast (Xu and Sivaranjani
    2024), which is no larger; intervals for every entry of the backward vectors, down to any layer,
    and the former from there; in a ball also ‖∇f(x)‖ and what the gradient can change by, see
    `worst_deviation`. In a ball units whose `bounds` say that they are off count for nothing, and
    intervals know those that are on. ‖·‖_1 is at most √d times what bounds ‖·‖.
    """
    require_one_output(net, "a gradient")
    norm = arguments.norm(norm)
    if (x is None) != (radius is None):
        missing, given = ("x", "radius") if x is None else ("radius", "x")
        raise TypeError(f"{missing} is missing: give both x and radius, or neither, got {given}")
    base = None if x is None else arguments.point("x", x, net.widths[0])
    size = 0.0 if radius is None else arguments.number("radius", radius)
    steps = arguments.integer("steps", steps, at_least=1, at_most=arguments.WIDEST)
    certify = arguments.flag("certify", certify) and net.storage != "deferred"
    whole = steps + (net.depth + 2 if certify else 0)
    first = stretch(progress, 0, steps, whole)
    sought = Steepness(net, np.zeros(net.widths[0]), 2 if norm == 2 else 1, threads)
    if base is None:
        point = steepest_anywhere(sought, steps, progress=first)
    else:
        radii = np.array([size])
        point = steepest_in_balls(sought, base, radii, norm, steps, progress=first)[0]
    attained = float(sought.sizes(sought.gradients(point[np.newaxis]))[0])
    certified = None
    if certify:
        certified = certified_gradients(
            net,
            base,
            [size],
            norm,
            threads=threads,
            progress=stretch(progress, steps, whole, whole),
        )[0].gradient
    return Lipschitz(attained, point.copy(), certified, norm)
