"""Random ReLU networks: values, activation patterns and gradients."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import F, Floats, Progress
from randrelu._support.threads import thread_number
from randrelu.construction import Construction
from randrelu.limit.network import NO_UNITS, LimitNetwork
from randrelu.pattern import Pattern


class Network(Construction):
    """A fully connected ReLU network: that of the paper (NN-DEF), or any other.

    f(x) = W_{ℓ+1} σ(W_ℓ σ(… σ(W_1 x + b_1) …) + b_ℓ) + b_{ℓ+1}, with W_i of shape (d_i, d_{i−1}),
    σ the ReLU, and no biases in the paper, nor more than one output. Build one with
    `Network.random` or `Network.from_weights`. It never changes afterwards; a deferred one (see
    `random`) becomes known bit by bit as it is asked.

    Every method that takes points accepts one point ``(d,)`` or a batch ``(N, d)`` of any real
    dtype and memory layout, and gives the same rank back. ``threads`` is the number of threads to
    use; by default OpenMP decides, which honours ``OMP_NUM_THREADS``. Results do not depend on it,
    bit for bit; nor, unless the network is deferred, on the batch that a point comes in. Calls
    release the GIL and stop on Ctrl-C. ``progress`` is called as ``progress(done, total)``, some
    twenty times a second and once at the end, from the thread that made the call; both are in
    weights times points, twice that where there is a gradient. An exception that it raises ends the
    call.

    They raise ``ValueError`` for points of the wrong shape or with NaN or infinity, ``TypeError``
    for points that are not real numbers, ``OverflowError`` when a value inside the network leaves
    the range of its dtype, and ``MemoryError`` when the result does not fit in the memory that is
    free. In a child made by ``fork`` they run on one thread: OpenMP does not survive a fork.

    Attributes
    ----------
    widths : tuple of int
        The widths (d, d_1, …, d_ℓ, k), k the number of outputs.
    init : str or None
        The distribution of the weights, or None when they were given.
    seed : int or None
        The seed of the weights; ``rng=net.seed`` draws them again. None when they were given.
    dtype : dtype
        The arithmetic, float32 or float64.
    storage : str
        How the weights are held: "stored", "streamed" or "deferred".
    ties : str
        Which units at exactly 0 are active: those whose "coin" says so, "zero" or "one" of them.
    input_range : tuple of ndarray, shapes (d,) and (d,), or None
        The smallest and the largest inputs, where the network comes from a file that has them.
        Nothing is ever clipped to them.
    """

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
            Whether a deferred network keeps what these points reveal. If not, every layer is
            forgotten as soon as the points have passed it, which lets them pass any depth; later
            answers do not know of these values.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)``, see the class.

        Returns
        -------
        scalar or ndarray, shape () or (N,); (k,) or (N, k) for k > 1 outputs
            In the dtype of the network.
        """
        points, single = self._points(x)
        values, _, _ = self._evaluate(
            points, value=True, remember=remember, threads=threads, progress=progress
        )
        return values[0] if single else values

    def preactivations(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> list[Floats]:
        """Compute f̃_i(x) = W_i f_{i−1}(x) + b_i, the input of every ReLU.

        Parameters
        ----------
        x, threads, progress
            As for `forward`.

        Returns
        -------
        list of ndarray
            One per hidden layer, shape (d_i,) or (N, d_i).
        """
        return self._hidden(self._core.preactivations, x, threads, progress)

    def activations(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> list[Floats]:
        """Compute f_i(x) = σ(f̃_i(x)), the output of every hidden layer.

        Parameters
        ----------
        x, threads, progress
            As for `forward`.

        Returns
        -------
        list of ndarray
            One per hidden layer, shape (d_i,) or (N, d_i).
        """
        return self._hidden(self._core.activations, x, threads, progress)

    def pattern(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> Pattern:
        """Find the active units of every hidden layer, the paper's D_i.

        Parameters
        ----------
        x, threads, progress
            As for `forward`.

        Returns
        -------
        Pattern
        """
        points, single = self._points(x)
        _, bits, _ = self._evaluate(points, bits=True, threads=threads, progress=progress)
        hidden = self.widths[1:-1]
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
        x, threads, progress
            As for `forward`.

        Returns
        -------
        ndarray, shape (d,) or (N, d)
            In the dtype of the network.

        Raises
        ------
        ValueError
            If the network has several outputs; see `jacobian` and `margin`.
        """
        require_one_output(self, "a gradient")
        points, single = self._points(x)
        _, _, gradients = self._evaluate(points, gradient=True, threads=threads, progress=progress)
        return gradients[0] if single else gradients

    def value_and_gradient(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> tuple[Any, Floats]:
        """Compute f(x) and ∇f(x) together, at the cost of the gradient.

        Parameters
        ----------
        x, threads, progress
            As for `forward`.

        Returns
        -------
        value : scalar or ndarray, shape () or (N,)
        gradient : ndarray, shape (d,) or (N, d)

        Raises
        ------
        ValueError
            If the network has several outputs; see `jacobian` and `margin`.
        """
        require_one_output(self, "a gradient")
        points, single = self._points(x)
        values, _, gradients = self._evaluate(
            points, value=True, gradient=True, threads=threads, progress=progress
        )
        return (values[0], gradients[0]) if single else (values, gradients)

    def jacobian(self, x: ArrayLike, *, threads: int | None = None) -> Floats:
        """Compute the gradients of all outputs, W_{ℓ+1} D_ℓ W_ℓ … D_1 W_1.

        Parameters
        ----------
        x, threads
            As for `forward`.

        Returns
        -------
        ndarray, shape (k, d) or (N, k, d)
            In the dtype of the network, computed in float64 from the patterns of `pattern`.
        """
        points, single = self._points(x)
        count, k, dim = len(points), self.outputs, self.widths[0]
        memory.require(
            count * k * dim * points.itemsize,
            f"returning the gradients of {k} outputs at {count} points",
            "pass fewer points at a time",
        )
        if self.storage == "deferred":
            memory.require_revealing(
                self.widths, count, self.dtype.itemsize, backward=count * k, remember=True
            )
        found = np.empty((count, k, dim), self.dtype)
        then = self._core.forgotten
        size = max(1, core.MOST_POINTS // k)  # points at once, k rows each
        for first in range(0, count, size):
            some = points[first : first + size]
            _, bits, _ = self._evaluate(some, bits=True, threads=threads)
            rows = core.masked_product(
                self._core,
                [np.repeat(layer, k, axis=0) for layer in bits],
                np.tile(np.eye(k), (len(some), 1)),
                j=0,
                i=self.depth + 1,
                transposed=True,
                threads=thread_number(threads),
            )
            found[first : first + size] = rows.reshape(len(some), k, dim)
        if self._core.forgotten != then:
            raise RuntimeError(
                "the deferred network was told to forget while it was asked about the points; ask "
                "again"
            )
        return found[0] if single else found

    def decision(
        self, x: ArrayLike, *, threads: int | None = None, progress: Progress | None = None
    ) -> tuple[Any, Any]:
        """Find the two largest outputs, the first of equal ones.

        Parameters
        ----------
        x, threads, progress
            As for `forward`.

        Returns
        -------
        top, runner_up : int or ndarray of int64, shape () or (N,)
            The outputs, from 0.

        Raises
        ------
        ValueError
            If the network has one output.
        """
        if self.outputs == 1:
            raise ValueError(
                "a decision is that of a network with several outputs; this one has one, whose "
                "sign decides: see forward"
            )
        points, single = self._points(x)
        values = np.array(self.forward(points, threads=threads, progress=progress))
        rows = np.arange(len(points))
        top = values.argmax(axis=1)
        values[rows, top] = -np.inf
        runner_up = values.argmax(axis=1)
        return (top[0], runner_up[0]) if single else (top, runner_up)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a ``.npz``, ``.onnx`` or ``.safetensors`` file; see `randrelu.load`.

        Its weights and biases are kept, not its `seed`, `init` and `ties`: pass these ties to
        `load`, which takes "zero" by default.

        Parameters
        ----------
        path : str or path-like
            A name that ends in ``.npz`` (W_1, b_1, W_2, …, and the `input_range`, which no other
            file keeps), ``.onnx`` (needs the extra ``onnx``), or ``.safetensors`` (0.weight,
            0.bias, 2.weight, …, as of an nn.Sequential of Linear and ReLU; needs the extra
            ``safetensors``). At any moment it is the old file or all of the new one.

        Raises
        ------
        ValueError
            If the suffix is another one, or the network is deferred: its matrices do not exist.
        MemoryError
            If the file's content does not fit in the memory that is free.
        OSError
            If the file cannot be written.
        ImportError
            If the package that writes such files is not installed.
        """
        from randrelu.formats.save import save

        save(self, path)

    def to_torch(self) -> Any:
        """Return the network as an nn.Sequential of Linear and ReLU of PyTorch.

        Its weights and biases are copies, bit for bit, in the dtype that holds all of those here.
        PyTorch takes 0 for the derivative of the ReLU at 0, whatever the network's `ties`.

        Returns
        -------
        torch.nn.Sequential

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        ValueError
            If the network is deferred: its matrices do not exist.
        """
        from randrelu.formats.torch import to_torch

        return to_torch(self)

    def _points(self, x: ArrayLike) -> tuple[Floats, bool]:
        return arguments.points("x", x, self.widths[0], self.dtype)

    def _hidden(
        self,
        evaluate: Callable[..., list[Floats]],
        x: ArrayLike,
        threads: int | None,
        progress: Progress | None,
    ) -> list[Floats]:
        """Return what `evaluate` of the core finds at every hidden layer."""
        points, single = self._points(x)
        arguments.callback(progress)
        if self.storage == "deferred":
            memory.require_revealing(self.widths, len(points), points.itemsize)
        memory.require_hidden(self.widths, len(points), points.itemsize)
        layers = evaluate(points, threads=thread_number(threads), progress=progress)
        return [a[0] for a in layers] if single else layers

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
        remember = arguments.flag("remember", remember)
        arguments.callback(progress)
        self._require_room(points, gradient=gradient, remember=remember)
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
        self, points: Floats, *, times: int = 1, gradient: bool = False, remember: bool = True
    ) -> None:
        """Raise MemoryError unless there is room to evaluate `times` as many points."""
        count = times * len(points)
        if self.outputs > 1:
            memory.require(
                count * self.outputs * points.itemsize,
                f"returning {self.outputs} outputs of {count} points",
                "pass fewer points at a time",
            )
        if gradient:
            memory.require(
                points.nbytes,
                f"returning the gradients of {count} points",
                "pass fewer points at a time",
            )
        if self.storage == "deferred":
            memory.require_revealing(
                self.widths,
                count,
                self.dtype.itemsize,
                backward=count if gradient else 0,
                remember=remember,
            )


def require_network(net: object) -> None:
    """Raise TypeError unless `net` is a Network."""
    if isinstance(net, LimitNetwork):
        raise TypeError(f"net must be a Network: {NO_UNITS}")
    if not isinstance(net, Network):
        raise TypeError(f"net must be a Network, got {type(net).__name__}")


def require_one_output(net: object, what: str) -> None:
    """Raise TypeError unless `net` is a Network, and ValueError unless it has one output."""
    require_network(net)
    assert isinstance(net, Network)
    if net.outputs > 1:
        raise ValueError(
            f"{what} is that of one number f, and this network has {net.outputs} outputs: take "
            "net.margin(top, other), the difference of two, or net.margin(top)"
        )
