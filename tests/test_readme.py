"""The README's examples print what the README says they print."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def examples():
    text = README.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(("code", "output"), examples())
def test_examples_print_their_output(code, output):
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.stdout.decode() == output, done.stderr.decode()
