"""Sizes and success of attacks over the width, at infinite width, and how linear the way is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from operator import add, mul
from typing import Any

import numpy as np

from randrelu import laws
from randrelu.studies.columns import numbers, rows, values
from randrelu.studies.estimates import listed, quantile, share, written
from randrelu.studies.kind import Columns, Finding
from randrelu.studies.width import figures
from randrelu.studies.width.means import mean

MANY = 50  # networks are enough for a share in a sentence
_QUANTILES = (np.arange(4000) + 0.5) / 4000  # to average over the law of the linear step's size


def measured(tables: Columns) -> list[dict[str, Any]]:
    """Return what attacks came to for every dimension, depth and width; without width the limit."""
    found = []
    for dim in values(tables, "dim"):
        of_dim = rows(tables, dim=dim, layer=1)
        for depth in values(of_dim, "depth"):
            for width in [*values(of_dim, "width"), math.nan]:
                here = rows(of_dim, depth=depth, width=width)
                if numbers(here, "dim").size:
                    found.append(_of_point(here, round(dim), round(depth), width))
    return found


def _of_point(here: Columns, dim: int, depth: int, width: float) -> dict[str, Any]:
    ratio, at_two = numbers(here, "ratio"), numbers(here, "ratio_at_two")
    limit, two = laws.limit_step(dim, depth), laws.limit_step(dim, depth, size=2 / math.sqrt(dim))
    root = math.sqrt(dim)
    # The exact law is that of E‖∇f(x) − ∇f(y)‖²/E‖∇f‖².
    square = mean(numbers(here, "gradient_deviation") ** 2, numbers(here, "grad_norm") ** 2)
    predicted = numbers(here, "predicted_gradient_deviation")
    return {
        "dim": dim,
        "depth": depth,
        "width": None if math.isnan(width) else round(width),
        "size": quantile(numbers(here, "success_size") * root, 0.5),
        "found": share(np.isfinite(numbers(here, "success_size"))),
        "flips": share(ratio < 0),
        "limit_flips": limit.flips,
        "flips_at_two": share(at_two < 0),
        "limit_flips_at_two": two.flips,
        "reaches_at_two": share(at_two <= -1),
        "limit_reaches_at_two": two.succeeds,
        "deviation": quantile(numbers(here, "deviation"), 0.5),
        "gradient": square.through(_root),
        "predicted_gradient": mean(predicted**2).through(_root).value,
        "unflipped": share(np.abs(ratio + 1) < 1e-9),
    }


def by_layer(tables: Columns, dim: float, depth: float) -> list[dict[str, Any]]:
    """Return the flips of every layer on the linear step, beside what the arc-cosine map has.

    How long that step is has a known law at any width, so that of a share only its difference to
    what is predicted for the network's own step is averaged.
    """
    sizes = np.asarray(laws.linear_step_norm_quantile(_QUANTILES, round(dim)), np.float64)
    shares = laws.flip_fractions(2 * np.arcsin(np.minimum(sizes / 2, 1)), round(depth)).mean(axis=0)
    found = []
    for width in values(tables, "width"):
        for layer, predicted in enumerate(shares.tolist(), start=1):
            here = rows(tables, dim=dim, depth=depth, width=width, layer=float(layer))
            more = mean(numbers(here, "share") - numbers(here, "predicted_share"))
            if more.networks:
                share = more.through(partial(add, predicted))
                found.append(
                    {
                        "width": round(width),
                        "layer": layer,
                        "share": share,
                        "count": share.through(partial(mul, width)),
                        "predicted_share": predicted,
                    }
                )
    return found


def sizes(points: Sequence[Mapping[str, Any]]) -> Finding:
    """Return the picture of sizes and success over the width."""
    told = [p for p in points if p["depth"] in _ends(points, "depth")]
    return Finding(
        slug="sizes",
        heading="Size and success against width",
        sentence=" ".join(
            filter(None, map(partial(_size_sentence, points), sorted({p["dim"] for p in points})))
        )
        or "Too little was measured to tell sizes.",
        numbers={"points": points},
        figure=partial(figures.sizes_figure, told),
        statement="Theorem 1.1 (Bartlett, Bubeck and Cherapanamjeri 2021): for fixed depth ℓ, if "
        "the narrowest of input and layers is at least c₁ (log of the widest)^c₂ log(1/δ), then "
        "with probability 1 − δ some step along the gradient, no longer than c₃ √(log(1/δ)/d) ‖x‖, "
        "changes the sign of f without making |f| smaller. What happens where a layer is wider "
        "than that is the paper's second open question.",
    )


def widest(finite: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the widest point with networks enough for a share; points ascend in width."""
    many = [p for p in finite if p["reaches_at_two"].networks >= MANY]
    return many[-1] if many else finite[-1]


def _size_sentence(points: Sequence[Mapping[str, Any]], dim: int) -> str:
    here = [p for p in points if p["dim"] == dim]
    depth = max(p["depth"] for p in here)
    finite = [p for p in here if p["width"] is not None and p["depth"] == depth]
    if not finite:
        return ""
    narrow, wide, last = finite[0], widest(finite), finite[-1]
    few = (
        f", in {last['reaches_at_two']:.3f} of {last['reaches_at_two'].networks} of width "
        f"{last['width']:,}"
        if last is not wide
        else ""
    )
    limit = next((p for p in here if p["width"] is None and p["depth"] == depth), None)
    at_limit = "" if limit is None else f", at infinite width {limit['size']:.2g}"
    return (
        f"At d = {dim} and depth {depth} the step of size 2/√d reaches −f in "
        f"{narrow['reaches_at_two']:.3f} of the networks of width {narrow['width']:,} and in "
        f"{wide['reaches_at_two']:.3f} of width {wide['width']:,} "
        f"({wide['reaches_at_two'].networks} networks){few}; at infinite width it is "
        f"{wide['limit_reaches_at_two']:.3f} exactly. The linear step changes the "
        f"sign in {narrow['flips']:.3f} and {wide['flips']:.3f}, and at "
        f"infinite width in {wide['limit_flips']:.3f} exactly. The "
        f"median of the smallest tried size that reaches it, times √d, goes from "
        f"{narrow['size']:.2g} to {wide['size']:.2g}{at_limit} (attained; ∞ where fewer than half "
        "of the networks have one)."
    )


def linearity(points: Sequence[Mapping[str, Any]]) -> Finding:
    """Return the picture of how far f and its gradient are from those of a linear function."""
    told = [p for p in points if p["dim"] == max(q["dim"] for q in points)]
    finite = [p for p in told if p["width"] is not None]
    sentence = "Too little was measured to tell how linear f is."
    if finite:
        depth = max(p["depth"] for p in finite)
        deep = [p for p in finite if p["depth"] == depth]
        narrow, wide = deep[0], widest(deep)
        gradient, exact = wide["gradient"], wide["predicted_gradient"]
        like = "as at" if gradient.holds(exact) else "where it is not yet as at"
        sentence = (
            f"At d = {wide['dim']} and depth {depth}, f leaves its tangent on the linear step by a "
            f"median of {narrow['deviation']:.2g} of the change that the step is for at width "
            f"{narrow['width']:,}, and of {wide['deviation']:.2g} at width {wide['width']:,} "
            f"(sampled at four places). In the ball that this step reaches, ‖∇f(x) − ∇f(y)‖ is "
            f"{gradient:.2g} of ‖∇f‖ in the root mean square at that width (sampled), {like} "
            f"infinite width, whose law has {exact:.2g} for these points."
        )
    return Finding(
        slug="linearity",
        heading="How linear f stays on the way",
        sentence=sentence,
        numbers={"points": told},
        figure=partial(figures.linearity_figure, told),
    )


def layers(tables: Columns) -> Finding:
    """Return the picture of the flips of every layer, at the largest dimension and depth."""
    found: list[dict[str, Any]] = []
    dim, depth = max(values(tables, "dim"), default=0.0), max(values(tables, "depth"), default=0.0)
    if dim > 1 and depth:
        found = by_layer(tables, dim, depth)
    sentence = "Too little was measured to tell flips."
    if found:
        last = [row for row in found if row["width"] == found[-1]["width"]]
        first = [row for row in found if row["width"] == found[0]["width"]]
        held = [r["share"].holds(r["predicted_share"]) for r in found]
        first_held = held.index(True) if True in held else len(held)
        before = found[first_held - 1]["width"] if first_held else 0
        narrow, wide = ([100 * row["share"].value for row in ends] for ends in (first, last))
        predicted = [100 * row["predicted_share"] for row in last]
        sentence = (
            f"On the linear step at d = {dim:.0f} and depth {depth:.0f} the layers flip "
            f"{_listed(narrow, '.2g')} % of their units at width "
            f"{first[0]['width']:,} and {_listed(wide, '.3g')} % at "
            f"width {last[0]['width']:,}, where the arc-cosine map has "
            f"{_listed(predicted, '.3g')} % at infinite width. "
            f"The number of flips grows with the width, to "
            f"{_listed((r['count'].value for r in last), ',.0f')}. "
            f"{sum(held)} of the {len(held)} intervals of layers and widths hold the prediction"
            + (f"; the first {first_held}, up to width {before:,}, do not." if before else ".")
        )
    return Finding(
        slug="flips",
        heading="Units that flip, layer by layer",
        sentence=sentence,
        numbers={"rows": found},
        figure=partial(figures.flips_figure, found),
    )


def _listed(values: Iterable[float], spec: str) -> str:
    return listed(written(value, spec) for value in values)


def _root(square: float) -> float:
    return math.sqrt(max(square, 0.0))  # an end of an interval may be below 0


def _ends(points: Sequence[Mapping[str, Any]], name: str) -> set[Any]:
    found = {p[name] for p in points}
    return {min(found), max(found)} if found else set()
