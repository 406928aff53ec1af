"""Measures of any function that says what f and ∇f are, a limit network for example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, euclid, memory
from randrelu._support.arguments import Progress
from randrelu._support.progress import Count, counting
from randrelu._support.threads import thread_number
from randrelu.differentiable import Differentiable
from randrelu.limit import LimitNetwork
from randrelu.measures.attack import Attack, outcome_columns
from randrelu.measures.places import Places

_Floats = NDArray[np.float64]
_AT_ONCE = 64  # points; after these progress is told


def require_function(net: object) -> Differentiable:
    """Return `net` when it has what a measure of f and ∇f needs."""
    if isinstance(net, type) or not isinstance(net, Differentiable):
        what = f"the class {net.__name__}" if isinstance(net, type) else type(net).__name__
        raise TypeError(
            f"net must be a Network, got {what}; or any object that has a dim and a "
            "value_and_gradient, see randrelu.Differentiable"
        )
    arguments.integer("net.dim", net.dim, at_least=1)
    return net


def step_of_function(
    net: Differentiable,
    x: ArrayLike,
    eta: str | _Floats,
    delta: float,
    margin: float,
    progress: Progress | None,
) -> Attack:
    """Take steps "linear" or "paper", or of given η (K,), from points (N, d).

    The parameters are those of `randrelu.gradient_step`, which returns the outcome for one point or
    several.
    """
    points, _ = arguments.points("x", x, net.dim, np.dtype(np.float64))
    number = 1 if isinstance(eta, str) else len(eta)
    memory.require(
        (2 + number) * points.nbytes,
        f"taking {number} steps from {len(points)} points of dimension {net.dim}",
        "pass fewer points or steps at a time",
    )
    count = counting(progress, (1 + number) * len(points))
    f, gradients = _values_and_gradients(net, points, count)
    norms, sizes = euclid.norms(gradients), euclid.norms(points)
    if isinstance(eta, str):
        linear = eta == "linear"
        change = 2 * np.abs(f) + margin if linear else _paper_sizes(net, delta, sizes)
        # Divided twice: the square may leave the range of float64.
        steep = np.where(norms > 0, norms, np.inf)
        etas = (-np.sign(f) * change / steep / steep)[np.newaxis]
    else:
        etas = np.repeat(eta.reshape(-1, 1), len(points), axis=1)
    after = points + etas[:, :, np.newaxis] * gradients
    f_after = np.array([_values(net, some, count) for some in after]).reshape(etas.shape)
    with np.errstate(divide="ignore", invalid="ignore"):  # at 0 every step is infinitely long
        relative = norms / sizes
    return Attack(x_adv=after, **outcome_columns(etas, f, f_after, norms, relative, margin))


def _paper_sizes(net: Differentiable, delta: float, sizes: _Floats) -> _Floats:
    """Return by how much the "paper" step changes f towards 0 where it is linear, (N,)."""
    if not isinstance(net, LimitNetwork) or net.has_biases:
        raise ValueError(
            "eta='paper' is for networks with random weights and no biases, as in Theorem 1.1: its "
            "size rests on their law; take 'linear' or a number"
        )
    widths = (net.dim, *[1] * net.depth, 1)  # of which only d and the depth matter
    scale = laws.nn_def_scale(widths, laws.weight_variances(widths, net.init))
    return laws.paper_step_size(widths, delta, sizes) * scale


def deviations_of_function(
    net: Differentiable,
    x: _Floats,
    places: Places,
    *,
    remember: bool,
    threads: int | None,
    progress: Progress | None,
) -> tuple[_Floats, _Floats, _Floats]:
    """Return ∇f(x), and ‖∇f(x) − ∇f(y)‖ and the angles to x at the places y, (K, N) each."""
    asked = places.scales.size * places.count
    count = counting(progress, 1 + asked)
    gradient = _values_and_gradients(net, x[np.newaxis], count)[1][0]
    directions = _directions(net.dim, places, threads)
    if remember and isinstance(net, LimitNetwork):
        net.require_room(asked, directions, gradient=True)
    norms, angles = np.empty((2, places.scales.size, places.count))
    for k, scale in enumerate(places.scales):
        for some in _blocks(places.count):
            y = x + scale * directions[some]
            here = _values_and_gradients(net, y, count, remember=remember)[1]
            norms[k, some] = euclid.norms(here - gradient)
            angles[k, some] = euclid.angles(x, y)
    return gradient, norms, angles


def _directions(dim: int, places: Places, threads: int | None) -> _Floats:
    """Return y − x at the scale 1, (N, d)."""
    given = places.directions
    if not isinstance(given, core.Sample):
        return given
    memory.require(
        16 * places.count * dim, f"drawing {places.count} points", "draw fewer at a time"
    )
    drawn = core.sample_ball(dim, given, threads=thread_number(threads))
    if places.mirrored:
        pairs = drawn[: (places.count + 1) // 2]
        drawn = np.stack([pairs, -pairs], axis=1).reshape(-1, dim)[: places.count]
    return drawn


def _blocks(count: int) -> Iterator[slice]:
    return (slice(k, min(k + _AT_ONCE, count)) for k in range(0, count, _AT_ONCE))


def _values(net: Differentiable, points: _Floats, count: Count) -> _Floats:
    """Return f at points (N, d); without gradients where the function has a way to."""
    forward: Any = getattr(net, "forward", None)
    if forward is None:
        return _values_and_gradients(net, points, count)[0]
    values = np.empty(len(points))
    for some in _blocks(len(points)):
        values[some] = _checked("forward", forward(points[some].copy()), values[some].shape)
        count(len(values[some]))
    return values


def _values_and_gradients(
    net: Differentiable, points: _Floats, count: Count, remember: bool = True
) -> tuple[_Floats, _Floats]:
    """Return f and ∇f at points (N, d)."""
    values, gradients = np.empty(len(points)), np.empty(points.shape)
    for some in _blocks(len(points)):
        if isinstance(net, LimitNetwork):
            f, gradient = net.value_and_gradient(points[some], remember=remember)
        else:
            f, gradient = _pair(net.value_and_gradient(points[some].copy()))
        values[some] = _checked("value_and_gradient", f, values[some].shape)
        gradients[some] = _checked("value_and_gradient", gradient, gradients[some].shape)
        count(len(values[some]))
    return values, gradients


def _pair(found: Any) -> tuple[Any, Any]:
    """Return what a user's function returned, when it is f and ∇f."""
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise TypeError(
            "net.value_and_gradient(x) must return f and ∇f, a tuple of two arrays, got "
            f"{type(found).__name__}"
        )
    f, gradient = found
    return f, gradient


def _checked(name: str, found: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return what a function of the user's returned, when it is as it is to be."""
    result = arguments.real_array(f"what net.{name}(x) returns", found)
    if result.shape != shape:
        raise ValueError(
            f"net.{name}(x) must return arrays of shapes (N,) and (N, d) for points (N, d): "
            f"expected {shape}, got {result.shape}"
        )
    return result
