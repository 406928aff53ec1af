"""Where a sweep runs, and workers that die."""

import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import sweep_experiments as ours
from randrelu._support.threads import thread_number
from randrelu.sweeps.grid import Point
from sweep_helpers import run, same


class TestExecutors:
    def test_every_executor_gives_the_same_table(self):
        serial = run()
        assert same(serial, run(executor=2))
        with ThreadPoolExecutor(3) as threads:
            assert same(serial, run(executor=threads))
        with ProcessPoolExecutor(2) as processes:
            assert same(serial, run(executor=processes))

    def test_processes_share_the_work_and_the_cores(self):
        found = run(ours.pids, trials=20, executor=2).to_pandas()
        assert found.pid.nunique() == 2 and os.getpid() not in set(found.pid)
        for executor, threads, expected in ((2, 6, 3), (2, 1, 1), (None, 5, 5)):
            found = run(ours.share, trials=1, executor=executor, threads=threads)
            assert set(found.to_pandas().threads) == {expected}

        assert thread_number(None) == 0

    def test_functions_that_cannot_be_sent(self):
        with pytest.raises(TypeError, match="cannot be sent the experiment"):
            run(lambda params, rng: {"value": 1.0}, executor=2)
        assert run(lambda params, rng: {"value": 1.0}).to_arrow().num_rows == 120

    def test_an_executor_of_ones_own_stays_open(self):
        with ThreadPoolExecutor(1) as threads:
            run(executor=threads)
            assert threads.submit(int).result() == 0


class TestDeadWorkers:
    @pytest.mark.parametrize("own", [True, False])
    def test_workers_that_die_cost_no_other_trial(self, own):
        grid = {"a": [0, 1, 0.5]}
        values = {
            (a, t): Point({"a": a}).generator(0, t).random() for a in grid["a"] for t in range(20)
        }
        deadly = {key for key, value in values.items() if value < 0.05 * key[0]}
        assert len(deadly) == 2  # by the seed
        if own:
            found = run(ours.dies_of_half, grid=grid, executor=2)
        else:
            with ProcessPoolExecutor(2) as pool:
                found = run(ours.dies_of_half, grid=grid, executor=pool)
        assert {(f.params["a"], f.trials.start) for f in found.failures} == deadly
        assert all(len(f.trials) == 1 and "terminated abruptly" in f.error for f in found.failures)
        frame = found.to_pandas()
        assert len(frame) == 60 - len(deadly)
        assert not set(zip(frame.a, frame.trial, strict=True)) & deadly
        assert all(values[row.a, row.trial] == row.value for row in frame.itertuples())

    def test_a_worker_dies_while_it_sends_a_result(self, tmp_path):
        """The pool reads the rest of it for ever, and the other worker cannot send its own."""
        grid = {"a": [1, 2, 3], "folder": [str(tmp_path)]}
        found = run(ours.dies_while_it_sends, grid=grid, trials=4, executor=2)
        assert (tmp_path / "died").exists() and not found.failures
        assert same(found, run(ours.dies_while_it_sends, grid=grid, trials=4))
