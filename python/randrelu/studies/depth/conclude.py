"""What the study of depth found: its answer, and a sentence for every picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.depth import beside, figures, shares
from randrelu.studies.depth.agreement import REFUTED
from randrelu.studies.depth.fits import LOGISTIC, Counts
from randrelu.studies.depth.grid import GRADIENTS, LIMIT, SPREAD, WIDTHS
from randrelu.studies.depth.measured import CAPS, counted, one_step_crossovers
from randrelu.studies.depth.powers import PowerLaw, power_law
from randrelu.studies.depth.tail import START
from randrelu.studies.depth.theorems import THEOREMS
from randrelu.studies.estimates import Estimate, chance, listed
from randrelu.studies.kind import Columns, Conclusion, Finding

_FAR = (16, 64, 256, 1024, 4096, 16_384)  # d at which the exact law of one step is computed


def conclude(tables: Mapping[str, Columns]) -> Conclusion:
    """Look at the tables of the parts."""
    limit = tables[LIMIT]
    laws = {cap: power_law(counted(limit, "flip", cap)) for cap in CAPS}
    law, exact = laws[max(CAPS)], one_step_crossovers(_FAR)
    findings = (
        _crossover(limit, laws, exact),
        shares.of_collapse(limit),
        beside.narrower(tables[WIDTHS], limit),
        shares.of_depths(limit),
        shares.of_steps(limit),
        beside.gradients(tables[GRADIENTS]),
        beside.spread(tables[SPREAD]),
    )
    return Conclusion(_answer(limit, law, exact), findings, _limits(tables))


def _answer(limit: Columns, law: PowerLaw | None, exact: NDArray[np.float64]) -> str:
    beyond = shares.beyond(limit)
    if law is None:
        return (
            "Too little was measured to say where the crossover is: at fewer than two input "
            f"dimensions do the shares of networks pass ½.{beyond}"
        )
    power, own = (
        ("average power", "A single power is not supported over that range: it")
        if law.p_value < REFUTED
        else ("power", "The power")
    )
    return (
        "Sampled at infinite width, fewer than half of the random networks change their sign at a "
        f"step along the gradient from a depth of about {law.constant:.3g} "
        f"d^{law.slope.value:.3f} on (95 %: {power} {law.slope.between('.3f')}; d from "
        f"{law.dims.min():g} to {law.dims.max():g}), {_where(law.slope)}. {own} is "
        f"{_at_large(limit, exact)}."
        f"{beyond}"
    )


def _where(power: Estimate) -> str:
    """Say where an interval of the power is between those of the theorems, 0 and 3."""
    low, high = power.low, power.high
    if math.isnan(low):
        return "a power without an interval, as too few resamples have one"
    if high <= 0 or low >= 3:
        return "outside of what the theorems leave for large d, from constant depth to d³"
    if low <= 0 or high >= 3:
        return "and its interval leaves open where between the theorems that is"
    if high < 1:
        return "far nearer to constant depth (Theorem 1.1) than to d³ (Theorem 3.1)"
    return "between constant depth (Theorem 1.1) and d³ (Theorem 3.1)"


def _at_large(limit: Columns, exact: NDArray[np.float64]) -> str:
    """Say what the power is between the largest d, as it may change with d."""
    last = _last(counted(limit, "flip", max(CAPS)))
    sampled = (
        f"{last.slope:.3f} between d = {last.dims[0]:g} and {last.dims[-1]:g} alone, and "
        if last is not None
        else ""
    )
    return (
        f"{sampled}{_far_power(exact):.3f} between d = {_FAR[-2]} and {_FAR[-1]} by the exact law "
        "of the best single step, which needs no draws"
    )


def _single(law: PowerLaw) -> str:
    """Say whether one power holds for all d."""
    if math.isnan(law.p_value):
        return "Two input dimensions cannot tell whether there is a single power. It"
    verdict = (
        "A single power is not supported, so this is an average"
        if law.p_value < REFUTED
        else "The points do not contradict a single power"
    )
    return f"{verdict} (χ²: {chance(law.p_value)}). It"


def _crossover(
    limit: Columns, laws: Mapping[int, PowerLaw | None], exact: NDArray[np.float64]
) -> Finding:
    counts = counted(limit, "flip", max(CAPS))
    law, reach = laws[max(CAPS)], power_law(counted(limit, "reach", max(CAPS)))
    logistic, last = power_law(counts, LOGISTIC), _last(counts)
    half = power_law(counted(limit, "flip_half", max(CAPS)))
    if law is None:
        sentence = (
            "Too little was measured: the shares pass ½ at fewer than two input dimensions. The "
            f"power is {_at_large(limit, exact)}."
        )
    else:
        each = [
            f"{found.slope:.3f} for steps up to {cap}/√d"
            for cap, found in laws.items()
            if found is not None
        ]
        others = [
            f" {words} it is {found.slope:.3f}."
            for words, found in (
                ("To reach −f", reach),
                ("With logistic curves instead of half-normal ones", logistic),
                ("With steps looked for at half as many angles", half),
            )
            if found is not None
        ]
        sentence = (
            f"The fitted power of d is {listed(each)}, of {int(counts.networks.sum())} sampled "
            f"networks of infinite width.{''.join(others)} {_single(law)} is "
            f"{_at_large(limit, exact)}."
        )
    powers = {
        f"{cap}": None if found is None else _law_numbers(found) for cap, found in laws.items()
    }
    return Finding(
        "crossover",
        "The depth at which half of the networks are no longer attacked",
        sentence,
        {
            "power": powers,
            "power_logistic": None if logistic is None else _law_numbers(logistic),
            "power_of_half_of_the_angles": None if half is None else _law_numbers(half),
            "power_of_the_largest_two": None if last is None else _law_numbers(last),
            "power_to_reach": None if reach is None else _law_numbers(reach),
            "one_step_exact": dict(zip(map(str, _FAR), exact.tolist(), strict=True)),
            "one_step_last_power": _far_power(exact),
        },
        partial(figures.crossover, law, reach, _FAR, exact),
        THEOREMS,
    )


def _far_power(exact: NDArray[np.float64]) -> float:
    """Return the power of d between the two largest d of the exact law."""
    return math.log(exact[-1] / exact[-2]) / math.log(_FAR[-1] / _FAR[-2])


def _last(counts: Counts) -> PowerLaw | None:
    """Return the power law through the two largest d."""
    dims = np.unique(counts.dim)
    return power_law(counts.where(counts.dim >= dims[-2])) if dims.size > 2 else None


def _law_numbers(law: PowerLaw) -> dict[str, object]:
    return {
        "slope": law.slope,
        "constant": law.constant,
        "p_value": law.p_value,
        "crossovers": {
            f"{d:g}": [ell, low, high]
            for d, ell, low, high in zip(law.dims, law.depths, law.low, law.high, strict=True)
        },
    }


def _limits(tables: Mapping[str, Columns]) -> tuple[str, ...]:
    limit = tables[LIMIT]
    dims = np.unique(limit["dim"])
    followed, missed = beside.missed(tables[WIDTHS])
    grid = (
        f" Of {followed} narrow networks that were also followed exactly, {missed} change their "
        "sign only where these steps do not show it."
        if followed
        else ""
    )
    return (
        f"Everything is about random networks at d from {dims.min():g} to {dims.max():g}; a power "
        "fitted over that range says nothing about larger d, where only the exact law of single "
        "steps was computed.",
        "Only steps along the gradient at x, against the sign of f, were tried: that none of them "
        "changes the sign does not show that there is no adversarial example near x.",
        "Steps are looked for at angles 15 % apart (0.1 above 1 radian), so the shares are, if "
        f"anything, too small, and most so at large depths and small d.{_coarser(limit)}{grid}",
        "Attained values of f over the sphere bound its spread from below; nothing is certified.",
        "No network here has the width that either theorem asks for.",
        "Every interval and every test is for itself: none is corrected for their number, and of "
        f"true statements one in {1 / REFUTED:.0f} is refuted by chance.",
    )


def _coarser(limit: Columns) -> str:
    """Say how many fewer sign changes would be seen at half of the angles."""
    every, half = (counted(limit, name, max(CAPS)) for name in ("flip", "flip_half"))
    deep = every.ratio >= START
    places = {
        f"at ℓ < {START}√d": ~deep,
        f"at ℓ ≥ {START}√d and d = {every.dim.min():g}": deep & (every.dim == every.dim.min()),
    }
    lost = [
        f"{100 * (1 - half.successes[here].sum() / every.successes[here].sum()):.2g} % {place}"
        for place, here in places.items()
        if every.successes[here].any()
    ]
    if not lost:
        return ""
    return f" At every second of these angles fewer networks are seen to change it: {listed(lost)}."
