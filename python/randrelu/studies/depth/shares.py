"""What is found of the shares of networks at infinite width, and of their smallest steps."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial

import numpy as np

from randrelu.laws import limit_crossover
from randrelu.studies.depth import figures
from randrelu.studies.depth.agreement import REFUTED, chance_of, collapse
from randrelu.studies.depth.measured import CAPS, DELTA, QUARTERS, counted, shares, step_quantiles
from randrelu.studies.depth.tail import START, tail
from randrelu.studies.depth.theorems import THEOREMS
from randrelu.studies.estimates import Estimate, chance, listed, written
from randrelu.studies.kind import Columns, Finding


def of_collapse(limit: Columns) -> Finding:
    """Say whether ℓ/√d alone decides, and how near the closed form is."""
    found, said = {}, []
    for k, (event, does) in enumerate((("flip", "change their sign"), ("reach", "reach −f"))):
        counts = counted(limit, event, max(CAPS))
        gap = np.abs(counts.share - limit_crossover(counts.ratio)[k])
        own = counts.where(counts.dim == counts.dim.max())
        law = limit_crossover(own.ratio)[k]
        p_value, test = chance_of(own, law), collapse(counts)
        far = own.dim[0], np.abs(own.share - law).max()
        found[event] = {
            "largest_d": far[0], "gap": float(gap.max()), "gap_at_largest_d": float(far[1]),
            "points_at_largest_d": own.dim.size, "p_at_largest_d": p_value,
            "collapse": None if test is None else asdict(test),
        }  # fmt: skip
        said.append(
            f"Of those that {does}, shares at d = {far[0]:g} are within {far[1]:.3f} of the closed "
            f"form, which is {_verdict(p_value)} there ({own.dim.size} depths, {chance(p_value)}); "
            f"over all d they are within {gap.max():.3f}."
        )
        if test is not None:
            said.append(
                f"That ℓ/√d alone decides at these d is {_verdict(test.p_value)}: at the same ℓ/√d "
                f"shares of different d differ by up to {test.largest_gap:.3f} "
                f"(χ² = {test.statistic:.0f} with {test.freedom} degrees of freedom, "
                f"{chance(test.p_value)})."
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


def _verdict(p_value: float) -> str:
    return "refuted" if p_value < REFUTED else "not refuted"


def beyond(limit: Columns) -> str:
    """Say in a sentence how the shares fall well beyond the crossover; nothing where unseen."""
    found = tail(counted(limit, "flip", max(CAPS)))
    if found is None:
        return ""
    start = (
        f" Well beyond it, at ℓ ≥ {START}√d, the share of networks that change their sign falls as "
    )
    if not found.p_value < REFUTED:
        return f"{start}{_power(found.common)}."
    each = [f"{_power(found.each[d])} at d = {d:g}" for d in (min(found.each), max(found.each))]
    return f"{start}{each[0]} and {each[1]}."


def _power(power: Estimate) -> str:
    return f"1/ℓ^{{{written(power.value, '.2f')}}} ({power.between('.2f')})"


def of_depths(limit: Columns) -> Finding:
    """Say how the shares fall with depth, far beyond the crossover."""
    counts = counted(limit, "flip", max(CAPS))
    found, every = tail(counts), shares(counts)
    deepest = int(np.argmax(counts.depth / counts.dim**3))
    ell, d = counts.depth[deepest], counts.dim[deepest]
    sentence = (
        f"At ℓ = {ell:g}, {ell / d**3:.2g} times d³ with d = {d:g}, {every[deepest]:.3g%} of "
        f"{counts.networks[deepest]:g} sampled networks change their sign at a step of at most "
        f"{max(CAPS)}/√d."
    )
    if found is not None:
        agrees = "agrees" if found.common.holds(1) else "does not agree"
        sentence += (
            f" For ℓ ≥ {START}√d the share falls as {_power(found.common)} if the power is the "
            f"same for all d, which {agrees} with the 1/ℓ of the closed form"
        )
        if len(found.each) > 1:
            own = listed([f"{_power(p)} at d = {d:g}" for d, p in found.each.items()])
            sentence += (
                f"; that it is the same is {_verdict(found.p_value)} (χ²: "
                f"{chance(found.p_value)}), and by d it falls as {own}"
            )
        sentence += "."
    return Finding(
        "depths",
        "How the share of networks that are attacked falls with depth",
        sentence,
        {
            "tail": None if found is None else asdict(found),
            "deepest": {"d": d, "depth": ell, "share": every[deepest]},
        },
        partial(figures.depths, counts),
        THEOREMS,
    )


def of_steps(limit: Columns) -> Finding:
    """Say how large the smallest steps are, of those that are not censored."""
    dim = float(np.max(limit["dim"]))
    rows = step_quantiles(limit, "flip", dim, QUARTERS)
    counts = counted(limit, "flip", max(CAPS))
    loss = float(np.max(counts.share - counted(limit, "flip", min(CAPS)).share))
    sentence = f"Of the smallest steps that change the sign, at d = {dim:g}, "
    seen = [row for row in rows if math.isfinite(row["quantiles"][0.5].value)]
    if seen:
        first, last = (_step(row["quantiles"][0.5], "/√d") for row in (seen[0], seen[-1]))
        sentence += (
            f"the median is {first} at ℓ = {seen[0]['depth']:g} and {last} at ℓ = "
            f"{seen[-1]['depth']:g}, the deepest at which half of the networks have one. "
        )
    else:
        sentence += "there is no median, as at no depth do half of the networks have one. "
    # Theorem 1.1 asks for a step that reaches −f.
    scale = math.sqrt(-math.log(DELTA))
    enough = {
        row["depth"]: row["quantiles"][1 - DELTA].through(lambda step: step / scale)
        for row in step_quantiles(limit, "reach", dim, (1 - DELTA,))
    }
    within = [ell for ell, c3 in enough.items() if math.isfinite(c3.value)]
    if within:
        ends = [f"{_step(enough[ell])} at ℓ = {ell:g}" for ell in sorted({within[0], within[-1]})]
        deeper = max(enough) > within[-1]
        sentence += (
            f"To reach −f in {100 * (1 - DELTA):g} % of the networks, the theorem's c₃ with δ = "
            f"{DELTA} would have to be {listed(ends)}"
            + ("; at the deeper ones no step within the caps is enough. " if deeper else ". ")
        )
    sentence += (
        f"At most {100 * loss:.2g} % of the networks of any d and ℓ find their first step between "
        f"{min(CAPS)}/√d and {max(CAPS)}/√d; those that find none are censored there."
    )
    return Finding(
        "steps",
        "How large the smallest step is",
        sentence,
        {
            "dim": dim,
            "quantiles": [
                {**row, "quantiles": {f"{q:g}": ends for q, ends in row["quantiles"].items()}}
                for row in rows
            ],
            "c3": {f"{ell:g}": c3 for ell, c3 in enough.items()},
            "largest_share_between_caps": loss,
        },
        partial(figures.steps, rows, dim),
        "Theorem 1.1: at constant depth a step of relative size c₃ √(log(1/δ)/d) is enough to "
        "reach −f for 1 − δ of the networks.",
    )


def _step(size: Estimate, unit: str = "") -> str:
    return f"{written(size.value, '.3g')}{unit} ({size.between('.3g')})"
