"""Benchmarks: every case is checked before it is timed; peers take turns on the same threads.

Run them with `pytest bench --benchmark-only`; PyTorch takes part where it is installed.
"""

import sys
from pathlib import Path

import pytest
import turns
from randrelu._load import core

sys.path.append(str(Path(__file__).parent.parent / "tests"))  # for the plain reference

THREADS = core.thread_count(0)


def pytest_report_header():
    info = core.build_info()
    return f"randrelu: {info['isa']}, Eigen {info['eigen']}, {info['compiler']}, {THREADS} threads"


def pytest_terminal_summary(terminalreporter):
    lines = list(turns.table())
    if lines:
        terminalreporter.section("taken in turns: ours ÷ peer, median and quartiles of the pairs")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def torch():
    module = pytest.importorskip("torch", reason="PyTorch is not installed")
    module.set_num_threads(THREADS)
    return module
