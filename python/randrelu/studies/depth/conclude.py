"""What the study of depth found: its answer, and a sentence for every picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.depth import beside, figures, shares
from randrelu.studies.depth.fits import (
    LOGISTIC,
    Counts,
    PowerLaw,
    power_law,
)
from randrelu.studies.depth.grid import GRADIENTS, LIMIT, SPREAD, WIDTHS
from randrelu.studies.depth.measured import (
    CAPS,
    counted,
    one_step_crossovers,
)
from randrelu.studies.depth.words import THEOREMS, between, listed
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
    tail = shares.tail_power(counted(limit, "flip", max(CAPS)))
    beyond = (
        f" Well beyond it, at ℓ ≥ 4√d, the share of networks that change their sign falls as "
        f"ℓ^{{−{tail[0]:.2f}}} ({tail[1]:.2f} … {tail[2]:.2f})."
        if tail
        else ""
    )
    if law is None:
        return (
            "Too little was measured to say where the crossover is: at fewer than two input "
            f"dimensions do the shares of networks pass ½.{beyond}"
        )
    low, high = law.slope_interval
    if not (low > 0 and high < 3):
        word = "its interval leaves open where between the theorems that is"
    elif high < 1:
        word = "far nearer to constant depth (Theorem 1.1) than to d³ (Theorem 3.1)"
    else:
        word = "between constant depth (Theorem 1.1) and d³ (Theorem 3.1)"
    return (
        f"Sampled at infinite width, half of the random networks lose their sign change along the "
        f"gradient at a depth of {law.constant:.3g} d^{law.slope:.3f} (95 %: power "
        f"{between(low, high)}; d from {law.dims.min():g} to {law.dims.max():g}), {word}. By the "
        f"exact law of the best single step the power is {_far_power(exact):.3f} between d = "
        f"{_FAR[-2]} and {_FAR[-1]}.{beyond}"
    )


def _crossover(
    limit: Columns, laws: Mapping[int, PowerLaw | None], exact: NDArray[np.float64]
) -> Finding:
    counts = counted(limit, "flip", max(CAPS))
    law, reach = laws[max(CAPS)], power_law(counted(limit, "reach", max(CAPS)))
    logistic, last = power_law(counts, LOGISTIC), _last(counts)
    far = _far_power(exact)
    by_law = (
        "By the exact law of the best single step, which needs no draws, the power between d = "
        f"{_FAR[-2]} and {_FAR[-1]} is {far:.3f}."
    )
    if law is None:
        sentence = (
            "Too little was measured: the shares pass ½ at fewer than two input dimensions. "
        ) + by_law
    else:
        each = [
            f"{found.slope:.3f} ({between(*found.slope_interval)}) for steps up to {cap}/√d"
            for cap, found in laws.items()
            if found is not None
        ]
        other = (
            f" To reach −f it is {reach.slope:.3f} ({between(*reach.slope_interval)})."
            if reach
            else ""
        )
        if logistic is not None:
            other += (
                f" With logistic curves instead of half-normal ones it is {logistic.slope:.3f} "
                f"({between(*logistic.slope_interval)})."
            )
        if last is not None:
            by_law = (
                f"Between d = {last.dims[0]:g} and {last.dims[-1]:g} alone it is {last.slope:.3f} "
                f"({between(*last.slope_interval)}). {by_law}"
            )
        power = (
            "A single power is not supported"
            if law.p_value < 0.01
            else "The points do not contradict a single power"
        )
        sentence = (
            f"The fitted power of d is {listed(each)}, of {int(counts.networks.sum())} sampled "
            f"networks of infinite width.{other} {power} (χ²: p = {law.p_value:.2g}). {by_law}"
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
            "power_of_the_largest_two": None if last is None else _law_numbers(last),
            "power_to_reach": None if reach is None else _law_numbers(reach),
            "one_step_exact": dict(zip(map(str, _FAR), exact.tolist(), strict=True)),
            "one_step_last_power": far,
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
        "interval": list(law.slope_interval),
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
        f"anything, too small.{grid}",
        "Attained values of f over the sphere bound its spread from below; nothing is certified.",
        "No network here has the width that either theorem asks for.",
    )
