"""What `randrelu reproduce` runs: a row for each run of a check."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from randrelu import _validate


@dataclass(frozen=True)
class Run:
    """One run of a check.

    Attributes
    ----------
    statement : str
        The statement, as `randrelu.check` names it.
    heading : str
        The heading of its section in the report.
    quick, full : mapping
        The parameters of the check, other than its seed: in minutes, and at length.
    label : str
        What tells it from the other runs of the same statement.
    """

    statement: str
    heading: str
    quick: Mapping[str, Any]
    full: Mapping[str, Any]
    label: str = ""

    @property
    def name(self) -> str:
        """The statement and the label, such as "theorem-1.1 (bottleneck)"."""
        return f"{self.statement} ({self.label})" if self.label else self.statement

    @property
    def slug(self) -> str:
        """The name as that of a file or of a place in the report."""
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-")

    def parameters(self, full: bool) -> Mapping[str, Any]:
        """Return the parameters of the check."""
        return self.full if full else self.quick

    def seed(self, root: int, full: bool) -> int:
        """Return the seed of the run: that of what it does, wherever it stands in the plan.

        It lies below 2⁵³, so that programs that read numbers as doubles keep it.
        """
        content = {"statement": self.statement, "parameters": dict(self.parameters(full))}
        digest = sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).digest()
        key = tuple(int(word) for word in np.frombuffer(digest, "<u4"))
        return _validate.seed_of(np.random.SeedSequence(root, spawn_key=key)) >> 11


PLAN = (
    Run(
        "theorem-1.1",
        "Theorem 1.1: one gradient step flips the sign",
        quick={"widths": (784, 2048, 2048, 1), "trials": 200},
        full={"widths": (784, 2048, 2048, 1), "trials": 2000},
    ),
    Run(
        "theorem-1.1",
        "Theorem 1.1 where a layer is narrow",
        quick={"widths": (784, 2048, 32, 2048, 1), "trials": 200},
        full={"widths": (784, 2048, 32, 2048, 1), "trials": 2000},
        label="bottleneck",
    ),
    Run(
        "theorem-1.1",
        "Theorem 1.1 on wide networks",
        quick={"widths": (100_000, 100_000, 100_000, 1), "trials": 200},
        full={"widths": (1_000_000, 1_000_000, 1_000_000, 1), "trials": 200},
        label="wide",
    ),
    Run(
        "lemma-2.2",
        "Lemma 2.2: f(x) is bounded and ∇f(x) is not small",
        quick={"widths": (784, 2048, 2048, 1), "trials": 1000},
        full={"widths": (784, 2048, 2048, 1), "trials": 10_000},
    ),
)
