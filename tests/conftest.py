"""What the tests of several rooms need."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def run_python():
    """Run code in a fresh interpreter, with these variables besides the present ones."""

    def run(code, **environment):
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
