"""Which units flip between a point and other points of a ball around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments, extras
from randrelu._support.arguments import Progress, Rng
from randrelu._support.shown import Shown
from randrelu.measures.ball import Visit, visit
from randrelu.measures.places import balls_in_words
from randrelu.network import Network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Flips(Shown):
    """How many units differ between x and other points.

    For a sequence of K radii the arrays have an axis K in front, in the order of the radii; the
    points at one index are on one ray from x.

    Attributes
    ----------
    counts : ndarray of int64, shape ([K,] N, L)
        Tr‖D_i(x) − D_i(y)‖: the units of each layer whose bit differs.
    angles : ndarray, shape ([K,] N)
        The angle between x and each point, in [0, π]; NaN where x is 0.
    image_angles : ndarray, shape ([K,] N, L)
        The angle between f_{i−1}(x) and f_{i−1}(y), of which the first is `angles`; π/2 where
        exactly one image is 0 after a hidden layer, and 0 where both are.
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.
    lawful : bool
        Whether the network is random and has no biases, as what is predicted asks.
    radius : float, ndarray of shape (K,), or None
        The radius of the ball, or the K radii; None where the points were given.
    """

    counts: NDArray[np.int64]
    angles: NDArray[np.float64]
    image_angles: NDArray[np.float64]
    widths: tuple[int, ...]
    lawful: bool = True
    radius: float | NDArray[np.float64] | None = None

    @property
    def predicted(self) -> NDArray[np.float64] | None:
        """What `mean` is expected to be, shape ([K,] L); NaN without points.

        It is exact for layer 1 over random networks, and holds for the others in the limit of
        infinite width (the arc-cosine map, from the angles). NaN where x is 0, which has no angle.
        None for networks that are not random, or have biases: no such law holds for them.
        """
        if not self.lawful:
            return None
        return self._expected(laws.flip_fractions(self.angles, len(self.widths)))

    @property
    def conditional(self) -> NDArray[np.float64] | None:
        """What `mean` is expected to be given the images of the layer before, shape ([K,] L).

        It is exact at any widths: given f_{i−1}(x) and f_{i−1}(y) at the angle θ, the flips of
        layer i follow Binomial(d_i, θ/π) over random networks. NaN without points, and for layer 1
        where x is 0. None where `predicted` is.
        """
        if not self.lawful:
            return None
        return self._expected(laws.flips_given_images(self.image_angles))

    def _expected(self, fractions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over the points of these shares ([K,] N, L), as counts."""
        return self._mean(fractions) * np.array(self.widths, np.float64)

    def _mean(self, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """Return the mean over the points of numbers ([K,] N, L); NaN without points."""
        *radii, points, layers = numbers.shape
        if not points:
            return np.full((*radii, layers), np.nan)
        result: NDArray[np.float64] = numbers.mean(axis=-2)
        return result

    @property
    def fraction(self) -> NDArray[np.float64]:
        """The counts as shares of the widths, shape ([K,] N, L)."""
        result: NDArray[np.float64] = self.counts / np.array(self.widths)
        return result

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean count of each layer, shape ([K,] L); NaN without points."""
        return self._mean(self.counts)

    @property
    def max(self) -> NDArray[np.int64]:
        """The largest count of each layer among these points, shape ([K,] L); 0 without points.

        The largest that was seen: see `worst_flips` about the largest there is.
        """
        result: NDArray[np.int64] = self.counts.max(axis=-2, initial=0)
        return result

    def quantiles(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles of the counts of each layer; NaN without points.

        Parameters
        ----------
        q : array_like, shape (...)
            Shares of the points, in [0, 1].

        Returns
        -------
        ndarray, shape (..., [K,] L)
        """
        shares = arguments.within("q", q, 0, 1)
        *radii, _, layers = self.counts.shape
        if not self.counts.size or not shares.size:
            return np.full((*shares.shape, *radii, layers), np.nan)
        result: NDArray[np.float64] = np.quantile(self.counts.astype(np.float64), shares, axis=-2)
        return result

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a summary as columns, with what is predicted where it is.

        There is a row per layer, for every one of several radii, which are a column then.
        """
        low, median, high = self.quantiles([0.05, 0.5, 0.95])
        mean = self.mean
        columns = {
            "layer": np.arange(1, len(self.widths) + 1),
            "width": np.array(self.widths, np.int64),
            "predicted": self.predicted,
            "conditional": self.conditional,
            "mean": mean,
            "q05": low,
            "median": median,
            "q95": high,
            "max": self.max,
        }
        if self.counts.ndim > 2:
            columns = {"radius": np.asarray(self.radius, np.float64)[:, np.newaxis], **columns}
        return {
            name: np.broadcast_to(column, mean.shape).reshape(-1)
            for name, column in columns.items()
            if column is not None
        }

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def _shown_picture(self) -> Any:
        from randrelu.figures.flips import glance

        return glance(self)

    def __repr__(self) -> str:
        *several, points, _ = self.counts.shape
        means, predicted, balls, where = self.mean, self.predicted, "", ""
        if several:
            radii = np.asarray(self.radius, np.float64)
            if not radii.size:
                return "Flips(no radii)"
            k = int(radii.argmax())
            means, predicted = means[k], None if predicted is None else predicted[k]
            balls, where = balls_in_words(radii), " at the largest"
        numbers, head = [f"{mean:.4g}" for mean in means], "mean"
        if predicted is not None:
            head = "mean (predicted)"
            numbers = [f"{m} ({p:.4g})" for m, p in zip(numbers, predicted, strict=True)]
        by_layer = ", ".join(numbers) or "none"
        return f"Flips({balls}{points} points, {head} by layer{where}: {by_layer})"


def flips(
    net: Network,
    x: ArrayLike,
    radius: ArrayLike | None = None,
    samples: int = 1000,
    *,
    points: ArrayLike | None = None,
    rng: Rng = None,
    surface: bool = False,
    antithetic: bool = False,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Flips:
    """Count the units that flip between x and points of balls B(x, radius).

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
    radius : float or sequence of float
        The radius R ≥ 0, or K radii in any order; left out where `points` are given. Point k of
        every ball is then x + R u_k with the same u_k, and what is found in a ball does not depend
        on the other radii: the counts are those of a call with that radius and the same seed.
    samples : int
        The number of points to sample from each ball.
    points : array_like, shape (N, d), optional
        The points to visit instead of sampled ones.
    rng : None, int, SeedSequence or Generator
        Where the seed comes from; the points are those of `sample_ball` with the same seed. It is
        not looked at where `points` are given, nor are `samples` and `surface`.
    surface : bool
        Sample the sphere instead of the ball.
    antithetic : bool
        Sample pairs: point 2k is x + R u_k and point 2k + 1 is x − R u_k, with the directions that
        `sample_ball` draws as its points 0, 1, …; of an odd number the last is alone. Every point
        is uniform in the ball still, so that means are expected to be what they were, but the two
        points of a pair depend on each other: take the pairs, not the points, for independent in a
        standard error. That error is smaller where a number changes its sign with u, as
        f(y) − f(x) does where f is linear (0 in the mean of a pair there); flips and deviations
        are about even in u, so theirs may be as large as that of half as many points. The
        products of W_1 and, at x, of W_2 with the directions are half as many.
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

    All radii take one pass along the rays x + R u. Layer 1 changes in proportion to R, so W_1 u is
    multiplied once, and it is known at which R each of its units flips. In layer 2 the units that
    are active at x change in proportion as well: W_2 D_1(x) W_1 u is multiplied once, too, and the
    columns of the units that flip are added as these join. From layer 3 on every radius takes a
    product with the units that are active at x, and the columns of those that flip. A tile of
    "streamed" weights is generated once for all radii that fit in memory. A "deferred" layer 1 is
    asked about N directions (half as many antithetic ones), and the layers after it about K N,
    jointly: all radii belong to one network. That takes longer than K calls where N is large (for
    three radii at width 20 000, 1.6 times), each of which forgets what the others revealed.
    """
    return flips_of(
        visit(
            net, x, radius, samples, points=points, rng=rng, surface=surface, antithetic=antithetic,
            flips=True, remember=remember, threads=threads, progress=progress,
        )
    )  # fmt: skip


def flips_of(visited: Visit) -> Flips:
    """Return the flips that a visit with ``flips=True`` counted."""
    assert visited.flips is not None and visited.angles is not None
    assert visited.image_angles is not None
    images = np.concatenate([visited.angles[..., np.newaxis], visited.image_angles], axis=-1)
    return Flips(
        visited.flips,
        visited.angles,
        images[..., : len(visited.widths)],
        visited.widths,
        visited.lawful,
        visited.radius,
    )
