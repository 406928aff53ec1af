"""What the machine can do: the rates that every other figure is to be read beside."""

import numpy as np
import pytest


@pytest.mark.benchmark(group="machine: float32 GEMM 4096 × 4096 × 1024 (34.4 GFLOP)")
@pytest.mark.parametrize("peer", ["numpy", "torch"])
def test_gemm(benchmark, peer, request):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(1024, 4096)).astype(np.float32)
    b = rng.normal(size=(4096, 4096)).astype(np.float32)
    if peer == "torch":
        torch = request.getfixturevalue("torch")
        a, b = torch.from_numpy(a), torch.from_numpy(b)
    benchmark.pedantic(lambda: a @ b.T, rounds=7, warmup_rounds=1)


@pytest.mark.benchmark(group="machine: copy 256 MB")
def test_copy(benchmark):
    source = np.ones(2**25)
    target = np.empty_like(source)
    benchmark.pedantic(np.copyto, (target, source), rounds=15, warmup_rounds=1)
