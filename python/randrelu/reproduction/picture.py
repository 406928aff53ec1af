"""A picture of the report, with what is said under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from randrelu.pages.draw import Drawn


@dataclass(frozen=True)
class Picture:
    """A picture, and what is said under it.

    Attributes
    ----------
    slug, heading : str
        Its name as that of a file, and its heading.
    sentence : str
        What it shows, with its numbers.
    numbers : mapping
        The numbers of the picture and of the sentence, in plain values.
    figure : Drawn or None
        The picture; None where an error was raised.
    error : str or None
        That error.
    """

    slug: str
    heading: str
    sentence: str = ""
    numbers: Mapping[str, Any] | None = None
    figure: Drawn | None = None
    error: str | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """Its files, by their names relative to the report's folder."""
        if self.figure is None:
            return {}
        name = f"figures/lead-{self.slug}"
        return {f"{name}.png": self.figure.png, f"{name}.svg": self.figure.svg.encode()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the figure as plain Python values."""
        return {
            "heading": self.heading,
            "sentence": self.sentence,
            "numbers": self.numbers,
            "error": self.error,
            "files": list(self.files),
        }
