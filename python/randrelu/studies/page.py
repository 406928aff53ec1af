"""A study as one web page that needs no other file; Jinja2 is an extra."""

from __future__ import annotations

from randrelu.pages.markup import style, template
from randrelu.studies.result import Study


def html(study: Study) -> str:
    """Return the whole page."""
    names = {"version": "randrelu"}
    return template("randrelu.studies", "study.html.jinja").render(
        study=study,
        kind=study.kind,
        style=style(),
        limits=() if study.conclusion is None else study.conclusion.limits,
        parts=study.to_dict()["sweeps"],
        facts={
            "seed": ("root seed", study.seed),
            "date": ("began", study.date),
            "seconds": ("seconds of this run", f"{study.seconds:.1f}"),
            **{f"versions/{n}": (names.get(n, n), value) for n, value in study.versions.items()},
        },
    )
