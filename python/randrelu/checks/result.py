"""What a check of one of the paper's statements found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import extras
from randrelu._support.shown import Shown
from randrelu.laws import CONFIDENCE, share_interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Hypothesis:
    """What the statement asks of its parameters, and whether they satisfy it.

    Attributes
    ----------
    asks : str
        The condition, with its number at these widths.
    has : str
        What there is instead.
    met : bool or None
        Whether the condition holds; None where the paper leaves one of its constants open, so that
        nobody can tell.
    """

    asks: str
    has: str
    met: bool | None


@dataclass(frozen=True)
class Measurement:
    """One measured number.

    Attributes
    ----------
    name : str
        What was measured.
    value : float
        The number.
    low, high : float or None
        The ends of its 95 % confidence interval, where there is one; infinite where the trials are
        too few for an end.
    count : tuple of int or None
        For a share of the trials: how many, out of how many.
    paper : str
        What the paper, or an exact law, says about it.
    smallest : bool
        Whether it is the smallest number for which something holds; infinite where none does.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    count: tuple[int, int] | None = None
    paper: str = ""
    smallest: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Check(Shown):
    """The outcome of `randrelu.check`.

    Attributes
    ----------
    statement : str
        The name of the statement.
    claim : str
        What the paper claims.
    parameters : mapping
        What the check was run with, in plain values: ``check(statement, **parameters)`` repeats it,
        also once they were JSON. ``rng`` is the seed.
    hypothesis : Hypothesis
        Whether the paper's claim covers these parameters at all.
    measurements : tuple of Measurement
        What was measured.
    conclusion : str
        Whether the claimed conclusion was seen at these parameters, hypothesis or not. "holds":
        the 95 % interval lies within the claim, or it is an identity. "holds (certified)": that of
        the networks in which a bound that no point exceeds does. "consistent": nothing speaks
        against it; that is the most to be said of an exact law, of all points or levels where
        some were looked at, and of a bound with an open constant. "uninformative": no data could
        break the bound. "not shown": what is claimed to exist was not found. "violated": a true
        claim would look so bad with probability below 0.001, over the whole check.
    trials : mapping of str to ndarray
        Everything that was measured, an entry per trial (or per row of a grid); ``seed`` is that of
        the trial's network.
    """

    statement: str
    claim: str
    parameters: Mapping[str, Any]
    hypothesis: Hypothesis
    measurements: tuple[Measurement, ...]
    conclusion: str
    trials: Mapping[str, NDArray[Any]]

    @property
    def verdict(self) -> str:
        """The conclusion where the hypothesis is met, else that it is open or not met."""
        if self.hypothesis.met:
            return self.conclusion
        return "hypothesis open" if self.hypothesis.met is None else "hypothesis not met"

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per trial; needs pandas."""
        return extras.frame(self.trials)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the trials as plain Python values; infinities become None."""
        return {
            "statement": self.statement,
            "claim": self.claim,
            "parameters": dict(self.parameters),
            "hypothesis": asdict(self.hypothesis),
            "measurements": [
                {k: _plain(v) for k, v in asdict(m).items()} for m in self.measurements
            ],
            "conclusion": self.conclusion,
            "verdict": self.verdict,
        }

    def _shown_words(self) -> str:
        return self.claim

    def _shown_columns(self) -> dict[str, list[Any]]:
        return {
            "measured": [m.name for m in self.measurements],
            "value": [
                m.value if m.count is None else f"{m.count[0]} of {m.count[1]}"
                for m in self.measurements
            ],
            "low": [m.low for m in self.measurements],
            "high": [m.high for m in self.measurements],
            "paper or exact law": [m.paper for m in self.measurements],
        }

    def __repr__(self) -> str:
        first = self.measurements[0]
        return (
            f"Check({self.statement!r}: {self.verdict}; conclusion {self.conclusion}, "
            f"{first.name}: {first.value:.4g})"
        )


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def share(name: str, successes: NDArray[np.bool_], paper: str = "") -> Measurement:
    """Return the share of the trials that succeeded, with its Clopper–Pearson interval."""
    return counted(name, int(successes.sum()), int(successes.size), paper)


def counted(name: str, count: int, trials: int, paper: str = "") -> Measurement:
    """Return a share of the trials, with its Clopper–Pearson interval."""
    low, high = share_interval(count, trials)
    return Measurement(name, count / trials, low, high, (count, trials), paper)


def relative(sizes: ArrayLike, to: ArrayLike) -> NDArray[np.float64]:
    """Return sizes/to; 0 where both are 0: nothing changed where there was nothing."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found: NDArray[np.float64] = np.where(np.equal(sizes, 0), 0.0, np.divide(sizes, to))
    return found


def constant_needed(
    name: str, needed: NDArray[np.float64], of_trials: float, paper: str = ""
) -> Measurement:
    """Return the smallest constant for which a claim held in that share of the trials.

    Its interval is the exact one of that quantile of the law.
    """
    low, high = quantile_interval(needed, of_trials)
    return Measurement(
        f"smallest {name}, {100 * of_trials:g}% of trials",
        smallest_constant(needed, of_trials),
        low,
        high,
        paper=paper,
        smallest=True,
    )


def quantile(
    name: str,
    values: NDArray[np.float64],
    q: float,
    law: Callable[[float], Any] | None = None,
    limit: Callable[[float], Any] | None = None,
) -> Measurement:
    """Return a quantile of what was measured, beside that of its exact law where there is one.

    The `limit` of that law is its quantile at infinite width.
    """
    paper = "" if law is None else f"{law(q):.4g} (exact law)"
    if limit is not None:
        paper += f"; {limit(q):.4g} (infinite width)"
    low, high = quantile_interval(values, q)
    return Measurement(name, float(np.quantile(values, q)), low, high, paper=paper)


def smallest_constant(ratios: NDArray[np.float64], of_trials: float) -> float:
    """Return the smallest c with ratio ≤ c in at least the share `of_trials` of the trials.

    A trial that no constant saves has an infinite ratio.
    """
    needed = math.ceil(of_trials * ratios.size - 1e-9)  # 0.95 × 200 is 190, not 191
    return float(np.sort(ratios)[max(needed, 1) - 1])


def quantile_interval(
    values: NDArray[np.float64], q: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the exact confidence interval of a law's quantile: two order statistics of its draws.

    As many draws lie at or below the quantile as a binomial number says, whatever the law. Where
    the draws are too few for an end, it is infinite.
    """
    from scipy.stats import binom

    law, tail = binom(values.size, q), (1 - confidence) / 2
    first, after = int(law.ppf(tail)), int(law.isf(tail)) + 1  # counted from 1
    ordered = np.r_[-np.inf, np.sort(values), np.inf]
    return float(ordered[first]), float(ordered[after])
