"""One gradient step, and whether it flips the sign or the decision of a network (Theorem 1.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import Progress
from randrelu.differentiable import Differentiable
from randrelu.limit import LimitNetwork
from randrelu.measures.attack import Attack, Base, one_point, one_step
from randrelu.measures.functions import require_function, step_of_function
from randrelu.measures.shortest_step import shortest_steps
from randrelu.network import Network

# The steps that have a name.
STEPS = ("linear", "paper", "exact", "flip")
_NAMES = ", ".join(map(repr, STEPS))


def gradient_step(
    net: Network | Differentiable,
    x: ArrayLike,
    *,
    eta: float | str | Sequence[float] | NDArray[Any] = "linear",
    delta: float = 0.05,
    longest: float | None = None,
    margin: float = 0.0,
    against: ArrayLike | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Attack:
    """Take one step x + η∇f(x) and see whether the sign of f flips (Theorem 1.1).

    Of a network with several outputs the decision is attacked: f is the margin f_top − f_other of
    the largest output at x over the runner-up, or over another one (`against`). Where "flip" ends
    at a third output, which becomes the largest before, this f is still positive (`f_after`), and
    only `sign_flipped` says that the decision is another one.

    Parameters
    ----------
    net : Network, LimitNetwork or Differentiable
        The network, or any function that has f and ∇f, see `Differentiable`. Of these "exact" and
        "flip" are for a `Network` only, and "paper" for one and a `LimitNetwork`.
    x : array_like, shape (d,) or (N, d)
        The points to attack; none of them may be 0 where there are no biases.
    eta : float, sequence of float, "linear", "paper", "exact" or "flip"
        The step, sign included. A sequence of K values takes K steps from every point. "linear" is
        −2f/‖∇f‖², which turns f into −f where f is linear. "paper" is the step in the proof of
        Theorem 1.1, −sign(f) 2^ℓ log(d) √(log(1/δ)) / ‖∇f‖² at ‖x‖ = √d, carried over to other
        norms of x and other scales of the weights by homogeneity. (It is longer than the size bound
        in the theorem's statement by a factor log d.) "exact" is the shortest step along ±∇f(x) for
        which the theorem's conclusion holds, past where f reaches −f(x), and "flip" the shortest
        past where f reaches 0, or, with several outputs, past where any other one becomes the
        largest; both are found as by `line`, which knows every flip on the way, not by a search.
    delta : float, default 0.05
        The failure probability δ of the theorem, in (0, 1); only "paper" uses it.
    longest : float, optional
        How far "exact" and "flip" look, relative to ‖x‖; by default 50/√d. A point where f does not
        get there has `success` and `sign_flipped` False, and a step of 0.
    margin : float, default 0
        How much |f(x_adv)| is to exceed the level that a step is for, at least 0: |f(x)|, and 0 for
        "flip". "linear", "exact" and "flip" go as much farther, and `success` asks for
        |f(x_adv)| ≥ |f(x)| + margin whatever the step. ``16 * eps * ‖∇f(x)‖ * ‖x‖``, with the eps
        of float32, makes all but a few attacks replay in float32 (see the notes).
    against : int or array_like of int, shape (N,), optional
        The outputs, from 0, that the decisions are attacked for, by default the runners-up. A point
        that is decided so already stays where it is: its margin is 0.
    threads : int, optional
        The number of threads of a `Network`; other objects decide that themselves.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`; in points for "exact" and "flip", and
        for objects other than a `Network`.

    Returns
    -------
    Attack

    Raises
    ------
    TypeError
        If `net` lacks ``dim`` or ``value_and_gradient``, or an argument is not numeric.
    ValueError
        If a point is 0 and there are no biases, or has the wrong shape, or an argument is not as
        described; "paper" is for one output and no biases: it rests on f(αx) = αf(x).

    Notes
    -----
    Everything is evaluated in float64, whatever ``net.dtype`` is, and `f_after` is f at the point
    that is returned. Where a line crosses a level is a number (`eta_infimum`), and whether an
    evaluation at a point near it shows that is up to rounding. So "exact", "flip", and "linear"
    where it leads to −f(x) up to rounding because no unit flips on the way, go on from there by the
    fewest ulps of η, to an eighth, after which f is past the level by 16 r,
    r = ε ‖∇f(x)‖ ‖x‖ + |f(x) − ∇f(x)·x|, whose second term is 0 up to rounding: twice as many ulps
    until that is so, then by bisection. (With biases, f(x) − ∇f(x)·x is what they come to, up to
    rounding, which counts as ∇f(x)·x does, and so do the two outputs whose difference f is.)
    An evaluation that sums in another order sees the other sign, too. This is a rule, not a bound:
    of 1200 points on networks of up to 4 layers of 50 to 300 units, no two evaluations were farther
    apart than 2.6 ε ‖∇f(x)‖ ‖x‖, each in its own ε, in float32 and in float64; of 20 000 attacks on
    networks of up to 4 layers of 1 to 8 units, where almost all of a layer may cancel in the next,
    NumPy judged all but one the same. A step that is not there after 4096 ulps of η, or of what
    changes f by r where these are coarser, is a failure, which `sign_flipped` and `success` say: it
    stays where the line crosses the level. (f may be 0 from the crossing on, where a layer is dead:
    0 is another sign, but where all outputs are equal the first decides.)

    A point whose gradient is 0 stays where it is: η is 0 for the named steps, and `success` False.

    A `LimitNetwork` is asked about f and ∇f at the points, and about f after the steps, and it
    remembers what it answered before. The smallest η that reaches −f depends on more than finitely
    many of its values, so "exact" and "flip" refuse it. "linear" takes the step −2f/‖∇f‖² as it
    is, and never goes on by ulps.
    """
    arguments.callback(progress)
    if not isinstance(net, Network):
        return _of_function(net, x, eta, delta, longest, margin, against, progress)
    points, single = arguments.points("x", x, net.widths[0], np.dtype("float64"))
    nonzero = points.any(axis=1)
    if not nonzero.all() and not net.has_biases:
        where = f"x[{int(np.argmin(nonzero))}]" if not single else "x"
        raise ValueError(f"{where} must not be 0: Theorem 1.1 asks for x ≠ 0")
    arguments.probability("delta", delta)
    if longest is not None:
        longest = arguments.number("longest", longest, positive=True)
    margin = arguments.number("margin", margin)
    name = step_name(eta)
    if name == "paper" and (net.outputs > 1 or net.has_biases):
        raise ValueError(
            "eta='paper' is for a network of one output without biases, as in Theorem 1.1: its "
            "size rests on f(αx) = αf(x); take 'linear', 'exact' or 'flip', or a number"
        )
    others = other_outputs(net, against, len(points))
    numbers = np.zeros(()) if name else _numbers(eta)  # of shape (K,), or () for one step
    memory.require(
        (1 + numbers.size) * points.nbytes,
        f"taking {numbers.size} steps from {len(points)} points of dimension {net.widths[0]}",
        "pass fewer points or steps at a time",
    )

    if name in ("exact", "flip"):
        base = Base(net, points, others, threads=threads)
        attack = shortest_steps(
            net, base, name, longest, margin=margin, threads=threads, progress=progress
        )
    else:
        # The base takes a pass forward and one back, every step one forward.
        unit = len(points) * sum(a * b for a, b in pairwise(net.widths))
        total = (2 + numbers.size) * unit
        base = Base(net, points, others, threads=threads, progress=_from(progress, 0, total))
        rest = _from(progress, 2 * unit, total)
        kind, goals = core.StepKind.changes, None
        if name == "linear":
            goals = np.abs(base.f) + margin
            steps = (np.abs(base.f) + goals)[np.newaxis]
        elif name == "paper":
            steps = _paper_sizes(net, base, delta)[np.newaxis]
        else:
            kind = core.StepKind.etas
            steps = np.repeat(numbers.reshape(-1, 1), len(points), axis=1)
        attack = base.take(kind, steps, goals=goals, margin=margin, threads=threads, progress=rest)
    if single:
        attack = one_point(attack, 0)
    return attack if numbers.ndim else one_step(attack, 0)


def _of_function(
    net: Differentiable,
    x: ArrayLike,
    eta: float | str | Sequence[float] | NDArray[Any],
    delta: float,
    longest: float | None,
    margin: float,
    against: ArrayLike | None,
    progress: Progress | None,
) -> Attack:
    """Return the outcome for what is no Network."""
    require_function(net)
    arguments.probability("delta", delta)
    if longest is not None:  # which only "exact" and "flip" would use
        arguments.number("longest", longest, positive=True)
    margin = arguments.number("margin", margin)
    if against is not None:
        raise ValueError("against is for a network of several outputs; a function has one")
    name = step_name(eta)
    if name in ("exact", "flip"):
        what = "limit network" if isinstance(net, LimitNetwork) else "function"
        reason = (
            "at infinite width the shortest step that reaches a level depends on more than "
            "finitely many values"
            if isinstance(net, LimitNetwork)
            else "it follows every unit that flips"
        )
        raise ValueError(
            f"eta={name!r} is for a Network, not for a {what}: {reason}; take 'linear' or numbers"
        )
    numbers = None if name else _numbers(eta)
    steps = name if numbers is None else numbers.reshape(-1)
    attack = step_of_function(net, x, steps, delta, margin, progress)
    if np.ndim(x) == 1:
        attack = one_point(attack, 0)
    return attack if numbers is not None and numbers.ndim else one_step(attack, 0)


def other_outputs(net: Network, against: ArrayLike | None, points: int) -> NDArray[np.int64] | None:
    """Return the output that each point is attacked for, (N,), or None for the runners-up."""
    if against is None:
        return None
    if net.outputs == 1:
        raise ValueError("against is for a network of several outputs; this one has one")
    try:
        given = np.asarray(against)
    except ValueError as error:
        raise ValueError(f"against must be an output, or one for each point: {error}") from None
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(f"against must hold integers, got dtype {given.dtype}")
    if given.shape not in ((), (points,)):
        raise ValueError(f"against must be an output or have shape ({points},), got {given.shape}")
    if given.size and not (given.min() >= 0 and given.max() < net.outputs):
        raise ValueError(f"against must hold outputs from 0 to {net.outputs - 1}, got {against!r}")
    return np.ascontiguousarray(np.broadcast_to(given, (points,)), np.int64)


def step_name(eta: Any) -> str:
    """Return the name of a named step, and "" for what is none."""
    if not isinstance(eta, str):
        return ""
    if eta not in STEPS:
        raise ValueError(f"eta must be a number or one of {_NAMES}, got {eta!r}")
    return eta


def _numbers(eta: Any) -> NDArray[np.float64]:
    """Return η as a float64 array of shape () or (K,)."""
    numbers: NDArray[np.float64] = arguments.real_array("eta", eta).astype(np.float64)
    if numbers.ndim > 1:
        raise ValueError(
            f"eta must be a number, a sequence of K numbers, or one of {_NAMES}, "
            f"got an array of shape {numbers.shape}"
        )
    return numbers


def _paper_sizes(net: Network, base: Base, delta: float) -> NDArray[np.float64]:
    """Return by how much the "paper" step changes f towards 0 where it is linear, (N,)."""
    return laws.paper_step_size(net.widths, delta, base.norm) * _nn_def_scale(net)


def _from(progress: Progress | None, offset: int, total: int) -> Progress | None:
    """Return the progress of a stage that begins at `offset` of `total`."""
    return progress and (lambda done, _: progress(offset + done, total))


def _nn_def_scale(net: Network) -> float:
    """Return how much larger f is than on the scale of NN-DEF.

    Given weights are measured against NN-DEF by their Frobenius norms, whose squares it expects to
    be d_i.
    """
    if net.init is not None:
        scale = laws.nn_def_scale(net.widths, laws.weight_variances(net.widths, net.init))
        return scale * math.sqrt(2) if net._is_difference else scale
    norms = [
        float(np.linalg.norm(net.weights(i).astype(np.float64))) / math.sqrt(width)
        for i, width in enumerate(net.widths[1:], start=1)
    ]
    return math.prod(norms)
