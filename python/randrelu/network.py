"""Random ReLU networks: values, activation patterns and gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import F, Floats, Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.pattern import Pattern

# The variance of a weight, given its layer's fan-in.
_VARIANCES: dict[str, Callable[[int], float]] = {
    "paper": lambda fan_in: 1.0 / fan_in,
    "he": lambda fan_in: 2.0 / fan_in,
    "unit": lambda fan_in: 1.0,
}
_AUTO_SHARE = 0.5  # of the memory that is free, which "auto" lets the weights take


def weight_variances(widths: tuple[int, ...], init: str) -> list[float]:
    """Return the variance of the entries of W_1, …, W_{ℓ+1}."""
    return [_VARIANCES[init](fan_in) for fan_in in widths[:-1]]


@dataclass(frozen=True)
class Revealed:
    """What a deferred network has revealed of its matrices, an entry per layer W_1, …, W_{ℓ+1}.

    Attributes
    ----------
    forward : tuple of int
        The directions v along which W_i v is known.
    backward : tuple of int
        The directions v along which vᵀW_i is known.
    nbytes : tuple of int
        The bytes that they and the answers take.
    """

    forward: tuple[int, ...]
    backward: tuple[int, ...]
    nbytes: tuple[int, ...]


class Network:
    """A fully connected ReLU network with a single output and no biases (NN-DEF).

    f(x) = W_{ℓ+1} σ(W_ℓ σ(… σ(W_1 x))), with W_i of shape (d_i, d_{i−1}) and σ the ReLU. Build one
    with `Network.random` or `Network.from_weights`. It never changes afterwards; a deferred one
    (see `random`) becomes known bit by bit as it is asked.

    Every method that takes points accepts one point ``(d,)`` or a batch ``(N, d)`` of any real
    dtype and memory layout, and gives the same rank back. ``threads`` is the number of threads to
    use; by default OpenMP decides, which honours ``OMP_NUM_THREADS``. Results do not depend on it,
    bit for bit. Calls release the GIL and stop on Ctrl-C. ``progress`` is called as
    ``progress(done, total)``, some twenty times a second and once at the end, from the thread that
    made the call; both are in weights times points, twice that where there is a gradient. An
    exception that it raises ends the call.

    They raise ``ValueError`` for points of the wrong shape or with NaN or infinity, ``TypeError``
    for points that are not real numbers, ``OverflowError`` when a value inside the network leaves
    the range of its dtype, and ``MemoryError`` when the result does not fit in the memory that is
    free. In a child made by ``fork`` they run on one thread: OpenMP does not survive a fork.
    """

    def __init__(
        self,
        core_network: core.Network,
        widths: tuple[int, ...],
        init: str | None,
        seed: int | None,
        dtype: np.dtype[np.floating[Any]],
        storage: str,
    ) -> None:
        self._core = core_network
        self._widths = widths
        self._init = init
        self._seed = seed
        self._dtype = dtype
        self._storage = storage

    @classmethod
    def random(
        cls,
        widths: Iterable[int],
        *,
        rng: Rng = None,
        init: str = "paper",
        dtype: DTypeLike | None = None,
        storage: str = "auto",
        threads: int | None = None,
    ) -> Network:
        """Draw a network with independent normal weights.

        Parameters
        ----------
        widths : sequence of int
            (d, d_1, …, d_ℓ, 1): the input dimension, the hidden widths and the single output.
        rng : None, int, SeedSequence or Generator
            Where the 64-bit seed comes from; an integer below 2⁶⁴ is the seed itself. Weight
            (r, c) of layer i is ``scale * normal(seed, i, r * fan_in + c)``, a float32 value, the
            same on every machine and for every thread count.
        init : {"paper", "he", "unit"}
            The variance of a weight: 1/fan_in (NN-DEF), 2/fan_in, or 1 (appendix D). Since the ReLU
            is positively homogeneous it only scales f. (With "paper" the values shrink by √2 a
            layer and leave float32 at a depth of about 250; take "he" or float64 there.)
        dtype : {"float32", "float64"}, optional
            The arithmetic in which the network is evaluated; by default float32, and float64 for
            deferred networks. The weights of the others are the same float32 values for both. A
            deferred network in float32 holds what it reveals in float32, too, so that measures that
            are float64 elsewhere (flips, deviations, gradient steps, lines) are as exact as that.
        storage : {"auto", "stored", "streamed", "deferred"}
            "stored" keeps the matrices; "streamed" keeps the seed only, and generates the weights
            again, tile by tile, whenever they are used: bit for bit the same network in hardly any
            memory, at about a nanosecond a weight and core. "auto" stores what
            takes at most half of the memory that is free, and streams the rest.

            "deferred" holds no weights at all, so that its cost grows with the widths and not with
            their products: every matrix is revealed only along the directions that are asked
            for. It is not the network that the seed gives otherwise, but one of exactly the same
            law: whatever is computed from it, each question depending on earlier answers or not,
            is jointly distributed as on a stored network. It remembers what it was asked, in
            8 (fan_in + fan_out) bytes a layer and direction (4 in float32), see `revealed` and
            `forget`. The seed and the sequence of questions determine the answers, on one machine
            bit for bit. Networks of one seed that are asked different things are not one network,
            and not independent either: give each its own seed. A question of which less than 64
            times the machine precision of `dtype` is new (1.4e-14; in float32 7.6e-6) counts as
            known.
        threads : int, optional
            The number of threads that generate the weights of a stored network.

        Returns
        -------
        Network

        Raises
        ------
        MemoryError
            If the weights are to be stored and do not fit in the memory that is free, before any
            is allocated.
        TypeError, ValueError
            If an argument is not as described.
        """
        widths = arguments.widths_tuple(widths)
        arguments.one_of("init", init, _VARIANCES)
        arguments.storage(storage)
        if dtype is None:
            dtype = "float64" if storage == "deferred" else "float32"
        arithmetic = arguments.float_dtype(dtype)
        nbytes = 4 * sum(a * b for a, b in pairwise(widths))
        if storage == "auto":
            storage = "stored" if memory.fits(nbytes, _AUTO_SHARE) else "streamed"
        if storage == "stored":
            memory.require(
                nbytes,
                f"storing the weights of a network of widths {widths}",
                "choose storage='streamed' or 'deferred', or narrower widths",
            )
        seed = arguments.seed_of(rng)
        scales = [math.sqrt(variance) for variance in weight_variances(widths, init)]
        network = core.Network.random(
            list(widths),
            seed=seed,
            scales=scales,
            storage=storage,
            float32=arithmetic == np.float32,
            threads=thread_number(threads),
        )
        return cls(network, widths, init, seed, arithmetic, storage)

    @classmethod
    def from_weights(
        cls, weights: Sequence[ArrayLike], *, dtype: DTypeLike | None = None
    ) -> Network:
        """Build a network from given weight matrices, which are copied.

        Parameters
        ----------
        weights : sequence of array_like
            W_1, …, W_{ℓ+1}, each of shape (d_i, d_{i−1}); the last may be (d_ℓ,) or (1, d_ℓ).
            PyTorch tensors will do: ``from_weights(list(model.parameters()))`` for a model without
            biases.
        dtype : {"float32", "float64"}, optional
            The type of the weights and of the arithmetic. By default the one that NumPy promotes
            the weights and float32 to, so that float64 weights are not rounded.

        Returns
        -------
        Network
            Its `init` and `seed` are None; its tie coins are those of seed 0.

        Raises
        ------
        TypeError
            If the weights are not real numbers.
        ValueError
            If there are none, their shapes do not chain, or one is not finite.
        """
        if isinstance(weights, Mapping):
            raise TypeError("weights must be a sequence of matrices; pass the mapping's .values()")
        if isinstance(weights, (str, bytes)) or not isinstance(weights, Iterable):
            raise TypeError(f"weights must be a sequence of matrices, got {type(weights).__name__}")
        arrays = [arguments.real_array(f"weights[{i}]", w) for i, w in enumerate(weights)]
        if not arrays:
            raise ValueError("weights must hold at least one matrix, got none")
        if arrays[-1].ndim == 1:
            arrays[-1] = arrays[-1][np.newaxis, :]
        _require_chain(arrays)
        if dtype is None:
            promoted = np.result_type(np.float32, *arrays)
            dtype = "float32" if promoted == np.float32 else "float64"
        arithmetic = arguments.float_dtype(dtype)
        memory.require(
            arithmetic.itemsize * sum(a.size for a in arrays),
            "copying the weights",
            "use dtype='float32'" if arithmetic == np.float64 else "use narrower layers",
        )
        held = [arguments.converted(f"weights[{i}]", a, arithmetic) for i, a in enumerate(arrays)]
        widths = (arrays[0].shape[1], *(a.shape[0] for a in arrays))
        return cls(core.Network.from_weights(held, seed=0), widths, None, None, arithmetic, "stored")

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths (d, d_1, …, d_ℓ, 1)."""
        return self._widths

    @property
    def depth(self) -> int:
        """The number ℓ of hidden layers."""
        return len(self._widths) - 2

    @property
    def storage(self) -> str:
        """How the weights are held: "stored", "streamed" or "deferred"."""
        return self._storage

    @property
    def init(self) -> str | None:
        """The distribution of the weights, or None when they were given."""
        return self._init

    @property
    def seed(self) -> int | None:
        """The seed of the weights; ``rng=net.seed`` draws them again. None when they were given."""
        return self._seed

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """The arithmetic, float32 or float64."""
        return self._dtype

    @property
    def nbytes(self) -> int:
        """The bytes that the weights take; 0 when they are streamed.

        Of a deferred network those of what is revealed.
        """
        return self._core.nbytes

    @property
    def revealed(self) -> Revealed:
        """What a deferred network has revealed so far.

        Raises
        ------
        ValueError
            If the network is not deferred: all of its weights are there.
        """
        self._require_deferred("revealed")
        forward, backward, nbytes = zip(*self._core.revealed(), strict=True)
        return Revealed(forward, backward, nbytes)

    def forget(self) -> None:
        """Start a fresh network of the same law, of which nothing is revealed.

        Raises
        ------
        ValueError
            If the network is not deferred.
        """
        self._require_deferred("forget()")
        self._core.forget()

    def weights(self, i: int) -> Floats:
        """Return W_i, read-only, shape (d_i, d_{i−1}); a streamed one is generated in full.

        Parameters
        ----------
        i : int
            The layer, from 1 to ℓ+1, as in the paper.

        Raises
        ------
        IndexError
            If there is no such layer.
        MemoryError
            If a streamed matrix does not fit in the memory that is free.
        ValueError
            If the network is deferred: its matrices do not exist.
        """
        layer = arguments.integer("i", i)
        if not 1 <= layer <= self.depth + 1:
            raise IndexError(f"i must be a layer from 1 to {self.depth + 1}, got {i}")
        if self._storage == "deferred":
            raise ValueError(
                f"W_{layer} does not exist: a deferred network only reveals what its methods ask "
                "for; draw one with storage='stored' or 'streamed' where you need weights"
            )
        if self._storage == "streamed":
            fan_in, fan_out = self._widths[layer - 1 : layer + 1]
            memory.require(
                4 * fan_in * fan_out, f"the matrix W_{layer}", "use the network without it"
            )
        return self._core.weights(layer - 1)

    def forward(
        self,
        x: ArrayLike,
        *,
        remember: bool = True,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Compute f(x).

        Parameters
        ----------
        x : array_like, shape (d,) or (N, d)
            The points.
        remember : bool, default True
            Whether a deferred network keeps what these points reveal. Without, every layer is
            forgotten as soon as the points have passed it, which lets them pass any depth; what is
            asked later does not know of these values.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)``, see the class.

        Returns
        -------
        scalar or ndarray, shape () or (N,)
            In the dtype of the network.
        """
        points, single = self._points(x)
        values, _, _ = self._evaluate(
            points, value=True, remember=bool(remember), threads=threads, progress=progress
        )
        return values[0] if single else values

    def preactivations(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> list[Floats]:
        """Compute f̃_i(x) = W_i f_{i−1}(x), the input of every ReLU.

        Parameters
        ----------
        x : array_like, shape (d,) or (N, d)
            The points.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)``, see the class.

        Returns
        -------
        list of ndarray
            One per hidden layer, shape (d_i,) or (N, d_i).
        """
        points, single = self._points(x)
        self._require_hidden(points)
        layers = self._core.preactivations(
            points, threads=thread_number(threads), progress=progress
        )
        return [a[0] for a in layers] if single else layers

    def activations(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> list[Floats]:
        """Compute f_i(x) = σ(f̃_i(x)), the output of every hidden layer.

        Parameters
        ----------
        x : array_like, shape (d,) or (N, d)
            The points.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)``, see the class.

        Returns
        -------
        list of ndarray
            One per hidden layer, shape (d_i,) or (N, d_i).
        """
        points, single = self._points(x)
        self._require_hidden(points)
        layers = self._core.activations(
            points, threads=thread_number(threads), progress=progress
        )
        return [a[0] for a in layers] if single else layers

    def pattern(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> Pattern:
        """Find the active units of every hidden layer, the paper's D_i.

        Parameters
        ----------
        x : array_like, shape (d,) or (N, d)
            The points.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)``, see the class.

        Returns
        -------
        Pattern
        """
        points, single = self._points(x)
        _, bits, _ = self._evaluate(points, bits=True, threads=threads, progress=progress)
        hidden = self._widths[1:-1]
        if single:
            return Pattern(tuple(a[0] for a in bits), hidden, None)
        return Pattern(tuple(bits), hidden, len(points))

    def gradient(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> Floats:
        """Compute ∇f(x) = W_{ℓ+1} D_ℓ W_ℓ … D_1 W_1.

        A unit at exactly 0 counts as active by its coin, as in `pattern`; so at x = 0, for example,
        the gradient is that of a random pattern, where automatic differentiation gives 0.

        Parameters
        ----------
        x : array_like, shape (d,) or (N, d)
            The points.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)``, see the class.

        Returns
        -------
        ndarray, shape (d,) or (N, d)
            In the dtype of the network.
        """
        points, single = self._points(x)
        _, _, gradients = self._evaluate(points, gradient=True, threads=threads, progress=progress)
        return gradients[0] if single else gradients

    def value_and_gradient(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> tuple[Any, Floats]:
        """Compute f(x) and ∇f(x) together, at the cost of the gradient.

        Parameters
        ----------
        x : array_like, shape (d,) or (N, d)
            The points.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)``, see the class.

        Returns
        -------
        value : scalar or ndarray, shape () or (N,)
        gradient : ndarray, shape (d,) or (N, d)
        """
        points, single = self._points(x)
        values, _, gradients = self._evaluate(
            points, value=True, gradient=True, threads=threads, progress=progress
        )
        return (values[0], gradients[0]) if single else (values, gradients)

    def _points(self, x: ArrayLike) -> tuple[Floats, bool]:
        return arguments.points("x", x, self._widths[0], self._dtype)

    def _require_hidden(self, points: Floats) -> None:
        if self._storage == "deferred":
            self._require_room(len(points))
        memory.require(
            points.itemsize * len(points) * sum(self._widths[1:-1]),
            f"returning the hidden layers of {len(points)} points",
            "pass fewer points at a time",
        )

    def _evaluate(
        self,
        points: NDArray[F],
        *,
        value: bool = False,
        bits: bool = False,
        gradient: bool = False,
        remember: bool = True,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[NDArray[F], list[NDArray[np.uint8]], NDArray[F]]:
        """Evaluate what is asked for in the arithmetic of `points`, (N, d) and contiguous."""
        if gradient:
            memory.require(
                points.nbytes,
                f"returning the gradients of {len(points)} points",
                "pass fewer points at a time",
            )
        if self._storage == "deferred":
            backward = len(points) if gradient else 0
            self._require_room(len(points), backward=backward, remember=remember)
        found = self._core.evaluate(
            points,
            values=value,
            bits=bits,
            gradients=gradient,
            remember=remember,
            threads=thread_number(threads),
            progress=progress,
        )
        return found.values, found.bits, found.gradients

    def _require_room(
        self, points: int, *, backward: int = 0, remember: bool = True, explored: bool = False
    ) -> None:
        """Ask for the memory of what so many questions to each layer of a deferred network reveal.

        Those of a gradient come on top; so does what is kept of the base point while a ball around
        it is `explored`.
        """
        layers = list(pairwise(self._widths))
        # No matrix has more directions than its smaller side has units.
        forward = [(a + b) * min(points, a, b) for a, b in layers]
        numbers = sum(forward) if remember else max(forward)
        numbers += sum((a + b) * min(backward, a, b) for a, b in layers)
        at_once = min(points, 1024) if remember else points
        numbers += 2 * at_once * max(self._widths)
        base = 100 * sum(self._widths) if explored else 0
        memory.require(
            self._dtype.itemsize * numbers + base,
            f"revealing a network of widths {_in_short(self._widths)} along {points} directions",
            "pass fewer points" if not remember else "pass fewer points, or remember=False",
        )

    def _require_deferred(self, what: str) -> None:
        if self._storage != "deferred":
            raise ValueError(
                f"{what} is for storage='deferred'; this network is {self._storage}: all of its "
                "weights are there"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        if self._storage == "deferred":
            raise TypeError(
                "a deferred network cannot be copied or pickled: copies that are asked different "
                "things would not be one network, nor independent; draw one where it is needed, "
                "from its own seed"
            )
        if self._seed is None:
            matrices = [np.array(self.weights(i)) for i in range(1, self.depth + 2)]
            return _from_weights, (matrices, str(self._dtype))
        return _random, (self._widths, self._seed, self._init, str(self._dtype), self._storage)

    def __repr__(self) -> str:
        origin = "given" if self._init is None else f"init={self._init!r}, seed={self._seed}"
        return (
            f"Network({_in_short(self._widths)}, {origin}, dtype='{self._dtype}', "
            f"storage={self.storage!r}, {memory.in_words(self.nbytes)})"
        )


def require_network(net: object) -> None:
    """Raise TypeError unless `net` is a Network."""
    if not isinstance(net, Network):
        raise TypeError(f"net must be a Network, got {type(net).__name__}")


def _random(widths: tuple[int, ...], seed: int, init: str, dtype: str, storage: str) -> Network:
    """Draw a pickled random network again."""
    return Network.random(widths, rng=seed, init=init, dtype=dtype, storage=storage)


def _from_weights(weights: list[NDArray[Any]], dtype: str) -> Network:
    """Build a pickled network of given weights again."""
    return Network.from_weights(weights, dtype=dtype)


def _in_short(widths: tuple[int, ...]) -> str:
    """Return widths as a tuple is written, with the middle of a very long one left out."""
    if len(widths) <= 12:
        return str(widths)
    first, last = (", ".join(map(str, part)) for part in (widths[:4], widths[-3:]))
    return f"({first}, … {len(widths) - 7} more …, {last})"


def _require_chain(weights: list[NDArray[Any]]) -> None:
    """Raise ValueError unless the weights are matrices (d_i, d_{i−1}) that end in one unit."""
    for i, w in enumerate(weights):
        if w.ndim != 2 or 0 in w.shape:
            raise ValueError(
                f"weights[{i}] must be a matrix of shape (fan_out, fan_in), got {w.shape}"
            )
        if i and w.shape[1] != weights[i - 1].shape[0]:
            raise ValueError(
                f"weights[{i}] must have shape (fan_out, {weights[i - 1].shape[0]}) to follow "
                f"weights[{i - 1}], got {w.shape}"
            )
    if weights[-1].shape[0] != 1:
        raise ValueError(
            f"weights[{len(weights) - 1}], the last, must have shape (1, {weights[-1].shape[1]}), "
            f"got {weights[-1].shape}"
        )
