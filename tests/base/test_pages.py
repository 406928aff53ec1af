"""Large memory is kept for the next network, within bounds, and never shared by two."""

import os
import subprocess
import sys

import numpy as np
import pytest
from randrelu import Network

BIG = (2048, 2048, 1)  # 16.8 MB of weights


def address(net):
    return net.weights(1).ctypes.data


kept = pytest.mark.skipif(
    sys.platform != "linux" or "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="memory is kept on Linux, and not from a sanitizer",
)


@kept
def test_the_next_network_of_the_same_size_gets_the_memory():
    net = Network.random(BIG, rng=0, storage="stored")
    before, first = address(net), net.weights(1)[:2].copy()
    del net
    net = Network.random(BIG, rng=1, storage="stored")
    other = Network.random(BIG, rng=0, storage="stored")
    assert address(net) == before != address(other)
    assert np.array_equal(other.weights(1)[:2], first)
    assert not np.array_equal(net.weights(1)[:2], first)


def test_weights_outlive_their_network():
    w = Network.random(BIG, rng=0, storage="stored").weights(1)
    other = Network.random(BIG, rng=1, storage="stored")
    assert not np.shares_memory(w, other.weights(1))
    assert np.array_equal(w, Network.random(BIG, rng=0, storage="stored").weights(1))


@kept
def test_no_more_than_three_gibibytes_are_kept():
    code = """
from randrelu import Network
for k in range(8):  # 5 GB in eight sizes
    Network.random((12500 + 8 * k, 12500, 1), rng=k, storage="stored")
print(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert int(done.stdout) * 1024 < 3.3 * 2**30, done.stderr
