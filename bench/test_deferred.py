"""Deferred networks: trials of Theorem 1.1 and flips at widths where no matrix fits."""

import subprocess
import sys

import numpy as np
import pytest
from peers import torch_trial
from randrelu import Network, check, flips, gradient_step


def widths(n):
    return (n,) * 4 + (1,)


def trials(n, count):
    """Trials with the linear step, in one call."""
    return check("theorem-1.1", widths=widths(n), trials=count, eta="linear", rng=0)


def peak_gigabytes(code):
    """The peak memory of a fresh process, where the kernel tells."""
    code = (
        f"import numpy as np, randrelu as rr\n{code}\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return int(done.stdout.split()[1]) * 1024 / 1e9 if done.returncode == 0 else None


@pytest.mark.parametrize(("n", "count"), [(10**5, 20), (10**6, 5), (10**7, 1)])
@pytest.mark.benchmark(group="trials of Theorem 1.1, deferred")
def test_trial(benchmark, n, count):
    code = f"rr.check('theorem-1.1', widths=({n},) * 4 + (1,), trials=1, eta='linear', rng=0)"
    benchmark.extra_info["peak GB"] = peak_gigabytes(code)
    assert trials(n, 3).trials["sign_flipped"].all()
    benchmark.extra_info["trials in a round"] = count
    benchmark.pedantic(trials, args=(n, count), rounds=5, warmup_rounds=2)


@pytest.mark.parametrize(("n", "count"), [(100, 100_000), (10_000, 1000)])
@pytest.mark.benchmark(group="many trials, deferred")
def test_many_trials(benchmark, n, count):
    benchmark.pedantic(trials, args=(n, count), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("n", [4096, 16384])
class TestBesideExplicitWeights:
    def test_ours(self, benchmark, n):
        benchmark.group = f"trial of Theorem 1.1, widths {n} × 3, deferred and explicit"
        benchmark(lambda: trials(n, 100))
        benchmark.extra_info["trials in a round"] = 100

    def test_ours_one_step(self, benchmark, n):
        benchmark.group = f"trial of Theorem 1.1, widths {n} × 3, deferred and explicit"
        x = np.ones(n)
        benchmark(lambda: gradient_step(Network.random(widths(n), rng=0, storage="deferred"), x))

    def test_torch(self, benchmark, torch, n):
        benchmark.group = f"trial of Theorem 1.1, widths {n} × 3, deferred and explicit"
        benchmark.pedantic(torch_trial, args=(torch, widths(n)), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("remember", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.benchmark(group="flips at 64 points, widths 10⁶ × 3")
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

    found = run()
    assert found.mean == pytest.approx(found.predicted, rel=0.05)
    benchmark.pedantic(run, rounds=3)
