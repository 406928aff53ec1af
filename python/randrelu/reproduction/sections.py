"""The sections of the paper, by which a report is arranged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from randrelu.reproduction.report import Outcome

_TITLES = {
    "1": "Section 1: the main result",
    "2": "Section 2: its proof",
    "3": "Section 3: the impact of depth",
    "a": "Appendix A: deferred proofs",
    "b": "Appendix B: the proof of Theorem 3.1",
    "c": "Appendix C: facts about probability",
    "d": "Appendix D: Figure 1",
}


@dataclass(frozen=True)
class Section:
    """What was run of a section of the paper."""

    slug: str
    title: str
    outcomes: list[Outcome] = field(default_factory=list)


def by_section(outcomes: Iterable[Outcome]) -> list[Section]:
    """Arrange outcomes, which are in the order of the paper, by its sections.

    The number of a statement says its section, as in lemma-2.1. One without such a number is in
    that of the statement before it.
    """
    sections: dict[str, Section] = {}
    name = "1"
    for outcome in outcomes:
        name = _section(outcome.run.statement) or name
        sections.setdefault(name, Section(f"section-{name}", _TITLES[name]))
        sections[name].outcomes.append(outcome)
    return list(sections.values())


def _section(statement: str) -> str | None:
    if statement.startswith("figure-"):
        return "d"
    found = re.search(r"-(?:([123a-d])\.\d|([a-d])$)", statement)
    return None if found is None else found[1] or found[2]
