"""The folder that a sweep is kept in, and its lock."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pandas as pd
import polars as pl
import pytest
import randrelu as rr
import sweep_experiments as ours
from randrelu.sweeps.grid import Point
from sweep_helpers import child, run, same


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

    def test_many_blocks_are_found(self, tmp_path):
        """And none of them is written again."""
        grid = {"a": list(range(1000))}
        run(grid={"a": [0]}, trials=1, store=tmp_path)
        (file,) = (tmp_path / "trials").iterdir()
        for a in grid["a"]:
            (tmp_path / f"trials/{Point({'a': a}).key}-0-1.parquet").write_bytes(file.read_bytes())
        before = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "trials").iterdir()}
        found = run(grid=grid, trials=1, store=tmp_path)
        assert len(found.to_arrow()) == len(before) == 1000
        assert {f.name: f.stat().st_mtime_ns for f in (tmp_path / "trials").iterdir()} == before


class TestLock:
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
