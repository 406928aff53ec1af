"""What data can say of a claim, and the one level at which they call it violated.

A check compares the parts of a claim with data, each by the function for its kind:

* an identity, which `identity` decides up to rounding;
* an exact law, whose `same_law` a test can reject and never prove;
* a probability of an event that every trial decides (`at_least`), or that a trial can only refute,
  because the event is about all points and some were looked at (`for_all`), or the claim is about
  all levels (`at_most`);
* such an event of all points with a bound that no point exceeds, which can show it (`certified`);
* the existence of something, which a trial can only show (`there_is`);
* a bound with a constant that the paper leaves open, or one that no data could break.

`conclude` puts the parts together.
"""

from __future__ import annotations

from dataclasses import dataclass

from randrelu.checks.result import Measurement

# How often a check, with all of its parts, may call a true statement violated.
FALSE_ALARM = 1e-3
# What can be said of a claim, from the strongest to the weakest support. "holds (certified)" is
# about all points, of which none exceeds a bound. "uninformative" is a bound that no data could
# break; "not shown" is said of what is claimed to exist and was not found.
CONCLUSIONS = (
    "holds", "holds (certified)", "consistent", "uninformative", "not shown", "violated",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """What data say of one part of a claim.

    Attributes
    ----------
    seen : str
        One of `CONCLUSIONS`, where the part is not refuted.
    p_value : float or None
        The probability that a true claim looks at least this bad; None where no data could refute
        it.
    """

    seen: str
    p_value: float | None = None


def conclude(*parts: Part) -> str:
    """Return what is left of a claim with these parts: its weakest one.

    It is violated where a true claim would look so bad with probability below `FALSE_ALARM`, all
    parts together (Bonferroni).
    """
    p_values = [part.p_value for part in parts if part.p_value is not None]
    if p_values and min(p_values) * len(p_values) < FALSE_ALARM:
        return "violated"
    return max((part.seen for part in parts), key=CONCLUSIONS.index)


def identity(is_true: bool) -> Part:
    """Judge what is true or false without any chance, up to rounding."""
    return Part("holds", None if is_true else 0.0)


def same_law(p_value: float) -> Part:
    """Judge an exact law by a test of it."""
    return Part("consistent", p_value)


def beside(p_value: float) -> Part:
    """Judge an exact law that the claim does not speak of, but that must not be rejected."""
    return Part(CONCLUSIONS[0], p_value)


def at_least(seen: Measurement, bound: float) -> Part:
    """Judge a probability that is claimed to be at least `bound`, by a share of the trials."""
    assert seen.low is not None
    return Part("holds" if seen.low >= bound else "consistent", _tail(seen, bound, "less"))


def at_most(seen: Measurement, bound: float) -> Part:
    """Judge a tail that is claimed to be at most `bound`, by a share of the trials.

    Such claims are about all levels, of which some were looked at.
    """
    return Part("consistent", _tail(seen, bound, "greater"))


def for_all(unrefuted: Measurement, bound: float) -> Part:
    """Judge a claim about all points, of probability at least `bound`.

    Every trial looked at some points; counted are those that found none which refutes it.
    """
    return Part("consistent", _tail(unrefuted, bound, "less"))


def certified(fits: Measurement, unrefuted: Measurement, bound: float) -> Part:
    """Judge a claim about all points, of probability at least `bound`, also by certified bounds.

    Counted are the trials whose certified bound fits, which shows the claim of them, and those that
    found no point which refutes it.
    """
    assert fits.low is not None
    shown = fits.low >= bound
    return Part("holds (certified)" if shown else "consistent", _tail(unrefuted, bound, "less"))


def there_is(found: Measurement, bound: float) -> Part:
    """Judge the claim that something exists with probability at least `bound`.

    Counted are the trials that found it; the others may not have looked in the right place.
    """
    assert found.low is not None
    return Part("holds" if found.low >= bound else "not shown")


def open_constant() -> Part:
    """Judge a bound whose constant the paper leaves open: some constant would always do."""
    return Part("consistent")


def unbreakable() -> Part:
    """Judge a bound that exceeds every value that is possible."""
    return Part("uninformative")


def _tail(seen: Measurement, bound: float, side: str) -> float:
    """Return the probability of a count this far on one side, where the bound is the truth."""
    from scipy.stats import binomtest

    assert seen.count is not None
    return float(binomtest(*seen.count, min(max(bound, 0.0), 1.0), alternative=side).pvalue)
