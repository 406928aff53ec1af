"""Sweeps beside a plain loop over the same trials, and on two processes beside one."""

import shutil
from functools import partial

import numpy as np
import pytest
import randrelu as rr
from randrelu.sweeps.grid import Point
from sweep_trials import ten_milliseconds
from turns import alone, in_turns

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


class TestOverhead:
    GROUP = f"{TRIALS} trials of about 10 ms, one thread each"

    @pytest.fixture(scope="class")
    def check(self):
        """A sweep or a loop has the numbers of a plain loop over the first trials."""
        expected = plain_loop(20)

        def check(found):
            norms = found if isinstance(found, list) else found.to_arrow()["norm"].to_numpy()
            np.testing.assert_array_equal(norms[:20], expected)

        return check

    def test_a_sweep_in_this_process_beside_a_plain_loop(self, benchmark, tmp_path, check):
        ours, theirs = partial(sweep, tmp_path / "s"), partial(plain_loop, TRIALS)
        in_turns(benchmark, self.GROUP, "a plain loop", ours, theirs, check, rounds=3)

    def test_two_processes_beside_one(self, benchmark, tmp_path, check):
        """Starting them included."""
        ours, theirs = (partial(sweep, tmp_path / "s", TRIALS, n) for n in (2, 1))
        in_turns(
            benchmark, self.GROUP, "a sweep in one process, ours in two", ours, theirs, check,
            rounds=3,
        )  # fmt: skip


def test_widths(benchmark, tmp_path):
    grid = {"width": [10**3, 10**4, 10**5, 10**6], "depth": [3]}

    def attack():
        shutil.rmtree(tmp_path / "s", ignore_errors=True)
        return rr.sweep("attack", grid=grid, trials=100, rng=0, store=tmp_path / "s")

    def check(found):
        medians = found.to_pandas().groupby("width").relative_norm.median()
        slope = np.polyfit(np.log(medians.index), np.log(medians), 1)[0]
        assert abs(slope + 0.5) < 0.1  # four standard errors

    group = "attack, widths 10³ … 10⁶ at depth 3, 100 trials each, deferred"
    alone(benchmark, group, attack, check, rounds=2, warmup_rounds=0)


def test_opening_a_store_of_many_blocks(benchmark, tmp_path):
    blocks = 10_000
    given = {"points": [{"width": 9}], "trials": 1, "rng": 0, "store": tmp_path}
    rr.sweep(ten_milliseconds, **given)
    (file,) = (tmp_path / "trials").iterdir()
    points = [{"width": width} for width in range(1, blocks + 1)]
    for point in points:
        copy = tmp_path / f"trials/{Point(point).key}-0-1.parquet"
        copy.write_bytes(file.read_bytes())

    def check(found):
        assert len(found.to_arrow()) == blocks and not found.failures

    opened = partial(rr.sweep, ten_milliseconds, **given | {"points": points})
    group = f"going on with a store of {blocks} blocks, none of them missing"
    alone(benchmark, group, opened, check, rounds=3)
