"""What `randrelu reproduce` runs: every row of every statement, in the order of the paper."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from randrelu._support import arguments
from randrelu.checks import STATEMENTS
from randrelu.checks.statement import PlanRow


@dataclass(frozen=True)
class Run:
    """One run of a check.

    Attributes
    ----------
    statement : str
        The statement, as `randrelu.check` names it.
    row : PlanRow
        What is run of it.
    """

    statement: str
    row: PlanRow

    @property
    def heading(self) -> str:
        """The heading of its section in the report."""
        return self.row.heading

    @property
    def name(self) -> str:
        """The statement and the row's label, such as "theorem-1.1 (bottleneck)"."""
        return f"{self.statement} ({self.row.label})" if self.row.label else self.statement

    @property
    def slug(self) -> str:
        """The name as that of a file or of a place in the report."""
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-")

    def parameters(self, full: bool) -> Mapping[str, Any]:
        """Return the parameters of the check."""
        return self.row.full if full else self.row.quick

    def seed(self, root: int, full: bool) -> int:
        """Return the seed of the run: that of what it does, wherever it stands in the plan.

        It lies below 2⁵³, so that programs that read numbers as doubles keep it.
        """
        return seed_of(root, self.statement, self.parameters(full))


def seed_of(root: int, statement: str, parameters: Mapping[str, Any]) -> int:
    """Return the seed of a check with these parameters."""
    content = {"statement": statement, "parameters": dict(parameters)}
    digest = sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).digest()
    key = tuple(int(word) for word in np.frombuffer(digest, "<u4"))
    return arguments.seed_of(np.random.SeedSequence(root, spawn_key=key)) >> 11


PLAN = tuple(
    Run(statement.name, row) for statement in STATEMENTS.values() for row in statement.plan
)
