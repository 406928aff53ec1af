"""How far the nearest change of decision is, from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments, extras
from randrelu._support.arguments import Progress
from randrelu._support.progress import part
from randrelu._support.shown import Shown
from randrelu.measures.certified.distance import certified_distances
from randrelu.measures.decided import Decided, distances
from randrelu.measures.gradient_step import other_outputs
from randrelu.measures.least_norm import nearest_changes
from randrelu.network import Network, require_network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Distance(Shown):
    """A bracket of the distance from points to the nearest change of decision.

    For a single point the fields are scalars, and `x_adv` has shape (d,).

    Attributes
    ----------
    certified : float or ndarray, shape (N,)
        No point that is at most this far away has another decision, rounding of the bounds
        included; 0 where that was not asked for, inf where the decision is the same everywhere.
    attained : float or ndarray, shape (N,)
        ‖x_adv − x‖, rounded up; inf where no change was found.
    x_adv : ndarray, shape (N, d), or None
        Points of another decision, by an evaluation in float64. A row of NaN, or None for a
        single point, where none was found.
    top : int or ndarray of int64, shape (N,), or None
        The decision at x; None for a network with one output, whose sign decides.
    against : int or ndarray of int64, shape (N,), or None
        The output that is largest besides at `x_adv`, or that of ``against=``; −1 where there is
        no `x_adv`. None for a network with one output.
    norm : float
        The norm, 2 or inf.
    """

    certified: Any
    attained: Any
    x_adv: NDArray[np.float64] | None
    top: Any
    against: Any
    norm: float

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `x_adv` and `norm` as columns, a row per point."""
        names = ("top", "against", "certified", "attained")
        values = {name: getattr(self, name) for name in names}
        return {name: np.atleast_1d(value) for name, value in values.items() if value is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row per point; needs pandas."""
        return extras.frame(self.columns())

    def _shown_picture(self) -> Any:
        from randrelu.figures.bracket import distances_figure

        return distances_figure(np.atleast_1d(self.certified), np.atleast_1d(self.attained))

    def __repr__(self) -> str:
        norm = "∞" if self.norm == np.inf else "2"
        if np.ndim(self.attained) == 0:
            decided = "" if self.top is None else f"decision {self.top} → {self.against}, "
            if self.x_adv is None:
                decided = "" if self.top is None else f"decision {self.top}, no other found, "
            return (
                f"Distance({decided}certified {self.certified:.4g} ≤ distance ≤ attained "
                f"{self.attained:.4g} in norm {norm})"
            )
        if not len(self.attained):
            return f"Distance(no points, norm {norm})"
        return (
            f"Distance({len(self.attained)} points in norm {norm}, medians: certified "
            f"{np.median(self.certified):.4g}, attained {np.median(self.attained):.4g})"
        )


def distance(
    net: Network,
    x: ArrayLike,
    norm: float = 2,
    against: ArrayLike | None = None,
    *,
    certify: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Distance:
    """Bracket the distance from x to the nearest change of decision.

    With several outputs the decision is the largest one, the first of equal ones; with one it is
    the sign of f, of which 0 is another. A point where two outputs are equal and largest, or f is
    0, is on the boundary: its distance is 0, and `x_adv` is x.

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,) or (N, d)
        The points. Nothing is clipped to `net.input_range`.
    norm : {2, inf}
        The norm of the distance.
    against : int or array_like of int, shape (N,), optional
        An output: the distance to where it is at least as large as the one that is largest at x.
        By default any other output.
    certify : bool, default True
        Whether to find a distance that is certified, too: it takes several times the work.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``. The total is another one once it certifies, and the
        share never falls.

    Returns
    -------
    Distance

    Raises
    ------
    MemoryError
        If the points of the attack, or what certifies, do not fit in the memory that is free.
    OverflowError
        If a value or a bound leaves the range of float64.
    TypeError, ValueError
        If an argument is not as described, or a deferred network is to be certified: it has no rows
        to bound.

    Notes
    -----
    From above, the distance is attained by a minimum-norm attack with several starts. Along the
    line to the best points the network is followed exactly to the first change, and a few roundings
    further until an evaluation shows it, however it sums. It may be farther than the nearest one.

    From below, it is certified: the margins f_top − f_j over a ball are bounded as in `bounds`,
    and of the radii for which all of them stay positive the largest is found to half a percent.
    It is one of the network in exact arithmetic whose weights these are. Where nothing was
    attained, radii are tried to 2²⁰ ‖x‖.
    """
    require_network(net)
    points, single = arguments.points("x", x, net.widths[0], np.dtype(np.float64))
    norm = arguments.norm(norm)
    others = other_outputs(net, against, len(points))
    certify = arguments.flag("certify", certify)
    if certify and net.storage == "deferred":
        raise ValueError(
            "certify must be False for a deferred network: it has no rows whose sums could be "
            "bounded; or draw one with storage='stored'"
        )
    whole = 1 if not certify else 2
    decided = Decided(net, points, others, threads=threads)
    x_adv = nearest_changes(decided, norm, progress=part(progress, 0, whole))
    missing = np.atleast_1d(np.isnan(x_adv).any(axis=1))
    attained = np.where(missing, np.inf, distances(points, x_adv, norm))
    certified = np.zeros(len(points))
    if certify:
        certified = certified_distances(
            decided, norm, attained, threads=threads, progress=part(progress, 1, whole)
        )
    rivals = None
    if decided.tops is not None:
        rivals = np.full(len(points), -1)
        found = np.flatnonzero(~missing)
        rivals[found] = decided.margins(found, x_adv[found]).rivals
    if single:
        top, rival = (None if a is None else a[0] for a in (decided.tops, rivals))
        adversarial = None if missing[0] else x_adv[0]
        return Distance(certified[0], attained[0], adversarial, top, rival, norm)
    return Distance(certified, attained, x_adv, decided.tops, rivals, norm)
