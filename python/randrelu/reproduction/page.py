"""A reproduction as one web page that needs no other file; Jinja2 is an extra."""

from __future__ import annotations

from randrelu.checks import words
from randrelu.pages.markup import style, template
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
    return template("randrelu.reproduction", "page.html.jinja").render(
        report=report,
        words=words,
        verdicts=_VERDICTS,
        style=style(),
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
