"""The paper's statements, checked at finite width."""

from __future__ import annotations

import inspect
from typing import Any

from randrelu._support import arguments
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statements import STATEMENTS


def check(statement: str, /, **parameters: Any) -> Check:
    """Check one of the paper's statements at finite width.

    Parameters
    ----------
    statement : str
        The statement, a key of `randrelu.checks.STATEMENTS`, such as "theorem-1.1".
    **parameters
        Those of the statement, documented with the ``run`` of its module: of
        `randrelu.checks.statements.theorem_1_1` for "theorem-1.1". Where a statement is about
        networks, these are among them:

        widths : sequence of int
            (d, d_1, …, d_ℓ, 1). For "theorem-1.1" also "infinite", with ``dim`` and ``depth``: what
            can be looked at in the limit, of which the paper does not speak.
        trials : int
            The number of independent networks, weights as in NN-DEF.
        delta : float, default 0.05
            The failure probability δ that the statement allows.
        storage : {"deferred", "auto", "stored", "streamed"}
            How the networks are held, see `Network.random`. The statements are about laws only, and
            a deferred network has exactly the law of the others at a cost linear in the widths. It
            has no weights, so that nothing about all points of a ball is certified; see the notes.

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

    Notes
    -----
    Certified bounds need eigenvalues, which NumPy's linear algebra finds on threads of its own from
    64 units on, in each of the trials that run side by side. For layers of a few hundred units that
    takes twice the processor time, and ten times or more where other programs keep the cores busy.
    ``OPENBLAS_NUM_THREADS=1`` in the environment, before Python starts, avoids it; no call changes
    such a setting, which is the whole process's. The bounds are the same bit for bit.
    """
    run = STATEMENTS[arguments.one_of("statement", statement, STATEMENTS)].run
    signature = inspect.signature(run)
    try:
        signature.bind(**parameters)
    except TypeError as error:
        takes = ", ".join(signature.parameters)
        raise TypeError(f"check({statement!r}): {error}; it takes {takes}") from None
    return run(**parameters)


__all__ = ["STATEMENTS", "Check", "Hypothesis", "Measurement", "check"]
