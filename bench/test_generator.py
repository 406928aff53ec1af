"""Standard normals in float32 on one thread, and whole fresh networks on all."""

from itertools import pairwise

import numpy as np
import pytest
import reference
from randrelu import Network
from randrelu._load import core
from scipy import stats
from turns import alone, in_turns

COUNT = 2**16  # per call: they stay in the second-level cache
WIDTHS = (4096, 4096, 4096, 4096, 1)
NORMALS = "65 536 normals, one thread"
NETWORKS = "50 million weights of a fresh network, all threads"


@pytest.fixture
def one_thread(torch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


def check_normals(sample):
    assert stats.kstest(np.asarray(sample, float).reshape(-1), "norm").pvalue > 1e-6


def check_weights(weights):
    """Of every matrix: its scale, within six standard errors, and the law of its last rows."""
    for w, (fan_in, fan_out) in zip(weights, pairwise(WIDTHS), strict=True):
        assert w.shape == (fan_out, fan_in)
        normals = np.asarray(w) * np.float32(fan_in**0.5)
        square = np.mean(normals**2, dtype=float)
        assert abs(square - 1) < 6 * np.sqrt(2 / normals.size)
        check_normals(normals[-16:])


class TestNormals:
    @pytest.fixture
    def ours(self):
        out = np.empty(COUNT, np.float32)

        def fill():
            core.fill_normals(0, 1, 0, out)
            return out

        exact = reference.normals(0, 1, 0, COUNT // 64)
        assert np.max(np.abs(fill() - exact) / np.spacing(np.abs(exact).astype("float32"))) <= 4
        return fill

    def test_beside_numpy(self, benchmark, ours):
        rng, out = np.random.default_rng(0), np.empty(COUNT, np.float32)
        theirs = lambda: rng.standard_normal(out=out, dtype=np.float32)  # noqa: E731
        in_turns(benchmark, NORMALS, "NumPy", ours, theirs, check_normals, rounds=50)

    def test_beside_torch(self, benchmark, ours, one_thread):
        theirs = one_thread.empty(COUNT).normal_
        in_turns(benchmark, NORMALS, "PyTorch", ours, theirs, check_normals, rounds=50)


class TestNetworks:
    @staticmethod
    def ours():
        return Network.random(WIDTHS, rng=0, storage="stored")

    @staticmethod
    def check(drawn):
        if isinstance(drawn, Network):
            drawn = [drawn.weights(i) for i in range(1, len(WIDTHS))]
        check_weights(drawn)

    def test_ours(self, benchmark):
        alone(benchmark, NETWORKS, self.ours, self.check, rounds=7)

    def test_beside_torch(self, benchmark, torch):
        def draw():
            return [torch.randn(b, a).mul_(a**-0.5) for a, b in pairwise(WIDTHS)]

        in_turns(benchmark, NETWORKS, "PyTorch", self.ours, draw, self.check, rounds=7)

    def test_beside_torch_into_the_same_memory(self, benchmark, torch):
        weights = [torch.empty(b, a) for a, b in pairwise(WIDTHS)]

        def draw():
            for w in weights:
                w.normal_(std=w.shape[1] ** -0.5)
            return weights

        peer = "PyTorch, into the same memory"
        in_turns(benchmark, NETWORKS, peer, self.ours, draw, self.check, rounds=7)
