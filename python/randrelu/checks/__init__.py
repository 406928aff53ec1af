"""The paper's statements, checked at finite width: one module each, one registry."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from randrelu._support import arguments
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statements import (
    claim_2_7,
    corollary_c_4,
    fact_b_2,
    figure_1,
    gd_decomp,
    lemma_2_1,
    lemma_2_2,
    lemma_2_3,
    lemma_2_5,
    lemma_2_6,
    lemma_2_8,
    lemma_3_2,
    lemma_a_4,
    lemma_c_1,
    lemma_c_5,
    lemma_c_6,
    nn_decomp,
    theorem_1_1,
    theorem_1_1_scaling,
    theorem_3_1,
    theorem_b_1,
    theorem_c_3,
)

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
    "lemma-3.2": lemma_3_2.run,
    "lemma-a.4": lemma_a_4.run,
    "theorem-b.1": theorem_b_1.run,
    "fact-b.2": fact_b_2.run,
    "lemma-c.1": lemma_c_1.run,
    "theorem-c.3": theorem_c_3.run,
    "corollary-c.4": corollary_c_4.run,
    "lemma-c.5": lemma_c_5.run,
    "lemma-c.6": lemma_c_6.run,
    "figure-1": figure_1.run,
}


def check(statement: str, /, **parameters: Any) -> Check:
    """Check one of the paper's statements at finite width.

    Parameters
    ----------
    statement : str
        The statement, a key of `randrelu.checks.STATEMENTS`, such as "theorem-1.1".
    **parameters
        Those of the statement, documented with the ``run`` of its module: of
        `randrelu.checks.theorem_1_1` for "theorem-1.1". Where a statement is about networks, these
        are among them:

        widths : sequence of int
            (d, d_1, …, d_ℓ, 1).
        trials : int
            The number of independent networks, weights as in NN-DEF.
        delta : float, default 0.05
            The failure probability δ that the statement allows.
        storage : {"deferred", "auto", "stored", "streamed"}
            How the networks are held, see `Network.random`. The statements are about laws only, and
            a deferred network has exactly the law of the others at a cost linear in the widths.

        And of every statement:

        rng : None, int, SeedSequence or Generator
            Where the seed of the check comes from; the same seed gives the same numbers again.
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)`` now and then.

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
    run = STATEMENTS[arguments.one_of("statement", statement, STATEMENTS)]
    signature = inspect.signature(run)
    try:
        signature.bind(**parameters)
    except TypeError as error:
        takes = ", ".join(signature.parameters)
        raise TypeError(f"check({statement!r}): {error}; it takes {takes}") from None
    return run(**parameters)


__all__ = ["STATEMENTS", "Check", "Hypothesis", "Measurement", "check"]
