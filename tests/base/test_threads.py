"""Threads, processes and interrupts change nothing but the time."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from randrelu import Network, check, gradient_step
from randrelu._load import core

SHAPE = (300, 1500, 200, 1)


def everything(net, x, threads):
    f, g = net.value_and_gradient(x, threads=threads)
    hidden = net.preactivations(x, threads=threads) + net.activations(x, threads=threads)
    attack = gradient_step(net, x, threads=threads)
    return [f, g, *hidden, *net.pattern(x, threads=threads).bits, attack.f_after]


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("points", [1, 3, 300])
def test_thread_count_changes_no_bit(points, dtype, storage):
    x = np.random.default_rng(0).normal(size=(points, 300))
    nets = [
        Network.random(SHAPE, rng=1, dtype=dtype, storage=storage, threads=t) for t in (1, 2, 3, 8)
    ]
    for i in (1, 2, 3):
        assert all(np.array_equal(net.weights(i), nets[0].weights(i)) for net in nets)
    expected = everything(nets[0], x, 1)
    for threads in (2, 3, 8, None):
        for got, want in zip(everything(nets[0], x, threads), expected, strict=True):
            assert np.array_equal(got, want)


def test_omp_num_threads_is_honoured_and_nothing_global_changes(run_python):
    code = (
        "import numpy as np, randrelu as rr; from randrelu._load import core\n"
        "before = core.thread_count(0)\n"
        "rr.Network.random((50, 60, 1), rng=0, threads=2).forward(np.ones(50), threads=5)\n"
        "print(before, core.thread_count(0), core.thread_count(4))"
    )
    done = run_python(code, OMP_NUM_THREADS="3")
    assert done.stdout == "3 3 4\n", done.stderr


def test_several_python_threads_at_once():
    net = Network.random(SHAPE, rng=1)
    x = np.random.default_rng(0).normal(size=(64, 300))
    expected, results = net.gradient(x), []

    def work():
        for _ in range(5):
            results.append(np.array_equal(net.gradient(x, threads=2), expected))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 20 and all(results)


def test_long_calls_release_the_gil():
    """While one thread computes, this one must get on: it would not move at all otherwise."""
    net = Network.random((500, 2000, 2000, 1), rng=0)
    x, turns = np.ones((3_000, 500)), 0
    worker = threading.Thread(target=net.forward, args=(x,), kwargs={"threads": 1})
    worker.start()
    while worker.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 20


def test_a_daemon_thread_in_a_long_call_does_not_break_the_exit(run_python):
    code = (
        "import threading, time, numpy as np, randrelu as rr\n"
        "net = rr.Network.random((500, 2000, 2000, 1), rng=0)\n"
        "x = np.ones((100_000, 500), np.float32)\n"  # ten seconds and more
        "threading.Thread(target=net.forward, args=(x,), daemon=True).start()\n"
        "keep = [[] for _ in range(3_000_000)]\n"  # so that ending takes a moment
        "time.sleep(0.3)\nprint('end', flush=True)"
    )
    done = run_python(code)
    assert done.stdout == "end\n", done.stderr


def forward_in_child(x):
    return Network.random(SHAPE, rng=1, threads=4).gradient(x, threads=4)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_of_a_threaded_process_works():
    x = np.random.default_rng(0).normal(size=(64, 300))
    expected = forward_in_child(x)  # so the parent has used threads
    with multiprocessing.get_context("fork").Pool(2) as pool:
        children = pool.map_async(forward_in_child, [x] * 4).get(timeout=60)
        assert pool.apply_async(core.thread_count, (0,)).get(timeout=60) == 1
    assert all(np.array_equal(child, expected) for child in children)
    assert np.array_equal(forward_in_child(x), expected)  # and the parent still does


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="loads GCC's OpenMP run time")
def test_a_forked_child_works_where_another_library_used_openmp(run_python):
    code = (
        "import ctypes, os, numpy as np, randrelu as rr\n"
        "gomp = ctypes.CDLL('libgomp.so.1')\n"
        "body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)\n"
        "gomp.GOMP_parallel(body, None, 2, 0)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    rr.Network.random((1000, 1000, 1), rng=0, threads=2).forward(np.ones(1000))\n"
        "    os._exit(0)\n"
        "print(os.waitpid(child, 0)[1])"
    )
    done = run_python(code)
    assert done.stdout == "0\n", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_child_forked_while_a_deferred_network_was_asked_says_so(run_python):
    code = (
        "import os, threading, time, numpy as np, randrelu as rr\n"
        "net = rr.Network.random((3000, 3000, 1), rng=0, storage='deferred')\n"
        "x = np.random.default_rng(0).normal(size=(2900, 3000))\n"  # seconds
        "threading.Thread(target=net.forward, args=(x,), daemon=True).start()\n"
        "time.sleep(0.3)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n"
        "        net.forward(x[0])\n"
        "    except RuntimeError as error:\n"
        "        os._exit('forked while another thread' in str(error))\n"
        "    os._exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "os._exit(0)"
    )
    done = run_python(code)
    assert done.stdout == "1\n", done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    "work",
    [
        "net.gradient(np.ones((200_000, 500)))",
        "[rr.Network.random((5000, 40_000, 1), rng=i) for i in range(1000)]",
        "rr.check('theorem-1.1', widths=(100, 100, 1), trials=10**6)",
        "rr.Network.random((10**6, 10**6, 1), storage='streamed').gradient(np.ones(10**6))",
        "rr.figure_1()",
        "ask_while_another_thread_does()",
    ],
)
def test_interrupt_stops_a_long_call(work):
    code = (
        "import numpy as np, randrelu as rr\n"
        "net = rr.Network.random((500, 3000, 3000, 1), rng=0)\n"
        "def ask_while_another_thread_does():\n"
        "    import threading, time\n"
        "    wide = rr.Network.random((10**5, 10**5, 1), storage='deferred')\n"
        "    points = np.random.default_rng(0).normal(size=(1000, 10**5))\n"
        "    threading.Thread(target=wide.forward, args=(points,), daemon=True).start()\n"
        "    time.sleep(0.3)\n"
        "    wide.forward(points[0])\n"
        f"print('ready', flush=True)\ntry:\n    {work}\n"
        "except KeyboardInterrupt:\n    print('stopped', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)  # a hang fails; slowness need not
    finally:
        process.kill()
    assert output == "stopped\n" and process.returncode == 0


def test_an_exception_in_progress_ends_the_check():
    def stop(done, trials):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        check("lemma-2.2", widths=(4, 3, 1), progress=stop)


@pytest.mark.parametrize("storage", ["stored", "streamed"])
def test_progress_of_a_long_call_rises_to_its_end(storage):
    net = Network.random((3000, 3000, 3000, 1), rng=0, storage=storage)
    x, weights = np.ones((64, 3000)), 2 * 3000**2 + 3000
    calls = {
        net.forward: 1,
        net.gradient: 2,
        net.pattern: 1,
        lambda x, progress: gradient_step(net, x, eta=[1, 2], progress=progress): 4,
    }
    for call, passes in calls.items():
        seen = []
        call(x, progress=lambda *numbers, seen=seen: seen.append(numbers))
        done, totals = zip(*seen, strict=True)
        assert set(totals) == {passes * 64 * weights} and done[-1] == totals[-1]
        assert list(done) == sorted(done) and done[0] >= 0
    if storage == "stored":  # 7e10 operations take a while anywhere, and are heard of on the way
        seen = []
        net.gradient(np.ones((2000, 3000)), progress=lambda done, total: seen.append(done / total))
        assert any(0 < share < 1 for share in seen)


def test_progress_of_many_small_trials_is_heard_of_on_the_way():
    """Each of them runs loops of its own, which report nothing."""
    seen = []
    options = {"widths": (100, 100, 1), "trials": 50_000, "eta": "linear", "rng": 0}
    check("theorem-1.1", **options, progress=lambda done, total: seen.append(done / total))
    assert any(0 < share < 1 for share in seen)


def test_an_exception_in_progress_ends_the_call():
    net = Network.random((3000, 3000, 3000, 1), rng=0)

    def stop(done, total):
        raise RuntimeError(f"enough after {done}")

    with pytest.raises(RuntimeError, match="enough"):
        net.gradient(np.ones((2000, 3000)), progress=stop)
    assert np.isfinite(net.forward(np.ones(3000)))
