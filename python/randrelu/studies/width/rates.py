"""The distance in law from infinite width, and its rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.columns import numbers, rows, values
from randrelu.studies.estimates import Estimate
from randrelu.studies.kind import Columns, Finding
from randrelu.studies.width import figures
from randrelu.studies.width.distance import (
    NO_RATE,
    Rate,
    distance_of,
    rate_of,
    uniform_at_limit,
)

FROM = 0.5  # times d: the width from which the rate is fitted


def distances(law: Columns, networks: Columns) -> list[dict[str, Any]]:
    """Return the distance of every dimension, depth and width, and the rate over the widths."""
    found = []
    for dim in sorted({*values(law, "dim"), *values(networks, "dim")}):
        of_law = [(k, numbers(here, "ratio")) for k, here in _by_width(rows(law, dim=dim))]
        found.append(_series(round(dim), 1, "exact law", of_law))
        of_dim = rows(networks, dim=dim)
        for depth in values(of_dim, "depth"):
            ratios = [(k, _ratio(here)) for k, here in _by_width(rows(of_dim, depth=depth))]
            found.append(_series(round(dim), round(depth), "networks", ratios))
    return [series for series in found if series["widths"]]


def _by_width(table: Columns) -> list[tuple[float, Columns]]:
    return [(k, rows(table, width=k)) for k in values(table, "width")]


def _ratio(here: Columns) -> NDArray[np.float64]:
    before, after = numbers(here, "f_before"), numbers(here, "f_after")
    ratio: NDArray[np.float64] = after[before != 0] / before[before != 0]
    return ratio


def _series(
    dim: int, depth: int, source: str, ratios: Sequence[tuple[float, NDArray[np.float64]]]
) -> dict[str, Any]:
    widths, found, atoms = [], [], []
    for width, ratio in ratios:
        alive = ratio[np.isfinite(ratio)]
        distance = distance_of(uniform_at_limit(alive, dim, depth))
        if math.isfinite(distance.square):
            widths.append(round(width))
            found.append(distance)
            atoms.append(float(np.mean(np.abs(alive + 1) < 1e-9)))
    wide = [(k, d) for k, d in zip(widths, found, strict=True) if k >= FROM * dim]
    rate = rate_of(*zip(*wide, strict=True)) if wide else NO_RATE
    return {
        "dim": dim, "depth": depth, "source": source,
        "widths": widths, "distances": found, "atoms": atoms, "rate": rate,
    }  # fmt: skip


def finding(series: Sequence[Mapping[str, Any]]) -> Finding:
    """Return the picture of the distances."""
    rates = [f"{_where(s)} {power_in_words(s['rate'])}" for s in series if is_told(s)]
    sentences = []
    if rates:
        sentences.append(
            "The distance between the laws of f after over f before the linear step falls like "
            f"k^{{−b}}, fitted from k = d/2 on: {'; '.join(rates)}."
            + ("" if len(rates) == len(series) else " The other intervals of b are wider than 1.")
        )
    sentences += [_noise_sentence(s) for s in series]
    sentences += [_atom_sentence(s) for s in series if s["depth"] == 1]
    return Finding(
        slug="law",
        heading="Distance in law from infinite width",
        sentence=" ".join(sentences) or "Too little was measured to tell distances in law.",
        numbers={"series": [_plain(one) for one in series]},
        figure=partial(figures.law_figure, series),
    )


def power_in_words(rate: Rate) -> str:
    """Return b with its interval."""
    return f"b = {Estimate(rate.power, rate.low, rate.high, 0):.2f}"


def is_told(one: Mapping[str, Any]) -> bool:
    """Return whether the power is known to half a unit: a wider interval tells nothing."""
    return bool(one["rate"].high - one["rate"].low < 1)


def _where(one: Mapping[str, Any]) -> str:
    return f"d = {one['dim']}, depth {one['depth']}"


def _noise_sentence(one: Mapping[str, Any]) -> str:
    seen = [k for k, d in zip(one["widths"], one["distances"], strict=True) if d.seen]
    lost = [k for k in one["widths"] if k > max(seen, default=0)]
    of = "draws from the exact law" if one["source"] != "networks" else "networks"
    among = f"{one['distances'][-1].count:,} {of}"
    if lost:
        return f"At {_where(one)} it is lost in the noise of {among} from width {min(lost):,} on."
    return f"At {_where(one)} it is still seen among {among} of width {one['widths'][-1]:,}."


def _atom_sentence(one: Mapping[str, Any]) -> str:
    width, atom = one["widths"][-1], one["atoms"][-1]
    known = math.sqrt(math.pi * one["dim"] / 2) / width
    return (
        f"At d = {one['dim']} and width {width:,} no unit flips, and f is reflected exactly, in a "
        f"share of {atom:.2g}; √(πd/2)/k is {known:.2g}."
    )


def _plain(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{k: one[k] for k in ("dim", "depth", "source", "widths", "atoms")},
        "distances": [
            {**vars(d), "low": d.interval[0], "high": d.interval[1], "seen": d.seen}
            for d in one["distances"]
        ],
        "rate": vars(one["rate"]),
    }
