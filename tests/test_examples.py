"""The example of infinite width runs, on fewer and narrower networks than its own."""

from pathlib import Path

from randrelu import laws

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_width(tmp_path, run_python):
    code = (EXAMPLES / "width.py").read_text(encoding="utf-8")
    for long, short in (
        ("else 300", "else 30"),
        ("(100, 1000, 10_000, 100_000)", "(20, 200)"),
    ):
        assert long in code
        code = code.replace(long, short)
    code = code.replace("__file__", repr(str(tmp_path / "width.py")))
    done = run_python(code, PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    head, *rows = (line.split(" | ") for line in done.stdout.splitlines())
    assert [row[0] for row in rows] == ["20", "200", "∞"]
    assert {len(row) for row in (head, *rows)} == {6}
    assert rows[-1][3] == f"{laws.limit_step(784, 2).succeeds:.2%}" == "1.49%"
    assert (tmp_path / "width.png").read_bytes().startswith(b"\x89PNG")
