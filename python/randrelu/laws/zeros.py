"""How often f changes its sign on a great circle."""

from __future__ import annotations

import math

from randrelu._support import arguments


def great_circle_zeros(widths: tuple[int, ...], angle: float = 2 * math.pi) -> float:
    """Return the mean number of zeros of f on an arc of a great circle, exact at any widths.

    (θ/π) ∏(1 − (d_i + 1) 2^{−d_i}) over the hidden layers, for an arc of the angle θ: on a whole
    circle 2 at infinite width, and in all but the narrowest networks, *whatever the depth*. Deep
    networks have no fewer zeros in the mean: fewer circles have any, and these have more (at
    infinite width, of many circles drawn, 85 %, 65 % and 38 % had some at depths 1, 4 and 16; there
    is no closed form for that share). On a segment f has as many as on the arc that it covers, seen
    from 0.

    Parameters
    ----------
    widths : tuple of int
        (d, d_1, …, d_ℓ, 1).
    angle : float
        θ ≥ 0.

    Returns
    -------
    float
        The mean number. Stretches on which f is 0 because a layer is silent do not count.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    Given the layers before, the direction of the output's weights is uniform, so the mean number of
    zeros is the length of the curve f_ℓ/‖f_ℓ‖ over π (Crofton's formula). A layer with k active
    units multiplies the speed of that curve by χ_{k−1}/χ_k, of independent variables, whose mean is
    1 for k ≥ 2; with one active unit the curve is a point. By Lemma 2.1 k is Binomial(d_i, 1/2),
    independent of the layers before.
    """
    hidden = arguments.widths_tuple(widths)[1:-1]
    moves = math.prod(1 - (width + 1) * 2.0**-width for width in hidden)
    return arguments.number("angle", angle) / math.pi * moves
