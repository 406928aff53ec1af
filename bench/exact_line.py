"""ExactLine (Sotoudeh and Thakur 2019) in plain NumPy: the baselines of the line.

Layer by layer, every endpoint is pushed through, and each piece is cut where a unit passes 0. With
`interpolate` the values at the cuts lie between those at the ends; without, as in the system of the
authors, every endpoint is rebuilt from its input.
"""

import numpy as np


def exact_line(weights, x, y, *, interpolate):
    """Return the places in [0, 1] on the segment from x to y where f bends, ends included."""
    t = np.array([0.0, 1.0])
    values = np.stack([x, y])
    for depth, w in enumerate(weights[:-1], start=1):
        if interpolate:
            z = values @ w.T
        else:
            values = x + t[:, None] * (y - x)
            for v in weights[: depth - 1]:
                values = np.maximum(values @ v.T, 0)
            z = values @ w.T
        cuts = [t]
        for k in range(len(t) - 1):
            a, b = z[k], z[k + 1]
            crossing = (a > 0) != (b > 0)
            share = a[crossing] / (a[crossing] - b[crossing])
            cuts.append(t[k] + share * (t[k + 1] - t[k]))
        finer = np.unique(np.concatenate(cuts))
        if interpolate:
            piece = np.clip(np.searchsorted(t, finer, side="right") - 1, 0, len(t) - 2)
            share = (finer - t[piece]) / (t[piece + 1] - t[piece])
            values = np.maximum(z[piece] + share[:, None] * (z[piece + 1] - z[piece]), 0)
        t = finer
    return t
