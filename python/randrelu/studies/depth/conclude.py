"""What the study of depth found: its answer, and a sentence for every picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

import numpy as np

from randrelu.laws import limit_crossover
from randrelu.studies.depth import beside, figures
from randrelu.studies.depth.fits import (
    HALF_NORMAL,
    LOGISTIC,
    Counts,
    PowerLaw,
    chi_square,
    collapse,
    deviance,
    fitted,
    interval,
    power_law,
    resampled,
)
from randrelu.studies.depth.grid import GRADIENTS, LIMIT, SPREAD, WIDTHS
from randrelu.studies.depth.measured import (
    CAPS,
    counted,
    one_step_crossovers,
    shares,
    step_quantiles,
)
from randrelu.studies.depth.words import between, listed, percent
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
    tail = _tail(counted(limit, "flip", max(CAPS)))
    beyond = (
        f" Well beyond it, at ℓ ≥ 4√d, the share of networks that change their sign falls as "
        f"ℓ^−{tail[0]:.2f} ({tail[1]:.2f} … {tail[2]:.2f})."
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
        f"{between(low, high)}; d from {law.dims.min():g} to {law.dims.max():g}), {word}.{beyond}"
    )


def _crossover(limit: Columns, laws: Mapping[int, PowerLaw | None]) -> Finding:
    counts = counted(limit, "flip", max(CAPS))
    law, reach = laws[max(CAPS)], power_law(counted(limit, "reach", max(CAPS)))
    logistic, last = power_law(counts, LOGISTIC), _last(counts)
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


def _collapse(limit: Columns) -> Finding:
    found, said = {}, []
    for k, (event, does) in enumerate((("flip", "change their sign"), ("reach", "reach −f"))):
        counts = counted(limit, event, max(CAPS))
        gap = np.abs(counts.share - limit_crossover(counts.ratio)[k])
        own = counts.where(counts.dim == counts.dim.max())
        # Shares of exactly 0 and 1 are possible at every point, so nothing is cut off.
        law = np.clip(limit_crossover(own.ratio)[k], 1e-12, 1 - 1e-12)
        short, test = deviance(own, law), collapse(counts)
        p_value = chi_square(short, own.dim.size)
        far = own.dim[0], np.abs(own.share - law).max()
        found[event] = {
            "largest_d": far[0], "gap": float(gap.max()), "gap_at_largest_d": float(far[1]),
            "deviance_at_largest_d": short, "points_at_largest_d": own.dim.size,
            "p_at_largest_d": p_value,
            "collapse": None if test is None else asdict(test),
        }  # fmt: skip
        verdict = "refuted" if p_value < 0.01 else "not refuted"
        said.append(
            f"Of those that {does}, shares at d = {far[0]:g} are within {far[1]:.3f} of the closed "
            f"form, which is {verdict} there (deviance {short:.0f} at {own.dim.size} depths, "
            f"p = {p_value:.2g}); over all d they are within {gap.max():.3f}."
        )
        if test is not None:
            verdict = "is refuted" if test.p_value < 0.01 else "is not refuted"
            said.append(
                f"That ℓ/√d alone decides at all these d {verdict} (χ² = {test.statistic:.0f} with "
                f"{test.freedom} degrees of freedom, p = {test.p_value:.1g}): one curve is at most "
                f"{test.largest_gap:.3f} from that of each d."
            )
    return Finding(
        "collapse",
        "Shares against ℓ/√d, beside the closed form",
        f"Sampled at infinite width. {' '.join(said)}",
        found,
        partial(figures.collapsed, {e: counted(limit, e, max(CAPS)) for e in ("flip", "reach")}),
        "An argument, not a theorem: for ℓ = λ√d and d → ∞, 2Φ(4π/(9λ)) − 1 of the networks change "
        "their sign at some step along the gradient, and 2Φ(2π/(9λ)) − 1 reach −f.",
    )


def _tail(counts: Counts) -> tuple[float, float, float] | None:
    """Return the power at which the share falls with ℓ beyond the crossover, and its interval."""
    counts = counts.where(counts.ratio >= 4)
    if np.unique(counts.ratio).size < 3 or counts.successes.sum() < 10:
        return None
    dims = np.unique(counts.dim)
    level = (counts.dim[:, np.newaxis] == dims).astype(np.float64)  # one for each d
    design = np.column_stack([level, -np.log(counts.ratio)])
    successes = np.concatenate([counts.successes[np.newaxis], resampled(counts)])
    powers = fitted(design, counts.networks, successes, HALF_NORMAL)[:, -1]
    return float(powers[0]), *interval(powers[1:])


def _depths(limit: Columns) -> Finding:
    counts = counted(limit, "flip", max(CAPS))
    tail, found = _tail(counts), shares(counts)
    deepest = int(np.argmax(counts.depth / counts.dim**3))
    share, low, high = found[deepest]
    ell, d = counts.depth[deepest], counts.dim[deepest]
    sentence = (
        f"At ℓ = {ell:g} = {ell / d**3:.2g} d³, with d = {d:g}, {percent(share, low, high)} of "
        f"{counts.networks[deepest]:g} sampled networks change their sign at a step of at most "
        f"{max(CAPS)}/√d."
    )
    if tail is not None:
        agrees = "agrees" if tail[1] <= 1 <= tail[2] else "does not agree"
        each = {d: _tail(counts.where(counts.dim == d)) for d in np.unique(counts.dim)}
        own = [f"{t[0]:.2f} ({t[1]:.2f} … {t[2]:.2f}) at d = {d:g}" for d, t in each.items() if t]
        sentence += (
            f" For ℓ ≥ 4√d the share falls as ℓ^−{tail[0]:.3f} ({between(*tail[1:])}), with one "
            f"power for all d, which {agrees} with the 1/ℓ of the closed form"
            + (f"; by d the power is {listed(own)}." if own else ".")
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
    loss = float(np.max(counts.share - counted(limit, "flip", min(CAPS)).share))
    sentence = f"Of the smallest steps that change the sign, at d = {dim:g}, "
    if reached:
        sentence += (
            f"the median is {reached[0]['0.5']:.3g}/√d at ℓ = {reached[0]['depth']:g} and "
            f"{reached[-1]['0.5']:.3g}/√d at ℓ = {reached[-1]['depth']:g}, the deepest at which "
            "half of the networks have one. "
        )
    else:
        sentence += "there is no median, as at no depth do half of the networks have one. "
    enough = {row["depth"]: row["c3"] for row in rows if not math.isnan(row["c3"])}
    if enough:
        deepest = max(enough)
        sentence += (
            f"With δ = 0.05 the theorem's c₃ has to be {enough[min(enough)]:.3g} at ℓ = "
            f"{min(enough):g} and {enough[deepest]:.3g} at ℓ = {deepest:g}; at the deeper ones no "
            "step within the caps is enough for 1 − δ of the networks. "
        )
    sentence += (
        f"At most {100 * loss:.2g} % of the networks of any d and ℓ find their first step between "
        f"{min(CAPS)}/√d and {max(CAPS)}/√d; those that find none are censored there."
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
        "Only steps along the gradient at x, against the sign of f, were tried: that none of them "
        "changes the sign does not show that there is no adversarial example near x.",
        "Steps are looked for at angles 15 % apart (0.1 above 1 radian), so the shares are, if "
        f"anything, too small.{grid}",
        "Attained values of f over the sphere bound its spread from below; nothing is certified.",
        "No network here has the width that either theorem asks for.",
    )
