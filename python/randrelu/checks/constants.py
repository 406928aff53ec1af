"""Bounds with a constant C that the paper leaves open: what a check says of them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu.checks.result import Measurement, constant_needed, share
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import (
    FALSE_ALARM,
    Part,
    certified,
    for_all,
    open_constant,
    unbreakable,
)


def a_constant(constant: float | None) -> float | None:
    """Return C as it was given, None where the paper's own is left open."""
    return None if constant is None else arguments.number("constant", constant)


def drawn(constant: float | None) -> float:
    """Return the C that a bound is printed and drawn with: 1 where it is open."""
    return 1.0 if constant is None else constant


def bounded(
    needed: NDArray[np.float64],
    constant: float | None,
    of_trials: float,
    always: float,
    enough: NDArray[np.float64] | None = None,
) -> tuple[list[Measurement], Part]:
    """Return what is measured of a bound about all points, and what the data say of it.

    Parameters
    ----------
    needed : ndarray, shape (trials,)
        The smallest C for which no point that was looked at breaks the bound.
    constant : float or None
        The C that was asked about.
    of_trials : float
        The share of the trials that the claim is about.
    always : float
        The C from which on no point could break the bound, but with probability `FALSE_ALARM`.
    enough : ndarray, shape (trials,), or None
        A C for which a certified bound of the trial's network shows that no point breaks the bound;
        None where nothing is certified.
    """
    found = [
        constant_needed("C", needed, of_trials),
        Measurement(
            "C from which on no point could break the bound",
            always,
            paper="by the largest spectral norms of the weights, but with probability "
            f"{FALSE_ALARM:g}",
        ),
    ]
    if enough is not None:
        found.insert(1, constant_needed("C that is certified to do", enough, of_trials))
    if constant is None:
        return found, open_constant()
    within = share(f"within the bound, C = {constant:g}", needed <= constant, f"≥ {of_trials:g}")
    if constant < always and enough is not None:
        fits = share(
            f"certified to be within it, C = {constant:g}", enough <= constant, f"≥ {of_trials:g}"
        )
        return [within, fits, *found], certified(fits, within, of_trials)
    if constant < always:
        return [within, *found], for_all(within, of_trials)
    loose = Measurement(f"C = {constant:g}, as a multiple of that C", constant / always)
    return [within, *found, loose], unbreakable()


def spectral_bounds(networks: Networks) -> NDArray[np.float64]:
    """Return what no ‖W_i‖ of any trial exceeds, but with probability `FALSE_ALARM`.

    A standard normal matrix (m, n) has ‖A‖ ≤ √m + √n + t but with probability exp(−t²/2)
    [Davidson and Szarek, 2001, Theorem II.13].
    """
    fan_in, fan_out = np.sqrt(networks.widths[:-1]), np.sqrt(networks.widths[1:])
    t = math.sqrt(2 * math.log(networks.trials * fan_in.size / FALSE_ALARM))
    result: NDArray[np.float64] = (fan_out + fan_in + t) / fan_in
    return result
