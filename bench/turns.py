"""How everything here is timed: each side is checked first, and peers are taken in turns.

A machine that is shared slows down and speeds up again within seconds. What two runs took is
therefore compared pair by pair, each run of ours with the peer's run right after it, and the median
of these ratios is what is reported; the ratio of two medians would mix fast and slow minutes.
"""

from dataclasses import dataclass
from time import perf_counter, sleep

import numpy as np

# Threads that have nothing to do spin for a while before they sleep (OpenBLAS's for about 25 ms),
# and would take the cores from the other side's run.
PAUSE = 0.03


@dataclass(frozen=True)
class Pairs:
    """The seconds that ours and the peer's took for the same work, a pair a round."""

    group: str
    peer: str
    ours: np.ndarray
    theirs: np.ndarray

    @property
    def ratio(self):
        """The median of ours ÷ peer over the pairs, and the quartiles around it."""
        low, median, high = np.quantile(self.ours / self.theirs, [0.25, 0.5, 0.75])
        return float(median), (float(low), float(high))

    def line(self):
        median, (low, high) = self.ratio
        return (
            f"{in_words(np.median(self.ours)):>9} ÷ {in_words(np.median(self.theirs)):>9}"
            f"  {median:9.3g}  [{low:.3g}, {high:.3g}] of {self.ours.size:3} pairs  {self.peer}"
        )


PAIRS: list[Pairs] = []  # of this run of pytest, for the table at its end
RATES: dict[str, str] = {}  # what the machine did by itself in the same run


def in_words(seconds):
    """Three digits in the unit that reads well."""
    units = ((1, "s"), (1e-3, "ms"))
    size, unit = next((pair for pair in units if seconds >= pair[0]), (1e-6, "µs"))
    return f"{seconds / size:.3g} {unit}"


def alone(benchmark, group, work, check, *, rounds, warmup_rounds=1, fresh=None):
    """Check what `work` returns, and time it by itself.

    Where `fresh` is given, each run gets what that returns, and its making is not timed.
    """
    benchmark.group = group
    setup = fresh and (lambda: ((fresh(),), {}))
    check(work(fresh()) if fresh else work())
    benchmark.pedantic(work, setup=setup, rounds=rounds, warmup_rounds=warmup_rounds)


def in_turns(benchmark, group, peer, ours, theirs, check, *, rounds, at_once=1):
    """Check what both return, and time ours, theirs, ours, theirs, …

    pytest-benchmark's own table shows the peer; its rounds are those of the pairs. A call of ours
    does the peer's work `at_once` times.
    """
    benchmark.group = group
    for side in (ours, theirs):
        check(side())
    seconds = []

    def ours_first():
        sleep(PAUSE)
        began = perf_counter()
        ours()
        seconds.append((perf_counter() - began) / at_once)
        sleep(PAUSE)

    benchmark.pedantic(theirs, setup=ours_first, rounds=rounds, warmup_rounds=1)
    if benchmark.disabled:
        return
    pairs = Pairs(
        group,
        peer,
        np.array(seconds[1 : rounds + 1]),  # without the pair that warms up
        np.array(benchmark.stats.stats.data),
    )
    PAIRS.append(pairs)
    benchmark.extra_info["ours"] = in_words(np.median(pairs.ours))
    benchmark.extra_info["ours ÷ peer"], benchmark.extra_info["quartiles"] = pairs.ratio


def rate(benchmark, what, amount, unit):
    """Keep what the machine does at its best, `amount` in the shortest of the rounds."""
    if not benchmark.disabled:
        RATES[what] = f"{amount / benchmark.stats.stats.min:.4g} {unit}"


def table():
    """The lines of the table at the end of a run."""
    for group in dict.fromkeys(pairs.group for pairs in PAIRS):
        yield group
        yield from (f"  {pairs.line()}" for pairs in PAIRS if pairs.group == group)
    for what, speed in RATES.items():
        yield f"the machine's own {what}: {speed}"
