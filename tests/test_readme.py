"""The examples of the README, the documentation and the docstrings print what these say."""

import doctest
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import randrelu as rr

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "guide").glob("*.md"))
PYTHON = re.compile(r"^```python\n(.*?)^```\n(?:\nprints\n\n```\n(.*?)^```$)?", re.M | re.S)
BLOCKS = [
    (page.name, code, output)
    for page in PAGES
    for code, output in PYTHON.findall(page.read_text(encoding="utf-8"))
]
PACKAGE = Path(rr.__file__).parent
MODULES = [
    ".".join(("randrelu", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
# By what they hold, so that what two pages have is run once.
EXAMPLES = {(code, output): name for name, code, output in BLOCKS if output}


@pytest.mark.parametrize(("code", "output"), EXAMPLES, ids=EXAMPLES.values())
def test_examples_print_their_output(code, output):
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, timeout=120, cwd=ROOT)
    assert done.stdout.decode() == output, done.stderr.decode()


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_print_what_they_say(module):
    found = doctest.testmod(import_module(module))
    assert found.attempted and not found.failed


def test_the_only_example_that_does_not_say_what_it_prints_runs_on_fewer_trials(tmp_path):
    """It is a sweep of minutes, in two processes."""
    ((name, code),) = ((name, code) for name, code, output in BLOCKS if not output)
    assert name == "sweeps.md"
    for long, short in (("trials=500", "trials=2"), ("executor=2", "executor=1")):
        assert long in code
        code = code.replace(long, short)
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert "<svg" in (tmp_path / "attack.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    """Also where the documentation is read as files; its build holds links to headings."""
    links = re.findall(r"\]\(([^)#\s]+)[^)\s]*\)", page.read_text(encoding="utf-8"))
    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not lost


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 140
