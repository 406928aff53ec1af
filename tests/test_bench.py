"""How the benchmarks time: both sides are checked, and each run of ours has the peer's after it."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture
def turns(monkeypatch):
    """The helper, with a clock that moves only while somebody works."""
    spec = importlib.util.spec_from_file_location("turns", BENCH / "turns.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "turns", module)
    spec.loader.exec_module(module)
    module.now = 0.0
    monkeypatch.setattr(module, "perf_counter", lambda: module.now)
    monkeypatch.setattr(module, "sleep", lambda seconds: None)
    return module


class Benchmark:
    """What the helper uses of pytest-benchmark's fixture, on the same clock."""

    disabled = False

    def __init__(self, turns):
        self.turns, self.extra_info, self.group = turns, {}, None

    def pedantic(self, work, *, setup, rounds, warmup_rounds):
        data = []
        for _ in range(warmup_rounds + rounds):
            setup()
            began = self.turns.now
            work()
            data.append(self.turns.now - began)
        self.stats = SimpleNamespace(stats=SimpleNamespace(data=data[warmup_rounds:]))


def worker(turns, name, seconds, done):
    """Work that takes the next of these seconds each time, and says whose turn it was."""
    left = iter(seconds)

    def work():
        turns.now += next(left)
        done.append(name)
        return name

    return work


def test_ratios_are_those_of_the_pairs(turns):
    """A machine that gets slower changes none, and the ratio of the medians, 1/8, is another."""
    benchmark, done, checked = Benchmark(turns), [], []
    slow = np.array([1, 1, 1, 10, 100])  # the check, the warm-up, and three rounds
    ours = worker(turns, "ours", 100 * slow * [1, 1, 0.5, 0.125, 0.25], done)
    theirs = worker(turns, "theirs", slow, done)
    turns.in_turns(
        benchmark, "a group", "a peer", ours, theirs, checked.append, rounds=3, at_once=100
    )  # fmt: skip
    assert checked == ["ours", "theirs"] and done == ["ours", "theirs"] * 5
    (pairs,) = turns.PAIRS
    assert pairs.ours.tolist() == [0.5, 1.25, 25] and pairs.theirs.tolist() == [1, 10, 100]
    assert pairs.ratio == (0.25, (0.1875, 0.375)) == (
        benchmark.extra_info["ours ÷ peer"], benchmark.extra_info["quartiles"]
    )  # fmt: skip
    group, line = turns.table()
    assert group == "a group" and "0.25  [0.188, 0.375] of   3 pairs  a peer" in line
    assert "1.25 s ÷" in line and "10 s" in line


@pytest.mark.parametrize("wrong", ["ours", "theirs"])
def test_what_is_wrong_is_not_timed(turns, wrong):
    benchmark, done = Benchmark(turns), []

    def check(name):
        assert name != wrong

    ours, theirs = (worker(turns, name, [1] * 9, done) for name in ("ours", "theirs"))
    with pytest.raises(AssertionError):
        turns.in_turns(benchmark, "a group", "a peer", ours, theirs, check, rounds=4)
    assert not turns.PAIRS and len(done) <= 2


def test_every_benchmark_is_timed_after_its_check():
    """By the helper, that is, which checks; nobody else calls what times."""
    files = sorted(BENCH.glob("test_*.py"))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "benchmark.pedantic" not in text and "benchmark(" not in text, path.name
