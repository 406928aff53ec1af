"""The weights of a random ReLU network, and the ways to hold them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import Floats, Rng
from randrelu._support.threads import thread_number

_AUTO_SHARE = 0.5  # of the memory that is free, which "auto" lets the weights take


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


@dataclass(frozen=True, eq=False, repr=False)
class Weights:
    """The matrices W_1, …, W_{ℓ+1}, however they are held; a `Network` computes with them."""

    widths: tuple[int, ...]
    init: str | None
    seed: int | None
    dtype: np.dtype[np.floating[Any]]
    storage: str
    _core: core.Network

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
    ) -> Self:
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
            memory, at about a nanosecond a weight and core. "auto" stores what takes at most half
            of the memory that is free, and streams the rest.

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
        arguments.one_of("init", init, laws.VARIANCES)
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
        scales = [math.sqrt(variance) for variance in laws.weight_variances(widths, init)]
        network = core.Network.random(
            list(widths),
            seed=seed,
            scales=scales,
            storage=storage,
            float32=arithmetic == np.float32,
            threads=thread_number(threads),
        )
        return cls(widths, init, seed, arithmetic, storage, network)

    @classmethod
    def from_weights(cls, weights: Sequence[ArrayLike], *, dtype: DTypeLike | None = None) -> Self:
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
        arrays = _matrices(weights)
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
        network = core.Network.from_weights(held, seed=0)
        return cls(widths, None, None, arithmetic, "stored", network)

    @property
    def depth(self) -> int:
        """The number ℓ of hidden layers."""
        return len(self.widths) - 2

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
        found = self._core.revealed()
        return Revealed(tuple(found.forward), tuple(found.backward), tuple(found.nbytes))

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
        if self.storage == "deferred":
            raise ValueError(
                f"W_{layer} does not exist: a deferred network only reveals what its methods ask "
                "for; draw one with storage='stored' or 'streamed' where you need weights"
            )
        if self.storage == "streamed":
            fan_in, fan_out = self.widths[layer - 1 : layer + 1]
            memory.require(
                4 * fan_in * fan_out, f"the matrix W_{layer}", "use the network without it"
            )
        return self._core.weights(layer - 1)

    def _require_deferred(self, what: str) -> None:
        if self.storage != "deferred":
            raise ValueError(
                f"{what} is for storage='deferred'; this network is {self.storage}: all of its "
                "weights are there"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        if self.storage == "deferred":
            raise TypeError(
                "a deferred network cannot be copied or pickled: copies that are asked different "
                "things would not be one network, nor independent; draw one where it is needed, "
                "from its own seed"
            )
        dtype = str(self.dtype)
        if self.seed is None or self.init is None:
            weights = [np.array(self.weights(i)) for i in range(1, self.depth + 2)]
            return partial(type(self).from_weights, dtype=dtype), (weights,)
        draw = partial(
            type(self).random, rng=self.seed, init=self.init, dtype=dtype, storage=self.storage
        )
        return draw, (self.widths,)

    def __repr__(self) -> str:
        origin = "given" if self.init is None else f"init={self.init!r}, seed={self.seed}"
        return (
            f"Network({memory.in_short(self.widths)}, {origin}, dtype='{self.dtype}', "
            f"storage={self.storage!r}, {memory.in_words(self.nbytes)})"
        )


def _matrices(weights: object) -> list[NDArray[Any]]:
    """Return W_1, …, W_{ℓ+1} as arrays of any real dtype, each (d_i, d_{i−1}); the last has a row.

    The last may come as (d_ℓ,).
    """
    if isinstance(weights, Mapping):
        raise TypeError("weights must be a sequence of matrices; pass the mapping's .values()")
    if isinstance(weights, (str, bytes)) or not isinstance(weights, Iterable):
        raise TypeError(f"weights must be a sequence of matrices, got {type(weights).__name__}")
    arrays = [arguments.real_array(f"weights[{i}]", w) for i, w in enumerate(weights)]
    if not arrays:
        raise ValueError("weights must hold at least one matrix, got none")
    if arrays[-1].ndim == 1:
        arrays[-1] = arrays[-1].reshape(1, -1)
    _require_chain(arrays)
    return arrays


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
