"""What the tests of sweeps share."""

import os
import subprocess
import sys
from pathlib import Path

import randrelu as rr
import sweep_experiments as ours

GRID = {"a": [1, 2, 5], "b": ["x", "y"]}
TESTS = Path(__file__).parent


def run(experiment=ours.cheap, *, grid=GRID, trials=20, rng=0, **options):
    return rr.sweep(experiment, grid=grid, trials=trials, rng=rng, **options)


def same(one, other):
    return one.to_arrow().equals(other.to_arrow())


class child:
    """A Python process, killed at the end at the latest."""

    def __init__(self, code, *arguments):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def __enter__(self):
        return self._process

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()


SLOW = (
    "import sweep_experiments as e, randrelu as rr, sys\n"
    "if __name__ == '__main__':\n"
    "    rr.sweep(e.slow, grid={'a': [1, 2, 5]}, trials=100, rng=0, store=sys.argv[1],"
    " executor=eval(sys.argv[2]), progress=lambda d, t: print(d, flush=True))\n"
)
