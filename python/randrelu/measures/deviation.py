"""How much the gradient differs between a point and other points of a ball around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments, euclid, extras
from randrelu._support.arguments import Progress, Rng
from randrelu._support.shown import Shown
from randrelu.differentiable import Differentiable
from randrelu.limit import LimitNetwork
from randrelu.measures.ball import Visit, visit
from randrelu.measures.functions import deviations_of_function, require_function
from randrelu.measures.places import balls_in_words, places_of
from randrelu.network import Network, require_network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Deviation(Shown):
    """How much the gradient differs between x and other points.

    For a sequence of K radii the arrays have an axis K in front, in the order of the radii; the
    points at one index are on one ray from x.

    Attributes
    ----------
    norms : ndarray, shape ([K,] N)
        ‖∇f(x) − ∇f(y)‖.
    grad_norm : float
        ‖∇f(x)‖.
    terms : ndarray, shape ([K,] N, L), or None
        ‖Δ_j‖ of (GD-DECOMP), where they were asked for.
    angles : ndarray, shape ([K,] N)
        The angle between x and each point, in [0, π]; NaN where x is 0.
    depth : int
        The number L of hidden layers.
    lawful : bool
        Whether the network is random and has no biases, as what is predicted asks.
    radius : float, ndarray of shape (K,), or None
        The radius of the ball, or the K radii; None where the points were given.
    """

    norms: NDArray[np.float64]
    grad_norm: float
    terms: NDArray[np.float64] | None
    angles: NDArray[np.float64]
    depth: int
    lawful: bool = True
    radius: float | NDArray[np.float64] | None = None

    @property
    def relative(self) -> NDArray[np.float64]:
        """‖∇f(x) − ∇f(y)‖/‖∇f(x)‖, shape ([K,] N); NaN or infinite where ∇f(x) = 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.norms / np.float64(self.grad_norm)

    @property
    def predicted(self) -> NDArray[np.float64] | None:
        """What `relative` is expected to be, shape ([K,] N).

        A root mean square over random networks: √(E‖∇f(x) − ∇f(y)‖²/E‖∇f‖²), from the angle
        between x and y. It is exact for one hidden layer, and holds for more in the limit of
        infinite width. NaN where x is 0. None for networks that are not random, or have biases: no
        such law holds for them.
        """
        if not self.lawful:
            return None
        return np.sqrt(laws.gradient_deviation(self.angles, self.depth))

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything as columns.

        There is a row per point, for every one of several radii, which are a column then.
        """
        columns: dict[str, NDArray[Any]] = {}
        if self.norms.ndim > 1:
            columns["radius"] = np.repeat(np.asarray(self.radius, np.float64), self.norms.shape[1])
        columns |= {"norm": self.norms.reshape(-1), "relative": self.relative.reshape(-1)}
        if self.predicted is not None:
            columns["predicted"] = self.predicted.reshape(-1)
        if self.terms is not None:
            for j in range(self.depth):
                columns[f"term_{j + 1}"] = self.terms[..., j].reshape(-1)
        return columns

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        if not self.norms.size:
            return "Deviation(no points)"
        relative, predicted, balls, where = self.relative, self.predicted, "", ""
        if self.norms.ndim > 1:
            radii = np.asarray(self.radius, np.float64)
            k = int(radii.argmax())
            relative, predicted = relative[k], None if predicted is None else predicted[k]
            balls, where = balls_in_words(radii), " at the largest"
        law = "" if predicted is None else f" (predicted {np.median(predicted):.4g})"
        return (
            f"Deviation({balls}{relative.size} points, ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖{where}: "
            f"median {np.median(relative):.4g}{law}, largest seen {relative.max():.4g})"
        )


def gradient_deviation(
    net: Network | Differentiable,
    x: ArrayLike,
    radius: ArrayLike | None = None,
    samples: int = 1000,
    *,
    points: ArrayLike | None = None,
    rng: Rng = None,
    surface: bool = False,
    antithetic: bool = False,
    terms: bool = False,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Deviation:
    """Measure ‖∇f(x) − ∇f(y)‖ at points y of balls B(x, radius) (Lemma 2.8).

    Parameters
    ----------
    net : Network, LimitNetwork or Differentiable
        The network, or any function that has f and ∇f, see `Differentiable`.
    x, radius, samples, points, rng, surface, antithetic, remember, threads, progress
        As for `flips`, but that what is found in a ball may depend on the other radii by rounding.
        A limit network takes less than a hundred points in general position where it is to
        remember them. With ``remember=False`` each of any number has its exact law given x, but not
        jointly with the others.
    terms : bool
        Measure the norm of every term Δ_j of (GD-DECOMP), too; it takes about L/2 times as long.
        Only a `Network` has these.

    Returns
    -------
    Deviation

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
    All radii take one pass forward, as for `flips`. The way back is taken by the differences of
    the gradients: at every radius a product with the units that are active at x, and the rows of
    those that flip; through W_{ℓ+1} and W_ℓ these rows are all there is.

    An object other than a `Network` is asked for ∇f at x and at every point, in float64.
    """
    if not isinstance(net, Network):
        return _of_function(
            net, x, radius, samples, points, rng, surface, antithetic, terms, remember, threads,
            progress,
        )  # fmt: skip
    return deviation_of(
        visit(
            net, x, radius, samples, points=points, rng=rng, surface=surface, antithetic=antithetic,
            gradient=True, term_norms=arguments.flag("terms", terms), remember=remember,
            threads=threads, progress=progress,
        )
    )  # fmt: skip


def _of_function(
    net: Differentiable,
    x: ArrayLike,
    radius: ArrayLike | None,
    samples: int,
    points: ArrayLike | None,
    rng: Rng,
    surface: bool,
    antithetic: bool,
    terms: bool,
    remember: bool,
    threads: int | None,
    progress: Progress | None,
) -> Deviation:
    """Return the deviations of what is no Network."""
    require_function(net)
    remember, terms = arguments.flag("remember", remember), arguments.flag("terms", terms)
    arguments.callback(progress)
    if terms:
        raise ValueError(
            "terms=True is for a Network: the terms of (GD-DECOMP) are about its units"
        )
    base = arguments.point("x", x, net.dim)
    places = places_of(base, radius, samples, points, rng, surface, antithetic)
    gradient, norms, angles = deviations_of_function(
        net, base, places, remember=remember, threads=threads, progress=progress
    )
    found = places.by_radius(norms), places.by_radius(angles)
    assert found[0] is not None and found[1] is not None
    depth = net.depth if isinstance(net, LimitNetwork) else 0
    lawful = isinstance(net, LimitNetwork) and not net.has_biases
    grad_norm = euclid.norm(gradient)
    return Deviation(found[0], grad_norm, None, found[1], depth, lawful, places.radius)


def deviation_of(visited: Visit) -> Deviation:
    """Return the deviations that a visit with ``gradient=True`` measured."""
    assert visited.gradient is not None and visited.deviations is not None
    assert visited.angles is not None
    return Deviation(
        visited.deviations,
        euclid.norm(visited.gradient),
        visited.term_norms,
        visited.angles,
        len(visited.widths),
        visited.lawful,
        visited.radius,
    )


def gradient_decomposition(
    net: Network, x: ArrayLike, y: ArrayLike, *, threads: int | None = None
) -> NDArray[np.float64]:
    """Compute the terms Δ_1, …, Δ_ℓ of (GD-DECOMP), which sum to ∇f(x) − ∇f(y).

    Δ_j = W_{ℓ+1} (∏_{i=ℓ}^{j+1} D_i(x) W_i) (D_j(x) − D_j(y)) W_j (∏_{i=j−1}^{1} D_i(y) W_i).

    Parameters
    ----------
    net : Network
        The network.
    x, y : array_like, shape (d,)
        The points.
    threads : int, optional
        The number of threads.

    Returns
    -------
    ndarray of float64, shape (L, d)
        In float64, whatever ``net.dtype`` is.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    require_network(net)
    other = arguments.point("y", y, net.widths[0])[np.newaxis]
    terms = visit(net, x, points=other, terms=True, dtype=other.dtype, threads=threads).terms
    assert terms is not None
    of_y: NDArray[np.float64] = terms[0]
    return of_y
