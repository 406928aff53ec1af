"""One gradient step on each of many independent networks of infinite width."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments, euclid, memory
from randrelu._support.arguments import Rng
from randrelu.measures.attack import Attack, outcome_columns


def attack_limit_networks(
    x: ArrayLike, depth: int, trials: int, *, eta: float | str = "linear", rng: Rng = None
) -> Attack:
    """Take one step from a point on each of many fresh limit networks, in the scale of NN-DEF.

    The outcomes have the law of ``gradient_step(LimitNetwork(d, depth), x, eta=eta)``, and take
    some ten microseconds each.

    Parameters
    ----------
    x : array_like, shape (d,)
        The point, not 0.
    depth : int
        The number ℓ of hidden layers.
    trials : int
        The number of networks.
    eta : float or "linear"
        The step η, sign included, or the linear step −2f/‖∇f‖², as for `gradient_step`.
    rng : None, int, SeedSequence or Generator
        Where the seed comes from.

    Returns
    -------
    Attack
        With an axis of the trials.

    Raises
    ------
    MemoryError
        If the gradients do not fit in the memory that is free.
    TypeError, ValueError
        If an argument is not as described.
    """
    given = arguments.real_array("x", x)
    point = arguments.point("x", given, given.size)
    norm = euclid.norm(point)
    if not norm:
        raise ValueError("x must not be 0: Theorem 1.1 asks for x ≠ 0")
    count = arguments.integer("trials", trials, at_least=0)
    layers = arguments.integer("depth", depth, at_least=0)
    if isinstance(eta, str):
        arguments.one_of("eta", eta, ["linear"])
    memory.require(32 * count * point.size, f"{count} gradients", "ask for fewer trials at a time")
    normal = np.random.default_rng(np.random.SeedSequence(arguments.seed_of(rng)))

    gradients = math.sqrt(2.0**-layers / point.size) * normal.standard_normal((count, point.size))
    f = np.einsum("nd,d->n", gradients, point)
    slopes = euclid.norms(gradients)
    etas = -2 * f / slopes / slopes if isinstance(eta, str) else np.full(count, eta, np.float64)
    after = point + etas[:, np.newaxis] * gradients
    mean, deviation = laws.limit_value_after(etas, f, slopes, point.size, layers, norm)
    f_after: NDArray[np.float64] = mean + deviation * normal.standard_normal(count)
    return Attack(x_adv=after, **outcome_columns(etas, f, f_after, slopes, slopes / norm))
