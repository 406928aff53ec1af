"""The gradients that a small network has in a ball, from every pattern that its units can make."""

from itertools import product

import numpy as np
from scipy.optimize import linprog, nnls

MARGIN = 1e-9  # by which a pattern's inequalities hold, in norms of their rows


def gradients(net, x=None, radius=np.inf, norm=2):
    """Return the gradient of each linear region that the ball meets, or of all, (regions, d)."""
    weights = [net.weights(i).astype(float) for i in range(1, net.depth + 2)]
    biases = [net.bias(i) for i in range(1, net.depth + 2)]
    centre = np.zeros(net.widths[0]) if x is None else x
    found = []

    def descend(i, slopes, constants, rows, least):
        """Add the gates of layer i, given f_{i−1}(y) = slopes y + constants and rows y ≥ least."""
        slopes = weights[i] @ slopes
        constants = weights[i] @ constants + (0 if biases[i] is None else biases[i])
        if i == net.depth:
            found.append(slopes[0])
            return
        for gates in product((0.0, 1.0), repeat=len(slopes)):
            sign = 2 * np.array(gates) - 1
            more = [*rows, *(sign[:, None] * slopes)], [*least, *(-sign * constants)]
            if meets(np.array(more[0]), np.array(more[1]), centre, radius, norm):
                s = np.array(gates)
                descend(i + 1, s[:, None] * slopes, s * constants, *more)

    descend(0, np.eye(len(centre)), np.zeros(len(centre)), [], [])
    return np.array(found)


def meets(rows, least, centre, radius, norm):
    """Return whether rows y > least at a point y of the open ball."""
    sizes = np.linalg.norm(rows, axis=1)
    if (least[sizes == 0] > 0).any():
        return False
    rows, least = rows[sizes > 0], least[sizes > 0]
    if not len(rows):
        return True
    sizes = sizes[sizes > 0]
    rows, least = rows / sizes[:, None], least / sizes + MARGIN - rows @ centre / sizes
    if norm == np.inf:  # the u of which the inequalities have most to spare
        spare = np.ones((len(rows), 1))
        found = linprog(
            [*np.zeros(len(centre)), -1],
            np.hstack([-rows, spare]),
            -least,
            bounds=[*[(-radius, radius)] * len(centre), (None, 1)],
        )
        return found.status == 0 and (rows @ found.x[:-1] > least).all()
    if (least <= 0).all():
        return radius > 0
    # The shortest u with rows u ≥ least (Lawson and Hanson), where there is one: it shows itself.
    both = np.vstack([rows.T, least])
    target = np.zeros(len(both))
    target[-1] = 1
    residual = both @ nnls(both, target)[0] - target
    if abs(residual[-1]) < 1e-14:
        return False
    u = -residual[:-1] / residual[-1]
    return (rows @ u > least - MARGIN / 2).all() and np.linalg.norm(u) < radius
