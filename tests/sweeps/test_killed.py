"""Sweeps that are killed, or stopped by Ctrl-C."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest
import randrelu as rr
import sweep_experiments as ours
from sweep_helpers import SLOW, child, run, same


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

    def test_workers_end_with_their_parent(self, tmp_path):
        code = SLOW.replace("e.slow", "e.pids").replace("trials=100", "trials=10_000")
        with child(code, tmp_path, 2) as process:
            for line in process.stdout:
                if int(line) > 0:
                    break
            process.kill()
        pids = set(rr.read_sweep(tmp_path).to_pandas().pid)
        assert pids
        deadline = time.monotonic() + 60  # a hang fails; slowness need not
        while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


class TestCtrlC:
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
            process.send_signal(signal.SIGINT)  # to the parent alone
            _, error = process.communicate(timeout=30)
            assert "KeyboardInterrupt" in error.splitlines()[-1]

    @pytest.mark.parametrize("executor", [None, 2])
    def test_ctrl_c(self, tmp_path, executor):
        with child(SLOW.replace("trials=100", "trials=10_000"), tmp_path, executor) as process:
            for line in process.stdout:
                if int(line) > 0:
                    break
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=30)  # the trials that are left take minutes
            assert "KeyboardInterrupt" in error.splitlines()[-1]
        assert len(rr.read_sweep(tmp_path).to_arrow()) > 0
