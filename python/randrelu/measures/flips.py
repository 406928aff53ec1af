"""Which units flip between a point and other points of a ball around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import extras
from randrelu._support.arguments import Progress, Rng
from randrelu.measures.ball import Visit, visit
from randrelu.network import Network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Flips:
    """How many units differ between x and other points.

    Attributes
    ----------
    counts : ndarray of int64, shape (N, L)
        Tr‖D_i(x) − D_i(y)‖: the units of each layer whose bit differs.
    angles : ndarray, shape (N,)
        The angle between x and each point, in [0, π]; NaN where x is 0.
    image_angles : ndarray, shape (N, L)
        The angle between f_{i−1}(x) and f_{i−1}(y), of which the first is `angles`; π/2 where
        exactly one image is 0 after a hidden layer, and 0 where both are.
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.
    lawful : bool
        Whether the network is random and has no biases, as what is predicted asks.
    """

    counts: NDArray[np.int64]
    angles: NDArray[np.float64]
    image_angles: NDArray[np.float64]
    widths: tuple[int, ...]
    lawful: bool = True

    @property
    def predicted(self) -> NDArray[np.float64] | None:
        """What `mean` is expected to be, shape (L,); NaN without points.

        It is exact for layer 1 over random networks, and holds for the others in the limit of
        infinite width (the arc-cosine map, from the angles). NaN where x is 0, which has no angle.
        None for networks that are not random, or have biases: no such law holds for them.
        """
        if not self.lawful:
            return None
        return self._expected(laws.flip_fractions(self.angles, len(self.widths)))

    @property
    def conditional(self) -> NDArray[np.float64] | None:
        """What `mean` is expected to be given the images of the layer before, shape (L,).

        It is exact at any widths: given f_{i−1}(x) and f_{i−1}(y) at the angle θ, the flips of
        layer i follow Binomial(d_i, θ/π) over random networks. NaN without points, and for layer 1
        where x is 0. None where `predicted` is.
        """
        if not self.lawful:
            return None
        return self._expected(laws.flips_given_images(self.image_angles))

    def _expected(self, fractions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over the points of these shares (N, L), as counts."""
        if not len(self.counts):
            return np.full(len(self.widths), np.nan)
        result: NDArray[np.float64] = fractions.mean(axis=0) * np.array(self.widths, np.float64)
        return result

    @property
    def fraction(self) -> NDArray[np.float64]:
        """The counts as shares of the widths, shape (N, L)."""
        result: NDArray[np.float64] = self.counts / np.array(self.widths)
        return result

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean count of each layer, shape (L,); NaN without points."""
        if not len(self.counts):
            return np.full(len(self.widths), np.nan)
        result: NDArray[np.float64] = self.counts.mean(axis=0)
        return result

    @property
    def max(self) -> NDArray[np.int64]:
        """The largest count of each layer among these points, shape (L,); 0 without points.

        The largest that was seen: see `worst_flips` about the largest there is.
        """
        result: NDArray[np.int64] = self.counts.max(axis=0, initial=0)
        return result

    def quantiles(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles of the counts of each layer, shape (..., L); NaN without points."""
        if not len(self.counts):
            return np.full((*np.shape(q), len(self.widths)), np.nan)
        shares = np.asarray(q, np.float64)
        result: NDArray[np.float64] = np.quantile(self.counts.astype(np.float64), shares, axis=0)
        return result

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a summary as columns, a row per layer, with what is predicted where it is."""
        low, median, high = self.quantiles([0.05, 0.5, 0.95])
        columns = {
            "layer": np.arange(1, len(self.widths) + 1),
            "width": np.array(self.widths, np.int64),
            "predicted": self.predicted,
            "conditional": self.conditional,
            "mean": self.mean,
            "q05": low,
            "median": median,
            "q95": high,
            "max": self.max,
        }
        return {name: column for name, column in columns.items() if column is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row per layer; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        means, head = [f"{mean:.4g}" for mean in self.mean], "mean"
        if self.predicted is not None:
            head = "mean (predicted)"
            means = [f"{m} ({p:.4g})" for m, p in zip(means, self.predicted, strict=True)]
        by_layer = ", ".join(means) or "none"
        return f"Flips({len(self.counts)} points, {head} by layer: {by_layer})"


def flips(
    net: Network,
    x: ArrayLike,
    radius: float | None = None,
    samples: int = 1000,
    *,
    points: ArrayLike | None = None,
    rng: Rng = None,
    surface: bool = False,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Flips:
    """Count the units that flip between x and points of the ball B(x, radius).

    The points are sampled uniformly (they say little about the largest number in the ball: a
    sampled point moves a preactivation by R/√d times its weights' norm only; see `worst_flips`), or
    given. A ball around the origin, ‖x‖ < R, is allowed; every pattern that occurs at all then
    occurs in it.

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,)
        The base point.
    radius : float
        The radius R ≥ 0; left out where `points` are given.
    samples : int
        The number of points to sample.
    points : array_like, shape (N, d), optional
        The points to visit instead of sampled ones.
    rng : None, int, SeedSequence or Generator
        Where the seed comes from; the points are those of `sample_ball` with the same seed. It is
        not looked at where `points` are given, nor are `samples` and `surface`.
    surface : bool
        Sample the sphere instead of the ball.
    remember : bool
        Whether a deferred network keeps what these points reveal. If not, it takes less memory, and
        later answers know of x only.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of points, see `Network`.

    Returns
    -------
    Flips

    Raises
    ------
    MemoryError
        If the result does not fit in the memory that is free.
    OverflowError
        If a value inside the network leaves the range of its dtype.
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    x is evaluated once, in float64; the points carry their differences from it, in ``net.dtype``,
    from layer to layer. So float32 misjudges fewer units than comparing two forward passes: only
    those whose preactivation at the point is within rounding of the *difference* from 0.
    """
    return flips_of(
        visit(
            net, x, radius, samples, points=points, rng=rng, surface=surface, flips=True,
            remember=remember, threads=threads, progress=progress,
        )
    )  # fmt: skip


def flips_of(visited: Visit) -> Flips:
    """Return the flips that a visit with ``flips=True`` counted."""
    assert visited.flips is not None and visited.angles is not None
    assert visited.image_angles is not None
    images = np.column_stack([visited.angles, visited.image_angles])[:, : len(visited.widths)]
    return Flips(visited.flips, visited.angles, images, visited.widths, visited.lawful)
