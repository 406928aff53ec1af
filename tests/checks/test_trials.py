"""Trials side by side: the same numbers, progress, errors, and an end when it is asked for."""

import inspect
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from randrelu import check
from randrelu._load import core
from randrelu._support import memory
from randrelu._support.side_by_side import side_by_side
from randrelu._support.threads import thread_number
from randrelu.checks import STATEMENTS
from randrelu.checks.trials import Networks
from small import SMALL

_OF_NETWORKS = [
    name
    for name, statement in STATEMENTS.items()
    if "storage" in inspect.signature(statement.run).parameters
]
_DEEP = {"depths": (1, 8), "width": 50, "trials": 5}


def networks(widths=(5, 6, 1), trials=8, storage="stored", threads=None, progress=None):
    return Networks.asked(widths, trials, storage, 1, threads, progress)


@pytest.mark.parametrize("storage", ["stored", "deferred"])
@pytest.mark.parametrize("name", _OF_NETWORKS)
def test_the_numbers_are_the_same_for_every_thread_count(name, storage):
    small = {**SMALL[name], "trials": 5, "storage": storage, "rng": 3}
    expected = check(name, threads=1, **small).trials
    for threads in (2, 4):
        found = check(name, threads=threads, **small).trials
        for column, values in expected.items():
            np.testing.assert_array_equal(found[column], values, err_msg=column)


@pytest.mark.parametrize("name", ["theorem-3.1", "theorem-b.1"])
def test_deep_networks_are_the_same_for_every_thread_count(name):
    expected = check(name, **_DEEP, rng=3, threads=1).trials
    for threads in (2, 4):
        found = check(name, **_DEEP, rng=3, threads=threads).trials
        for column, values in expected.items():
            np.testing.assert_array_equal(found[column], values, err_msg=column)


@pytest.mark.parametrize(
    ("widths", "storage", "at_once"),
    [
        ((20, 30, 1), "stored", 4),
        ((20, 30, 1), "deferred", 4),
        ((2048, 2048, 1), "stored", 1),
        ((2048, 2048, 1), "deferred", 4),
        ((20, core.WIDE_TRIAL, 1), "deferred", 1),
    ],
)
def test_networks_that_keep_all_threads_busy_come_one_after_the_other(widths, storage, at_once):
    some = networks(widths, trials=8, storage=storage, threads=4)
    assert some.at_once == at_once and some.threads_each == (4 if at_once == 1 else 1)
    assert networks(widths, trials=1, storage=storage, threads=4).at_once == 1


def test_no_more_networks_are_alive_than_threads():
    alive, most, lock, together = 0, 0, threading.Lock(), threading.Barrier(3)

    def dead():
        nonlocal alive
        with lock:
            alive -= 1

    def measure(net):
        nonlocal alive, most
        weakref.finalize(net, dead)
        with lock:
            alive += 1
            most = max(most, alive)
        together.wait(timeout=60)  # three at once, in each of four rounds
        return net.seed

    some = networks(trials=12, threads=3)
    assert some.measure(measure) == some.seeds.tolist()
    assert most == 3 and alive == 0


def test_calls_within_a_trial_run_on_one_thread_and_progress_comes_from_the_caller():
    seen, here = [], threading.get_ident()

    def progress(done, total):
        assert threading.get_ident() == here
        seen.append((done, total))

    def work(t, step):
        assert core.thread_count(thread_number(None)) == 1
        for _ in range(3):
            time.sleep(0.03)
            step()
        return threading.get_ident()

    threads = side_by_side(work, 5, 2, progress, steps=3)
    assert len(set(threads)) == 2 and here not in threads
    assert seen == sorted(set(seen)) and len(seen) > 1 and seen[-1] == (15, 15)
    del seen[:]
    time.sleep(0.1)
    assert not seen


@pytest.mark.parametrize("threads", [1, 2])
def test_an_exception_of_a_trial_is_raised_and_stops_the_rest(threads):
    begun = []

    def measure(net):
        begun.append(net.seed)
        if net.seed == some.seeds[2]:
            raise ZeroDivisionError("trial 2")
        time.sleep(0.01)

    some = networks(trials=1000, threads=threads)
    with pytest.raises(ZeroDivisionError, match="trial 2"):
        some.measure(measure)
    assert len(begun) < 100


@pytest.mark.parametrize("threads", [1, 2])
def test_an_exception_of_progress_ends_the_check(threads):
    begun = []

    def progress(done, total):
        raise ZeroDivisionError("progress")

    def measure(net):
        begun.append(net.seed)
        time.sleep(0.01)

    with pytest.raises(ZeroDivisionError, match="progress"):
        networks(trials=1000, threads=threads, progress=progress).measure(measure)
    running = len(begun)
    time.sleep(0.1)
    assert len(begun) == running < 500


def test_what_does_not_fit_beside_others_has_all_memory_when_they_are_done(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**9)
    seen = []

    def work(t, step):
        memory.require(6 * 10**8 if t == 1 else 4 * 10**8, f"trial {t}", "wait")
        step()
        return t

    assert side_by_side(work, 4, 2, lambda *p: seen.append(p)) == [0, 1, 2, 3]
    assert seen == sorted(set(seen)) and seen[-1] == (4, 4)
    monkeypatch.setattr(memory, "available_bytes", lambda: 5 * 10**8)
    with pytest.raises(MemoryError, match=r"trial 1 takes 600\.0 MB, and 500\.0 MB of"):
        side_by_side(work, 4, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    "work",
    [
        "rr.check('claim-2.7', widths=(100, 100, 100, 1), trials=10**6, threads=2)",
        # Each trial takes minutes within one call of the core.
        "rr.check('lemma-2.8', widths=(500, 500, 1), trials=9, samples=10**6, storage='stored',"
        " threads=2)",
        "rr.check('theorem-3.1', trials=100, depths=(10**6,), steps=0, threads=2)",
        "rr.check('theorem-3.1', trials=100, depths=(256,), steps=200, threads=2)",
    ],
)
def test_interrupt_ends_all_threads(work):
    code = (
        "import threading, randrelu as rr\n"
        f"print('ready', flush=True)\ntry:\n    {work}\n"
        "except KeyboardInterrupt:\n    print('stopped', threading.active_count(), flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)  # it takes a moment, on a machine that is free
    finally:
        process.kill()
    assert out == "stopped 1\n"


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="only where processes fork")
def test_a_child_forked_after_a_check_works(run_python):
    code = (
        "import os, randrelu as rr\n"
        "def ask():\n"
        "    c = rr.check('lemma-2.6', widths=(20, 30, 9, 1), trials=5, rng=1, threads=2)\n"
        "    return c.trials['attained_2_0'].tolist()\n"
        "first = ask()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(ask() == first)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = run_python(code)
    assert done.stdout == "1\n", done.stderr
