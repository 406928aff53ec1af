"""The probabilities that lemmas of the paper bound, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence

from randrelu._support import arguments


def large_preactivations(
    widths: tuple[int, ...], alpha: float, layers: Sequence[int] | None = None
) -> float:
    """Return the probability of the conclusion of Lemma 2.5, exact at any widths.

    Given the layers before, the number of preactivations of layer i with |f̃| ≥ α ‖f_{i−1}‖/√d_{i−1}
    is Binomial(d_i, 2Φ(−α)), independent of their signs; it is d_i where f_{i−1} = 0, which
    happens after a layer without an active unit.

    Parameters
    ----------
    widths : tuple of int
        (d, d_1, …, d_ℓ, 1).
    alpha : float
        α > 0, for every layer.
    layers : sequence of int, optional
        The layers that the conclusion is about: 1 to ℓ by default, which the proofs use the lemma
        for. As printed it has 2 to ℓ + 1, the output among them.

    Returns
    -------
    float
    """
    from scipy.stats import binom, norm

    widths = arguments.widths_tuple(widths)
    alpha = arguments.number("alpha", alpha, positive=True)
    counted = (
        list(range(1, len(widths) - 1)) if layers is None else _layers(layers, len(widths) - 1)
    )
    claimed, large = 1 - 2 * math.sqrt(2 / math.pi) * alpha, 2 * float(norm.sf(alpha))
    alive = 1.0  # the probability from here on, given that the layer before has an active unit
    for layer in range(len(widths) - 1, 0, -1):
        width = widths[layer]
        within = 1.0
        if layer in counted:
            within = float(binom.sf(math.ceil(claimed * width) - 1.0, width, large))
        silent = 2.0**-width
        alive = within * (silent + (1 - silent) * alive)
    return alive


def worst_sign_change(ratio: float) -> float:
    """Return the largest P{sign(wᵀx) ≠ sign(wᵀy)} of Lemma C.5, arcsin(r/R)/π, at most r/(2R).

    The probability is θ/π, and the angle θ is largest where y lies on a tangent from 0 to its ball.

    Parameters
    ----------
    ratio : float
        r/R in [0, 1].
    """
    number = arguments.number("ratio", ratio)
    if number > 1:
        raise ValueError(f"ratio must lie in [0, 1], got {ratio!r}")
    return math.asin(number) / math.pi


def normal_beyond_sphere(dim: int) -> float:
    """Return P{‖Y‖ ≥ r} for Y normal with covariance 2r²/d, as in the proof of Lemma C.6.

    The lemma holds for all M where this is at least 1/2, for d ≥ 2. For d = 1 it is 0.4795, and the
    lemma is false at t = r‖M‖, where ‖MZ‖ = t always.
    """
    from scipy.stats import chi2

    dim = arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST)
    return float(chi2.sf(dim / 2, dim))


def _layers(layers: Sequence[int], last: int) -> list[int]:
    if not arguments.is_iterable(layers):
        raise TypeError(f"layers must be a sequence of layers, got {layers!r}")
    return [
        arguments.integer(f"layers[{k}]", layer, at_least=1, at_most=last)
        for k, layer in enumerate(layers)
    ]
