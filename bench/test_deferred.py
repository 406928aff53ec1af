"""Deferred networks: trials of Theorem 1.1 and flips at widths where no matrix fits."""

import subprocess
import sys

import numpy as np
import pytest
from peers import check_trials, torch_trial
from randrelu import Network, check, flips, gradient_step
from turns import alone, in_turns


def widths(n):
    return (n,) * 4 + (1,)


def trials(n, count):
    """Trials with the linear step, in one call: whether each flips the sign, and its size."""
    found = check("theorem-1.1", widths=widths(n), trials=count, eta="linear", rng=0).trials
    return found["sign_flipped"], found["relative_norm"]


def one_step(n):
    net = Network.random(widths(n), rng=0, storage="deferred")
    attack = gradient_step(net, np.ones(n))
    return attack.sign_flipped, attack.relative_norm


def checked(n):
    return lambda found: check_trials(n, *found)


def peak_gigabytes(code):
    """The peak memory of a fresh process, where the kernel tells."""
    code = (
        f"import numpy as np, randrelu as rr\n{code}\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return int(done.stdout.split()[1]) * 1024 / 1e9 if done.returncode == 0 else None


@pytest.mark.parametrize(
    ("n", "count"), [(100, 100_000), (10_000, 1000), (10**5, 20), (10**6, 5), (10**7, 1)]
)
def test_trials_in_one_call(benchmark, n, count):
    if n >= 10**5:
        code = f"rr.check('theorem-1.1', widths=({n},) * 4 + (1,), trials=1, eta='linear', rng=0)"
        benchmark.extra_info["peak GB"] = peak_gigabytes(code)
    benchmark.extra_info["trials in a round"] = count
    group = f"{count} trials of Theorem 1.1 in one call, widths {n} × 3, deferred"
    alone(benchmark, group, lambda: trials(n, count), checked(n), rounds=5)


@pytest.mark.parametrize("n", [4096, 16384])
class TestBesideExplicitWeights:
    def test_one_step(self, benchmark, n):
        group = f"a gradient step of a fresh network, widths {n} × 3, deferred"
        alone(benchmark, group, lambda: one_step(n), checked(n), rounds=200)

    def test_beside_torch(self, benchmark, torch, n):
        """A hundred trials in one call, and PyTorch's one: the seconds are those of one trial."""
        benchmark.extra_info["trials in a round"] = 100
        group = f"a trial of Theorem 1.1, widths {n} × 3, deferred and explicit"
        in_turns(
            benchmark, group, "PyTorch, ours in calls of a hundred",
            lambda: trials(n, 100), lambda: torch_trial(torch, widths(n)), checked(n),
            rounds=3, at_once=100,
        )  # fmt: skip


@pytest.mark.parametrize("remember", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flips(benchmark, dtype, remember):
    n = 10**6
    options = f"storage='deferred', dtype='{dtype}'"
    benchmark.extra_info["peak GB"] = peak_gigabytes(
        f"net = rr.Network.random(({n},) * 4 + (1,), rng=0, {options})\n"
        f"rr.flips(net, np.ones({n}), 50.0, 64, rng=0, remember={remember})"
    )

    def run():
        net = Network.random(widths(n), rng=0, storage="deferred", dtype=dtype)
        return flips(net, np.ones(n), 50.0, 64, rng=0, remember=remember)

    def check_mean(found):
        assert found.mean == pytest.approx(found.predicted, rel=0.05)

    alone(benchmark, "flips at 64 points, widths 10⁶ × 3", run, check_mean, rounds=3)
