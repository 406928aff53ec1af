"""What the tests of several rooms need."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import settings

# The gate repeats the same examples. The long profile, `pytest --hypothesis-profile=long`, draws
# others each time; what fails prints the blob that draws it again.
settings.register_profile(
    "short", max_examples=100, derandomize=True, database=None, deadline=None, print_blob=True
)
settings.register_profile(
    "long", max_examples=5000, derandomize=False, database=None, deadline=None, print_blob=True
)
settings.load_profile("short")

# A shell starts what it runs in the background with SIGINT ignored, and processes inherit that:
# those that tests interrupt would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
