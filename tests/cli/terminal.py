"""A terminal at which the command line is run."""

import os
import subprocess
import sys

COMMAND = [sys.executable, "-m", "randrelu"]


def run(*arguments, code=0, columns=200):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == code, done.stderr
    return done
