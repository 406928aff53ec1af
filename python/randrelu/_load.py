"""Chooses the compiled module that fits this processor; it is `randrelu._core` from then on."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING

from randrelu import _cpu

if TYPE_CHECKING:
    from randrelu import _core as core


def _choose() -> str:
    """Name the instruction set to load: the best one that was built and that this machine runs."""
    runs = [*_cpu.supported(), "portable"]
    usable = [isa for isa in runs if importlib.util.find_spec(f"randrelu._core_{isa}")]
    wanted = os.environ.get("RANDRELU_ISA")
    if wanted and wanted not in usable:
        raise ImportError(
            f"RANDRELU_ISA must be one of {', '.join(usable)} on this machine, got {wanted!r}"
        )
    if not usable:
        raise ImportError(
            "randrelu was built for other processors than this one "
            f"(this one runs {', '.join(runs)}); install it anew on this machine"
        )
    return wanted or usable[0]


if not TYPE_CHECKING:
    core = importlib.import_module(f"randrelu._core_{_choose()}")
    sys.modules["randrelu._core"] = core

__all__ = ["core"]
