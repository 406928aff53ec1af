"""The row space of the first layer: the smallest perturbation that undoes it, and Figure 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, euclid, extras, memory
from randrelu._support.arguments import Progress, Rng
from randrelu._support.shown import Shown
from randrelu._support.threads import thread_number
from randrelu.network import Network, require_network

if TYPE_CHECKING:
    import pandas as pd

# How far ‖W₁⁺W₁x‖ may be from its true value, in units of ‖x‖.
ACCURACY: float = core.ROW_SPACE_ACCURACY
METHODS = ("solve", "law")
# The numbers of hidden units in the paper's figure, and its input dimension.
HIDDEN = (10, 50, 100, 500, 1000, 5000, 10_000)
DIM = 10_000
_PER_MILLE = 1000


def min_perturbation(
    net: Network,
    x: ArrayLike,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> float:
    """Compute ‖W₁⁺W₁x‖, the length of the smallest δ with W₁(x − δ) = 0: (Min-Pert).

    At x − δ every unit of the first layer is at 0, and arbitrarily close to it the gradient takes
    every value that it takes anywhere. So this bounds the radius r of appendix D from above, as the
    paper says. It is r itself: every w with the pattern of y* = −(W₁ᵀW₁)⁺x is at least as far from
    x, because ⟨W₁⁺W₁x, w⟩ = −⟨W₁y*, W₁w⟩ ≤ 0. (All of that is about networks without biases; where
    there are some, the number is the same, and the units are at b₁ there.)

    Parameters
    ----------
    net : Network
        The network, stored or streamed; only its W₁, of shape (k, d), takes part.
    x : array_like, shape (d,)
        The point.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`, in thousandths.

    Returns
    -------
    float
        In the units of x. Always computed in float64.

    Raises
    ------
    MemoryError
        If 8 min(k, d)² bytes, which the calculation holds, are not free.
    TypeError, ValueError
        If an argument is not as described, or the network is deferred.

    Notes
    -----
    With G = W₁W₁ᵀ, factored by Cholesky, δ ← δ + W₁ᵀG⁻¹W₁(x − δ) is repeated in float64 until it
    stands still (with W₁ᵀW₁ in its place where k ≥ d). Every step corrects the rounding of G, so G
    is float32 unless k and d are within a tenth of each other or that does not get there, and the
    result is good to a few units in the last place of ‖x‖ times the condition number of W₁, and
    never worse than 2·10⁻⁸ ‖x‖. That takes k²d + k³/3 operations for k < d. A matrix whose rank
    rounding leaves open, such as one with two equal rows, is decomposed into its singular values
    instead (in NumPy's way: those below max(k, d) units in the last place of the largest are 0),
    which takes far longer and 24 k d bytes.
    """
    require_network(net)
    point = arguments.point("x", x, net.widths[0])
    if net.storage == "deferred":
        raise ValueError(
            "net must be stored or streamed: the rows of a deferred network are never all known; "
            "draw one with storage='streamed', or take the exact law, figure_1(method='law')"
        )
    number = thread_number(threads)
    arguments.callback(progress)
    dim, hidden = net.widths[:2]
    _require_room(dim, hidden)
    largest = float(np.abs(point).max())
    if largest == 0:
        return 0.0
    scaled = point / largest  # so that squares neither over- nor underflow
    length = core.row_space_norm(net._core, scaled, threads=number, progress=progress)
    return largest * (_by_singular_values(net, scaled) if length is None else length)


def _require_room(dim: int, hidden: int) -> None:
    smaller = min(dim, hidden)
    memory.require(
        8 * smaller * (smaller + core.GRAM_SUMMANDS),
        f"the Gram matrix of W_1 of shape ({hidden}, {dim})",
        "choose fewer hidden units, or take the exact law, figure_1(method='law')",
    )


def _by_singular_values(net: Network, point: NDArray[np.float64]) -> float:
    """Return the length of the projection on the row space of a matrix of any rank."""
    from scipy.linalg import svd

    dim, hidden = net.widths[:2]
    memory.require(
        24 * dim * hidden,
        f"the singular values of W_1 of shape ({hidden}, {dim}), whose rank is not clear,",
        "remove rows that depend on others",
    )
    rows = net.weights(1).astype(np.float64)
    sizes = euclid.norms(rows)
    rows = rows[sizes > 0] / sizes[sizes > 0, np.newaxis]  # the row space is the same
    if not len(rows):
        return 0.0
    _, values, basis = svd(rows, full_matrices=False, overwrite_a=True, check_finite=False)
    least = max(rows.shape) * np.finfo(np.float64).eps * values[0]
    return float(np.linalg.norm(basis[values > least] @ point))


@dataclass(frozen=True, eq=False, repr=False)
class Figure1(Shown):
    """‖δ*‖/‖x‖ for one hidden layer of k units, at several k: Figure 1 of the paper.

    Attributes
    ----------
    dim : int
        The input dimension d.
    hidden : ndarray of int64, shape (K,)
        The numbers k of hidden units.
    ratios : ndarray, shape (K, runs)
        ‖δ*‖/‖x‖ of every run.
    method : tuple of str, length K
        Whether the ratios were computed from networks ("solve") or drawn from their law ("law").
    seed : int
        ``rng=seed`` repeats the figure.
    """

    dim: int
    hidden: NDArray[np.int64]
    ratios: NDArray[np.float64]
    method: tuple[str, ...]
    seed: int

    @property
    def mean(self) -> NDArray[np.float64]:
        """The averages over the runs, which the paper's figure shows, shape (K,)."""
        result: NDArray[np.float64] = self.ratios.mean(axis=1)
        return result

    @property
    def expected(self) -> NDArray[np.float64]:
        """The exact means of a ratio, shape (K,)."""
        return np.array([laws.mean_projected_length(int(k), self.dim) for k in self.hidden])

    @property
    def predicted(self) -> NDArray[np.float64]:
        """The paper's √(k/d), shape (K,); 1 where k ≥ d."""
        result: NDArray[np.float64] = np.sqrt(np.minimum(self.hidden / self.dim, 1))
        return result

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a row per run, width by width."""
        runs = self.ratios.shape[1]
        names = ("mean", "expected", "predicted")
        return {
            "hidden": np.repeat(self.hidden, runs),
            "run": np.tile(np.arange(runs), len(self.hidden)),
            "ratio": self.ratios.ravel(),
            "method": np.repeat(self.method, runs),
            **{name: np.repeat(getattr(self, name), runs) for name in names},
        }

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def plot(self) -> Any:
        """Draw the averages, every run, and √(k/d), as Figure 1; needs Matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from randrelu.figures.row_space import row_space_figure

        return row_space_figure(self.columns(), self.dim)

    def _shown_picture(self) -> Any:
        return self.plot()

    def __repr__(self) -> str:
        rows = (
            f"{k}: {mean:.4g} ({predicted:.4g})"
            for k, mean, predicted in zip(self.hidden, self.mean, self.predicted, strict=True)
        )
        return (
            f"Figure1(d = {self.dim}, {self.ratios.shape[1]} runs, "
            f"mean (√(k/d)) by k: {', '.join(rows)})"
        )


def figure_1(
    dim: int = DIM,
    hidden: int | Iterable[int] = HIDDEN,
    runs: int = 10,
    *,
    rng: Rng = None,
    method: str | Sequence[str] = "solve",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Figure1:
    """Repeat Figure 1: how far the first layer of k units lets x go before it is undone.

    Every run draws W₁ with independent standard normal entries (``init="unit"``, appendix D) and
    computes ‖δ*‖/‖x‖ = ‖W₁⁺W₁x‖/‖x‖ at x = (1, …, 1); the law is the same at every other point.

    Parameters
    ----------
    dim : int, default 10000
        The input dimension d. (The caption of Figure 1 says "10000 hidden units" where the input
        dimension is meant; appendix D has it right.)
    hidden : int or sequence of int, default (10, 50, 100, 500, 1000, 5000, 10000)
        The numbers k of hidden units.
    runs : int, default 10
        The number of networks at each.
    rng : None, int, SeedSequence or Generator
        Where the seed of the figure comes from. The network of run r at k units has a seed made of
        that, k and r, so further widths or runs change no other number.
    method : {"solve", "law"} or a sequence of them, one per number of hidden units
        "solve" draws networks and computes, see `min_perturbation`: at the defaults two to three
        minutes on two cores, most of it at k = 10000. "law" draws the ratio from its exact law,
        the square root of Beta(k/2, (d − k)/2), and 1 for k ≥ d, in no time.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`, in thousandths.

    Returns
    -------
    Figure1

    Raises
    ------
    MemoryError
        If 8 min(k, d)² bytes are not free for a k to be solved, before the first is.
    TypeError, ValueError
        If an argument is not as described.
    """
    dim = arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST)
    widths = _hidden(hidden)
    runs = arguments.integer("runs", runs, at_least=1, at_most=arguments.WIDEST)
    methods = _methods(method, len(widths))
    thread_number(threads)
    arguments.callback(progress)
    for k, how in zip(widths, methods, strict=True):
        if how == "solve":
            _require_room(dim, k)
    seed = arguments.seed_of(rng)

    costs = [_cost(dim, k) if m == "solve" else 0.0 for k, m in zip(widths, methods, strict=True)]
    total = runs * sum(costs) or 1.0
    ratios, done = np.empty((len(widths), runs)), 0.0

    def tell(so_far: float) -> None:
        if progress is not None:
            progress(round(_PER_MILLE * min(1.0, so_far / total)), _PER_MILLE)

    def tell_part(start: float, cost: float, part: int, of: int) -> None:
        tell(start + cost * part / of)

    for i, (k, how, cost) in enumerate(zip(widths, methods, costs, strict=True)):
        for run in range(runs):
            own = run_seed(seed, k, run)
            if how == "law":
                ratios[i, run] = laws.draw_projected_length(k, dim, np.random.default_rng(own))
            else:
                part = None if progress is None else partial(tell_part, done, cost)
                ratios[i, run] = _solved(dim, k, own, threads, part)
            done += cost
    tell(total)
    return Figure1(dim, np.array(widths, np.int64), ratios, methods, seed)


def run_seed(seed: int, hidden: int, run: int) -> np.random.SeedSequence:
    """Return the seed of one run of `figure_1`."""
    return np.random.SeedSequence(seed, spawn_key=(hidden, run))


def _solved(
    dim: int,
    hidden: int,
    seed: np.random.SeedSequence,
    threads: int | None,
    progress: Progress | None,
) -> float:
    net = Network.random((dim, hidden, 1), rng=seed, init="unit", storage="streamed")
    x = np.ones(dim)
    return min_perturbation(net, x, threads=threads, progress=progress) / math.sqrt(dim)


def _cost(dim: int, hidden: int) -> float:
    """Return about how many operations one run takes."""
    smaller, larger = sorted((dim, hidden))
    return float(smaller) ** 2 * (larger + smaller / 3)


def _hidden(hidden: int | Iterable[int]) -> list[int]:
    if isinstance(hidden, (int, np.integer)):
        hidden = (hidden,)
    if not arguments.is_iterable(hidden):
        raise TypeError(f"hidden must be a sequence of integers, got {hidden!r}")
    widths = [
        arguments.integer(f"hidden[{i}]", k, at_least=1, at_most=arguments.WIDEST)
        for i, k in enumerate(hidden)
    ]
    if not widths:
        raise ValueError("hidden must hold at least one number of hidden units, got none")
    if len(set(widths)) < len(widths):
        raise ValueError(f"hidden must hold different numbers, got {widths}")
    return widths


def _methods(method: str | Sequence[str], count: int) -> tuple[str, ...]:
    """Return a method for each of `count` widths."""
    if isinstance(method, str):
        # At the terminal a sequence comes as one text.
        method = method.split(",") if "," in method else (method,) * count
    if not isinstance(method, Sequence) or len(method) != count:
        raise ValueError(
            f"method must be 'solve', 'law', or one of them for each of the {count} entries of "
            f"hidden, got {method!r}"
        )
    return tuple(arguments.one_of(f"method[{i}]", m, METHODS) for i, m in enumerate(method))
