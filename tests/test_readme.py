"""The README's example prints what the README says it prints."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_example_prints_its_output():
    text = README.read_text(encoding="utf-8")
    pattern = r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```"
    code, output = re.search(pattern, text, re.DOTALL).groups()
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.stdout.decode() == output, done.stderr.decode()
