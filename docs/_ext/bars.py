"""Lets docstrings write |f(x)|, which would be a substitution in reStructuredText."""

import re


def escape(app, what, name, obj, options, lines):
    """Escape the bars of a docstring, but for those of code."""
    for k, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(``.*?``|`[^`]*`)", line)
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[k] = "".join(parts)


def setup(app):
    """Hear of every docstring before numpydoc does."""
    app.connect("autodoc-process-docstring", escape, priority=100)
    return {"parallel_read_safe": True}
