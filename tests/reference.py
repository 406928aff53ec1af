"""The plainest NumPy version of everything, sharing no code with the package.

Weights are lists of matrices W_1, …, W_{ℓ+1}; points come as rows. Everything is computed in the
dtype of what is passed, usually float64.
"""

import numpy as np


def preactivations(weights, x):
    """f̃_i(x) for every hidden layer."""
    layers, a = [], x
    for w in weights[:-1]:
        z = a @ w.T
        layers.append(z)
        a = np.where(z > 0, z, 0)
    return layers


def forward(weights, x):
    a = x
    for w in weights[:-1]:
        a = np.maximum(a @ w.T, 0)
    return (a @ weights[-1].T)[:, 0]


def gradient(weights, masks):
    """W_{ℓ+1} D_ℓ W_ℓ … D_1 W_1 for given masks, one (N, d_i) array a hidden layer."""
    points = len(masks[0]) if masks else 1
    g = np.repeat(weights[-1], points, axis=0)
    for w, mask in zip(weights[-2::-1], masks[::-1], strict=True):
        g = (g * mask) @ w
    return g


def gamma(n, dtype):
    """Higham's γ_n: the relative error of a sum of n products, in any order, FMA or not."""
    u = np.finfo(dtype).eps / 2
    return n * u / (1 - n * u)


def preactivation_bounds(weights, x, dtype):
    """Rigorous bounds on the rounding errors of f̃_1, …, f̃_ℓ and f, for x exact in `dtype`.

    The ReLU is 1-Lipschitz and exact, so an error passes a layer as |W| error + γ |W| |input|.
    """
    bounds, a, error = [], x, np.zeros_like(x)
    for w in weights:
        n = w.shape[1]
        bound = error @ np.abs(w).T * (1 + gamma(n, dtype)) + gamma(n, dtype) * (
            np.abs(a) @ np.abs(w).T
        )
        bounds.append(bound)
        a, error = np.maximum(a @ w.T, 0), bound
    return bounds


def gradient_bound(weights, masks, dtype):
    """A rigorous bound on the rounding error of `gradient` with the same masks."""
    size = gradient([np.abs(w) for w in weights], masks)
    return gamma(sum(w.shape[0] for w in weights), dtype) * size


def philox4x32(counter, key):
    """Philox4x32-10; the words may be Python integers or arrays of uint64 that hold 32 bits."""
    c, k, mask = list(counter), list(key), 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & mask, (p0 >> 32) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def normals(seed, layer, first_group, groups):
    """The documented standard normals of whole groups of 64, exactly transformed in double."""
    counter = np.arange(16 * first_group, 16 * (first_group + groups), dtype=np.uint64)
    fixed = [np.full_like(counter, word) for word in (layer, 0)]
    key = (seed & 0xFFFFFFFF, seed >> 32)
    words = philox4x32((counter & 0xFFFFFFFF, counter >> 32, *fixed), key)
    out = np.empty((groups, 4, 16))
    for pair in (0, 1):
        radius = np.sqrt(-2 * np.log((words[2 * pair] // 4 + 0.5) / 2**30))
        angle = np.pi / 4 * ((words[2 * pair + 1] % 2**23 // 2 + 0.5) / 2**21 - 1)
        mirrored, swapped = words[2 * pair + 1] >> 31, words[2 * pair + 1] >> 30 & 1
        cosine, sine = np.where(mirrored, -np.cos(angle), np.cos(angle)), np.sin(angle)
        first, second = np.where(swapped, (sine, cosine), (cosine, sine))
        out[:, 2 * pair] = (radius * first).reshape(groups, 16)
        out[:, 2 * pair + 1] = (radius * second).reshape(groups, 16)
    return out.reshape(-1)


def coin(seed, layer, unit):
    """Whether a unit at exactly 0 is active."""
    words = philox4x32((unit // 128, 0, layer, 1), (seed & 0xFFFFFFFF, seed >> 32))
    return bool(words[unit % 128 // 32] >> unit % 32 & 1)
