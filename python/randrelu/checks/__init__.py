"""The paper's statements, checked at finite width: one module each, one registry."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from randrelu import _validate
from randrelu.checks import (
    claim_2_7,
    gd_decomp,
    lemma_2_1,
    lemma_2_2,
    lemma_2_3,
    lemma_2_5,
    lemma_2_6,
    lemma_2_8,
    nn_decomp,
    theorem_1_1,
    theorem_1_1_scaling,
    theorem_3_1,
    theorem_b_1,
)
from randrelu.checks.result import Check, Hypothesis, Measurement

# In the order of the paper.
STATEMENTS: dict[str, Callable[..., Check]] = {
    "theorem-1.1": theorem_1_1.run,
    "theorem-1.1-scaling": theorem_1_1_scaling.run,
    "lemma-2.1": lemma_2_1.run,
    "lemma-2.2": lemma_2_2.run,
    "gd-decomp": gd_decomp.run,
    "nn-decomp": nn_decomp.run,
    "lemma-2.3": lemma_2_3.run,
    "lemma-2.5": lemma_2_5.run,
    "lemma-2.6": lemma_2_6.run,
    "claim-2.7": claim_2_7.run,
    "lemma-2.8": lemma_2_8.run,
    "theorem-3.1": theorem_3_1.run,
    "theorem-b.1": theorem_b_1.run,
}


def check(statement: str, /, **parameters: Any) -> Check:
    """Check one of the paper's statements on random networks of given widths.

    Parameters
    ----------
    statement : {"theorem-1.1", "lemma-2.2"}
        The statement.
    widths : sequence of int
        (d, d_1, …, d_ℓ, 1).
    trials : int, default 200
        The number of independent networks, weights as in NN-DEF.
    delta : float, default 0.05
        The failure probability δ that the statement allows.
    rng : None, int, SeedSequence or Generator
        Where the seed of the check comes from; the same seed gives the same numbers again.
    x : array_like, shape (d,), optional
        The point, not 0. By default (1, …, 1), of norm √d; the law of the outcome is the same for
        every point.
    eta : float, "exact", "shortest", "linear" or "paper", optional
        Theorem 1.1 only: the step, as for `gradient_step`. The theorem asks for *an* η, so the
        default is "exact", the shortest for which its conclusion holds; "shortest" is the shortest
        of a few multiples (1 to 1000) of the linear step, and the default where a layer has more
        than 10 000 units.
    storage : {"deferred", "auto", "stored", "streamed"}
        How the networks are held, see `Network.random`. The statements are about laws only, and a
        deferred network has exactly the law of the others at a cost linear in the widths.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, trials)``, after every trial or some twenty times a second.

    Returns
    -------
    Check

    Raises
    ------
    TypeError, ValueError
        If the statement is unknown, or a parameter is not as described.
    MemoryError
        If one network does not fit in the memory that is free.
    """
    run = STATEMENTS[_validate.one_of("statement", statement, STATEMENTS)]
    try:
        inspect.signature(run).bind(**parameters)
    except TypeError as error:
        raise TypeError(f"check({statement!r}): {error}") from None
    return run(**parameters)


__all__ = ["STATEMENTS", "Check", "Hypothesis", "Measurement", "check"]
