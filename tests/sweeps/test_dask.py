"""Sweeps on a Dask cluster."""

import os
import signal
import subprocess
import sys

import pytest
import randrelu as rr
import sweep_experiments as ours
from sweep_helpers import TESTS, run, same


class TestDask:
    def test_a_worker_is_killed(self, tmp_path):
        distributed = pytest.importorskip("distributed")
        grid, trials = {"a": [1, 2, 5], "seconds": [0.02]}, 60
        whole = run(ours.slow, grid=grid, trials=trials)
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
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
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
        ) as cluster, distributed.Client(cluster) as client:  # fmt: skip
            found = run(
                ours.fails_at_three, grid={"a": [1, 3]}, trials=3, executor=client.get_executor()
            )
        assert len(found.to_arrow()) == 3 and len(found.failures) == 3

    def test_the_command_line_runs_on_a_cluster(self, tmp_path):
        distributed = pytest.importorskip("distributed")
        (tmp_path / "spec.toml").write_text(
            'experiment = "attack"\ntrials = 3\nseed = 3\n[grid]\nwidth = [16, 32]\ndepth = [1]\n'
        )
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster:
            command = [sys.executable, "-m", "randrelu", "sweep", "spec.toml", "--store", "store"]
            done = subprocess.run(
                [*command, "--scheduler", cluster.scheduler_address],
                capture_output=True, text=True, timeout=120, cwd=tmp_path,
            )  # fmt: skip
        assert done.returncode == 0, done.stderr
        grid = {"width": [16, 32], "depth": [1]}
        here = rr.sweep("attack", grid=grid, trials=3, rng=3)
        assert same(rr.read_sweep(tmp_path / "store"), here)
