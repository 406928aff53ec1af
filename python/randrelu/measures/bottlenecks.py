"""The bottleneck layers that the paper's proofs walk through (NN-DECOMP)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from randrelu._support import arguments


def bottlenecks(widths: Iterable[int]) -> tuple[int, ...]:
    """Return the bottleneck layers i_1 > i_2 > … > i_m = 0 of (NN-DECOMP).

    i_1 is the narrowest of the layers 0, …, ℓ (layer 0 is the input, d_0 = d), and i_{j+1} the
    narrowest of those before i_j. Of equally narrow layers the first counts, so that widths grow
    strictly from one bottleneck to the next, as the paper notes they do.

    Parameters
    ----------
    widths : sequence of int
        (d, d_1, …, d_ℓ, k).

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError, ValueError
        If the widths are not those of a network.
    """
    before = arguments.layer_widths(widths)[:-1]
    found = []
    while before:
        found.append(int(np.argmin(before)))
        before = before[: found[-1]]
    return tuple(found)
