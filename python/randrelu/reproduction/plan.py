"""What `randrelu reproduce` runs: a row for each run of a check."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from randrelu._support import arguments


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
        return arguments.seed_of(np.random.SeedSequence(root, spawn_key=key)) >> 11


# The networks of most rows, and some with bottlenecks at layers 2 and 4.
_EVEN = {"widths": (200, 300, 300, 1)}
_NARROW = {"widths": (200, 300, 100, 300, 50, 1)}
_WIDER = {"widths": (784, 2048, 2048, 1)}

PLAN = (
    Run(
        "theorem-1.1",
        "Theorem 1.1: one gradient step flips the sign",
        quick={**_WIDER, "trials": 100},
        full={**_WIDER, "trials": 2000},
    ),
    Run(
        "theorem-1.1",
        "Theorem 1.1 where a layer is narrow",
        quick={"widths": (784, 1024, 32, 1024, 1), "trials": 100},
        full={"widths": (784, 2048, 32, 2048, 1), "trials": 2000},
        label="bottleneck",
    ),
    Run(
        "theorem-1.1",
        "Theorem 1.1 on wide networks",
        quick={"widths": (100_000, 100_000, 100_000, 1), "trials": 100},
        full={"widths": (1_000_000, 1_000_000, 1_000_000, 1), "trials": 200},
        label="wide",
    ),
    Run(
        "theorem-1.1-scaling",
        "Theorem 1.1 over sizes: how the step shrinks",
        quick={},
        full={"dims": (32, 64, 128, 256, 512, 1024), "depths": (1, 2, 3, 4), "trials": 500},
    ),
    Run(
        "theorem-1.1-scaling",
        "Theorem 1.1 over sizes, on wide networks",
        quick={"dims": (1000, 10_000, 100_000), "depths": (1, 3), "eta": "shortest"},
        full={
            "dims": (1000, 10_000, 100_000, 1_000_000), "depths": (1, 2, 3), "eta": "shortest",
            "trials": 300,
        },
        label="wide",
    ),
    Run("lemma-2.1", "Lemma 2.1: masks are fair coins", quick={}, full={"trials": 50_000}),
    Run(
        "lemma-2.2",
        "Lemma 2.2: f(x) is bounded and ∇f(x) is not small",
        quick={**_WIDER, "trials": 1000},
        full={**_WIDER, "trials": 10_000},
    ),
    Run(
        "gd-decomp",
        "The change of the gradient, term by term",
        quick=_NARROW,
        full={**_WIDER, "trials": 200},
    ),
    Run(
        "nn-decomp",
        "The bottleneck layers, and what a narrow layer does",
        quick=_EVEN,
        full={"widths": (1000, 1000, 1000, 1), "trials": 300},
    ),
    Run(
        "lemma-2.3",
        "Lemma 2.3: images of x avoid 0, images of a ball stay small",
        quick=_NARROW,
        full={**_NARROW, "trials": 1000, "samples": 100},
    ),
    Run(
        "lemma-2.5",
        "Lemma 2.5: few units are near 0",
        quick=_EVEN,
        full={**_EVEN, "trials": 5000},
    ),
    Run(
        "lemma-2.6",
        "Lemma 2.6: masked products between bottlenecks are not large",
        quick=_NARROW,
        full={**_NARROW, "trials": 1000, "samples": 10},
    ),
    Run(
        "claim-2.7",
        "Claim 2.7: a point and its net point hardly differ",
        quick=_NARROW,
        full={**_NARROW, "trials": 1000},
    ),
    Run(
        "lemma-2.8",
        "Lemma 2.8: around x the gradient hardly changes",
        quick=_EVEN,
        full={**_EVEN, "trials": 2000, "samples": 100},
    ),
    Run(
        "lemma-2.8",
        "Lemma 2.8 on wider networks",
        quick={"widths": (2000, 3000, 3000, 1), "trials": 20},
        full={"widths": (20_000, 30_000, 30_000, 1), "trials": 50},
        label="wider",
    ),
    Run(
        "lemma-2.8",
        "Lemma 2.8 behind a bottleneck",
        quick={"widths": (200, 20, 2000, 1)},
        full={"widths": (200, 20, 20_000, 1), "trials": 500},
        label="bottleneck",
    ),
    Run(
        "theorem-3.1",
        "Theorem 3.1: deep networks are nearly constant",
        quick={},
        full={"width": 10_000, "depths": tuple(2**i for i in range(12)), "trials": 20},
    ),
    Run(
        "theorem-3.1",
        "Theorem 3.1 in a higher dimension",
        quick={"dim": 64, "trials": 20},
        full={"dim": 64, "width": 10_000, "depths": tuple(2**i for i in range(12)), "trials": 20},
        label="d = 64",
    ),
    Run(
        "theorem-3.1",
        "Theorem 3.1 on narrow layers",
        quick={"width": 100, "trials": 20},
        full={"width": 100, "depths": tuple(2**i for i in range(12)), "trials": 200},
        label="k = 100",
    ),
    Run(
        "lemma-3.2",
        "Lemma 3.2: the arc-cosine map",
        quick={},
        full={"trials": 20_000_000, "width": 100_000, "depth": 50},
    ),
    Run("lemma-a.4", "Lemma A.4: a masked difference", quick={}, full={"trials": 20_000}),
    Run(
        "theorem-b.1",
        "Theorem B.1: theorem 3.1 at a scale that keeps norms",
        quick={},
        full={"width": 10_000, "depths": tuple(2**i for i in range(12)), "trials": 20},
    ),
    Run("fact-b.2", "Fact B.2: an inequality", quick={}, full={"points": 2_000_001}),
    Run("lemma-c.1", "Lemma C.1: Gaussian matrices", quick={}, full={"trials": 5000}),
    Run(
        "theorem-c.3", "Theorem C.3: norms concentrate", quick={}, full={"trials": 5_000_000}
    ),
    Run(
        "corollary-c.4", "Corollary C.4: a layer keeps norms", quick={}, full={"trials": 50_000}
    ),
    Run("lemma-c.5", "Lemma C.5: signs that differ", quick={}, full={"trials": 100_000_000}),
    Run(
        "lemma-c.5",
        "Lemma C.5 where the bound as printed fails",
        quick={"ratio": 0.99},
        full={"ratio": 0.99, "trials": 100_000_000},
        label="far points",
    ),
    Run("lemma-c.6", "Lemma C.6: sphere against Gaussian", quick={}, full={"trials": 2_000_000}),
    Run(
        "figure-1",
        "Figure 1: what it takes to undo the first layer",
        quick={"method": ("solve",) * 5 + ("law",) * 2},
        full={"method": "solve"},
    ),
)  # fmt: skip
