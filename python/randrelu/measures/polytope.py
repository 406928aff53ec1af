"""The facets of a polytope around 0, and their nearest points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import euclid
from randrelu._support.arguments import Progress
from randrelu._support.progress import counting
from randrelu._support.threads import thread_number
from randrelu.measures.certified.rounding import EPS, gamma
from randrelu.measures.certified.scaled import only_layer
from randrelu.measures.nearest_on_facet import nearest_on_facet

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]

_ALIKE = 1e-12  # between the unit normals of hyperplanes that count as parallel
_NEARLY = 1e-10  # of 1, from which on a product of unit normals leaves it open
_BEYOND = 1e-9  # of the gap, by which a point beyond a redundant hyperplane may be by rounding
_AT_ONCE = 256


def facets_seen_from_0(
    normals: _Doubles, gaps: _Doubles, *, threads: int | None, progress: Progress | None
) -> tuple[_Ints, _Doubles]:
    """Return which of {u: ⟨n_j, u⟩ ≤ g_j} are needed, (K,), and the nearest points there, (K, d).

    The normals n, (M, d), have norm 1, and the gaps g, (M,), are positive. Of hyperplanes with one
    normal the nearest is kept, the first of equal ones.
    """
    if not len(gaps):
        return np.empty(0, np.int64), np.empty((0, normals.shape[1]))
    ascending = np.argsort(gaps, kind="stable")
    normals, gaps = normals[ascending], gaps[ascending]
    gram = core.masked_product(
        only_layer(normals), [], normals, j=0, i=1, transposed=False, threads=thread_number(threads)
    )
    kept = _without_parallels(normals, gram)
    normals, gaps, gram = normals[kept], gaps[kept], gram[np.ix_(kept, kept)]
    count = counting(progress, len(ascending))
    count(len(ascending) - len(kept))
    met, alone = _met_first(gram, gaps)
    facets = np.zeros(len(gaps), bool)
    facets[met[alone]] = True
    open_, steps = [], {}
    for k in range(len(gaps)):
        if met[k] == k:  # the foot of its perpendicular
            steps[k] = gaps[k] * normals[k]
        if not facets[k] or k not in steps:
            found = nearest_on_facet(normals, gaps, gram, k)
            if found.step is not None:
                steps[k] = found.step
            facets[k] |= found.facet
            if not (facets[k] or found.redundant):
                open_.append(k)
        count(1)
    print("open", len(open_), "of", len(gaps))
    return ascending[kept[facets]], np.stack([steps[k] for k in np.flatnonzero(facets)])


def _without_parallels(normals: _Doubles, gram: _Doubles) -> _Ints:
    """Return the rows whose normal no earlier one has."""
    kept = np.ones(len(gram), bool)
    for i in np.flatnonzero((np.tril(gram, -1) > 1 - _NEARLY).any(axis=1)):
        near = np.flatnonzero(kept[:i] & (gram[i, :i] > 1 - _NEARLY))
        kept[i] = not (euclid.norms(normals[near] - normals[i]) <= _ALIKE).any()
    return np.flatnonzero(kept)


def _met_first(gram: _Doubles, gaps: _Doubles) -> tuple[_Ints, NDArray[np.bool_]]:
    """Return which hyperplane the ray along each normal meets first, and whether it is alone."""
    met, alone = np.empty(len(gaps), np.int64), np.empty(len(gaps), bool)
    for first in range(0, len(gaps), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        with np.errstate(divide="ignore"):
            places = np.where(gram[some] > 0, gaps / gram[some], np.inf)
        nearest = places.argmin(axis=1)
        rows = np.arange(len(nearest))
        at = places[rows, nearest]
        left = gaps - at[:, np.newaxis] * gram[some]
        left -= 4 * gamma(len(gaps)) * at[:, np.newaxis] + EPS * gaps
        left[rows, nearest] = np.inf
        met[some], alone[some] = nearest, left.min(axis=1) > 0
    return met, alone
