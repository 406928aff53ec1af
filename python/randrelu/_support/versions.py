"""What is installed and what it runs on."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from randrelu._load import core
from randrelu._support.threads import thread_number

__version__ = "0.2.0"


def facts(*others: str, threads: int | None = None) -> dict[str, Any]:
    """Return the versions of this package, its core, Python, NumPy and the packages named.

    A package that is not installed has None.
    """
    return {
        "version": __version__,
        **core.build_info(),
        "threads": core.thread_count(thread_number(threads)),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        **{name: _version(name) for name in others},
    }


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # slow to import

    try:
        return version(name)
    except PackageNotFoundError:
        return None
