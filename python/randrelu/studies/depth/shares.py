"""What is found of the shares of networks at infinite width, and of their smallest steps."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial

import numpy as np

from randrelu.laws import limit_crossover
from randrelu.studies.depth import figures
from randrelu.studies.depth.fits import (
    HALF_NORMAL,
    Counts,
    chi_square,
    collapse,
    deviance,
    fitted,
    interval,
    resampled,
)
from randrelu.studies.depth.measured import CAPS, counted, shares, step_quantiles
from randrelu.studies.depth.words import THEOREMS, between, listed, percent
from randrelu.studies.kind import Columns, Finding


def of_collapse(limit: Columns) -> Finding:
    """Say whether ℓ/√d alone decides, and how near the closed form is."""
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


def tail_power(counts: Counts) -> tuple[float, float, float] | None:
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


def of_depths(limit: Columns) -> Finding:
    """Say how the shares fall with depth, far beyond the crossover."""
    counts = counted(limit, "flip", max(CAPS))
    tail, found = tail_power(counts), shares(counts)
    deepest = int(np.argmax(counts.depth / counts.dim**3))
    share, low, high = found[deepest]
    ell, d = counts.depth[deepest], counts.dim[deepest]
    sentence = (
        f"At ℓ = {ell:g}, {ell / d**3:.2g} times d³ with d = {d:g}, {percent(share, low, high)} of "
        f"{counts.networks[deepest]:g} sampled networks change their sign at a step of at most "
        f"{max(CAPS)}/√d."
    )
    if tail is not None:
        agrees = "agrees" if tail[1] <= 1 <= tail[2] else "does not agree"
        each = {d: tail_power(counts.where(counts.dim == d)) for d in np.unique(counts.dim)}
        own = [f"{t[0]:.2f} ({t[1]:.2f} … {t[2]:.2f}) at d = {d:g}" for d, t in each.items() if t]
        sentence += (
            f" For ℓ ≥ 4√d the share falls as ℓ^{{−{tail[0]:.3f}}} ({between(*tail[1:])}), with "
            f"one power for all d, which {agrees} with the 1/ℓ of the closed form"
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


def of_steps(limit: Columns) -> Finding:
    """Say how large the smallest steps are, of those that are not censored."""
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
