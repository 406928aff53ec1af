"""A reproduction as one web page that needs no other file; Jinja2 is an extra."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from randrelu.checks import words
from randrelu.figures.style import COLORS
from randrelu.reproduction.report import Report, summary
from randrelu.reproduction.sections import by_section

_VERDICTS = {
    "holds": "The hypothesis is met and the claim is seen: its confidence interval lies within "
    "what is claimed, or it is an identity.",
    "holds (certified)": "The hypothesis is met and the claim about all points is shown: in enough "
    "of the networks a bound that no point exceeds lies within what is claimed.",
    "consistent": "The hypothesis is met and nothing speaks against the claim. That is the most to "
    "be said of an exact law, of all points where some were looked at, and of a bound with an open "
    "constant.",
    "uninformative": "No data could break the bound.",
    "not shown": "What is claimed to exist was not found often enough, which does not refute it.",
    "violated": "The hypothesis is met, and a true claim would hardly ever look so bad: this "
    "contradicts the paper, or is an error of this program.",
    "hypothesis open": "The hypothesis has a constant that the paper leaves open, so nobody can "
    "tell whether the claim covers these parameters. The conclusion says what was seen.",
    "hypothesis not met": "The claim does not cover these parameters. The conclusion says what was "
    "seen all the same.",
    "failed": "The check stopped with an error.",
}


def html(report: Report) -> str:
    """Return the whole page."""
    length = "full" if report.full else "quick"
    return _template().render(
        report=report,
        words=words,
        verdicts=_VERDICTS,
        style=Markup(_file("page.css")),
        summary=summary(report),
        command=f"randrelu reproduce {'--full ' if report.full else ''}--seed {report.seed}",
        length=length,
        sections=by_section(report.outcomes),
        facts={
            "seed": ("root seed", report.seed),
            "date": ("began", report.date),
            "seconds": ("seconds", f"{report.seconds:.1f}"),
            **{
                f"versions/{name}": ({"version": "randrelu"}.get(name, name), value)
                for name, value in report.versions.items()
            },
        },
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(math=_math, inline=_inline)
    return environment.from_string(_file("page.html.jinja"))


def _file(name: str) -> str:
    return files("randrelu.reproduction").joinpath(name).read_text(encoding="utf-8")


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


def _math(text: str) -> Markup:
    """Return a text with its powers and indices, also nested ones, as <sup> and <sub>."""
    mark = _MARK.search(text)
    if mark is None:
        return escape(text)
    inner, end = _argument(text, mark.end())
    return Markup("{}<{tag}>{}</{tag}>{}").format(
        text[: mark.start()],
        _math(inner),
        _math(text[end:]),
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
