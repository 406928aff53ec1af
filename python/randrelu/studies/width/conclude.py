"""What the study found, from the tables of its sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from randrelu.studies.columns import numbers
from randrelu.studies.kind import Columns, Conclusion
from randrelu.studies.width import attacks, exponential, rates, signs
from randrelu.studies.width.rates import is_told, power_in_words


def conclude(tables: Mapping[str, Columns]) -> Conclusion:
    """Return the answer and the pictures, from the tables of `parts` by their slugs."""
    ladder = _together([tables[slug] for slug in ("ladder", "wide", "widest")])
    points = attacks.measured(ladder)
    series = rates.distances(tables["law"], tables["distance"])
    small = attacks.measured(tables["small"])
    trends = exponential.trends(small)
    return Conclusion(
        answer=_answer(points, series, trends, small),
        findings=(
            attacks.sizes(points),
            rates.finding(series),
            attacks.layers(ladder),
            exponential.finding(small, trends),
            signs.finding(signs.points(tables["signs"])),
            attacks.linearity(points),
        ),
        limits=(
            "All of this is about one fixed point and networks at their random start; that one "
            "point is attacked says nothing about all points at once.",
            "Smallest sizes are those of 25 tried steps against the sign of f, from 1/4 to 16 "
            "times 1/√d and 2^{1/4} apart: attained, and up to that factor above the true ones "
            "where success is monotone in the size. Steps along +sign(f)∇f are not tried.",
            "exp(√d) is passed only for small d, where it is little more than d itself, so that "
            "below it finite width shows, too; exp(d) only for d up to 8. A change at a larger "
            "exponent, or one whose constants make it begin at larger widths, would not be seen; "
            "but the law at infinite width is exact, and there is nothing after it.",
            "A power of the distance is fitted over the widths that were drawn, for two bends; "
            "another bend would have another power, and a fit is no proof of a rate.",
        ),
    )


def _together(tables: Sequence[Columns]) -> Columns:
    """Return the numbers of tables as one table."""
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: np.concatenate([numbers(table, name) for table in tables]) for name in names}


def _answer(
    points: Sequence[Mapping[str, Any]],
    series: Sequence[Mapping[str, Any]],
    trends: Mapping[str, Any],
    small: Sequence[Mapping[str, Any]],
) -> str:
    finite = [p for p in points if p["width"] is not None]
    if not finite:
        return "Too little was measured to say what happens at very large width."
    last = attacks.widest(sorted(finite, key=lambda p: (p["width"], p["dim"], p["depth"])))
    first = next(p for p in finite if (p["dim"], p["depth"]) == (last["dim"], last["depth"]))
    share, exact = last["reaches_at_two"], last["limit_reaches_at_two"]
    agrees = share.holds(exact)
    like = "are attacked like" if agrees else "are not attacked quite like"
    sentences = [
        f"Very wide networks {like} infinitely wide ones, which are attacked, too: at d = "
        f"{last['dim']} and depth {last['depth']} one gradient step of size 2/√d reaches −f "
        f"in {first['reaches_at_two']:.3f} of the networks at width {first['width']:,}, in "
        f"{share:.3f} at width {last['width']:,}, and with probability {exact:.3f}, exactly, at "
        "infinite width."
    ]
    known = [one for one in series if is_told(one)]
    if known:
        one = min(known, key=lambda s: s["rate"].high - s["rate"].low)
        sentences.append(
            f"The distance in law from the limit falls like k^{{−b}}, {power_in_words(one['rate'])}"
            f", where it is known best, at d = {one['dim']} and depth {one['depth']}."
        )
    beyond, level = trends["beyond"], trends["above_limit"]
    if beyond is not None and level is not None:
        dims = sorted({p["dim"] for p in small})
        seen = "No change is seen" if beyond.holds(0) else "A trend is seen"
        sentences.append(
            f"{seen} where the width passes exp(√d), for d = {dims[0]} … {dims[-1]}: beyond what "
            f"finite width explains, this share moves there by {beyond:+.3f} for every √d in log k "
            f"({exponential.seen_in_words(beyond)}); and it lies {level:+.3f} from the limit's."
        )
    return " ".join(sentences)
