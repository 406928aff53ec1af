"""The network of infinite width, asked for values and gradients."""

from __future__ import annotations

import math
import threading
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments, euclid, memory
from randrelu._support.arguments import Rng
from randrelu._support.shown import Shown
from randrelu.laws import VARIANCES
from randrelu.limit.answer import answer
from randrelu.limit.kernel import Kernel
from randrelu.limit.known import Known
from randrelu.weights import Revealed

_Floats = NDArray[np.float64]
NO_UNITS = (
    'a limit network has no units; take Network.random with storage="deferred" and widths of 10⁶'
)
_MOST_OF_BIAS = 1e70  # times the bias, how large a point may be: fourth powers are taken
# Points and coordinates whose rank says whether what many points reveal may fit in memory.
_LOOKED_AT = (200, 1000)
_OF_UNITS = ("activations", "pattern", "preactivations", "weights", "widths")


class LimitNetwork(Shown):
    """A random ReLU network of infinite width: the Gaussian process that wide ones converge to.

    As the hidden widths of ``Network.random((dim, d_1, …, d_ℓ, outputs), init=…, bias=…)`` grow,
    its values and gradients at any points converge in law to those of this one, and so does
    whatever depends on them continuously, such as the point that is asked about next. Each answer
    is drawn from its exact law given all earlier answers, to the precision in the notes. Several
    outputs are independent.

    Points are ``(d,)`` or a batch ``(N, d)`` as for `Network`, and a batch is asked one by one, in
    its order. All numbers are float64.

    Parameters
    ----------
    dim : int
        The input dimension d ≥ 1.
    depth : int
        The number ℓ ≥ 0 of hidden layers.
    rng : None, int, SeedSequence or Generator
        Where the 64-bit seed comes from. The seed and the sequence of questions determine the
        answers, on one machine bit for bit.
    init : {"paper", "he"}
        The variance of a weight, as for `Network.random`: 1/fan_in or 2/fan_in. The weights of
        "unit" have no limit.
    outputs : int
        The number k ≥ 1 of outputs.
    bias : float, default 0
        The standard deviation of the biases, at least 0, as for `Network.random`.

    Attributes
    ----------
    dim, depth, outputs, init, bias
        As given.
    seed : int
        The seed; ``rng=net.seed`` gives the network again.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a network of this depth has values that float64
        cannot hold.

    Notes
    -----
    f is a Gaussian process of covariance ‖x‖‖y‖κ(ρ)/(2^ℓ d) (init "paper", no biases), where ρ is
    the cosine of the angle between x and y and κ the ℓ-fold composition of the arc-cosine map: see
    `randrelu.laws.limit_kernel`, and `randrelu.laws.limit_step` for the law of a step. Its gradient
    is continuous, and no more: E‖∇f(x) − ∇f(x + u)‖² ~ ‖u‖.

    After n values and m gradients at points that span r ≤ min(d, n + m) dimensions, what matters
    are s ≤ n + m r numbers in that span, and m vectors across it. So a question takes about s² r
    operations and s² + m d numbers of memory: thousands of values, or gradients along one line or
    in one plane, but only a hundred gradients at points in general position. There is no way around
    it, as that many numbers depend on each other; for more gradients take ``remember=False``.

    A part of a point below 1.4e-14 of it that is not in the span of earlier points counts as
    rounding. So does the fresh part of an answer where its variance given the earlier ones is at
    most 1e-10 of its own; without biases a value near a point whose gradient is known is compared
    with the tangent there, and may differ from it by a variance of 1e-17, as at ‖u‖ ~ 2e-6 ‖x‖.
    Gradients at x and x + u differ where ‖u‖ is above about 10⁻¹⁰ ‖x‖. The covariance of all
    answers is the limit's to rounding where points are at least ‖x‖/10 apart, and to about a
    millionth where they are closer.

    Examples
    --------
    Gradient steps in a row, each from the last point:

    >>> import numpy as np
    >>> import randrelu as rr
    >>> net, x = rr.LimitNetwork(784, 3, rng=0), np.ones(784)
    >>> for _ in range(3):
    ...     attack = rr.gradient_step(net, x)
    ...     print(attack)
    ...     x = attack.x_adv
    Attack(success=False, f_before=0.04445, f_after=-0.04382, relative_norm=0.008936)
    Attack(success=False, f_before=-0.04382, f_after=0.04318, relative_norm=0.008869)
    Attack(success=False, f_before=0.04318, f_after=-0.04221, relative_norm=0.00876)
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        rng: Rng = None,
        *,
        init: str = "paper",
        outputs: int = 1,
        bias: float = 0.0,
    ) -> None:
        self.dim = arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST)
        self.depth = arguments.integer("depth", depth, at_least=0)
        if isinstance(init, str) and init == "unit":
            raise ValueError(
                "init must be 'paper' or 'he': with 'unit' the values grow with the widths, and "
                "there is no limit"
            )
        self.init = arguments.one_of("init", init, [name for name in VARIANCES if name != "unit"])
        self.outputs = arguments.integer("outputs", outputs, at_least=1, at_most=arguments.WIDEST)
        self.bias = arguments.number("bias", bias)
        self.seed = arguments.seed_of(rng)
        # Of a wide layer the ReLU keeps half of the squared norm.
        per_input = VARIANCES[init](1)
        gain, entry = per_input / 2, per_input / self.dim
        if gain**self.depth * entry < np.finfo(np.float64).tiny:
            raise ValueError(
                f"depth must be smaller for init={init!r}: the variance 2^−{self.depth}/{self.dim} "
                "of a derivative is no float64 number; take init='he'"
            )
        # Without biases f(x) = scale ‖x‖ F(x/‖x‖). With them f(x) = bias F(scale x/bias), and F has
        # biases of variance 1.
        self._kernel = Kernel(self.depth, gain, 1.0) if self.bias else Kernel(self.depth, 1.0, 0.0)
        self._scale = math.sqrt(entry if self.bias else entry * gain**self.depth)
        self._normal = np.random.default_rng(np.random.SeedSequence(self.seed))
        self._lock, self._known = threading.Lock(), Known.nothing(self.dim, self.outputs)

    def forward(self, x: ArrayLike, *, remember: bool = True) -> Any:
        """Draw f(x).

        Parameters
        ----------
        x : array_like, shape (d,) or (N, d)
            The points; without biases f(0) = 0.
        remember : bool, default True
            Whether later answers know of these. If not, every point of a batch is answered from
            what was known before it, and so has its exact law given that, but points of the batch
            do not have their joint law.

        Returns
        -------
        scalar or ndarray of float64, shape () or (N,); (k,) or (N, k) for k > 1 outputs

        Raises
        ------
        MemoryError
            If what is to be remembered does not fit in the memory that is free.
        OverflowError
            If the norm of a point is above 1e300, or above 1e70 biases where there are any.
        TypeError, ValueError
            If the points are not as described.
        """
        points, single = arguments.points("x", x, self.dim, np.dtype(np.float64))
        values, _ = self._ask(points, False, remember)
        values = values if self.outputs > 1 else values[:, 0]
        return values[0] if single else values

    def gradient(self, x: ArrayLike, *, remember: bool = True) -> Any:
        """Draw ∇f(x).

        Parameters
        ----------
        x, remember
            As for `forward`; without biases no point may be 0, where f has no gradient.

        Returns
        -------
        ndarray of float64, shape (d,) or (N, d)

        Raises
        ------
        ValueError
            As for `forward`; or if a point is 0 and there are no biases, or there are several
            outputs, see `jacobian`.
        """
        return self.value_and_gradient(x, remember=remember)[1]

    def value_and_gradient(self, x: ArrayLike, *, remember: bool = True) -> tuple[Any, Any]:
        """Draw f(x) and ∇f(x) together; without biases f(x) = ⟨∇f(x), x⟩ up to rounding.

        Parameters
        ----------
        x, remember
            As for `gradient`.

        Returns
        -------
        value : scalar or ndarray of float64, shape () or (N,)
        gradient : ndarray of float64, shape (d,) or (N, d)

        Raises
        ------
        ValueError
            As for `gradient`.
        """
        if self.outputs > 1:
            raise ValueError(
                f"a gradient is that of one number f, and this network has {self.outputs} outputs, "
                "which are independent: see jacobian, or draw networks of one output"
            )
        points, single = arguments.points("x", x, self.dim, np.dtype(np.float64))
        values, gradients = self._ask(points, True, remember)
        return (values[0, 0], gradients[0, 0]) if single else (values[:, 0], gradients[:, 0])

    def jacobian(self, x: ArrayLike, *, remember: bool = True) -> Any:
        """Draw the gradients of all outputs.

        Parameters
        ----------
        x, remember
            As for `gradient`.

        Returns
        -------
        ndarray of float64, shape (k, d) or (N, k, d)

        Raises
        ------
        ValueError
            As for `forward`, or if a point is 0 and there are no biases.
        """
        points, single = arguments.points("x", x, self.dim, np.dtype(np.float64))
        _, gradients = self._ask(points, True, remember)
        return gradients[0] if single else gradients

    @property
    def has_biases(self) -> bool:
        """Whether there are biases; without them f(αx) = αf(x) for α > 0."""
        return self.bias > 0

    @property
    def revealed(self) -> Revealed:
        """What was answered so far, in tuples of one entry, as there are no layers.

        `forward` is the number of values and derivatives in the span of the points, and `backward`
        that of gradients across it, as far as earlier answers do not determine them.
        """
        known = self._known
        return Revealed((len(known.owner),), (len(known.graded),), (known.nbytes,))

    def forget(self) -> None:
        """Start a fresh network of the same law, of which nothing is known."""
        with self._lock:
            self._known = Known.nothing(self.dim, self.outputs)

    def _ask(self, points: _Floats, gradient: bool, remember: bool) -> tuple[_Floats, _Floats]:
        """Return the values (N, k), and the gradients (N, k, d) where they are asked for."""
        remember = arguments.flag("remember", remember)
        if gradient and not self.bias and not points.any(axis=1).all():
            raise ValueError(
                "x must not be 0 where there are no biases: a network of infinite width has no "
                "gradient there"
            )
        most = min(1e300, _MOST_OF_BIAS * self.bias if self.bias else 1e300)
        with np.errstate(over="ignore"):
            sizes = euclid.norms(points)
        if (sizes > most).any():
            raise OverflowError(
                f"x must have a norm of at most {most:g}, got {sizes.max():g}: scale it down"
            )
        if gradient:
            memory.require(
                points.nbytes * self.outputs,
                f"returning the gradients of {len(points)} points",
                "pass fewer points at a time",
            )
        values = np.zeros((len(points), self.outputs))
        gradients = np.empty((len(points) if gradient else 0, self.outputs, self.dim))
        with self._lock:
            if remember:
                self.require_room(len(points), points, gradient=gradient)
            for n, size in enumerate(sizes):
                if not size and not self.bias:  # f(0) = 0
                    continue
                point = points[n] * (self._scale / self.bias) if self.bias else points[n] / size
                known, value, slope = answer(
                    self._known, self._kernel, point, gradient, self._normal
                )
                values[n] = value * (self.bias or self._scale * size)
                if slope is not None:
                    gradients[n] = self._scale * slope
                if remember:
                    self._known = known
        return values, gradients

    def require_room(self, count: int, points: _Floats, *, gradient: bool) -> None:
        """Raise MemoryError unless there is room to remember `count` answers in a span.

        Parameters
        ----------
        count : int
            How many answers there will be.
        points : ndarray, shape (N, d)
            With the earlier points, they span all points that are asked about.
        gradient : bool
            Whether these are gradients.
        """
        known = self._known
        graded = len(known.graded) + (count if gradient else 0)

        def needed(more: int) -> int:
            span = min(self.dim, len(known.basis) + more)
            answers = len(known.owner) + count + graded * span
            return 4 * answers**2 + 16 * (graded * self.outputs + span) * self.dim

        more = len(points)
        if not memory.fits(needed(more), 1.0):  # unless they lie on a line or in a plane
            more = int(np.linalg.matrix_rank(points[: _LOOKED_AT[0], : _LOOKED_AT[1]]))
        memory.require(
            needed(more),
            f"remembering {'gradients' if gradient else 'values'} at {count} more points",
            "ask about fewer points, or with remember=False",
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name in _OF_UNITS:
            raise AttributeError(f"there is no {name}: {NO_UNITS}")
        raise AttributeError(f"'LimitNetwork' object has no attribute {name!r}")

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a limit network cannot be copied or pickled: copies that are asked different things "
            "would not be one network, nor independent; draw one where it is needed, from its own "
            "seed"
        )

    def _shown_columns(self) -> dict[str, tuple[Any, ...]]:
        names = ("dim", "depth", "outputs", "init", "seed", "bias")
        revealed = self.revealed
        return {
            **{name: (getattr(self, name),) for name in names},
            "forward": revealed.forward,
            "backward": revealed.backward,
            "nbytes": revealed.nbytes,
        }

    def __repr__(self) -> str:
        with_bias = f", bias={self.bias:g}" if self.bias else ""
        several = f", outputs={self.outputs}" if self.outputs > 1 else ""
        return (
            f"LimitNetwork(dim={self.dim}, depth={self.depth}{several}, init={self.init!r}, "
            f"seed={self.seed}{with_bias}, {memory.in_words(self._known.nbytes)})"
        )
