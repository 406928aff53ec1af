"""Numbers in sentences, and what the paper says."""

from __future__ import annotations

import math
from collections.abc import Sequence

THEOREMS = (
    "Theorem 1.1: networks of constant depth are sensitive, so the power is above 0. Theorem 3.1: "
    "f is nearly constant from ℓ = d³ on, so it is at most 3. (Both ask for wider layers than "
    "these.)"
)


def number(value: float, spec: str = ".3f") -> str:
    """Return a number in a format, with signs that are no hyphens."""
    return f"{value:{spec}}".replace("-", "−").replace("inf", "∞")


def between(low: float, high: float, spec: str = ".3f") -> str:
    """Return an interval in words."""
    if math.isnan(low) or math.isnan(high):
        return "no interval: too few resamples have one"
    return f"{number(low, spec)} … {number(high, spec)}"


def percent(share: float, low: float, high: float) -> str:
    """Return a share with its interval in percent."""
    return f"{100 * share:.3g} % ({100 * low:.3g} … {100 * high:.3g} %)"


def listed(parts: Sequence[str]) -> str:
    """Return parts of a sentence as a list."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
