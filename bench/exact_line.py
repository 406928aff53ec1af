"""ExactLine (Sotoudeh and Thakur 2019) in plain NumPy: the baseline of the line.

Layer by layer, every endpoint is pushed through, and each piece is cut where a unit passes 0.
"""

import numpy as np


def exact_line(weights, x, y):
    """Return the places in [0, 1] on the segment from x to y where f bends, ends included."""
    t = np.array([0.0, 1.0])
    values = np.stack([x, y])
    for w in weights[:-1]:
        z = values @ w.T
        cuts = [t]
        for k in range(len(t) - 1):
            a, b = z[k], z[k + 1]
            crossing = (a > 0) != (b > 0)
            share = a[crossing] / (a[crossing] - b[crossing])
            cuts.append(t[k] + share * (t[k + 1] - t[k]))
        finer = np.unique(np.concatenate(cuts))
        # Linear between the old ends.
        piece = np.clip(np.searchsorted(t, finer, side="right") - 1, 0, len(t) - 2)
        share = (finer - t[piece]) / (t[piece + 1] - t[piece])
        z = z[piece] + share[:, None] * (z[piece + 1] - z[piece])
        t, values = finer, np.maximum(z, 0)
    return t
