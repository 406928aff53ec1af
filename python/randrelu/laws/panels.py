"""Integrals of several functions at once, of which each may have a steep place of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_NODES = 12  # of the rule on a panel
_HALVINGS = 40  # at most: a step within 2⁻⁴⁰ of a panel is a jump
_ERROR = 1e-12  # of the integral over a panel


def integral(functions: Callable[[_Floats], _Floats], edges: _Floats) -> _Floats:
    """Return the integrals (m,) of what maps places (n,) to values (m, n), from panels (p + 1,).

    A panel is halved until the integrals over its halves add up to that over it, of all functions.
    """
    low, high = edges[:-1], edges[1:]
    whole = _on_panels(functions, low, high)
    total: _Floats = np.zeros(len(whole))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        halves = _on_panels(functions, np.r_[low, middle], np.r_[middle, high])
        left, right = np.hsplit(halves, 2)
        rough = (np.abs(left + right - whole) > _ERROR).any(axis=0)
        total += (left + right)[:, ~rough].sum(axis=1)
        if not rough.any():
            return total
        low, high = np.r_[low[rough], middle[rough]], np.r_[middle[rough], high[rough]]
        whole = np.hstack([left[:, rough], right[:, rough]])
    total += whole.sum(axis=1)
    return total


def _on_panels(functions: Callable[[_Floats], _Floats], low: _Floats, high: _Floats) -> _Floats:
    """Return the integrals over panels (p,), shape (m, p), by the rule of Gauss and Lobatto.

    Its nodes have both ends among them. So a step lies between two nodes of some panel, wherever it
    is; that of Gauss and Legendre does not see one that is very close to an edge.
    """
    last = np.polynomial.Legendre.basis(_NODES - 1)
    nodes = np.r_[-1, np.sort(last.deriv().roots().real), 1]
    weights = 2 / (_NODES * (_NODES - 1) * last(nodes) ** 2)
    half = (high - low)[:, np.newaxis] / 2
    places = low[:, np.newaxis] + half * (1 + nodes)
    values = functions(places.reshape(-1))
    found: _Floats = (values.reshape(-1, *places.shape) * (half * weights)).sum(axis=-1)
    return found
