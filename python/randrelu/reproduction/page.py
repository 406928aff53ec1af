"""A reproduction as one web page that needs no other file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from randrelu import laws
from randrelu.checks import Check, words
from randrelu.figures.style import COLORS

if TYPE_CHECKING:
    from randrelu.reproduction.run import Outcome, Report

_MEANINGS = {
    "holds": "The hypothesis is met, and the confidence interval lies within the claim.",
    "consistent": "The hypothesis is met, and what was measured agrees with the claim without "
    "establishing it: the interval reaches across the claim, or two laws that are claimed to be "
    "equal were not told apart.",
    "violated": "The hypothesis is met, and the interval lies outside the claim: this contradicts "
    "the paper, or is an error of this program.",
    "hypothesis not met": "The claim does not cover these parameters, so nothing that was measured "
    "confirms or refutes it. The conclusion says whether what it claims was seen all the same.",
    "failed": "The check stopped with an error.",
}

_EXAMPLE = (784, 2048, 2048, 1)


def html(report: Report) -> str:
    """Return the whole page."""
    style = files("randrelu.reproduction").joinpath("page.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<title>randrelu: the paper’s statements, checked</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            "<header>",
            *_head(report),
            "</header>",
            "<main>",
            *_summary(report),
            *(line for outcome in report.outcomes for line in _section(outcome)),
            *_about(report),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def command(report: Report) -> str:
    """Return the command that repeats the reproduction."""
    return f"randrelu reproduce {'--full ' if report.full else ''}--seed {report.seed}"


def summary(report: Report) -> str:
    """Return what came of it in a sentence or two."""
    runs = len(report.outcomes)
    parts = [f"{runs} of {runs + len(report.left)} runs done"]
    if report.violated:
        names = ", ".join(o.run.name for o in report.violated)
        parts.append(f"{len(report.violated)} violated although the hypothesis is met: {names}")
    else:
        parts.append("none violated where its hypothesis is met")
    if report.failed:
        parts.append(f"{len(report.failed)} failed: {', '.join(o.run.name for o in report.failed)}")
    elsewhere = [
        o.run.name
        for o in report.outcomes
        if o.check is not None and not o.check.hypothesis.met and o.check.conclusion == "violated"
    ]
    if elsewhere:
        parts.append(f"conclusion violated where the hypothesis is not met: {', '.join(elsewhere)}")
    return "; ".join(parts) + "."


def _head(report: Report) -> list[str]:
    versions = report.versions
    required = laws.log10_required_width(_EXAMPLE, 0.05)
    return [
        "<h1>Adversarial examples in random ReLU networks: the paper’s statements, checked</h1>",
        "<p>“Adversarial Examples in Multi-Layer Random ReLU Networks” (Peter L. Bartlett, "
        "Sébastien Bubeck, Yeshwanth Cherapanamjeri, 2021) proves that one small gradient step "
        "flips the sign of a random ReLU network. Here its statements are measured on networks "
        "that exist.</p>",
        "<p>The main theorem asks for widths that no network has: "
        + _math("d_min ≥ (C ℓ log d_max)^{240ℓ} log(1/δ)")
        + f", which for the widths {_EXAMPLE} is about 10<sup>{required:.0f}</sup> with C = 1. "
        "Where a hypothesis is not met, the measurements neither confirm nor refute the paper, and "
        "the verdict says so; they show how its conclusions fare at finite width.</p>",
        f'<p class="state">{_text(summary(report))}</p>',
        f"<p>Root seed {report.seed}, {_length(report)}, {report.seconds:.0f} seconds on "
        f"{versions['threads']} threads, {_text(report.date)}; randrelu {versions['version']} "
        f"({versions['isa']}, {_text(versions['compiler'])}), Python {versions['python']}, NumPy "
        f"{versions['numpy']}, SciPy {versions['scipy']}. "
        '<a href="#about">How it was made</a> has the command.</p>',
    ]


def _summary(report: Report) -> list[str]:
    headings = ("Statement", "Verdict", "Conclusion", "Hypothesis", "Seconds", "Claim")
    return [
        "<section>",
        '<h2 id="summary">Summary</h2>',
        *_table("Every run", headings, map(_summary_row, report.outcomes)),
        *(f"<p>Not run: {_text(run.name)}.</p>" for run in report.left),
        "<h3>What the verdicts mean</h3>",
        "<dl>",
        *(f"<dt>{_verdict(v)}</dt><dd>{_text(text)}</dd>" for v, text in _MEANINGS.items()),
        "</dl>",
        "<p>A conclusion has the same words, whether the hypothesis is met or not.</p>",
        "</section>",
    ]


def _summary_row(outcome: Outcome) -> str:
    run, check = outcome.run, outcome.check
    link = f'<a href="#{run.slug}">{_text(run.name)}</a>'
    claim, met, conclusion = "", "", ""
    if check is not None:
        claim, conclusion = check.claim, check.conclusion
        met = "met" if check.hypothesis.met else "not met"
    return (
        f'<tr><th scope="row">{link}</th><td>{_verdict(outcome.verdict)}</td>'
        f'<td>{conclusion}</td><td>{met}</td><td class="number">{outcome.seconds:.1f}</td>'
        f'<td class="wide">{_math(claim)}</td></tr>'
    )


def _section(outcome: Outcome) -> list[str]:
    run = outcome.run
    lines = ["<section>", f'<h2 id="{run.slug}">{_text(run.heading)}</h2>']
    if outcome.error is not None:
        lines.append(f'<p class="failed">Stopped with an error: {_text(outcome.error)}</p>')
    if outcome.check is None:
        return [*lines, "</section>"]
    return [
        *lines,
        *_found(outcome.check),
        *_figure(outcome),
        *_links(outcome),
        "</section>",
    ]


def _found(check: Check) -> list[str]:
    headings = ("Measured", "Value", "95 % interval", "Paper or exact law")
    rows = (
        f'<tr><th scope="row">{_math(m.name)}</th><td class="number">{_text(words.value(m))}</td>'
        f'<td class="number">{_text(words.interval(m))}</td><td>{_math(m.paper)}</td></tr>'
        for m in check.measurements
    )
    return [
        f"<p>{_math(check.claim)}</p>",
        f"<p>{_math(words.hypothesis(check))}</p>",
        f"<p>{_verdict(check.verdict, words.verdict(check))}</p>",
        *_table(f"What was measured for {check.statement}", headings, rows),
        "<p>This repeats it:</p>",
        f'<pre tabindex="0"><code>{_text(words.command(check))}</code></pre>',
    ]


def _figure(outcome: Outcome) -> list[str]:
    if outcome.figure is None:
        return []
    return [
        "<figure>",
        _inline(outcome.figure.svg, outcome.run.slug),
        f'<figcaption id="{outcome.run.slug}-caption">{_math(outcome.figure.words)}</figcaption>',
        "</figure>",
    ]


def _inline(svg: str, slug: str) -> str:
    """Return a figure as part of the page: its own ids, the page's colours, its caption."""
    body = svg[svg.index("<svg") :].rstrip()
    body = re.sub(r'\bid="', f'id="{slug}-', body)
    body = re.sub(r"url\(#", f"url(#{slug}-", body)
    body = body.replace('xlink:href="#', f'href="#{slug}-')
    for name, color in COLORS.items():
        body = body.replace(color, f"var(--{name})")
    box = re.search(r'viewBox="[^"]*"', body)
    assert box is not None
    opening = f'<svg role="img" aria-labelledby="{slug}-caption" {box[0]}>'
    return opening + body[body.index(">") + 1 :]


def _links(outcome: Outcome) -> list[str]:
    if not outcome.files:
        return []
    links = ", ".join(f'<a href="{name}">{_text(name)}</a>' for name in outcome.files)
    return [f"<p>Every trial, and the figure where there is one: {links}.</p>"]


def _about(report: Report) -> list[str]:
    facts = {
        "root seed": report.seed,
        "length": _length(report),
        "began": report.date,
        "seconds": f"{report.seconds:.1f}",
        **{{"version": "randrelu"}.get(name, name): v for name, v in report.versions.items()},
    }
    return [
        "<section>",
        '<h2 id="about">How it was made</h2>',
        "<p>This repeats all of it:</p>",
        f'<pre tabindex="0"><code>{_text(command(report))}</code></pre>',
        "<dl>",
        *(f"<dt>{_text(name)}</dt><dd>{_text(str(fact))}</dd>" for name, fact in facts.items()),
        "</dl>",
        '<p>The same as data: <a href="results.json">results.json</a>.</p>',
        "</section>",
    ]


def _length(report: Report) -> str:
    return "full" if report.full else "quick"


def _table(caption: str, headings: Iterable[str], rows: Iterable[str]) -> list[str]:
    """Return a table that scrolls in a box of its own."""
    head = "".join(f'<th scope="col">{_text(heading)}</th>' for heading in headings)
    return [
        f'<div class="scroll" role="region" aria-label="{_text(caption)}" tabindex="0">',
        f"<table>\n<caption>{_text(caption)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody>\n</table>",
        "</div>",
    ]


def _verdict(verdict: str, text: str = "") -> str:
    """Return a verdict, or a text that says it, in its colour."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{_text(text or verdict)}</span>'


# A power, or an index of a single letter (with a tilde or not): x^{y}, d_min, f̃_i.
_MARK = re.compile(r"\^(?=[{\w])|(?:(?<=\b[A-Za-zΔ])|(?<=\u0303))_(?=[{\w])")


def _math(text: str) -> str:
    """Return a text whose powers and indices, nested or not, are set as such."""
    mark = _MARK.search(text)
    if mark is None:
        return _text(text)
    tag = "sup" if mark[0] == "^" else "sub"
    inner, end = _argument(text, mark.end())
    return f"{_text(text[: mark.start()])}<{tag}>{_math(inner)}</{tag}>{_math(text[end:])}"


def _argument(text: str, start: int) -> tuple[str, int]:
    """Return what a power or an index consists of, and where it ends."""
    if text[start] != "{":
        word = re.compile(r"\w+(?:\.\d+)?").match(text, start)
        assert word is not None
        return word[0], word.end()
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start + 1 : i], i + 1
    return text[start:], len(text)  # not closed: as it is


def _text(text: str) -> str:
    return escape(text, quote=True)
