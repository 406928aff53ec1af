"""Whether shares of networks agree with a law, and with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.depth.fits import Counts, chi_square, deviance

_Floats = NDArray[np.float64]

REFUTED = 0.01  # p-values below this refute
_DRAWS = 9_999
_SEED = 20_210_607
_FEWEST = 5  # expected successes, and misses, below which a χ² law is no approximation


def chance_of(counts: Counts, law: _Floats) -> float:
    """Return the p-value of a law of the shares, by the deviance in draws from the law.

    Its χ² law would not do: where the law's share is nearly 0 or 1 the deviance is nearly 0, and
    how many of the points are free is not clear.
    """
    # Shares of exactly 0 and 1 are possible at every point.
    law = np.clip(law, 1e-12, 1 - 1e-12)
    generator = np.random.default_rng(_SEED)
    drawn = generator.binomial(counts.networks.astype(int), law, (_DRAWS, law.size))
    others = deviance(counts.networks, drawn.astype(np.float64), law)
    own = float(deviance(counts.networks, counts.successes, law))
    return float(1 + np.sum(others >= own * (1 - 1e-9))) / (1 + _DRAWS)


@dataclass(frozen=True)
class Collapse:
    """Whether the shares of all d are one at the same ℓ/√d, whatever it is."""

    p_value: float
    freedom: int
    statistic: float
    largest_gap: float


def collapse(counts: Counts) -> Collapse | None:
    """Compare the shares of several d at the same ℓ/√d; None where there are none.

    No form of the curve is assumed, which could be wrong.
    """
    ratio = np.round(np.log2(counts.ratio), 2)
    statistic, freedom, gaps = 0.0, 0, [0.0]
    for value in np.unique(ratio):
        here = counts.where(ratio == value)
        share = here.successes.sum() / here.networks.sum()
        if here.dim.size < 2 or here.networks.min() * min(share, 1 - share) < _FEWEST:
            continue
        statistic += float(deviance(here.networks, here.successes, share))
        freedom += here.dim.size - 1
        gaps.append(float(np.ptp(here.share)))
    if not freedom:
        return None
    return Collapse(chi_square(statistic, freedom), freedom, statistic, max(gaps))
