"""Lets docstrings write |f(x)|, and call what is public by its name in the package."""

import dataclasses
import re


def escape(app, what, name, obj, options, lines):
    """Escape the bars of a docstring, which would be a substitution, but for those of code."""
    for k, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(``.*?``|`[^`]*`)", line)
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[k] = "".join(parts)


def shorten(app, what, name, obj, options, signature, returned):
    """Leave out how a result or a network is constructed: functions do that, not users."""
    if what == "class" and (dataclasses.is_dataclass(obj) or getattr(obj, "_is_protocol", False)):
        return "", None
    return None


def find(app, env, node, content):
    """Look for a name in the package where its own module does not have it on a page."""
    if node.get("refdomain") != "py":
        return None
    domain, target = env.get_domain("py"), node["reftarget"]
    for name in (f"randrelu.{target}", f"randrelu.laws.{target}"):
        if name in domain.objects:
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, node["reftype"], name, node, content
            )
    return None


def setup(app):
    """Hear of every docstring before numpydoc does, and of names that are not found."""
    app.connect("autodoc-process-docstring", escape, priority=100)
    app.connect("autodoc-process-signature", shorten)
    app.connect("missing-reference", find)
    return {"parallel_read_safe": True}
