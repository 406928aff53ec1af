"""The plainest NumPy version of everything, sharing no code with the package.

Weights are lists of matrices W_1, …, W_{ℓ+1}; points come as rows. Everything is computed in the
dtype of what is passed, usually float64.
"""

import numpy as np


def layers(net):
    """W_1, … and b_1, … of a network, in float64."""
    numbers = range(1, net.depth + 2)
    biases = [net.bias(i) for i in numbers]
    return (
        [net.weights(i).astype(float) for i in numbers],
        [None if b is None else b.astype(float) for b in biases],
    )


def affine(weights, biases):
    """(W_i, b_i) of every layer; a bias that is None is 0."""
    biases = [None] * len(weights) if biases is None else biases
    zeros = [np.zeros(len(w), w.dtype) for w in weights]
    return [(w, z if b is None else b) for w, z, b in zip(weights, zeros, biases, strict=True)]


def preactivations(weights, x, biases=None):
    """f̃_i(x) for every hidden layer."""
    layers, a = [], x
    for w, b in affine(weights, biases)[:-1]:
        z = a @ w.T + b
        layers.append(z)
        a = np.where(z > 0, z, 0)
    return layers


def outputs(weights, x, biases=None):
    """All k outputs, (N, k)."""
    a = np.maximum(preactivations(weights, x, biases)[-1], 0) if len(weights) > 1 else x
    w, b = affine(weights, biases)[-1]
    return a @ w.T + b


def forward(weights, x, biases=None):
    """The only output, (N,)."""
    return outputs(weights, x, biases)[:, 0]


def gradient(weights, masks):
    """W_{ℓ+1} D_ℓ W_ℓ … D_1 W_1 for given masks, one (N, d_i) array a hidden layer."""
    points = len(masks[0]) if masks else 1
    g = np.repeat(weights[-1], points, axis=0)
    for w, mask in zip(weights[-2::-1], masks[::-1], strict=True):
        g = (g * mask) @ w
    return g


def jacobian(weights, masks):
    """The gradients of all outputs, (N, k, d)."""
    rows = [gradient([*weights[:-1], row[np.newaxis]], masks) for row in weights[-1]]
    return np.stack(rows, axis=1)


def masked_product(weights, x, later, earlier):
    """M_{later, earlier} at one point (d,), as a product of whole matrices."""
    masks = [z[0] > 0 for z in preactivations(weights, x[np.newaxis])]
    product = np.eye(weights[earlier].shape[1])
    for k in range(earlier, later):
        product = masks[k][:, np.newaxis] * weights[k] @ product
    return product


def offsets(weights, masks, biases):
    """The part of the outputs that is not their gradients times x, (N, k): what biases come to."""
    a = np.zeros((1, weights[0].shape[1]))
    layers = affine(weights, biases)
    for (w, b), mask in zip(layers[:-1], masks, strict=True):
        a = (a @ w.T + b) * mask
    return a @ layers[-1][0].T + layers[-1][1]


def margin(weights, biases, top, other):
    """The network f_top − f_other."""
    w, b = affine(weights, biases)[-1]
    last = (w[top] - w[other])[np.newaxis], (b[top] - b[other])[np.newaxis]
    return [*weights[:-1], last[0]], [*(b for _, b in affine(weights, biases)[:-1]), last[1]]


def appended(weights, biases):
    """The network without biases that is this one at [x, 1]: a unit of every layer is always 1."""
    *hidden, (w, b) = affine(weights, biases)
    tall = [np.block([[w, b[:, np.newaxis]], [0 * w[:1], 1]]) for w, b in hidden]
    return [*tall, np.column_stack([w, b])]


def walk(weights, biases, x, u, length):
    """Follow the outputs from x along u, region by region: a list of (t, masks, value, slope).

    From t to the next one, at t′, the outputs are value + (t′ − t) slope. Each region is found anew
    from the point in its middle, so nothing is carried along.
    """
    pieces, t = [], 0.0
    while True:
        # Where a preactivation is 0, the one after t is meant: the next is at least this far.
        inside = (x + (t + 1e-9) * u)[np.newaxis]
        z = preactivations(weights, inside, biases)
        masks = [layer > 0 for layer in z]
        zeros, way = [], u
        for i, (layer, mask) in enumerate(zip(z, masks, strict=True)):
            way = weights[i] @ way
            with np.errstate(divide="ignore", invalid="ignore"):
                zeros.append(t + 1e-9 - layer[0] / way)
            way = way * mask[0]
        slope = jacobian(weights, masks)[0] @ u
        pieces.append((t, masks, outputs(weights, inside, biases)[0] - 1e-9 * slope, slope))
        ahead = np.concatenate([[length], *zeros])
        t = ahead[ahead > t + 1e-9].min(initial=length)
        if t >= length:
            return pieces


def gamma(n, dtype):
    """Higham's γ_n: the relative error of a sum of n products, in any order, FMA or not."""
    u = np.finfo(dtype).eps / 2
    return n * u / (1 - n * u)


def preactivation_bounds(weights, x, dtype, biases=None):
    """Rigorous bounds on the rounding errors of f̃_1, …, f̃_ℓ and f, for x exact in `dtype`.

    The ReLU is 1-Lipschitz and exact, so an error passes a layer as |W| error + γ |W| |input|; a
    bias is one summand more.
    """
    bounds, a, error = [], x, np.zeros_like(x)
    for w, b in affine(weights, biases):
        n = w.shape[1] + bool(b.any())
        bound = error @ np.abs(w).T * (1 + gamma(n, dtype)) + gamma(n, dtype) * (
            np.abs(a) @ np.abs(w).T + np.abs(b)
        )
        bounds.append(bound)
        a, error = np.maximum(a @ w.T + b, 0), bound
    return bounds


def gradient_bound(weights, masks, dtype):
    """A rigorous bound on the rounding error of `gradient` with the same masks."""
    size = gradient([np.abs(w) for w in weights], masks)
    return gamma(sum(w.shape[0] for w in weights), dtype) * size


def jacobian_bound(weights, masks, dtype):
    """The same of `jacobian`."""
    size = jacobian([np.abs(w) for w in weights], masks)
    return gamma(sum(w.shape[0] for w in weights), dtype) * size


def philox4x32(counter, key):
    """Philox4x32-10; the words may be Python integers or arrays of uint64 that hold 32 bits."""
    c, k, mask = list(counter), list(key), 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & mask, (p0 >> 32) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def normals(seed, layer, first_group, groups, purpose=0):
    """The documented standard normals of whole groups of 64, exactly transformed in double.

    Purpose 0 is that of weights, 5 that of biases.
    """
    counter = np.arange(16 * first_group, 16 * (first_group + groups), dtype=np.uint64)
    fixed = [np.full_like(counter, word) for word in (layer, purpose)]
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
