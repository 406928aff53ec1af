"""What the sweeps say of networks trained near their start (Wang et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from randrelu.studies.estimates import Estimate, percent, written
from randrelu.studies.kind import Finding
from randrelu.studies.training.neighbours import figures
from randrelu.studies.training.neighbours.figures import Curve
from randrelu.studies.training.neighbours.rows import Rows, power

SHOWN = 8  # pixels a side, in the second picture
RIGHT = 0.9  # of the held-out images: of these radii it is said that the network has learnt
_SOURCE = "Wang, Ullah, Mianjy and Arora (2022, arXiv 2207.00411)"
_BALL = (
    f"{_SOURCE}: wide two-layer ReLU networks whose first layer is trained and stays near its "
    "random start, as in lazy training, may generalize well, and a single gradient step of size "
    "O(1/√d) still turns their decision. In their experiments W₁ starts standard normal, and "
    "training ends when a row is farther than C₀/√k from its start."
)
_TRAVEL = (
    f"{_SOURCE}: in their experiments with adversarial training on MNIST's 0 and 1, rows of W₁ "
    "are put back to a distance from their start, and a larger one can improve robustness, with "
    "something like a phase transition."
)


def findings(ball: Rows, travel: Rows) -> tuple[Finding, ...]:
    """Return the pictures of both sweeps, as far as they have measured something."""
    ball, travel = (rows.of(rows["after"] == rows["updates"]) for rows in (ball, travel))
    return tuple(found for found in (_in_balls(ball), _traveling(ball, travel)) if found)


def _in_balls(rows: Rows) -> Finding | None:
    reaches, sizes = rows.values_of("reach"), rows.values_of("size")
    powers = {
        reach: power(at["size"] ** 2, at["relative_norm"])
        for reach in reaches
        for at in [rows.where(reach=reach)]
    }
    curves = [
        Curve(
            f"d = {size * size:g}",
            reaches,
            [rows.where(reach=reach, size=size)["scaled_norm"] for reach in reaches],
        )
        for size in sizes
    ]
    if not curves:
        return None
    accuracy = {reach: rows.where(reach=reach).median("accuracy") for reach in reaches}
    return Finding(
        slug="lazy-ball",
        heading="Near its start, and farther: the step against the radius of the ball",
        sentence=_ball_sentence(powers, accuracy, rows),
        numbers={
            "dims": [int(size * size) for size in sizes],
            "points": [
                {
                    "reach": reach,
                    "accuracy": accuracy[reach],
                    "exponent": p,
                    "scaled_norm": [
                        rows.where(reach=reach, size=size).median("scaled_norm") for size in sizes
                    ],
                }
                for reach, p in powers.items()
            ],
        },
        figure=partial(figures.in_balls, curves, powers),
        statement=_BALL,
    )


def _ball_sentence(
    powers: dict[float, Estimate | None], accuracy: dict[float, float | None], rows: Rows
) -> str:
    known = {reach: p for reach, p in powers.items() if p is not None}
    if len(known) < 2:
        return "Too little was measured to say how the step depends on d."
    sizes, (width, *_) = rows.values_of("size"), rows.values_of("width")
    learnt = [reach for reach in known if (accuracy[reach] or 0) >= RIGHT]
    nearest, farthest = min(known), max(known)
    middle = min(learnt, default=farthest)
    told = [
        f"a = {known[reach]:.2f} at C₀ = {reach:g} ({percent(accuracy[reach] or 0)} told right), "
        f"{_against_half(known[reach])}"
        for reach in sorted({nearest, middle, farthest})
    ]
    reached = "reaches" if known[middle].low <= -0.5 else "does not reach"
    which = f"the smallest with {percent(RIGHT)} told right" if learnt else "the largest"
    return (
        f"With W₁ kept within C₀/√k of its start (k = {width:g}, d = {sizes[0] ** 2:g} to "
        f"{sizes[-1] ** 2:g}, {known[nearest].networks} networks each), the smallest gradient step "
        f"that turns a held-out image, over its norm, goes as d^a: {'; '.join(told)}. The claim is "
        f"of large d, and has a ≤ −½: in the ball of C₀ = {middle:g}, {which}, the interval of a "
        f"{reached} that over these d, where the median size × √d is {_range(rows, middle)}; at "
        f"C₀ = {farthest:g} that is {_range(rows, farthest)}."
    )


def _range(rows: Rows, reach: float) -> str:
    """Return the smallest and the largest median of the step × √d over d."""
    at = rows.where(reach=reach)
    medians = [at.where(size=size).median("scaled_norm") for size in at.values_of("size")]
    known = [median for median in medians if median is not None]
    return f"{min(known):.2g} to {max(known):.2g}" if known else "not known"


def _against_half(found: Estimate) -> str:
    if found.holds(-0.5):
        return "which agrees with 1/√d"
    if found.high < -0.5:
        return "faster than 1/√d"
    if found.holds(0.0):
        return "no fall with d"
    return "growth with d" if found.low > 0 else "more slowly than 1/√d"


def _traveling(ball: Rows, travel: Rows) -> Finding | None:
    near = ball.where(size=SHOWN)
    widths = near.values_of("width")
    if not widths:
        return None
    plain = travel.where(adversary=0.0)
    in_balls = plain.of(plain["reach"] > 0)
    balls = {k: in_balls.where(width=k) for k in in_balls.values_of("width")} | {widths[0]: near}
    kinds = {f"in balls, k = {k:g}": rows for k, rows in sorted(balls.items())}
    kinds["free, by the scale"] = plain.where(reach=math.nan)
    kinds["in balls, adversarial"] = travel.of(travel["adversary"] > 0)
    step, robust = [], []
    for name, rows in kinds.items():
        groups = _by_knob(rows)
        if groups:
            at = [group.median("traveled_scaled") or 0.0 for group in groups]
            step.append(Curve(name, at, [group["scaled_norm"] for group in groups]))
            robust.append(Curve(name, at, [group["robust_2"] for group in groups]))
    if not step:
        return None
    return Finding(
        slug="lazy-travel",
        heading="What lets it travel: the ball, the scale, an adversary",
        sentence=_travel_sentence(near, kinds["in balls, adversarial"]),
        numbers={
            curve.name: {
                "traveled_scaled": list(curve.at),
                "scaled_norm": curve.medians(),
                "robust_2": other.medians(),
                "networks": [len(group) for group in curve.groups],
            }
            for curve, other in zip(step, robust, strict=True)
        },
        figure=partial(figures.traveling, step, robust),
        statement=_TRAVEL,
    )


def _by_knob(rows: Rows) -> Sequence[Rows]:
    """Return the rows of every reach, or, where there is no ball, of every scale."""
    knob = "reach" if rows.values_of("reach") else "scale"
    groups = [rows.where(**{knob: value}) for value in rows.values_of(knob)]
    return sorted(groups, key=lambda group: group.median("traveled_scaled") or 0.0)


def _travel_sentence(near: Rows, against: Rows) -> str:
    told = []
    for name, rows in (("by plain training", near), ("by adversarial training", against)):
        groups = _by_knob(rows)
        if len(groups) > 1:
            told.append(f"{name}, {_robust_at(groups[0])} and {_robust_at(groups[-1])}")
    if not told:
        return "Too little was measured to say what traveling farther changes."
    return (
        "The share of the held-out images that are told right and withstand every single gradient "
        f"step of up to 2/√d, at d = {SHOWN * SHOWN}: {'; '.join(told)} (medians of "
        f"{len(_by_knob(near)[0])} networks). How W₁ is let travel, and the width, are in the "
        "picture."
    )


def _robust_at(rows: Rows) -> str:
    far = rows.median("traveled_scaled") or 0.0
    return f"{percent(rows.median('robust_2') or 0.0)} with W₁ {written(far)}/√k from its start"
