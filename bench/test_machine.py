"""What the machine can do: the rates that every other figure is to be read beside."""

import numpy as np
import pytest
import reference
from turns import alone, rate

POINTS, WIDTH = 1024, 4096


@pytest.mark.parametrize("peer", ["NumPy", "PyTorch"])
def test_gemm(benchmark, peer, request):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(POINTS, WIDTH)).astype(np.float32)
    w = rng.normal(size=(WIDTH, WIDTH)).astype(np.float32)
    some = w[:16].astype(float)
    exact, size = x @ some.T, np.abs(x) @ np.abs(some).T
    a, b = x, w
    if peer == "PyTorch":
        torch = request.getfixturevalue("torch")
        a, b = torch.from_numpy(x), torch.from_numpy(w)

    def check(product):
        error = np.abs(np.asarray(product)[:, :16] - exact)
        assert (error <= reference.gamma(WIDTH, "float32") * size).all()

    group = "machine: float32 GEMM 4096 × 4096 × 1024 (34.4 GFLOP)"
    alone(benchmark, group, lambda: a @ b.T, check, rounds=7)
    rate(benchmark, f"float32 GEMM, {peer}", 2e-9 * POINTS * WIDTH**2, "GFLOP/s")


def test_copy(benchmark):
    source = np.random.default_rng(0).normal(size=2**25)
    target = np.empty_like(source)

    def check(_):
        assert np.array_equal(target, source)

    group = "machine: copy 256 MB"
    alone(benchmark, group, lambda: np.copyto(target, source), check, rounds=15)
    rate(benchmark, "copy", 1e-9 * source.nbytes, "GB/s")
