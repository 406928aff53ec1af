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
from randrelu._support.shown import Shown
from randrelu._support.threads import thread_number
from randrelu.measures.ball import visit
from randrelu.measures.certified.gradient import certified_gradients
from randrelu.measures.nested import best_within, least_around
from randrelu.measures.places import ascending, balls_in_words
from randrelu.measures.steepest_points import steepest_in_balls
from randrelu.measures.steepness import Steepness
from randrelu.network import Network, require_one_output

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class WorstDeviation(Shown):
    """A bracket of the largest ‖∇f(x) − ∇f(y)‖ of all y in a ball around x.

    For one radius `attained` and `certified` are floats; a sequence of K radii puts an axis K in
    front, in the order of the radii.

    Attributes
    ----------
    attained : float or ndarray, shape ([K])
        ‖∇f(x) − ∇f(y)‖ at the `point`, in float64: the largest is at least this.
    point : ndarray, shape ([K,] d)
        The point y of the ball.
    certified : float or ndarray, shape ([K]), or None
        The largest is at most this, rounding included. None for deferred networks, whose rows do
        not exist, and where it was not asked for.
    grad_norm : float
        ‖∇f(x)‖.
    radius : float or ndarray, shape ([K])
        The radius of the ball, or the K radii.
    """

    attained: Any
    point: NDArray[np.float64]
    certified: Any
    grad_norm: float
    radius: float | NDArray[np.float64]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `point` as columns.

        There is one row, or a row for every one of several radii, which are a column then.
        """
        columns = {
            "radius": self.radius if np.ndim(self.attained) else None,
            "attained": self.attained,
            "certified": self.certified,
            "grad_norm": self.grad_norm,
        }
        shape = np.atleast_1d(self.attained).shape
        return {name: np.broadcast_to(c, shape) for name, c in columns.items() if c is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def _shown_picture(self) -> Any:
        from randrelu.figures.bracket import worst_figure

        certified = np.nan if self.certified is None else self.certified
        columns = [np.reshape(c, (-1, 1)) for c in np.broadcast_arrays(self.attained, certified)]
        return worst_figure(self.radius, "‖∇f(x) − ∇f(y)‖", ["the gradient"], *columns)

    def __repr__(self) -> str:
        attained, certified, balls, where = self.attained, self.certified, "", ""
        if np.ndim(attained):
            radii = np.asarray(self.radius)
            if not radii.size:
                return "WorstDeviation(no radii)"
            k = int(radii.argmax())
            attained, certified = attained[k], None if certified is None else certified[k]
            balls, where = balls_in_words(radii), "at the largest "
        bound = "no certified bound" if certified is None else f"certified ≤ {certified:.4g}"
        return (
            f"WorstDeviation({balls}{where}attained {attained:.4g}, {bound}, where ‖∇f(x)‖ is "
            f"{self.grad_norm:.4g})"
        )


def worst_deviation(
    net: Network,
    x: ArrayLike,
    radius: ArrayLike,
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
    radius : float or sequence of float
        The radius R ≥ 0, or K radii in any order.
    steps : int, default 60
        The steps of the ascent, at least 1; fewer find a little less.
    certify : bool, default True
        Whether to bound the number from above, too: it takes copies of the weights in float64 and
        the eigenvalues of matrices as wide as they are. Deferred networks know no rows, so there
        is no bound, and they remember the questions of each ascent, five for each step.
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

    Of several radii each has an ascent and bounds of its own, the smallest first; ∇f(x), the copies
    of the weights and their norms are shared. What is attained in a ball is so in the larger ones,
    and what bounds a ball bounds the smaller ones: so neither number falls as the radius grows.
    """
    require_one_output(net, "a gradient")
    base = arguments.point("x", x, net.widths[0])
    given, radii, which = ascending(radius)
    steps = arguments.integer("steps", steps, at_least=1, at_most=arguments.WIDEST)
    certify = arguments.flag("certify", certify) and net.storage != "deferred"
    ascents = len(radii) * steps
    whole = ascents + (len(radii) * (net.depth + 2) if certify else 0)
    number = thread_number(threads)
    at_x = core.BasePoint(net._core, base, layers=net.depth, gradient=True, threads=number)
    sought = Steepness(net, at_x.gradient, 2, threads)
    points = steepest_in_balls(
        sought, base, radii, 2, steps, progress=stretch(progress, 0, ascents, whole)
    )
    found = np.array([_deviation(net, base, point, threads) for point in points])
    best = best_within(found)[which]
    certified = None
    if certify:
        bounds = certified_gradients(
            net, base, radii.tolist(), 2, threads=threads,
            progress=stretch(progress, ascents, whole, whole),
        )  # fmt: skip
        certified = _plain(least_around(np.array([bound.deviation for bound in bounds]))[which])
    grad_norm = euclid.norm(at_x.gradient)
    return WorstDeviation(_plain(found[best]), points[best], certified, grad_norm, given)


def _plain(numbers: NDArray[np.float64]) -> Any:
    """Return the numbers of several radii as they are, that of one as a float."""
    return numbers if np.ndim(numbers) else float(numbers)


def _deviation(
    net: Network, x: NDArray[np.float64], y: NDArray[np.float64], threads: int | None
) -> float:
    """Return ‖∇f(x) − ∇f(y)‖; of one point, as several at once may have other bits."""
    visited = visit(net, x, points=y[np.newaxis], gradient=True, dtype=x.dtype, threads=threads)
    assert visited.deviations is not None
    return float(visited.deviations[0])
