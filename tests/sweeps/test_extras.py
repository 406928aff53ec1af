"""Packages that may be missing."""

import re
import sys

import pytest
from sweep_helpers import child, run


class TestExtras:
    def test_nothing_of_unix_is_imported(self):
        unix = ("fcntl", "termios", "resource", "grp", "pwd", "pty")
        code = f"import sys; sys.modules.update(dict.fromkeys({unix})); import randrelu"
        with child(code) as process:
            assert process.communicate(timeout=60)[1] == ""
            assert process.returncode == 0

    def test_what_is_missing_is_named(self, tmp_path, monkeypatch):
        found = run(trials=1)
        for package, message, call in (
            ("pandas", "to_pandas() needs pandas", found.to_pandas),
            ("filelock", "a sweep's store needs filelock", lambda: run(store=tmp_path)),
            ("pyarrow", "sweeps need pyarrow", run),
        ):
            monkeypatch.setitem(sys.modules, package, None)
            expected = f"{message}: pip install 'randrelu[sweep]'"
            with pytest.raises(ImportError, match=re.escape(expected)):
                call()
