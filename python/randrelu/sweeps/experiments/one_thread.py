"""Trials that take one thread each."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from randrelu._support.threads import share_of_threads


@contextmanager
def one_thread() -> Iterator[None]:
    """Run a trial on one thread, the matrix products of NumPy and scikit-learn included.

    Loops as short as those of small networks lose more by threads that wait for each other, above
    all on a busy machine, than they gain. What runs at the same time are trials, by `executor`. It
    is a decorator of experiments that need scikit-learn, which needs threadpoolctl, too.
    """
    try:
        limits = importlib.import_module("threadpoolctl").threadpool_limits(1)
    except ImportError:  # as it is without scikit-learn, of which the experiment tells
        limits = nullcontext()
    with share_of_threads(1), limits:
        yield
