"""The facets of a polytope around 0, and their nearest points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import euclid
from randrelu._support.arguments import Progress
from randrelu._support.progress import counting
from randrelu._support.threads import thread_number
from randrelu.measures.cells.face_search import Polytope, is_needed, nearest_point
from randrelu.measures.certified.rounding import gamma
from randrelu.measures.certified.scaled import only_layer

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]

_ALIKE = 1e-12  # between the unit normals of hyperplanes that count as parallel
_LOOKED_AT = 2**30  # entries, in all steps of a linear program: it takes about a second then
_NEARLY = 1e-10  # of 1, from which on a product of unit normals leaves it open


def facets_around_0(
    normals: _Doubles, gaps: _Doubles, *, threads: int | None, progress: Progress | None
) -> tuple[_Ints, _Doubles, _Ints]:
    """Return which of the half-spaces ⟨n_j, u⟩ ≤ g_j are needed, and their nearest points, (K, d).

    The normals n, (M, d), have norm 1, and the gaps g, (M,), are positive. The points are those of
    the facets, nearest to 0; NaN where rounding hides one. Of parallel facets the nearest counts,
    the first of equal ones. Last are those of which rounding hides whether they are needed.
    """
    gram = core.masked_product(
        only_layer(normals), [], normals, j=0, i=1, transposed=False, threads=thread_number(threads)
    )
    kept = _nearest_of_parallels(normals, gaps, gram)
    polytope = Polytope(normals[kept], gaps[kept], gram[np.ix_(kept, kept)])
    count = counting(progress, 2 * len(gaps))
    met, certain = _met_first(polytope)
    needed = np.zeros(len(kept), bool)
    needed[met[certain]] = True
    unclear, left = np.zeros(len(kept), bool), np.flatnonzero(~needed)
    for k in left:
        decided = is_needed(polytope, int(k))
        if decided is None:
            decided = is_needed_by_program(polytope, int(k))
        needed[k], unclear[k] = decided is True, decided is None
        count(1)
    count(2 * len(gaps) - len(left) - int(needed.sum()))
    steps = np.full((int(needed.sum()), normals.shape[1]), np.nan)
    for row, k in enumerate(np.flatnonzero(needed)):
        foot = met[k] == k  # of the perpendicular, which is in the polytope then
        step = polytope.gaps[k] * polytope.normals[k] if foot else nearest_point(polytope, int(k))
        if step is None:
            step = nearest_by_least_squares(polytope, int(k))
        if step is not None:
            steps[row] = step
        count(1)
    return kept[needed], steps, kept[unclear]


def is_needed_by_program(polytope: Polytope, k: int) -> bool | None:
    """Return what a linear program (HiGHS) shows of hyperplane k, as `is_needed` does.

    It maximises ⟨n_k, u⟩ within the other half-spaces, in units of the gap, up to 2. Its point, or
    its multipliers, are looked at as those of a search: what it says is not taken on trust. Nothing
    stops it on the way, so it takes no more steps than are done in about a second.
    """
    from scipy.optimize import linprog

    bounds = polytope.gaps / polytope.gaps[k]
    bounds[k] = 2.0
    options = {
        "primal_feasibility_tolerance": 1e-10,
        "dual_feasibility_tolerance": 1e-10,
        "maxiter": _LOOKED_AT // polytope.normals.size + 1,
    }
    found = linprog(
        -polytope.normals[k], A_ub=polytope.normals, b_ub=bounds, bounds=(None, None),
        method="highs-ds", options=options,
    )  # fmt: skip
    if found.status != 0:
        return None
    u = polytope.gaps[k] * found.x
    products = np.einsum("jk,k->j", polytope.normals, u)
    rounding = gamma(u.size) * euclid.norm(u)
    if polytope.meets_first(k, products, rounding):
        return True
    parts = np.maximum(-found.ineqlin.marginals, 0)
    others = np.flatnonzero(parts)
    others = others[others != k]
    return False if polytope.is_within_others(k, others, parts[others]) else None


def nearest_by_least_squares(polytope: Polytope, k: int) -> _Doubles | None:
    """Return the point on facet k that is nearest to 0, (d,), as `nearest_point` does, but slowly.

    It is a problem of least distance, the residual of one of nonnegative least squares (Lawson and
    Hanson 1974, chapter 23).
    """
    from scipy.optimize import nnls

    inward = -np.column_stack([polytope.normals, polytope.gaps / polytope.gaps[k]])
    inward[k] *= -1
    goal = np.zeros(inward.shape[1])
    goal[-1] = 1
    try:
        parts, _ = nnls(inward.T, goal)
    except RuntimeError:  # too many iterations
        return None
    rest = inward.T @ parts - goal
    if not rest[-1] < 0:
        return None
    u: _Doubles = -polytope.gaps[k] * rest[:-1] / rest[-1]
    return u if polytope.touches(k, u) else None


def _nearest_of_parallels(normals: _Doubles, gaps: _Doubles, gram: _Doubles) -> _Ints:
    """Return the rows but those whose normal a nearer one has, or an earlier one as near."""
    kept = np.ones(len(gaps), bool)
    for i in np.flatnonzero((np.tril(gram, -1) > 1 - _NEARLY).any(axis=1)):
        near = np.flatnonzero(kept[:i] & (gram[i, :i] > 1 - _NEARLY))
        alike = near[euclid.norms(normals[near] - normals[i]) <= _ALIKE]
        nearer = gaps[i] < (1 - _ALIKE) * gaps[alike]
        kept[alike[nearer]] = False
        kept[i] = bool(nearer.all())
    return np.flatnonzero(kept)


def _met_first(polytope: Polytope) -> tuple[_Ints, NDArray[np.bool_]]:
    """Return which hyperplane the ray along each normal meets first, and if that is certain."""
    gaps, rounding = polytope.gaps, gamma(polytope.normals.shape[1])
    met, certain = np.empty(len(gaps), np.int64), np.empty(len(gaps), bool)
    for k, products in enumerate(polytope.gram):
        with np.errstate(divide="ignore", over="ignore"):
            met[k] = np.where(products > 0, gaps / products, np.inf).argmin()
        certain[k] = polytope.meets_first(int(met[k]), products, rounding)
    return met, certain
