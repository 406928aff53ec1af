"""Lets docstrings write |f(x)|, and call what is public by its name in the package."""

import dataclasses
import re

import randrelu
from docutils import nodes
from sphinx.ext.autosummary import AutoLink


class PublicLink(AutoLink):
    """Links to what has that name in a docstring's own module, or else in the package."""

    def run(self):
        """Return a link, or emphasized text where nothing has that name."""
        found, errors = super().run()
        known = self.text.partition(".")[0] in (*randrelu.__all__, "laws")
        if not errors and known and isinstance(found[0], nodes.emphasis):
            self.text = f"randrelu.{self.text}"
            found, errors = super().run()
            for text in found[0].findall(nodes.Text):
                text.parent.replace(text, nodes.Text(text.removeprefix("randrelu.")))
        return found, errors


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


def lead_back(app, page, template, context, doctree):
    """Let the links of a module's source lead to what other modules document of it.

    Sphinx takes all that a module has to be documented in one place.
    """
    if page.startswith("_modules/"):
        context["body"] = re.sub(
            r"(made/reference/)([\w.]+)\.html#randrelu\.(\w+)",
            lambda m: f"{m[1]}{m[2]}.html#{m[2]}" if m[2].endswith(f".{m[3]}") else m[0],
            context["body"],
        )


def setup(app):
    """Hear of every docstring before numpydoc does, and of names that are not found."""
    app.add_role("autolink", PublicLink(), override=True)
    app.connect("html-page-context", lead_back)
    app.connect("autodoc-process-docstring", escape, priority=100)
    app.connect("autodoc-process-signature", shorten)
    app.connect("missing-reference", find)
    return {"parallel_read_safe": True}
