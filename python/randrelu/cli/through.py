"""The plane through one to three points that users have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid
from randrelu.network import Network

_Doubles = NDArray[np.float64]
_MARGIN = 0.5  # around the points, in units of the longer side of their rectangle
_ON_A_LINE = 1e-9  # of their distance


@dataclass(frozen=True)
class Through:
    """A plane with two directions at right angles and of one length.

    `places` (n, 2) is where the points are, `extent` a rectangle around them, and `words` a
    sentence that says what s and t are.
    """

    x: _Doubles
    u: _Doubles
    v: _Doubles
    places: _Doubles
    extent: tuple[float, ...]
    words: str


def through(net: Network, points: _Doubles, rng: np.random.Generator) -> Through:
    """Return the plane through one point and its gradient, or through two or three points.

    What is missing to span a plane is a random direction.
    """
    x = points[0]
    if x.size == 1:
        raise ValueError("a network of one input has no plane; see randrelu.line")
    if len(points) > 3:
        raise ValueError(
            f"--through must hold one to three points, got {len(points)}: choose them by --rows"
        )
    if len(points) == 1:
        u = _to_zero(net, x)
        words = (
            "s follows the gradient, and is 1 where the tangent at point 0 is 0; t is a random "
            "direction, at right angles and as long."
        )
        return Through(x, u, _beside(u, rng), np.zeros((1, 2)), (-1.0, 3.0, -2.0, 2.0), words)
    u = points[1] - x
    if not u.any():
        raise ValueError("points 0 and 1 of --through must differ, got one point twice")
    if len(points) == 2:
        v = _beside(u, rng)
        words = (
            "s goes from point 0 to point 1; t is a random direction, at right angles and as long."
        )
        return Through(x, u, v, np.array([(0.0, 0), (1, 0)]), (-0.5, 1.5, -1.0, 1.0), words)
    v, size = points[2] - x, euclid.norm(u)
    along = float(np.add.reduce(v * u)) / size**2
    rest = v - along * u
    height = euclid.norm(rest) / size
    if height <= _ON_A_LINE * max(1.0, abs(along)):
        raise ValueError(
            "the three points of --through must not lie on a line; take two of them by --rows"
        )
    places = np.array([(0, 0), (1, 0), (along, height)])
    low, high = places.min(axis=0), places.max(axis=0)
    middle, half = (low + high) / 2, (0.5 + _MARGIN) * float((high - low).max())
    extent = (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half)
    words = (
        "s goes from point 0 to point 1; t is at right angles and as long, towards point 2, which "
        f"is at ({along:.4g}, {height:.4g})."
    )
    return Through(x, u, rest / height, places, tuple(map(float, extent)), words)


def _to_zero(net: Network, x: _Doubles) -> _Doubles:
    """Return the step along the gradient of f, or of the margin, to where the tangent is 0."""
    if net.outputs > 1:
        net = net.margin(*map(int, net.decision(x)))
    f, gradient = net.value_and_gradient(x)
    slope = gradient.astype(np.float64)
    size = euclid.norm(slope)
    if size == 0 or f == 0:
        raise ValueError(
            f"at point 0 of --through, f is {float(f):.4g} and its gradient has the norm "
            f"{size:.4g}, which give no step to where the tangent is 0: give two or three points"
        )
    result: _Doubles = -float(f) / size * (slope / size)
    return result


def _beside(u: _Doubles, rng: np.random.Generator) -> _Doubles:
    """Return a random direction at right angles to u, and as long."""
    size = euclid.norm(u)
    unit = u / size
    random = rng.standard_normal(u.size)
    for _ in range(2):  # once more takes off what rounding left
        random -= float(np.add.reduce(random * unit)) * unit
    result: _Doubles = size / euclid.norm(random) * random
    return result
