"""How finite widths lower the shares: by a function of ℓ d^γ/k, with γ of best fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.depth.fits import (
    Counts,
    chi_square,
    deviance,
    interval,
    resampled,
    share_below,
    slope_below,
)
from randrelu.studies.estimates import Estimate

_Floats = NDArray[np.float64]
_RESAMPLES = 100  # of the fits, which have many parameters


@dataclass(frozen=True)
class Narrowing:
    """The fit m = m_∞/(1 + A ℓ d^γ/k)^s, where P{success} = 2Φ(m) − 1, m_∞ free at every (d, ℓ).

    Attributes
    ----------
    gamma : Estimate
        The power of best fit.
    scale, power : float
        A and s.
    deviances : dict
        By "free", "ld/k" (γ = 1) and "l/k" (γ = 0): twice the log-likelihood short of that of the
        observed shares.
    freedom : int
        The number of points less that of the parameters of the free fit.
    p_value : float
        Of the free fit.
    """

    gamma: Estimate
    scale: float
    power: float
    deviances: dict[str, float]
    freedom: int
    p_value: float


def narrowing(counts: Counts) -> Narrowing | None:
    """Fit shares at finite and infinite widths (width ∞); None where these are too few points."""
    pairs, group = np.unique(np.stack([counts.dim, counts.depth]), axis=1, return_inverse=True)
    group = group.reshape(-1)
    freedom = counts.dim.size - pairs.shape[1] - 3
    if freedom < 1 or len(np.unique(counts.dim)) < 2:
        return None
    start = np.r_[np.zeros(pairs.shape[1]), 0.0, math.log(0.5)]
    free = _fit(counts, group, np.r_[start, 0.5], None)
    fixed = {"ld/k": 1.0, "l/k": 0.0}
    deviances = {"free": _off(counts, _shares(counts, group, free)[0])}
    for name, gamma in fixed.items():
        found = _fit(counts, group, start, gamma)
        deviances[name] = _off(counts, _shares(counts, group, np.r_[found, gamma])[0])
    drawn = resampled(counts)[:_RESAMPLES]
    gammas = [
        _fit(Counts(counts.dim, counts.depth, counts.width, counts.networks, row), group, free,
             None)[-1]
        for row in drawn
    ]  # fmt: skip
    return Narrowing(
        Estimate(float(free[-1]), *interval(np.array(gammas)), int(counts.networks.sum())),
        math.exp(free[-3]), math.exp(free[-2]),
        deviances, freedom, chi_square(deviances["free"], freedom),
    )  # fmt: skip


def _off(counts: Counts, share: _Floats) -> float:
    return float(deviance(counts.networks, counts.successes, share))


def _shares(counts: Counts, group: NDArray[np.intp], at: _Floats) -> tuple[_Floats, _Floats]:
    """Return the shares of the fit (m,), and their derivatives by its parameters (p, m)."""
    *levels, log_scale, log_power, gamma = at
    with np.errstate(divide="ignore"):
        log_correction = np.log(counts.depth / counts.width)  # −∞ at infinite width
    log_part = log_scale + gamma * np.log(counts.dim) + log_correction
    narrowed, power = np.logaddexp(0, log_part), math.exp(log_power)
    log_level = np.asarray(levels)[group] - power * narrowed
    by_part = -power * np.exp(log_part - narrowed)
    by_level = (np.arange(len(levels))[:, np.newaxis] == group).astype(np.float64)
    rows = [by_part, -power * narrowed, by_part * np.log(counts.dim)]
    return share_below(log_level), slope_below(log_level) * np.concatenate([by_level, rows])


def _fit(counts: Counts, group: NDArray[np.intp], start: _Floats, gamma: float | None) -> _Floats:
    """Return the parameters of largest likelihood, γ among them unless it is given."""
    from scipy.optimize import minimize

    known = np.empty(0) if gamma is None else np.array([gamma])
    total = counts.networks.sum()

    def loss(at: _Floats) -> tuple[float, _Floats]:
        share, slopes = _shares(counts, group, np.r_[at, known])
        per = (counts.successes - counts.networks * share) / (share * (1 - share))
        return _off(counts, share) / (2 * total), -(slopes @ per)[: at.size] / total

    width = len(start) - (3 if gamma is None else 2)
    bounds = [(-8.0, 3.0)] * width + [(-15.0, 8.0), (-4.0, 2.0)]
    bounds += [(-2.0, 3.0)] if gamma is None else []
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-9})  # fmt: skip
    result: _Floats = found.x
    return result
