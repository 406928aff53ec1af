"""Sweeps: what a trial's randomness depends on, stores, and everything that may go wrong."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import randrelu as rr
import sweep_experiments as ours
from randrelu.cli import app
from randrelu.sweeps import EXPERIMENTS
from randrelu.sweeps.blocks import missing
from randrelu.sweeps.grid import Point

GRID = {"a": [1, 2, 5], "b": ["x", "y"]}
TESTS = Path(__file__).parent


def run(experiment=ours.cheap, *, grid=GRID, trials=20, rng=0, **options):
    return rr.sweep(experiment, grid=grid, trials=trials, rng=rng, **options)


def same(one, other):
    return one.to_arrow().equals(other.to_arrow())


class TestRandomness:
    def test_a_trial_is_that_of_its_point(self):
        frame = run().to_pandas()
        point = Point({"b": "y", "a": 2})
        row = frame[(frame.a == 2) & (frame.b == "y") & (frame.trial == 7)].iloc[0]
        assert row.value == point.generator(0, 7).standard_normal()

    def test_every_trial_draws_for_itself(self):
        frame = run(trials=50).to_pandas()
        assert len(frame) == 300 and frame.value.nunique() == 300

    def test_seed(self):
        assert same(run(rng=1), run(rng=1))
        assert not same(run(rng=1), run(rng=2))

    def test_neither_the_grid_nor_the_number_of_trials_matters(self):
        whole = run(trials=30).to_pandas()
        part = run(grid={"b": ["y"], "a": [5, 1]}, trials=8).to_pandas()
        key = ["a", "b", "trial"]
        both = part.merge(whole, on=key, suffixes=("", "_whole"))
        assert len(both) == 16 and (both.value == both.value_whole).all()

    def test_points_are_known_by_their_content(self):
        alike = [
            {"a": 1, "b": [1, 2]},
            {"b": (1.0, 2), "a": np.float32(1)},
            {"b": np.array([1, 2]), "a": 1},
        ]
        assert len({Point(p.params).key for p in rr.sweeps.grid.points_of(None, alike)}) == 1
        assert Point({"a": 1.5}).key != Point({"a": 1}).key
        assert run(grid={"a": [1, 1, 1.0]}, trials=2).to_arrow().num_rows == 2

    def test_key_is_pinned(self):
        """Stores that exist are known by it."""
        assert Point({"width": 64, "depth": 2}).key == "6925be448b80a5f34bab33d6"


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
        from randrelu._support import arguments

        assert arguments.thread_number(None) == 0

    def test_functions_that_cannot_be_sent(self):
        with pytest.raises(TypeError, match="cannot be sent the experiment"):
            run(lambda params, rng: {"value": 1.0}, executor=2)
        assert run(lambda params, rng: {"value": 1.0}).to_arrow().num_rows == 120

    def test_an_executor_of_ones_own_stays_open(self):
        with ThreadPoolExecutor(1) as threads:
            run(executor=threads)
            assert threads.submit(int).result() == 0


class TestFailures:
    def test_what_fails_is_told_and_the_rest_goes_on(self, tmp_path):
        found = run(ours.fails_at_three, grid={"a": [1, 3, 5]}, trials=4, store=tmp_path / "s")
        assert set(found.to_pandas().a) == {1, 5} and len(found.to_arrow()) == 8
        assert [dict(f.params) for f in found.failures] == [{"a": 3}] * 4
        assert [f.trials for f in found.failures] == [range(t, t + 1) for t in range(4)]
        assert "ArithmeticError: three is too many" in found.failures[0].error
        assert "fails_at_three" in found.failures[0].traceback
        assert "4 failed" in repr(found)
        again = rr.read_sweep(tmp_path / "s")
        assert again.failures == found.failures and same(again, found)

    @pytest.mark.parametrize("executor", [None, 2])
    def test_a_trial_is_tried_twice(self, tmp_path, executor):
        grid = {"a": [1, 2], "folder": [str(tmp_path)]}
        found = run(ours.fails_once, grid=grid, executor=executor)
        assert not found.failures and len(found.to_arrow()) == 40

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

    def test_a_trial_with_other_columns_fails_alone(self, tmp_path):
        values = [Point({"a": 1}).generator(0, i).random() for i in range(200)]
        odd = {i for i, value in enumerate(values) if value > 0.98}
        assert 1 < len(odd) < 10 and 0 not in odd  # by the seed
        for store in (None, tmp_path):
            found = run(ours.sometimes_a_word, grid={"a": [1]}, trials=200, store=store)
            assert {i for f in found.failures for i in f.trials} == odd
            assert set(found.to_pandas().trial) == set(range(200)) - odd

    def test_large_integers_beside_others(self):
        found = run(ours.large_or_half, grid={"a": [1]}, trials=50)
        assert not found.failures
        assert set(found.to_pandas().value) == {float(2**60 + 1), 0.5}

    def test_no_rows_at_all(self, tmp_path):
        for store in (None, tmp_path):
            found = run(ours.nothing, trials=2, store=store)
            assert not found.failures and found.to_arrow().num_rows == 0
        assert rr.read_sweep(tmp_path).to_arrow().num_rows == 0

    def test_pieces_grow_with_what_trials_take(self, tmp_path):
        """A slow first trial does not cut the others in pieces of one."""
        run(ours.slow_at_first, grid={"folder": [str(tmp_path)]}, trials=500, store=tmp_path / "s")
        assert len(list((tmp_path / "s/trials").iterdir())) < 10

    def test_columns_are_widened(self, tmp_path):
        stored = run(ours.mixed, grid={"a": [1, 2, 3]}, trials=2, store=tmp_path / "s")
        assert stored.to_arrow().schema.field("value").type == pa.float64()
        assert stored.to_pandas().more.isna().tolist() == [True, True, False, False, True, True]
        assert same(stored, run(ours.mixed, grid={"a": [1, 2, 3]}, trials=2))
        schemas = {str(pq.read_schema(f)) for f in (tmp_path / "s/trials").iterdir()}
        assert len(schemas) == 1
        wider = run(ours.mixed, grid={"a": [1, 2, 3, 1.5]}, trials=2, store=tmp_path / "s")
        assert wider.to_arrow().schema.field("a").type == pa.float64()
        assert len({str(pq.read_schema(f)) for f in (tmp_path / "s/trials").iterdir()}) == 1

    def test_a_killed_widening_is_gone_on_with(self, tmp_path):
        run(ours.mixed, grid={"a": [1, 3]}, trials=2, store=tmp_path)
        (tmp_path / "_changing").touch()
        file = next((tmp_path / "trials").iterdir())
        narrow = pq.read_table(file)
        pq.write_table(narrow.set_column(0, "a", narrow["a"].cast(pa.float64())), file)
        assert len(run(ours.mixed, grid={"a": [1, 3]}, trials=2, store=tmp_path).to_arrow()) == 4
        assert len({str(pq.read_schema(f)) for f in (tmp_path / "trials").iterdir()}) == 1
        assert not (tmp_path / "_changing").exists()

    @pytest.mark.parametrize("which", [0, 1])
    def test_reading_while_columns_are_widened(self, tmp_path, which):
        """Some files have the new columns, whether they are listed first or last."""
        run(ours.mixed, grid={"a": [1]}, trials=1, store=tmp_path)
        run(ours.mixed, grid={"a": [1]}, trials=2, store=tmp_path)
        (tmp_path / "_changing").touch()
        files = list((tmp_path / "trials").iterdir())
        assert len(files) == 2
        old = pq.read_table(files[which])
        wide = old.set_column(old.column_names.index("value"), "value", pa.array([0.5]))
        pq.write_table(wide.append_column("more", pa.array([True])), files[which])
        found = rr.read_sweep(tmp_path).to_pandas()
        assert sorted(found.value) == [0.5, 1.0] and sorted(found.trial) == [0, 1]
        assert found.more[found.value == 0.5].tolist() == [True]
        assert found.more[found.value == 1.0].isna().all()

    def test_a_failure_leaves_the_rest_of_its_block_whole(self, tmp_path):
        def first_fails(params, rng):
            found.append(rng.random())
            if len(found) in (1, 6):  # the first trial, and its second time behind the others
                raise ArithmeticError
            return {"value": 1.0}

        found = []
        sweep = rr.sweep(first_fails, grid={"a": [1]}, trials=5, rng=0, store=tmp_path)
        assert len(found) == 6 and [f.trials for f in sweep.failures] == [range(1)]
        names = [file.name.split("-", 1)[1] for file in (tmp_path / "trials").iterdir()]
        assert len(names) < 4

    def test_large_integers_are_widened(self, tmp_path):
        rr.sweep(lambda p, r: {"v": p["a"]}, grid={"a": [2**60 + 1]}, trials=1, store=tmp_path)
        big = lambda p, r: {"v": 0.5} if p["a"] == 1 else {"v": 2**60 + 1}  # noqa: E731
        found = rr.sweep(big, grid={"a": [2**60 + 1, 1]}, trials=1)
        assert found.to_pandas().v.tolist() == [2.0**60, 0.5]

    def test_columns_of_two_kinds_are_a_failure(self, tmp_path):
        found = run(ours.words_or_numbers, grid={"a": [1, 2, 3]}, trials=2, store=tmp_path)
        assert len(found.to_arrow()) == 4
        assert "of one type" in found.failures[0].error and found.failures[0].params == {"a": 2}

    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            ({"a": 1}, r"must not return \['a'\]"),
            ({"trial": 1}, r"must not return \['trial'\]"),
            (3.0, "must return a dict or a list of them, got 3.0"),
            ({"value": object()}, "numbers, texts, None or sequences"),
        ],
    )
    def test_rows_that_are_none(self, returned, message):
        found = run(lambda params, rng: returned, grid={"a": [1]}, trials=1)
        assert re.search(message, found.failures[0].error)


class TestStore:
    def test_goes_on_with_what_is_missing(self, tmp_path):
        calls = []

        def counted(params, rng):
            calls.append(params["a"])
            return ours.cheap(params, rng)

        first = rr.sweep(counted, grid={"a": [1]}, trials=5, rng=0, store=tmp_path)
        assert calls == [1] * 5
        assert same(first, rr.sweep(counted, grid={"a": [1]}, trials=5, store=tmp_path))
        assert calls == [1] * 5
        rr.sweep(counted, grid={"a": [2, 1]}, trials=7, store=tmp_path)
        assert sorted(calls) == [1] * 7 + [2] * 7
        both = rr.read_sweep(tmp_path)
        assert both.points == ({"a": 1}, {"a": 2}) and both.trials == 7 and both.seed == 0
        assert both.to_pandas().trial.tolist() == [*range(7)] * 2
        assert len(rr.sweep(counted, grid={"a": [2]}, trials=3, store=tmp_path).to_arrow()) == 3
        assert len(calls) == 14

    def test_equals_what_was_not_stored(self, tmp_path):
        for experiment in (ours.cheap, ours.several):
            kept = run(experiment, store=tmp_path / experiment.__name__)
            assert same(kept, run(experiment)) and same(kept, rr.read_sweep(kept.store))

    def test_several_rows_keep_their_order(self):
        frame = run(ours.several, grid={"a": [3]}, trials=2).to_pandas()
        assert frame.row.tolist() == frame.layer.tolist() == [0, 1, 2] * 2

    def test_of_another_sweep_is_refused(self, tmp_path):
        run(store=tmp_path, rng=5)
        before = (tmp_path / "_manifest.json").read_bytes()
        with pytest.raises(ValueError, match=r"belongs to the seed 5, got 6"):
            run(store=tmp_path, rng=6)
        message = r"experiment 'sweep_experiments.cheap', got 'sweep_experiments.several'"
        with pytest.raises(ValueError, match=message):
            run(ours.several, store=tmp_path)
        assert (tmp_path / "_manifest.json").read_bytes() == before

    def test_others_read_the_folder_as_it_is(self, tmp_path):
        kept = run(store=tmp_path)
        folder = str(tmp_path / "trials")
        ordered = kept.to_pandas().sort_values(["a", "b", "trial"])
        for frame in (
            pd.read_parquet(folder),
            pl.read_parquet(folder).to_pandas(),
            duckdb.sql(f"select * from '{folder}/*.parquet'").df(),
        ):
            theirs = frame.sort_values(["a", "b", "trial"])[list(ordered.columns)]
            for name in ordered.columns:
                assert theirs[name].tolist() == ordered[name].tolist()

    def test_two_at_once(self, tmp_path):
        code = (
            "import sweep_experiments as e, randrelu as rr, sys\n"
            "rr.sweep(e.slow, grid={'a': [1]}, trials=100_000, rng=0, store=sys.argv[1],"
            " progress=lambda d, t: print(d, flush=True))"
        )
        with child(code, tmp_path) as other:
            other.stdout.readline()
            with pytest.raises(BlockingIOError, match=f"written to by process {other.pid};"):
                run(ours.slow, grid={"a": [1]}, store=tmp_path)
            assert rr.read_sweep(tmp_path).seed == 0  # reading is free
            other.kill()
        assert len(run(ours.slow, grid={"a": [1]}, trials=3, store=tmp_path).to_arrow()) == 3

    def test_two_at_once_in_one_process(self, tmp_path):
        def nested(params, rng):
            with pytest.raises(BlockingIOError, match=f"process {os.getpid()}"):
                run(store=tmp_path)
            return {"value": 1.0}

        assert not rr.sweep(nested, grid={"a": [1]}, trials=1, rng=0, store=tmp_path).failures

    def test_a_lock_dies_with_its_process(self, tmp_path):
        """A child that was forked meanwhile does not hold it."""
        code = (
            "import os, signal, sys, time\n"
            "from randrelu.sweeps.store import Store\n"
            "store = Store(sys.argv[1])\n"
            "if os.fork() == 0:\n"
            "    print(os.getpid(), flush=True)\n"
            "    time.sleep(60)\n"
            "time.sleep(60)\n"
        )
        with child(code, tmp_path) as process:
            forked = int(process.stdout.readline())
            with pytest.raises(BlockingIOError, match=f"written to by process {process.pid};"):
                run(store=tmp_path)
            process.kill()
            process.wait()
            try:
                assert run(store=tmp_path).to_arrow().num_rows == 120
            finally:
                os.kill(forked, signal.SIGKILL)

    def test_one_of_many_threads_gets_it(self, tmp_path):
        from randrelu.sweeps.store import Store

        begin = threading.Barrier(8)

        def opened(_):
            begin.wait()
            try:
                return Store(tmp_path)
            except BlockingIOError:
                return None
            finally:
                begin.wait()

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(8) as pool:
                for _ in range(50):
                    (got,) = filter(None, pool.map(opened, range(8)))
                    got.close()
        finally:
            sys.setswitchinterval(interval)

    def test_trials_of_nobody_knows_what(self, tmp_path):
        run(store=tmp_path)
        (tmp_path / "_manifest.json").unlink()
        with pytest.raises(ValueError, match=r"has trials, but no _manifest\.json"):
            run(store=tmp_path, rng=1)

    def test_a_wrong_executor_makes_no_store(self, tmp_path):
        with pytest.raises(ValueError, match="executor must be at least 1, got 0"):
            run(store=tmp_path / "s", executor=0)
        assert not (tmp_path / "s").exists()

    def test_half_written_files_are_ignored(self, tmp_path):
        whole = run(store=tmp_path)
        part = tmp_path / ".aa-0-5.parquet.77.part"
        part.write_bytes(b"PAR1")
        assert same(whole, run(store=tmp_path)) and not part.exists()

    def test_a_full_disk(self, tmp_path, monkeypatch):
        written = []
        write = os.fsync

        def full(fd):
            written.append(fd)
            if len(written) > 4:
                raise OSError(28, "No space left on device")
            write(fd)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(
            OSError, match=r"No space left on device.*what was finished is kept"
        ) as caught:
            run(store=tmp_path)
        assert caught.value.errno == 28
        monkeypatch.undo()
        kept = rr.read_sweep(tmp_path).to_arrow().num_rows
        assert 0 < kept < 120 and not list(tmp_path.glob("**/*.part"))
        assert same(run(store=tmp_path), run())

    def test_a_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match="store cannot be written to"):
            run(store=tmp_path / "file" / "store")

    def test_a_file_that_cannot_be_removed(self, tmp_path):
        """A half-written file is a folder here, which nobody can unlink."""
        (tmp_path / ".aa-0-5.parquet.77.part").mkdir()
        with pytest.raises(OSError, match="store cannot be written to"):
            run(store=tmp_path)
        (tmp_path / ".aa-0-5.parquet.77.part").rmdir()
        assert run(store=tmp_path).to_arrow().num_rows == 120  # the lock was let go of

    def test_is_not_a_store(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no store of a sweep"):
            rr.read_sweep(tmp_path)
        (tmp_path / "_manifest.json").write_text("[]")
        with pytest.raises(ValueError, match="not the manifest"):
            rr.read_sweep(tmp_path)

    def test_missing(self):
        assert list(missing([], 3)) == [range(3)]
        assert list(missing([range(2, 4), range(6, 9)], 8)) == [range(2), range(4, 6)]
        assert list(missing([range(9)], 8)) == []


class TestExtras:
    def test_nothing_of_unix_is_imported(self):
        unix = ("fcntl", "termios", "resource", "grp", "pwd", "pty")
        code = f"import sys; sys.modules.update(dict.fromkeys({unix})); import randrelu"
        with child(code) as process:
            assert process.communicate(timeout=60)[1] == ""
            assert process.returncode == 0

    def test_what_is_missing_is_named(self, tmp_path, monkeypatch):
        found = run(trials=1)
        for package, message, call in (
            ("pandas", "to_pandas() needs pandas", found.to_pandas),
            ("filelock", "a sweep's store needs filelock", lambda: run(store=tmp_path)),
            ("pyarrow", "sweeps need pyarrow", run),
        ):
            monkeypatch.setitem(sys.modules, package, None)
            expected = f"{message}: pip install 'randrelu[sweep]'"
            with pytest.raises(ImportError, match=re.escape(expected)):
                call()


class child:
    """A Python process, killed at the end at the latest."""

    def __init__(self, code, *arguments):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def __enter__(self):
        return self._process

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()


SLOW = (
    "import sweep_experiments as e, randrelu as rr, sys\n"
    "if __name__ == '__main__':\n"
    "    rr.sweep(e.slow, grid={'a': [1, 2, 5]}, trials=100, rng=0, store=sys.argv[1],"
    " executor=eval(sys.argv[2]), progress=lambda d, t: print(d, flush=True))\n"
)


class TestKilled:
    @pytest.mark.parametrize("executor", [None, 2])
    def test_ten_times(self, tmp_path, executor):
        """Whenever it is killed, nothing is lost that was told to be done, and nothing twice."""
        whole = run(ours.slow, grid={"a": [1, 2, 5]}, trials=100)
        pause, ended, killed, told = np.random.default_rng(0), 0, 0, 0
        for _ in range(10):
            with child(SLOW, tmp_path, executor) as process:
                for line in process.stdout:
                    assert int(line) >= told
                    told = int(line)
                    if pause.random() < 0.5:
                        time.sleep(pause.uniform(0, 0.3))
                        process.send_signal(signal.SIGKILL)
                        break
                code = process.wait()
                ended, killed = ended + (code == 0), killed + (code == -signal.SIGKILL)
            if (tmp_path / "trials").exists():
                assert len(rr.read_sweep(tmp_path).to_arrow()) >= told
        assert killed > 0 and told > 0 and killed + ended == 10
        assert same(run(ours.slow, grid={"a": [1, 2, 5]}, trials=100, store=tmp_path), whole)

    def test_ctrl_c_ends_the_processes_of_a_users_pool(self, tmp_path):
        code = (
            "import sweep_experiments as e, randrelu as rr, sys\n"
            "from concurrent.futures import ProcessPoolExecutor\n"
            "if __name__ == '__main__':\n"
            "    with ProcessPoolExecutor(2) as pool:\n"
            "        rr.sweep(e.slow, points=[{'a': 1, 'seconds': 0.1}, {'a': 2, 'seconds': 60}],"
            " trials=2, executor=pool, progress=lambda d, t: print(d, flush=True))\n"
        )
        with child(code) as process:
            for line in process.stdout:
                if int(line) > 0:
                    break
            began = time.monotonic()
            process.send_signal(signal.SIGINT)  # to the parent alone
            _, error = process.communicate(timeout=30)
            assert time.monotonic() - began < 2
            assert "KeyboardInterrupt" in error.splitlines()[-1]

    @pytest.mark.parametrize("executor", [None, 2])
    def test_ctrl_c(self, tmp_path, executor):
        with child(SLOW.replace("trials=100", "trials=10_000"), tmp_path, executor) as process:
            for line in process.stdout:
                if int(line) > 0:
                    break
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=30)
            assert time.monotonic() - began < 2
            assert "KeyboardInterrupt" in error.splitlines()[-1]
        assert len(rr.read_sweep(tmp_path).to_arrow()) > 0

    def test_workers_end_with_their_parent(self, tmp_path):
        code = SLOW.replace("e.slow", "e.pids").replace("trials=100", "trials=10_000")
        with child(code, tmp_path, 2) as process:
            for line in process.stdout:
                if int(line) > 0:
                    break
            process.kill()
        pids = set(rr.read_sweep(tmp_path).to_pandas().pid)
        assert pids
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)

    def test_many_blocks_are_found_soon(self, tmp_path):
        """A store of 10 000 blocks is gone on with in less than 5 s."""
        grid = {"a": list(range(10_000))}
        run(grid={"a": [0]}, trials=1, store=tmp_path)
        (file,) = (tmp_path / "trials").iterdir()
        for a in grid["a"]:
            (tmp_path / f"trials/{Point({'a': a}).key}-0-1.parquet").write_bytes(file.read_bytes())
        before = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "trials").iterdir()}
        began = time.monotonic()
        found = run(grid=grid, trials=1, store=tmp_path)
        assert time.monotonic() - began < 5
        assert len(found.to_arrow()) == len(before) == 10_000
        assert {f.name: f.stat().st_mtime_ns for f in (tmp_path / "trials").iterdir()} == before


class TestDask:
    def test_a_worker_is_killed(self, tmp_path):
        distributed = pytest.importorskip("distributed")
        grid, trials = {"a": [1, 2, 5], "seconds": [0.02]}, 60
        whole = run(ours.slow, grid=grid, trials=trials)
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            env={"PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)])},
        ) as cluster, distributed.Client(cluster) as client:  # fmt: skip
            pids = list(client.run(os.getpid).values())
            killed = []

            def kill_one(done, total):
                if done and not killed:
                    killed.append(pids[0])
                    os.kill(pids[0], signal.SIGKILL)

            found = run(
                ours.slow, grid=grid, trials=trials, store=tmp_path,
                executor=client.get_executor(), progress=kill_one,
            )  # fmt: skip
        assert killed and not found.failures
        assert same(found, whole)
        frame = found.to_pandas()
        assert len(frame) == 180 and not frame.duplicated(["a", "trial"]).any()

    def test_what_fails_there(self):
        distributed = pytest.importorskip("distributed")
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster, distributed.Client(cluster) as client:  # fmt: skip
            found = run(
                ours.fails_at_three, grid={"a": [1, 3]}, trials=3, executor=client.get_executor()
            )
        assert len(found.to_arrow()) == 3 and len(found.failures) == 3


SMALL = {
    "attack": {"width": [20, 30], "depth": [2], "eta": ["linear", "exact"]},
    "flips": {"width": [20], "depth": [2], "radius": [0.1]},
    "deviation": {"widths": [(20, 30, 1)], "radius": [0.1]},
    "min-perturbation": {"hidden": [5, 50], "dim": [30]},
    "deep": {"width": [50], "depth": [2, 4]},
    "line": {"width": [20], "depth": [2], "dim": [30]},
    "lemma-2.2": {"width": [20], "depth": [2], "trials": [20]},
    "lemma-c.1": {"rows": [5], "cols": [10], "trials": [20]},
}


class TestBuiltIn:
    @pytest.mark.parametrize("name", SMALL)
    def test_runs(self, name):
        found = rr.sweep(name, grid=SMALL[name], trials=3, rng=0)
        assert not found.failures and same(found, rr.sweep(name, grid=SMALL[name], trials=3, rng=0))
        assert set(SMALL[name]) <= set(found.to_arrow().column_names)

    def test_attack_is_that_of_the_network(self):
        found = rr.sweep("attack", grid={"width": [20], "depth": [2]}, trials=2, rng=4)
        generator = Point({"width": 20, "depth": 2}).generator(4, 1)
        net = rr.Network.random((20, 20, 20, 1), rng=generator, storage="deferred")
        expected = rr.gradient_step(net, np.ones(20))
        row = found.to_pandas().iloc[1]
        assert row.relative_norm == expected.relative_norm and row.f_after == expected.f_after

    @pytest.mark.parametrize(
        ("name", "grid", "message"),
        [
            ("atack", {"width": [3]}, "experiment must be one of 'attack'"),
            ("attack", {"with": [3], "depth": [1]}, "did you mean 'width'"),
            ("attack", {"width": [0], "depth": [1]}, "width must be at least 1, got 0"),
            ("attack", {"width": [3]}, "attack needs width and depth, or widths"),
            ("attack", {"width": [3], "widths": [(3, 3, 1)]}, "either widths or width, not both"),
            ("attack", {"width": [3], "depth": [1], "eta": ["lineal"]}, "eta must be one of"),
            ("flips", {"width": [3], "depth": [1]}, "flips needs radius"),
            ("lemma-2.2", {"width": [3], "depth": [1], "radus": [1]}, "does not take 'radus'"),
            ("attack", {"width": 3, "depth": [1]}, r"grid\['width'\] must be a sequence"),
            ("attack", {"width": [], "depth": [1]}, "at least one value"),
            ("attack", {"width": [3], "depth": [1], "eta": [1.0, "exact"]}, "eta must have values"),
            ("attack", {"width": [{1}], "depth": [1]}, "must be numbers, texts"),
        ],
    )
    def test_what_is_wrong_is_told_before_anything_runs(self, tmp_path, name, grid, message):
        with pytest.raises((ValueError, TypeError), match=message):
            rr.sweep(name, grid=grid, trials=1, store=tmp_path / "s")
        assert not (tmp_path / "s/_manifest.json").exists()

    @pytest.mark.parametrize("name", ["trial", "row"])
    def test_names_that_tables_have(self, name):
        with pytest.raises(ValueError, match=f"must not be called '{name}'"):
            run(grid={name: [1]})

    def test_either_grid_or_points(self):
        for given in ({}, {"grid": GRID, "points": [{}]}):
            with pytest.raises(TypeError, match="either grid= or points="):
                rr.sweep(ours.cheap, trials=1, **given)
        with pytest.raises(ValueError, match="points must hold at least one"):
            rr.sweep(ours.cheap, trials=1, points=[])
        with pytest.raises(ValueError, match="trials must be at least 1"):
            run(trials=0)

    def test_all_statements_are_there(self):
        assert set(rr.checks.STATEMENTS) < set(EXPERIMENTS)


def lines_of(figure):
    return {line.get_label(): np.array(line.get_data(), float) for line in figure.axes[0].lines}


class TestPlot:
    def test_median_and_theory_of_the_step(self):
        sweep = rr.sweep("attack", grid={"width": [16, 64, 256], "depth": [1, 2]}, trials=60, rng=0)
        figure = sweep.plot("width", "relative_norm", by="depth", log=True)
        lines, axes = lines_of(figure), figure.axes[0]
        frame = sweep.to_pandas()
        medians = frame[frame.depth == 2].groupby("width").relative_norm.median()
        np.testing.assert_allclose(lines["ℓ = 2"], [medians.index, medians])
        theory = lines["exact median, near 2 × half-normal/√d"]
        expected = [rr.laws.linear_step_norm_quantile(0.5, d) for d in (16, 64, 256)]
        np.testing.assert_allclose(theory, [(16, 64, 256), expected])
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert axes.get_ylabel() == "‖η∇f(x)‖/‖x‖" and "d_ℓ" in axes.get_xlabel()
        figure.savefig(os.devnull, format="pdf")

    def test_guide_where_the_law_is_unknown(self):
        grid = {"width": [16, 64], "depth": [1], "eta": ["exact"]}
        lines = lines_of(
            rr.sweep("attack", grid=grid, trials=9, rng=0).plot("width", "relative_norm", log=True)
        )
        guide = lines["slope −1/2"]
        assert guide[1, 0] / guide[1, 1] == pytest.approx(2)

    def test_flips_and_figure_1(self):
        grid = {"width": [50], "depth": [2], "radius": [0.1, 0.2]}
        flips = rr.sweep("flips", grid=grid, trials=3, rng=0)
        label = "predicted by the arc-cosine map"
        predicted = lines_of(flips.plot("radius", "share", by="layer"))[label]
        frame = flips.to_pandas()
        assert predicted[1] == pytest.approx(
            frame[frame.layer == 1].groupby("radius").predicted_share.median()
        )
        figure = rr.sweep(
            "min-perturbation", grid={"hidden": [4, 16, 80], "dim": [64]}, trials=3, rng=0
        )
        np.testing.assert_allclose(
            lines_of(figure.plot("hidden", "ratio"))["√(k/d)"][1], [0.25, 0.5, 1]
        )

    def test_shares_and_words(self):
        sweep = rr.sweep("attack", grid={"widths": [(9, 9, 1), (9, 5, 5, 1)]}, trials=30, rng=0)
        figure = sweep.plot("widths", "sign_flipped")
        share = sweep.to_pandas().sign_flipped.mean()
        assert np.mean(lines_of(figure)["share, 95 % interval"][1]) == pytest.approx(share)
        assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["9, 5, 5, 1", "9, 9, 1"]

    def test_a_parameter_that_some_points_lack(self):
        points = [{"width": 9, "depth": 2, "eta": "exact"}, {"width": 9, "depth": 1}]
        sweep = rr.sweep("attack", points=points, trials=3, rng=0)
        lines = lines_of(sweep.plot("depth", "grad_norm", by="eta"))
        assert {"eta = exact", "eta = None"} <= set(lines)

    def test_what_cannot_be_drawn(self):
        sweep = run()
        with pytest.raises(ValueError, match="x must be a column of the sweep, one of a, b"):
            sweep.plot("c", "value")
        with pytest.raises(ValueError, match="y must be a column of numbers"):
            sweep.plot("a", "b")


SPEC = """\
experiment = "attack"
trials = 4
seed = 3

[grid]
width = [16, 32]
depth = [1, 2]
"""


def randrelu(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "randrelu", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


class TestCommandLine:
    def test_sweep_show_plot(self, tmp_path):
        (tmp_path / "spec.toml").write_text(SPEC)
        store = tmp_path / "store"
        done = randrelu("sweep", tmp_path / "spec.toml", "--store", store, "--workers", 2)
        assert done.returncode == 0 and "4 points × 4 trials, 0 failed" in done.stdout
        assert not done.stderr  # no bar where there is no terminal
        grid = {"width": [16, 32], "depth": [1, 2]}
        assert same(rr.read_sweep(store), rr.sweep("attack", grid=grid, trials=4, rng=3))
        shown = randrelu("show", store)
        assert "attack, seed 3" in shown.stdout and "4 of 4" in shown.stdout
        assert '"done": 4' in randrelu("show", store, "--json").stdout
        out = tmp_path / "figure.pdf"
        plot = randrelu(
            "plot",
            store,
            "--x",
            "width",
            "--y",
            "relative_norm",
            "--by",
            "depth",
            "--log",
            "--out",
            out,
        )
        assert plot.returncode == 0 and out.read_bytes().startswith(b"%PDF")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("trials = 4", "trials = 0", "line 2, trials: trials must be at least 1"),
            ("trials = 4", "trails = 4", "line 2, trails: unknown"),
            ("trials = 4\n", "", "trials: is missing"),
            ('"attack"', '"atack"', "line 1, experiment: "),
            ("seed = 3", "seed = -3", "line 3, seed: "),
            ("seed = 3", "store = 3", "line 3, store: "),
            ("[16, 32]", "16", "line 6, grid.width: "),
            ("[16, 32]", "[16, -1]", "line 6, grid.width: width must be at least 1, got -1"),
            ("depth = ", "dept = ", "line 7, grid.dept: attack does not take 'dept'"),
            ("depth = [1, 2]", "", "line 5, grid: attack needs width and depth"),
            ("depth = [1, 2]", "depth == [1, 2]", "line 7, column 8"),
            ("[grid]", "[[points]]", "line 6, points[0].width: width must be an integer"),
            ("[grid]", "[other]", "line 5, other: unknown"),
        ],
    )
    def test_a_spec_that_is_wrong(self, tmp_path, old, new, message):
        from randrelu.sweeps.spec import read_spec

        (tmp_path / "spec.toml").write_text(SPEC.replace(old, new))
        with pytest.raises(ValueError, match=re.escape(message)):
            read_spec(tmp_path / "spec.toml")

    def test_the_line_of_a_point(self, tmp_path):
        from randrelu.sweeps.spec import read_spec

        text = 'experiment = "attack"\ntrials = 1\n' + 3 * "[[points]]\nwidth = 8\ndepth = 1\n"
        for old, new, message in (
            ("width", "wide", "line 10, points[2].wide: attack does not take 'wide'"),
            ("depth = 1", "depth = -1", "line 11, points[2].depth: depth must be at least 1"),
            ("depth = 1", "", "line 9, points[2]: attack needs width and depth"),
        ):
            last = text.rindex("[[points]]")
            (tmp_path / "spec.toml").write_text(text[:last] + text[last:].replace(old, new))
            with pytest.raises(ValueError, match=re.escape(message)):
                read_spec(tmp_path / "spec.toml")
        mixed = 'eta = [1.0, "exact"]\n'
        (tmp_path / "spec.toml").write_text(SPEC + mixed)
        with pytest.raises(ValueError, match=re.escape("line 8, grid.eta: eta must have values")):
            read_spec(tmp_path / "spec.toml")

    def test_workers_that_do_not_start(self, tmp_path, monkeypatch, capsys):

        def broken(*_, **__):
            raise RuntimeError("the workers did not start")

        (tmp_path / "spec.toml").write_text(SPEC)
        arguments = ["sweep", str(tmp_path / "spec.toml"), "--store", str(tmp_path / "s")]
        monkeypatch.setattr(sys, "argv", ["randrelu", *arguments])
        monkeypatch.setattr(rr, "sweep", broken)
        with pytest.raises(SystemExit) as end:
            app.main()
        assert end.value.code == 2 and "the workers did not start" in capsys.readouterr().err

    def test_show_says_every_value(self, tmp_path):
        points = [{"a": 1, "b": "x[/b]y"}, {"a": 1, "b": "p[red]q"}]
        rr.sweep(ours.cheap, points=points, trials=1, rng=0, store=tmp_path / "words")
        shown = randrelu("show", tmp_path / "words").stdout
        assert "x[/b]y" in shown and "p[red]q" in shown
        rr.sweep(ours.cheap, points=[{"a": np.inf}], trials=1, rng=0, store=tmp_path / "inf")
        assert '"a": "inf"' in randrelu("show", tmp_path / "inf", "--json").stdout

    def test_bad_usage(self, tmp_path):
        (tmp_path / "spec.toml").write_text(SPEC)
        lost = randrelu("sweep", tmp_path / "spec.toml")
        assert lost.returncode == 2 and "--store is missing" in lost.stderr
        wrong = randrelu("show", tmp_path)
        assert wrong.returncode == 2 and "no store of a sweep" in wrong.stderr

    def test_failures_are_an_exit_code(self, tmp_path):
        spec = 'experiment = "lemma-c.1"\ntrials = 1\n[[points]]\nrows = 0\n[[points]]\nrows = 5\n'
        (tmp_path / "spec.toml").write_text(spec)
        done = randrelu("sweep", tmp_path / "spec.toml", "--store", tmp_path / "s")
        assert done.returncode == 1 and "rows must be at least 1" in done.stderr
        assert "1 of 1" in randrelu("show", tmp_path / "s").stdout

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_ctrl_c(self, tmp_path, workers):
        (tmp_path / "spec.toml").write_text(SPEC.replace("trials = 4", "trials = 100_000"))
        arguments = ["sweep", "spec.toml", "--store", "s", "--workers", workers]
        process = subprocess.Popen(
            [sys.executable, "-m", "randrelu", *arguments],
            cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            while not list(tmp_path.glob("s/trials/*.parquet")):
                assert process.poll() is None
                time.sleep(0.05)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=30)
        assert time.monotonic() - began < 2
        assert process.returncode == 130
        assert error.strip() == "stopped; the same command goes on from s"

    def test_a_bar_on_a_terminal(self, tmp_path):
        import pty

        (tmp_path / "spec.toml").write_text(SPEC.replace("trials = 4", "trials = 400"))
        parent, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "randrelu", "sweep", "spec.toml", "--store", "s"], cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=terminal,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )  # fmt: skip
        os.close(terminal)
        seen = b""
        while True:
            try:
                piece = os.read(parent, 4096)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        assert process.wait() == 0
        assert b"1600" in seen
