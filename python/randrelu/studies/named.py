"""The studies by name."""

from __future__ import annotations

from importlib import import_module

from randrelu._support import arguments
from randrelu.studies.kind import Kind

STUDIES = ("depth", "width", "training")


def named(name: str) -> Kind:
    """Return a study; its module is loaded only now, since it needs SciPy's statistics."""
    arguments.one_of("name", name, STUDIES)
    kind: Kind = import_module(f"randrelu.studies.{name}").STUDY
    return kind
