"""Numbers of many networks with their 95 % intervals, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu.checks.result import quantile_interval

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number, its 95 % interval, and from how many networks it is; NaN where it is unknown."""

    value: float
    low: float
    high: float
    networks: int

    def __format__(self, spec: str) -> str:
        """Return "value (low … high)", every number in this format; "59 % (53 … 64 %)" with a %.

        Without a format numbers have two digits, and percents a tenth where the interval is short.
        """
        if math.isnan(self.value):
            return "unknown"
        scale, unit = (100, " %") if spec.endswith("%") else (1, "")
        if spec == "%":
            spec = f".{int(self.high - self.low < 0.1)}f"
        spec, scaled = spec.removesuffix("%"), self.through(lambda number: scale * number)
        return f"{written(scaled.value, spec)}{unit} ({scaled.between(spec, unit)})"

    def between(self, spec: str = "", unit: str = "") -> str:
        """Return the interval, "low … high", in words where there is none."""
        if math.isnan(self.low) or math.isnan(self.high):
            return "no interval: too little was measured"
        return f"{written(self.low, spec)} … {written(self.high, spec)}{unit}"

    def holds(self, value: float) -> bool:
        """Return whether a value is in the interval."""
        return self.low <= value <= self.high

    def through(self, increasing: Callable[[float], float]) -> Estimate:
        """Return the estimate of an increasing function of the number."""
        value, low, high = map(increasing, (self.value, self.low, self.high))
        return Estimate(value, low, high, self.networks)


NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def chance(p: float) -> str:
    """Return how a p-value is written: "p = 0.043", and no p-value is 0."""
    return f"p = {p:.2g}" if p >= 1e-300 else "p < 1e-300"


def written(value: float, spec: str = "") -> str:
    """Return a number in a format, with "−" and "∞" for its signs.

    By default it has two digits, and is an integer from 10 on.
    """
    spec = spec or (".0f" if abs(value) > 9.95 else "#.2g")
    return f"{value:{spec}}".replace("-", "−").replace("inf", "∞")


def listed(parts: Iterable[str]) -> str:
    """Return parts of a sentence as a list."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def percent(share: float) -> str:
    """Return a share without an interval, in whole percents."""
    return f"{100 * share:.0f} %"


def middle(values: _Floats) -> float:
    """Return the median, NaN where there are no numbers; a missing one is above all others.

    Between a number and an infinite one it is infinite.
    """
    if not values.size:
        return math.nan
    return float(np.median(np.where(np.isnan(values), np.inf, values)))


def median(values: _Floats) -> Estimate:
    """Return the median of networks, with its exact interval between two order statistics.

    A missing number counts as infinite: a size that was not found is above all that were tried.
    Fewer than 6 networks do not bound the median: it is from −∞ to ∞.
    """
    if not values.size:
        return NOTHING
    above = np.where(np.isnan(values), np.inf, values)
    return Estimate(middle(above), *quantile_interval(above, 0.5), above.size)


def quantile(values: _Floats, q: float) -> Estimate:
    """Return the smallest number that at least a share q of the networks do not exceed.

    It is one of the numbers, also for q = ½, where a median may lie between two of them. Its
    interval, and what is missing, are as for `median`.
    """
    if not values.size:
        return NOTHING
    above = np.sort(np.where(np.isnan(values), np.inf, values))
    found = float(above[math.ceil(q * above.size) - 1])
    return Estimate(found, *quantile_interval(above, q), above.size)


def share(held: NDArray[np.bool_]) -> Estimate:
    """Return the share of networks for which something holds, with its exact interval."""
    return share_of(int(held.sum()), held.size)


def share_of(count: int, networks: int) -> Estimate:
    """Return the share of so many of the networks, with its exact interval."""
    if not networks:
        return NOTHING
    return Estimate(count / networks, *laws.share_interval(count, networks), networks)


def plain(found: Any) -> Any:
    """Return mappings and lists with every estimate in them by the names of its numbers."""
    if isinstance(found, Estimate):
        return asdict(found)
    if isinstance(found, Mapping):
        return {name: plain(value) for name, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [plain(value) for value in found]
    return found
