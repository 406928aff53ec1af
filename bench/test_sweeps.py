"""Sweeps beside a plain loop over the same trials, and on two processes beside one."""

import shutil

import numpy as np
import pytest
import randrelu as rr
from randrelu.sweeps.grid import Point
from sweep_trials import ten_milliseconds

POINT, TRIALS = {"width": 1000}, 2000


def plain_loop(trials):
    point = Point(POINT)
    return [ten_milliseconds(POINT, point.generator(0, t))["norm"] for t in range(trials)]


def sweep(folder, trials=TRIALS, executor=None):
    shutil.rmtree(folder, ignore_errors=True)
    found = rr.sweep(
        ten_milliseconds, points=[POINT], trials=trials, rng=0, store=folder, executor=executor
    )
    assert not found.failures
    return found


@pytest.mark.benchmark(group=f"{TRIALS} trials of about 10 ms, one thread each")
class TestOverhead:
    def test_plain_loop(self, benchmark):
        benchmark.pedantic(plain_loop, args=(TRIALS,), rounds=3, warmup_rounds=1)

    @pytest.mark.parametrize("executor", [None, 1, 2])
    def test_sweep(self, benchmark, tmp_path, executor):
        """None: this process; 1 and 2: processes, starting them included."""
        expected = plain_loop(20)
        found = sweep(tmp_path / "s", 20, executor).to_arrow()["norm"].to_numpy()
        np.testing.assert_array_equal(found, expected)
        benchmark.pedantic(sweep, args=(tmp_path / "s", TRIALS, executor), rounds=3)


@pytest.mark.benchmark(group="attack, widths 10³ … 10⁶ at depth 3, 100 trials each, deferred")
def test_widths(benchmark, tmp_path):
    grid = {"width": [10**3, 10**4, 10**5, 10**6], "depth": [3]}

    def attack():
        shutil.rmtree(tmp_path / "s", ignore_errors=True)
        return rr.sweep("attack", grid=grid, trials=100, rng=0, store=tmp_path / "s")

    found = benchmark.pedantic(attack, rounds=2)
    medians = found.to_pandas().groupby("width").relative_norm.median()
    slope = np.polyfit(np.log(medians.index), np.log(medians), 1)[0]
    assert abs(slope + 0.5) < 0.1  # four standard errors
