"""Trials that take one thread, whatever the sweep has."""

import numpy as np
import pytest
from randrelu._support.threads import share_of_threads, thread_number
from randrelu.sweeps.experiments import boundary, depth, lazy, training, width
from randrelu.sweeps.experiments.one_thread import one_thread

limits = pytest.importorskip("threadpoolctl")


def counts():
    return [pool["num_threads"] for pool in limits.threadpool_info()]


def test_all_libraries_take_one_thread_and_have_theirs_back():
    @one_thread()
    def trial():
        return thread_number(None), counts()

    before = counts()
    with share_of_threads(2):
        share, within = trial()
        assert thread_number(None) == 2
    assert share == 1 and set(within) <= {1} and counts() == before


@pytest.mark.parametrize(
    ("module", "name", "measure", "params"),
    [
        (depth, "depth", "_of_limit", {"dim": 4, "depth": 1}),
        (depth, "depth", "_of_network", {"dim": 4, "depth": 1, "width": 9}),
        (width, "at_width", "gradient_step", {"dim": 4, "depth": 1, "width": 9}),
        (training, "training", "load", {"depth": 1, "width": 9}),
        (lazy, "lazy", "zeros_and_ones", {"width": 9}),
        (boundary, "of_random", "distance", {"dim": 4, "width": 9}),
        (boundary, "of_trained", "resized_digits", {"size": 4}),
    ],
)
def test_experiments_of_small_networks_take_one(monkeypatch, module, name, measure, params):
    class Seen(Exception):
        pass

    def look(*_, **__):
        raise Seen(thread_number(None))

    monkeypatch.setattr(module, measure, look)
    with share_of_threads(2), pytest.raises(Seen, match="1"):
        getattr(module, name)(np.random.default_rng(0), **params)
