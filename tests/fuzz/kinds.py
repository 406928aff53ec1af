"""Which values are wrong for an argument of a kind; whatever else comes may be right or wrong."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import randrelu as rr

NAN, INF = math.nan, math.inf
HUGE = 10**30
X = np.array([0.3, -1.0, 0.5, 2.0])
POINTS = np.stack([X, -X, 2 * X + 1])
SEVERAL = rr.Network.random((4, 6, 3), rng=3, bias=0.1)

# What is no number of any kind, and what no argument but a text, a flag or an option takes.
NO_NUMBER = ["three", b"3", {}, object(), 1j, Fraction, np.array("a"), np.array(None)]
NOT_FINITE = [NAN, INF, -INF, np.float32("nan"), np.array(INF)]
NO_INTEGER = [*NO_NUMBER, None, True, 2.5, NAN, INF, [], [1], np.array([1, 2]), np.float64(2)]
NO_REAL = [*NO_NUMBER, *NOT_FINITE, None, True, [], [1.0], np.ones((2, 2))]
NO_ARRAY = [
    *NO_NUMBER, None, [[1.0, 2.0], [3.0]], [None], ["a"] * 4, [X, "a"], X * 1j, X.astype(object),
    [NAN, 1, 1, 1], np.array([1, INF, 1, 1]), np.ma.array(X, mask=[1, 0, 0, 0]),
]  # fmt: skip
MISSHAPEN = [1.0, [], np.ones(3), np.ones((2, 5)), np.ones((4, 1)), np.ones((2, 2, 4)), [[]]]
NO_TEXT = [3, 2.5, b"linear", [], {}, "", "no such thing", "LINEAR", X]
NO_WIDTHS = [
    *NO_NUMBER, 7, None, (), (4,), (4, 0, 1), (4, -3, 1), (4, 2.5, 1), (4, "3", 1), (4, True, 1),
    (4, None, 1), (4, NAN, 1), (4, HUGE, 1), "4,3,1", [[4, 3, 1]],
]  # fmt: skip

KINDS: dict[str, list[Any]] = {
    "points": [*NO_ARRAY, *MISSHAPEN],  # (N, 4) or (4,)
    "several points": [*NO_ARRAY, *MISSHAPEN, X],  # (N, 4)
    "point": [*NO_ARRAY, *MISSHAPEN, POINTS],  # (4,)
    "any point": [*NO_ARRAY, 1.0, [], [[]], POINTS],  # (d,)
    "array": [v for v in NO_ARRAY if not isinstance(v, np.ma.MaskedArray)],
    "angles": [*NO_NUMBER, [[1.0], [1.0, 2.0]], "a", -0.1, 3.2, INF, [0.1, -INF], 1j, [1, 4]],
    "shares": [*NO_NUMBER, -0.1, 1.1, INF, [0.5, 2.0], None],
    "positives": [*NO_NUMBER, NAN, INF, -1.0, [1.0, NAN], [1.0, -1.0]],
    "radius": [*NO_NUMBER, *NOT_FINITE, -1.0, True, [[1.0]], [1.0, -1.0], [1.0, NAN], ["a"]],
    "number": NO_REAL,  # of either sign
    "size": [*NO_REAL, -1.0, -1e300],  # at least 0
    "positive": [*NO_REAL, -1.0, 0, 0.0],
    "probability": [*NO_REAL, 0, 1, -0.5, 1.5],
    "integer": NO_INTEGER,
    "count": [*NO_INTEGER, -1, -HUGE],  # of at least 0
    "natural": [*NO_INTEGER, 0, -1, -HUGE],  # of at least 1
    "steps": [*NO_INTEGER, 0, -1, HUGE],  # so many are taken, one by one
    "hidden": [*NO_NUMBER, None, 2.5, 0, -1, [], [0], ["a"], [1, 2.5], HUGE, [[1]], True],
    "rounds": [*NO_INTEGER, -1, HUGE],
    "layer": [*NO_INTEGER, 0, 4, -1, HUGE],
    "output": [*NO_INTEGER, 3, -1, HUGE],
    "rank": [*NO_INTEGER, 0, -1],
    "seed": [*NO_NUMBER, -1, 1.5, True, [1, 2], NAN],
    "threads": [*[v for v in NO_INTEGER if v is not None], 0, -2, HUGE, 1025],
    "text": NO_TEXT,
    "dtype": ["float16", "int8", "real", 3, X, [], "f2", object()],
    "flag": ["no", 2, 0.5, X, [], {}, NAN],
    "norm": [*NO_NUMBER, NAN, 1, 3, -INF, 0, X, []],
    "callable": [3, "bar", [], X],
    "widths": NO_WIDTHS,
    "one output": [*NO_WIDTHS, (4, 3, 2)],
    "network": [None, 3, "net", X, [], object(), rr.Network],
    "path": [3.5, None, [], X, object()],
    "weights": [
        3, None, "w", {}, {"a": X}, [], [X, X],
        [np.ones((3, 0)), [1.0]], [np.ones((3, 4)), np.ones(4)],
        [np.ones((3, 4)), [1, NAN, 1]], [np.ones((3, 4)), None], [np.ones((2, 3, 4))], [["a"]],
        [np.ones((3, 4)) * 1j, np.ones(3)], [X.astype(object)],
    ],
    "biases": [3, "b", {}, [None], [X, X], [np.ones(3), np.ones(2)], [[NAN] * 3, None],
               [np.ones((3, 1)), None], [None, [INF]], [["a"] * 3, None]],
    "faces": [*NO_NUMBER, -1, HUGE, 0.5, [0, 10**6], [0, -1], [NAN], None, [[0], [0, 1]]],
    "places": [*NO_NUMBER, *NOT_FINITE, None, -1.0, 3.0, [1.0, 2.5], [0.5, NAN], [[1], [1, 2]]],
    "coordinates": [*NO_NUMBER, *NOT_FINITE, None, [0.5, NAN], [[1], [1, 2]], [None]],
    "extent": [*NO_NUMBER, NAN, 1.0, [], [1, 2, 3], [1, 0, 0, 1], (0, 0, 0, 0), [NAN, 1, 0, 1],
               (0, INF, 0, 1), [[0, 0], [1, 1]], np.ones((3, 3)), [[0, 0], [1, 1], [2, 2]]],
    "eta": [*NO_NUMBER, *NOT_FINITE, None, [[1.0]], [1.0, NAN], "exactly", ["a"]],
    "against": [*NO_NUMBER, 3, -1, HUGE, 0.5, [0, 1], [[0]], NAN, "0"],
    "pattern": [None, 3, X, "pattern", SEVERAL.pattern(X)],
    "extended": [*NO_NUMBER, None, [[1.0, 2.0], [3.0]], [None], ["a"] * 4, X * 1j, [NAN, 1.0]],
    "alpha": [*NO_REAL, 0, -1.0],
    "layers": ["three", b"3", 1j, 1, [0], [9], [1.5], ["a"], [NAN], [True]],
    "generator": [None, 3, "rng", np.random, X],
    "variances": [*NO_NUMBER, None, 3, [1.0], [1.0, NAN], [1.0, -1.0], ["a", "b"]],
    "grid": [3, "width", [1], {"width": 3}, {"width": []}],
}  # fmt: skip
