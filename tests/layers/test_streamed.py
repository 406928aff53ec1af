"""Streamed networks are the stored ones, held as a seed."""

import os
import subprocess
import sys

import numpy as np
import pytest
from randrelu import Network, check, gradient_step
from randrelu._support import memory

SHAPES = [(5, 1), (1, 1, 1), (63, 65, 64, 1), (600, 1100, 700, 1), (130, 20, 3000, 1)]


def both(shape, **keywords):
    return [Network.random(shape, storage=s, **keywords) for s in ("stored", "streamed")]


@pytest.mark.parametrize("init", ["paper", "he", "unit"])
@pytest.mark.parametrize("shape", SHAPES)
def test_same_weights_bit_for_bit_in_no_memory(shape, init):
    stored, streamed = both(shape, rng=9, init=init)
    assert (stored.storage, streamed.storage) == ("stored", "streamed")
    assert streamed.nbytes == 0 < stored.nbytes
    for i in range(1, len(shape)):
        assert np.array_equal(stored.weights(i), streamed.weights(i))
        assert not streamed.weights(i).flags.writeable
    assert "storage='streamed'" in repr(streamed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("points", [1, 4, 5, 300])
@pytest.mark.parametrize("shape", SHAPES)
def test_same_results_bit_for_bit(shape, points, dtype):
    stored, streamed = both(shape, rng=9, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(points, shape[0])).astype(np.float32)
    assert np.array_equal(stored.forward(x), streamed.forward(x))
    for z, other in zip(stored.preactivations(x), streamed.preactivations(x), strict=True):
        assert np.array_equal(z, other)
    assert not stored.pattern(x).flips(streamed.pattern(x)).any()
    assert np.array_equal(stored.gradient(x), streamed.gradient(x))


def test_attacks_are_the_same_bit_for_bit():
    stored, streamed = both((300, 1500, 200, 1), rng=4)
    x = np.random.default_rng(1).normal(size=300)
    a, b = gradient_step(stored, x), gradient_step(streamed, x)
    assert np.array_equal(a.x_adv, b.x_adv) and a.f_after == b.f_after


def test_ties_fall_the_same_way():
    stored, streamed = both((7, 500, 300, 1), rng=2)
    for x in (np.zeros(7), np.zeros((6, 7))):
        assert not stored.pattern(x).flips(streamed.pattern(x)).any()
        assert np.array_equal(stored.gradient(x), streamed.gradient(x))


def test_auto_streams_what_would_take_more_than_half_of_the_free_memory(monkeypatch):
    needed = 4 * (3000 * 2000 + 2000)
    for free, storage in [(2 * needed, "stored"), (2 * needed - 1, "streamed")]:
        monkeypatch.setattr(memory, "available_bytes", lambda free=free: free)
        assert Network.random((3000, 2000, 1), rng=0).storage == storage
    assert Network.random((30, 20, 1), rng=0).storage == "stored"


@pytest.mark.skipif(sys.platform == "win32", reason="asks Unix for the peak memory")
def test_peak_memory_is_that_of_a_tile():
    code = (
        "import resource, numpy as np, randrelu as rr\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "net = rr.Network.random((9000, 9000, 1), rng=0, storage='streamed')\n"
        "net.value_and_gradient(np.ones(9000))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    # A sanitizer, where there is one, must not hold on to memory that was given back.
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "ASAN_OPTIONS": options},
    )
    unit = 1 if sys.platform == "darwin" else 1024
    grown = int(done.stdout) * unit
    assert grown < 100e6 < 4 * 9000**2  # the matrix would take 324 MB


def test_checks_run_on_networks_that_do_not_fit(monkeypatch):
    """The numbers are those of stored networks, bit for bit, and no weights were held for them."""
    given = {"widths": (3000, 2000, 1), "trials": 2, "rng": 3}
    expected = check("theorem-1.1", **given, storage="stored").trials
    storages, random = [], Network.random.__func__

    def spy(*arguments, **keywords):
        net = random(Network, *arguments, **keywords)
        storages.append(net.storage)
        return net

    monkeypatch.setattr(Network, "random", spy)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**25)  # the weights take 24 MB
    streamed = check("theorem-1.1", **given, storage="auto").trials
    assert storages == ["streamed"] * 2
    for name, values in expected.items():
        assert np.array_equal(streamed[name], values), name


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    ("widths", "work"),
    [
        # A sixteenth of these rows takes a minute; a tile of this many summands takes some seconds.
        ((10**6, 10**6, 1), "masked_product(net, [ones], 0, 1, v, transposed=True, threads=None)"),
        ((2 * 10**7, 5000, 1), "net.forward(np.ones((5, 2 * 10**7), np.float32))"),
    ],
)
def test_interrupt_stops_a_product_in_the_middle_of_a_tile(widths, work, run_python):
    code = (
        "import os, signal, threading, time, numpy as np, randrelu as rr\n"
        "from randrelu.measures.masked_product import masked_product\n"
        f"net = rr.Network.random({widths}, rng=0, storage='streamed')\n"
        "ones, v = np.full(10**6 // 8, 255, np.uint8), np.ones((1, 10**6))\n"
        "used = []\n"
        "def interrupt():\n"
        "    used.append(time.process_time())\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Timer(1, interrupt).start()\n"
        f"try:\n    {work}\n"
        "except KeyboardInterrupt:\n    print(time.process_time() - used[0])\n"
    )
    done = run_python(code, OMP_NUM_THREADS="2")
    # A second is promised, which two threads fill with two of the processor's. What others do with
    # the processor does not count here; that they share its caches may, and a sanitizer does.
    limit = 60 if "asan" in os.environ.get("LD_PRELOAD", "") else 4
    assert float(done.stdout) < limit, done.stderr
