"""How texts and figures become parts of a page that needs no other file; Jinja2 is an extra."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from randrelu.figures.style import COLORS


@cache
def template(package: str, name: str) -> Template:
    """Return a template of a package."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(math=marked_up, inline=_inline)
    return environment.from_string(_file(package, name))


def style() -> Markup:
    """Return the style sheet of every page."""
    return Markup(_file(__package__, "page.css"))


def _file(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


@lru_cache(64)  # the page is written after every run
def _inline(svg: str, slug: str) -> Markup:
    """Return a figure for the page, with ids of its own, the page's colours and its caption."""
    body = svg[svg.index("<svg") :].rstrip()
    body = re.sub(r'\bid="', f'id="{slug}-', body)
    body = re.sub(r"url\(#", f"url(#{slug}-", body)
    body = body.replace('xlink:href="#', f'href="#{slug}-')
    for name, color in COLORS.items():
        body = body.replace(color, f"var(--{name})")
    box = re.search(r'viewBox="[^"]*"', body)
    assert box is not None
    opening = f'<svg role="img" aria-labelledby="{slug}-caption" {box[0]}>'
    return Markup(opening + body[body.index(">") + 1 :])


# The mark of a power, or of an index of one letter (with a tilde or without): x^{y}, d_min, f̃_i.
_MARK = re.compile(r"\^(?=[{\w])|(?:(?<=\b[A-Za-zΔ])|(?<=\u0303))_(?=[{\w])")


# A space before a unit, or between the ends of an interval.
_WITHIN = re.compile(r"(?<=\d) (?=[%…])|(?<=…) (?=[\d−])")


def marked_up(text: str) -> Markup:
    """Return a text with its powers and indices, also nested ones, as <sup> and <sub>.

    No line ends within a number and its unit, or within an interval.
    """
    return _raised(_WITHIN.sub("\u00a0", text))


def _raised(text: str) -> Markup:
    """Return a text with its powers and indices as <sup> and <sub>."""
    mark = _MARK.search(text)
    if mark is None:
        return escape(text)
    inner, end = _argument(text, mark.end())
    return Markup("{}<{tag}>{}</{tag}>{}").format(
        text[: mark.start()],
        _raised(inner),
        _raised(text[end:]),
        tag="sup" if mark[0] == "^" else "sub",
    )


def _argument(text: str, start: int) -> tuple[str, int]:
    """Return the power or index that starts here, and where the text after it starts."""
    if text[start] != "{":
        word = re.compile(r"\w+(?:\.\d+)?").match(text, start)
        assert word is not None
        return word[0], word.end()
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start + 1 : i], i + 1
    return text[start:], len(text)  # no brace closes it, so it is left as it is
