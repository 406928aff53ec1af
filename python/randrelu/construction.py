"""Networks from random numbers, from matrices, and from other libraries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, given, memory
from randrelu._support.arguments import Floats, Rng
from randrelu._support.threads import thread_number
from randrelu.weights import Weights

_AUTO_SHARE = 0.5  # of the memory that is free, which "auto" lets the weights take
TIES = ("coin", "zero", "one")
_MOST_BIAS = 4e37  # times the largest normal variable, some 6.7, it is a float32 number


class Construction(Weights):
    """The ways to build a `Network`."""

    @classmethod
    def random(
        cls,
        widths: Iterable[int],
        *,
        rng: Rng = None,
        init: str = "paper",
        bias: float = 0.0,
        dtype: DTypeLike | None = None,
        storage: str = "auto",
        threads: int | None = None,
    ) -> Self:
        """Draw a network with independent normal weights.

        Parameters
        ----------
        widths : sequence of int
            (d, d_1, …, d_ℓ, k): the input dimension, the hidden widths and the number of outputs,
            which is 1 in the paper.
        rng : None, int, SeedSequence or Generator
            Where the 64-bit seed comes from; an integer below 2⁶⁴ is the seed itself. Weight
            (r, c) of layer i is ``scale * normal(seed, i, r * fan_in + c)``, a float32 value, the
            same on every machine and for every thread count.
        init : {"paper", "he", "unit"}
            The variance of a weight: 1/fan_in (NN-DEF), 2/fan_in, or 1 (appendix D). Since the ReLU
            is positively homogeneous it only scales f. (With "paper" the values shrink by √2 a
            layer and leave float32 at a depth of about 250; take "he" or float64 there.)
        bias : float, default 0
            The standard deviation of the biases, independent normal variables for every layer, the
            last one included: entry j of b_i is ``bias * normal(seed, i, j)`` of a stream of its
            own, a float32 value, the same for every storage. The paper has none.
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
        widths = arguments.layer_widths(widths)
        arguments.one_of("init", init, laws.VARIANCES)
        deviation = arguments.number("bias", bias)
        if deviation > _MOST_BIAS:
            raise ValueError(
                f"bias must be at most {_MOST_BIAS:g}: biases are float32 numbers; got {bias!r}"
            )
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
            bias=deviation,
            storage=storage,
            float32=arithmetic == np.float32,
            threads=thread_number(threads),
        )
        return cls(widths, init, seed, arithmetic, storage, network, _deviation=deviation)

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike | None] | None = None,
        *,
        dtype: DTypeLike | None = None,
        ties: str = "coin",
    ) -> Self:
        """Build a network from given weight matrices and biases, which are copied.

        Parameters
        ----------
        weights : sequence of array_like
            W_1, …, W_{ℓ+1}, each of shape (d_i, d_{i−1}); the last may be (d_ℓ,) for one output.
            PyTorch tensors will do: ``from_weights(list(model.parameters()))`` for a model without
            biases.
        biases : sequence of array_like or None, optional
            b_1, …, b_{ℓ+1}, each of shape (d_i,), or None for a layer that has none.
        dtype : {"float32", "float64"}, optional
            The type of the weights and of the arithmetic. By default the one that NumPy promotes
            the weights, the biases and float32 to, so that float64 weights are not rounded.
        ties : {"coin", "zero", "one"}
            Whether a unit at exactly 0 is active: by a fair coin as in the paper, that of
            (0, layer, unit); never, as PyTorch takes it for its gradients; or always.

        Returns
        -------
        Network
            Its `init` and `seed` are None.

        Raises
        ------
        TypeError
            If the weights or biases are not real numbers.
        ValueError
            If there are none, their shapes do not chain, or one is not finite.
        """
        arrays = given.matrices(weights)
        shifts = given.vectors(biases, arrays)
        arguments.one_of("ties", ties, TIES)
        if dtype is None:
            promoted = np.result_type(np.float32, *arrays, *(b for b in shifts if b is not None))
            dtype = "float32" if promoted == np.float32 else "float64"
        arithmetic = arguments.float_dtype(dtype)
        memory.require(
            arithmetic.itemsize * sum(a.size for a in arrays),
            "copying the weights",
            "use dtype='float32'" if arithmetic == np.float64 else "use narrower layers",
        )
        held = [arguments.converted(f"weights[{i}]", a, arithmetic) for i, a in enumerate(arrays)]
        rounded = [
            None if b is None else arguments.converted(f"biases[{i}]", b, arithmetic)
            for i, b in enumerate(shifts)
        ]
        widths = (arrays[0].shape[1], *(a.shape[0] for a in arrays))
        network = core.Network.from_weights(
            held,
            [None if b is None else b.astype(np.float64) for b in rounded],
            seed=0,
            ties=core.Ties[ties],
        )
        return cls(widths, None, None, arithmetic, "stored", network, ties)

    @classmethod
    def from_torch(cls, module: Any, *, dtype: DTypeLike | None = None, ties: str = "zero") -> Self:
        """Build a network from a PyTorch module, or from a state dict; the weights are copied.

        Parameters
        ----------
        module : torch.nn.Module or mapping
            A Linear, or an nn.Sequential, nested or not, of Flatten, Linear, ReLU, Identity, and of
            Dropout and BatchNorm1d in eval mode, which are folded in float64. The names of a state
            dict, ``0.weight``, ``0.bias``, ``2.weight``, …, are layers in their natural order, with
            a ReLU between each two; pass the module where you have it, since a state dict does not
            say where its ReLUs are, nor the order of layers whose names have no numbers.
        dtype, ties
            As for `from_weights`; by default a unit at exactly 0 is not active, as in PyTorch.

        Returns
        -------
        Network

        Raises
        ------
        TypeError
            If it is neither.
        ValueError
            If the module holds anything else, by its path, or the weights do not chain.
        """
        from randrelu.formats.torch import chain_of_module

        chain = chain_of_module(module)
        return cls.from_weights(chain.weights, chain.biases, dtype=dtype, ties=ties)

    @classmethod
    def from_sklearn(
        cls, estimator: Any, *, dtype: DTypeLike | None = None, ties: str = "zero"
    ) -> Self:
        """Build a network from a multi-layer perceptron of scikit-learn; the weights are copied.

        The outputs are what the estimator's last function takes: the logits of a classifier (one
        for two classes, whose sign decides), the predictions of a regressor.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            A fitted one, with ``activation="relu"``.
        dtype, ties
            As for `from_torch`.

        Returns
        -------
        Network

        Raises
        ------
        TypeError
            If it is no such estimator.
        ValueError
            If it is not fitted, or has another activation.
        """
        from randrelu.formats.sklearn import chain_of_estimator

        chain = chain_of_estimator(estimator)
        return cls.from_weights(chain.weights, chain.biases, dtype=dtype, ties=ties)

    def margin(self, top: int, other: int | None = None) -> Self:
        """Return the network f_top − f_other of one output, or f_top.

        It shares the hidden layers and their weights with this one; of a deferred network, what
        either is asked is revealed in both.

        Parameters
        ----------
        top : int
            An output, from 0.
        other : int, optional
            Another one.

        Returns
        -------
        Network
            Of widths (d, d_1, …, d_ℓ, 1).

        Raises
        ------
        TypeError, ValueError
            If there are no such outputs, or they are one.
        """
        most = self.outputs - 1
        first = arguments.integer("top", top, at_least=0, at_most=most)
        second = None if other is None else arguments.integer("other", other, at_least=0)
        if second is not None and (second > most or second == first):
            raise ValueError(
                f"other must be an output from 0 to {most} and not {first}, got {second}"
            )
        if not most:  # f_0 is all there is
            return self
        return replace(
            self,
            widths=(*self.widths[:-1], 1),
            _core=self._core.margin(first, -1 if second is None else second),
            _margin_of=(self, first, second),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        if self.storage == "deferred":
            raise TypeError(
                "a deferred network cannot be copied or pickled: copies that are asked different "
                "things would not be one network, nor independent; draw one where it is needed, "
                "from its own seed"
            )
        if self._margin_of is not None:
            network, top, other = self._margin_of
            return type(self).margin, (network, top, other)
        dtype = str(self.dtype)
        if self.seed is None or self.init is None:
            layers = range(1, self.depth + 2)
            weights = [np.array(self.weights(i)) for i in layers]
            build = partial(type(self).from_weights, dtype=dtype, ties=self.ties)
            return _given, (build, weights, [self.bias(i) for i in layers], self.input_range)
        draw = partial(
            type(self).random, rng=self.seed, init=self.init, dtype=dtype, storage=self.storage
        )
        if self._deviation:
            draw = partial(draw, bias=self._deviation)
        return draw, (self.widths,)


def _given(
    build: Callable[..., Weights],
    weights: list[Floats],
    biases: list[Floats | None],
    input_range: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
) -> Weights:
    """Return a network again that was pickled."""
    return replace(build(weights, biases), input_range=input_range)
