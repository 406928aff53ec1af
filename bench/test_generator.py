"""Standard normals in float32 on one thread, and whole fresh networks on all."""

from itertools import pairwise

import numpy as np
import pytest
from randrelu import Network
from randrelu._load import core
from scipy import stats

COUNT = 2**16  # per call: they stay in the second-level cache
WIDTHS = (4096, 4096, 4096, 4096, 1)


@pytest.fixture
def one_thread(torch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


def check(sample):
    assert stats.kstest(np.asarray(sample, float), "norm").pvalue > 1e-6


@pytest.mark.benchmark(group="65 536 normals, one thread")
class TestNormals:
    def test_ours(self, benchmark):
        out = np.empty(COUNT, np.float32)
        core.fill_normals(0, 1, 0, out)
        check(out)
        benchmark.pedantic(core.fill_normals, (0, 1, 0, out), rounds=50, iterations=20)

    def test_numpy(self, benchmark):
        rng, out = np.random.default_rng(0), np.empty(COUNT, np.float32)
        check(rng.standard_normal(out=out, dtype=np.float32))
        run = lambda: rng.standard_normal(out=out, dtype=np.float32)  # noqa: E731
        benchmark.pedantic(run, rounds=50, iterations=5)

    def test_torch(self, benchmark, one_thread):
        out = one_thread.empty(COUNT)
        check(out.normal_())
        benchmark.pedantic(out.normal_, rounds=50, iterations=5)


@pytest.mark.benchmark(group="50 million weights of a fresh network, all threads")
class TestNetworks:
    def test_ours(self, benchmark):
        benchmark.pedantic(Network.random, (WIDTHS,), {"rng": 0}, rounds=7, warmup_rounds=1)

    def test_torch(self, benchmark, torch):
        def draw():
            return [torch.randn(b, a).mul_(a**-0.5) for a, b in pairwise(WIDTHS)]

        benchmark.pedantic(draw, rounds=7, warmup_rounds=1)

    def test_torch_into_the_same_memory(self, benchmark, torch):
        weights = [torch.empty(b, a) for a, b in pairwise(WIDTHS)]

        def draw():
            for w in weights:
                w.normal_(std=w.shape[1] ** -0.5)

        benchmark.pedantic(draw, rounds=7, warmup_rounds=1)
