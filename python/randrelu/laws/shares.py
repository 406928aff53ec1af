"""The exact interval of a probability that was counted."""

from __future__ import annotations

from randrelu._support import arguments

CONFIDENCE = 0.95  # of the intervals that checks and figures show


def share_interval(count: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact (Clopper–Pearson) confidence interval of a probability.

    `count` is how many of the independent `trials` succeeded.
    """
    trials = arguments.integer("trials", trials, at_least=1, at_most=arguments.WIDEST)
    count = arguments.integer("count", count, at_least=0, at_most=trials)
    confidence = arguments.probability("confidence", confidence)
    from scipy.stats import binomtest

    interval = binomtest(count, trials).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)
