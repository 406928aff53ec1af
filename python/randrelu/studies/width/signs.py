"""Networks with random signs on top, as in an earlier paper, beside normal weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from randrelu.studies.columns import numbers, rows
from randrelu.studies.estimates import quantile
from randrelu.studies.kind import Columns, Finding
from randrelu.studies.width import figures
from randrelu.studies.width.attacks import measured


def points(table: Columns) -> list[dict[str, Any]]:
    """Return sizes and shares of sign changes for both kinds of the last layer."""
    found = []
    for top in ("signs", "normal"):
        of_top = rows(table, top=top)
        for point in measured(of_top):
            here = rows(of_top, dim=point["dim"], width=float(point["width"]))
            size = quantile(numbers(here, "flip_size") * np.sqrt(point["dim"]), 0.5)
            found.append({"top": top, **point, "flip_size": size})
    return found


def finding(told: Sequence[Mapping[str, Any]]) -> Finding:
    """Return the picture of steps that change the sign."""
    sentence = "Too little was measured to tell networks with signs on top."
    signs = [p for p in told if p["top"] == "signs"]
    if signs:
        parts = []
        for dim in sorted({p["dim"] for p in signs}):
            here = [p for p in signs if p["dim"] == dim]
            narrow, wide = here[0], here[-1]
            parts.append(
                f"At d = {dim} one step of size 2/√d changes the sign in "
                f"{narrow['flips_at_two']:.3f} of the networks of width {narrow['width']:,} and in "
                f"{wide['flips_at_two']:.3f} of width {wide['width']:,}, and at infinite width in "
                f"{wide['limit_flips_at_two']:.3f} exactly; the median of the smallest tried size "
                f"that does, times √d, is {wide['flip_size']:.2g} there (attained)."
            )
        over = [p for p in signs if p["width"] >= p["dim"]]
        held = sum(p["flips_at_two"].holds(p["limit_flips_at_two"]) for p in over)
        parts.append(
            f"Of the {len(over)} shares at widths of d and more, {held} have the one at infinite "
            "width in their 95 % interval."
        )
        sentence = " ".join(parts)
    return Finding(
        slug="signs",
        heading="Two layers with random signs on top",
        sentence=sentence,
        numbers={"points": told},
        figure=partial(figures.signs_figure, told),
        statement="Bubeck, Cherapanamjeri, Gidel and Tachet des Combes (2021, arXiv 2104.03863) "
        "take k ReLUs of independent N(0, I/d) weight vectors, summed with random signs over √k. "
        "Their introduction says that with high probability one gradient step of length about "
        "‖x‖/√d changes the sign of f, for widths well above d and well below exp(d^c) with some "
        "c > 0; with a smooth nonlinearity for all subexponential widths. (That introduction is "
        "what we read; the constants of the theorems are not drawn.)",
    )
