"""What people expect of any command: completion, colours that can be off, JSON, exit codes."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import randrelu as rr
import typer.main
from randrelu.cli import app, exits
from terminal import COMMAND, run

CHECK = ("check", "lemma-2.2", "--widths", "20,10,1", "--trials", "5", "--seed", "1")
DIGITS = str(Path(__file__).parents[2] / "examples" / "digits.npz")


def commands(group=None, before=()):
    """Every command by its words."""
    group = group or typer.main.get_command(app.app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=[name for name, _ in commands()]
)
def test_every_command_prints_json_on_request(name, command):
    assert any("--json" in parameter.opts for parameter in command.params)


def sgr(*arguments, **environment):
    """Return the parameters of all escape sequences that give a style, on a forced terminal."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
            "FORCE_COLOR": "1",
            "TERM": "xterm-256color",
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
    )
    found = re.findall(r"\x1b\[([\d;]*)m", done.stdout + done.stderr)
    return {int(part) for sequence in found for part in sequence.split(";") if part}


@pytest.mark.parametrize(
    "arguments",
    [("--help",), CHECK, ("attack", "--help"), ("flips", "--samples", "x"), ("info", DIGITS)],
    ids=lambda arguments: arguments[0],
)
def test_no_color_is_heeded(arguments):
    assert not {n for n in sgr(*arguments, NO_COLOR="1") if n >= 30}  # bold and dim are no colours


@pytest.mark.parametrize("arguments", [("--help",), CHECK, ("flips", "--samples", "x")])
def test_there_are_colours_otherwise(arguments):
    assert {n for n in sgr(*arguments) if n >= 30}


def test_the_help_has_every_exit_code_and_its_meaning():
    words = " ".join(run("--help").stdout.split())
    said = words[words.index("Exit codes:") :]
    assert [int(code) for code in re.findall(r"(\d+):", said)] == [0, 1, 2, 3, 130]
    for code, meaning in exits.MEANINGS.items():
        assert f"{code}: {meaning}" in said
    page = (Path(__file__).parents[2] / "docs/guide/terminal.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)
    assert {int(code): meaning for code, meaning in table} == exits.MEANINGS


def test_commands_exit_with_documented_codes_alone():
    folder = Path(exits.__file__).parent
    ended = []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "SystemExit", "sys.exit", "typer.Exit",
            ):  # fmt: skip
                ended += re.findall(r"exits\.(\w+)", ast.unparse(node))
                assert node.args and not re.search(r"\b\d+\b", ast.unparse(node)), path
    assert set(ended) == {"FAILED", "NOT_DONE", "VIOLATED", "STOPPED"}
    assert {getattr(exits, name) for name in ended} | {exits.DONE} == set(exits.MEANINGS)


# Codes 1 and 3 are met where sweeps and reproductions are tested, and 130 with a signal.
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("info",), exits.DONE),
        (("--version",), exits.DONE),
        (("--help",), exits.DONE),
        (("nothing",), exits.NOT_DONE),
        (("attack", "--nothing"), exits.NOT_DONE),
        (("attack",), exits.NOT_DONE),
        (("info", "nowhere.npz"), exits.NOT_DONE),
        (("show", "nowhere"), exits.NOT_DONE),
    ],
)
def test_what_is_done_exits_with_0_and_what_is_not_with_2(arguments, code):
    run(*arguments, code=code)


def test_a_file_that_is_missing_is_named_in_plain_words():
    said = run("info", "nowhere.npz", code=exits.NOT_DONE).stderr
    assert said == "randrelu: nowhere.npz: No such file or directory\n"


def test_python_m_is_the_command():
    assert run("--version").stdout == f"randrelu {rr.__version__}\n"
    assert "Usage: randrelu [OPTIONS] COMMAND" in run("--help").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of Unix")
def test_completion_is_installed_for_a_shell_and_completes(tmp_path):
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(
        [*COMMAND, "--install-completion", "bash"],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    script = tmp_path / ".bash_completions" / "randrelu.sh"
    assert str(script) in (tmp_path / ".bashrc").read_text()
    assert "_RANDRELU_COMPLETE=complete_bash" in script.read_text()
    done = subprocess.run(
        COMMAND,
        env={
            **environment,
            "_RANDRELU_COMPLETE": "complete_bash",
            "COMP_WORDS": "randrelu re",
            "COMP_CWORD": "1",
        },
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == ["reproduce"], done.stderr
