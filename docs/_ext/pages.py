"""Lets pages be plain Markdown, which leads to files on GitHub, and to pages on the site."""

import re

import randrelu as rr


def gallery(match):
    """Return a link to the page of a script, where the gallery has it."""
    name = match[1]
    return f"](/made/gallery/{name}.rst)" if name != "digits" else match[0]


def name(match):
    """Return a link to the reference, where it has that name."""
    path = match[1]
    public = path in rr.__all__ or path.split(".")[0] in (*rr.__all__, "laws")
    return f"{{any}}`{match[0][1:-1]} <randrelu.{path}>`" if public else match[0]


def adapt(app, page, source):
    """Turn links to scripts and statements, and names such as `rr.flips`, into links to pages."""
    if app.env.doc2path(page).suffix != ".md":
        return
    text = re.sub(r"\]\((?:\.\./)+examples/(\w+)\.py\)", gallery, source[0])
    text = re.sub(r"\]\((?:\.\./)+examples\)", "](/made/gallery/index.rst)", text)
    statements = r"\]\((?:\.\./)+python/randrelu/checks/statements\)"
    text = re.sub(statements, "](/made/statements.rst)", text)
    # Kept pages lie on the site as they are, see conf.py; a link of Markdown would download them.
    text = re.sub(r"\[([^]]*)\]\((\.\./studies/\w+\.html)\)", r'<a href="\2">\1</a>', text)
    source[0] = re.sub(r"(?<!`)`rr\.([\w.]+)(?:\([^`\n]*\))?`", name, text)


def setup(app):
    """Read every page in this way."""
    app.connect("source-read", adapt)
    return {"parallel_read_safe": True}
