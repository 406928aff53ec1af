"""What the study of depth found: its answer, and a sentence for every picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np

from randrelu.studies.depth import beside, figures
from randrelu.studies.depth.fits import PowerLaw, collapse, deviance, power_law
from randrelu.studies.depth.grid import GRADIENTS, LIMIT, SPREAD, WIDTHS
from randrelu.studies.depth.measured import (
    CAPS,
    counted,
    one_step_crossovers,
    shares,
    step_quantiles,
)
from randrelu.studies.depth.words import between, listed, percent, spelled
from randrelu.studies.kind import Columns, Conclusion, Finding

_FAR = (16, 64, 256, 1024, 4096, 16_384)  # d at which the exact law of one step is computed
THEOREMS = (
    "Theorem 1.1: networks of constant depth are sensitive, so the power is above 0. Theorem 3.1: "
    "f is nearly constant from ℓ = d³ on, so it is at most 3. (Both ask for wider layers than "
    "these.)"
)


def conclude(tables: Mapping[str, Columns]) -> Conclusion:
    """Look at the tables of the parts."""
    limit = tables[LIMIT]
    laws = {cap: power_law(counted(limit, "flip", cap)) for cap in CAPS}
    law = laws[max(CAPS)]
    findings = (
        _crossover(limit, laws),
        _collapse(limit),
        beside.narrower(tables[WIDTHS], limit),
        _depths(limit),
        _steps(limit),
        beside.gradients(tables[GRADIENTS]),
        beside.spread(tables[SPREAD]),
    )
    return Conclusion(_answer(limit, law), findings, _limits(tables))


def _answer(limit: Columns, law: PowerLaw | None) -> str:
    tail = _tail(limit)
    beyond = (
        f" Beyond it the share of networks that change their sign falls as ℓ^−{tail[0]:.2f} "
        f"({tail[1]:.2f} … {tail[2]:.2f}), slowly: it is not 0 at any depth that was tried."
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
        f"{between(low, high)}, for d from {law.dims.min():g} to {law.dims.max():g}), {word}.{beyond}"
    )


def _crossover(limit: Columns, laws: Mapping[int, PowerLaw | None]) -> Finding:
    counts = counted(limit, "flip", max(CAPS))
    law, reach = laws[max(CAPS)], power_law(counted(limit, "reach", max(CAPS)))
    exact = one_step_crossovers(_FAR)
    far = math.log(exact[-1] / exact[-2]) / math.log(_FAR[-1] / _FAR[-2])
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
            "power_to_reach": None if reach is None else _law_numbers(reach),
            "one_step_exact": dict(zip(map(str, _FAR), exact.tolist(), strict=True)),
            "one_step_last_power": far,
        },
        partial(figures.crossover, law, reach, _FAR, exact),
        THEOREMS,
    )


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


def _collapse(limit: Columns) -> Finding:
    from randrelu.laws import limit_crossover

    found = {}
    said = []
    for k, (event, does) in enumerate((("flip", "change their sign"), ("reach", "reach −f"))):
        counts = counted(limit, event, max(CAPS))
        law, test = limit_crossover(counts.ratio)[k], collapse(counts)
        largest = counts.dim == counts.dim.max()
        gap = np.abs(counts.share - law)
        own = counts.where(largest)
        found[event] = {
            "gap": float(gap.max()),
            "gap_at_largest_d": float(gap[largest].max()),
            "deviance_of_closed_form_at_largest_d": deviance(own, np.clip(law[largest], 1e-12, 1)),
            "points_at_largest_d": int(largest.sum()),
            "collapse": None
            if test is None
            else {"statistic": test.statistic, "freedom": test.freedom, "p": test.p_value,
                  "largest_gap": test.largest_gap},
        }  # fmt: skip
        words = (
            f"of those that {does}, the shares are within {gap.max():.3f} of the closed form, and "
            f"within {gap[largest].max():.3f} at d = {own.dim[0]:g}"
        )
        if test is not None:
            verdict = "is refuted as an exact law" if test.p_value < 0.01 else "is not refuted"
            words += (
                f"; that ℓ/√d alone decides at these d {verdict} (χ² = {test.statistic:.0f} with "
                f"{test.freedom} degrees of freedom, p = {test.p_value:.1g}), and one curve for "
                f"all d is at most {test.largest_gap:.3f} from that of each"
            )
        said.append(words)
    return Finding(
        "collapse",
        "Shares against ℓ/√d, beside the closed form",
        f"Sampled at infinite width: {'. Likewise, '.join(said)}.",
        found,
        partial(figures.collapsed, {e: counted(limit, e, max(CAPS)) for e in ("flip", "reach")}),
        "An argument, not a theorem: for ℓ = λ√d and d → ∞, 2Φ(4π/(9λ)) − 1 of the networks change "
        "their sign at some step along the gradient, and 2Φ(2π/(9λ)) − 1 reach −f.",
    )


def _tail(limit: Columns) -> tuple[float, float, float] | None:
    """Return the power at which the share falls with ℓ beyond the crossover, and its interval."""
    from randrelu.studies.depth.fits import half_normal_fit, interval, resampled

    counts = counted(limit, "flip", max(CAPS))
    counts = counts.where(counts.ratio >= 4)
    if np.unique(counts.ratio).size < 3 or counts.successes.sum() < 10:
        return None
    dims = np.unique(counts.dim)
    level = (counts.dim[:, np.newaxis] == dims).astype(np.float64)  # one for each d
    design = np.column_stack([level, -np.log(counts.ratio)])
    successes = np.concatenate([counts.successes[np.newaxis], resampled(counts)])
    powers = half_normal_fit(design, counts.networks, successes)[:, -1]
    return float(powers[0]), *interval(powers[1:])


def _depths(limit: Columns) -> Finding:
    counts = counted(limit, "flip", max(CAPS))
    tail, found = _tail(limit), shares(counts)
    deepest = int(np.argmax(counts.depth / counts.dim**3))
    share, low, high = found[deepest]
    ell, d = counts.depth[deepest], counts.dim[deepest]
    sentence = (
        f"At ℓ = {ell:g} = {ell / d**3:.2g} d³, with d = {d:g}, {percent(share, low, high)} of "
        f"{counts.networks[deepest]:g} sampled networks change their sign at a step of at most "
        f"{max(CAPS)}/√d."
    )
    if tail is not None:
        rate = "which 1 over the depth, as of the closed form, "
        rate += "is in" if tail[1] <= 1 <= tail[2] else "is not in"
        sentence += (
            f" For ℓ ≥ 4√d the half-normal level of the share falls as ℓ^−{tail[0]:.3f} "
            f"({between(*tail[1:])}), {rate} the interval."
        )
    return Finding(
        "depths",
        "How the share of networks that are attacked falls with depth",
        sentence,
        {"tail": tail, "deepest": {"d": d, "depth": ell, "share": [share, low, high]}},
        partial(figures.depths, counts),
        THEOREMS,
    )


def _steps(limit: Columns) -> Finding:
    dim = float(np.max(limit["dim"]))
    rows = step_quantiles(limit, "flip", dim)
    reached = [row for row in rows if not math.isnan(row["0.5"])]
    counts = counted(limit, "flip", max(CAPS))
    c = np.sqrt(-np.log(0.05))
    within = counted(limit, "flip", 20 * c)
    loss = float(np.max(counts.share - counted(limit, "flip", min(CAPS)).share))
    sentence = (
        f"The smallest step that changes the sign, at d = {dim:g}: "
        + (
            f"its median is {reached[0]['0.5']:.3g}/√d at ℓ = {reached[0]['depth']:g} and "
            f"{reached[-1]['0.5']:.3g}/√d at ℓ = {reached[-1]['depth']:g}, the deepest at which "
            "half of the networks have one. "
            if reached
            else "at no depth do half of the networks have one. "
        )
        + f"Between {min(CAPS)}/√d and {max(CAPS)}/√d at most {100 * loss:.2g} % of the networks "
        f"of any point find theirs; within 20 √(log(1/δ)/d), δ = 0.05, are "
        f"{spelled(within.share[counts.dim == dim][0])} at the smallest depth. "
        "Who has none is censored."
    )
    return Finding(
        "steps",
        "How large the smallest step is",
        sentence,
        {"dim": dim, "quantiles": rows, "largest_share_between_caps": loss},
        partial(figures.steps, rows, dim),
        "Theorem 1.1: at constant depth a step of relative size c₃ √(log(1/δ)/d) is enough.",
    )


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
        "Only steps along the gradient at x were tried: that none of them changes the sign does "
        "not show that there is no adversarial example near x.",
        "Steps are looked for at angles 15 % apart (0.1 above 1 radian), so the shares are, if "
        f"anything, too small.{grid}",
        "Attained values of f over the sphere bound its spread from below; nothing is certified.",
        "No network here has the width that either theorem asks for.",
    )
