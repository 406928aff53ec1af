"""What a study is made of: sweeps, and what is concluded from their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = Mapping[str, NDArray[Any]]
"""A sweep's table by its columns; a missing number is NaN, a missing text None."""


@dataclass(frozen=True)
class Part:
    """One of the sweeps of a study.

    Attributes
    ----------
    slug : str
        The part's name, also as that of its folder.
    experiment : str
        What is run: a name of `randrelu.sweeps.EXPERIMENTS`.
    points : tuple of mapping
        The experiment's parameters at every point.
    trials : int
        How often it is run at every point.
    """

    slug: str
    experiment: str
    points: tuple[Mapping[str, Any], ...]
    trials: int


@dataclass(frozen=True)
class Finding:
    """A picture of a study, and what it shows.

    Attributes
    ----------
    slug, heading : str
        Its name as that of a file, and its heading.
    sentence : str
        What the picture shows, with its numbers and their intervals.
    numbers : mapping
        The numbers of the sentence and more, in plain values and as estimates: for results.json.
    figure : callable
        Draws it; it is called without arguments, maybe in another process.
    statement : str
        What a paper says about it, in our words, with its source; empty where none does.
    """

    slug: str
    heading: str
    sentence: str
    numbers: Mapping[str, Any]
    figure: Callable[[], Figure]
    statement: str = ""


@dataclass(frozen=True)
class Conclusion:
    """What a study found.

    Attributes
    ----------
    answer : str
        The answer to the study's question: a sentence or two, with the numbers.
    findings : tuple of Finding
        The pictures, the one that answers the question first.
    limits : tuple of str
        What the study does not show: a sentence each.
    """

    answer: str
    findings: tuple[Finding, ...]
    limits: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A study that is known by name.

    Attributes
    ----------
    name, title : str
        Its name in commands, and the heading of its page.
    question : str
        What the paper leaves open, in a sentence or two.
    parts : callable
        ``parts(full, **options)`` returns the sweeps, from options of the user's where the study
        has any. It raises ValueError or TypeError, which name what is wrong with an option.
    conclude : callable
        ``conclude(tables)`` looks at the tables of the parts, by their slugs.
    method : tuple of str
        How it was done: a sentence or a few for each paragraph of the page's last section.
    """

    name: str
    title: str
    question: str
    parts: Callable[..., tuple[Part, ...]]
    conclude: Callable[[Mapping[str, Columns]], Conclusion]
    method: tuple[str, ...]
