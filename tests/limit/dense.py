"""The joint covariance of values and gradients, dense, from the definition of the kernel."""

import numpy as np


def kernel(x, y, depth, variance, bias=0.0):
    """Cov(f(x), f(y)) where a weight has this variance times 1/fan_in; x or y may be complex."""
    xx, yy, xy = (variance * (a @ b) / x.size + bias**2 for a, b in ((x, x), (y, y), (x, y)))
    for _ in range(depth):
        rho = xy / np.sqrt(xx * yy)
        mean = np.sqrt(xx * yy) * (np.sqrt(1 - rho**2) + (np.pi - np.arccos(rho)) * rho) / np.pi
        xx, yy, xy = (variance / 2 * k + bias**2 for k in (xx, yy, mean))
    return xy


def by_differences(points, depth, variance, bias=0.0):
    """The covariance of (f, ∇f) at the points, in this order, from the kernel alone.

    One derivative by a complex step, which is exact to rounding, a second one by a central
    difference of step 10⁻⁵. The points must be in general position.
    """
    n, d = points.shape
    result = np.zeros((n, d + 1, n, d + 1))
    step = 1e-5 * np.eye(d)

    def half(x, y):  # (K, ∇_x K)
        slopes = [
            kernel(x + 1e-30j * e, y + 0j, depth, variance, bias).imag / 1e-30 for e in np.eye(d)
        ]
        return np.array([kernel(x, y, depth, variance, bias), *slopes])

    for i, x in enumerate(points):
        for j, y in enumerate(points):
            if i == j:
                continue
            result[i, :, j, 0] = half(x, y)
            result[i, 0, j, 1:] = half(y, x)[1:]
            for k in range(d):
                slope = (half(x, y + step[k]) - half(x, y - step[k])) / 2e-5
                result[i, 1:, j, 1 + k] = slope[1:]
        result[i, :, i] = at_a_point(x, depth, variance, bias)
    return result.reshape(n * (d + 1), -1)


def at_a_point(x, depth, variance, bias=0.0):
    """The covariance of (f, ∇f) at x: the angle is 0 in every layer, where κ = κ′ = 1."""
    d, rate = x.size, variance * (variance / 2) ** depth / x.size
    square = variance * (x @ x) / d + bias**2
    for _ in range(depth):
        square = variance / 2 * square + bias**2
    return np.block([[square, rate * x], [rate * x[:, None], rate * np.eye(d)]])


def closed(points, depth):
    """The same for NN-DEF, by its closed form; points may be parallel or opposite, but not 0."""
    n, d = points.shape
    result = np.zeros((n, d + 1, n, d + 1))
    for i, x in enumerate(points):
        for j, y in enumerate(points):
            a, b = np.linalg.norm(x), np.linalg.norm(y)
            u, v = x / a, y / b
            rho, (k, k1, k2) = u @ v, derivatives(u, v, depth)
            across, back = v - rho * u, u - rho * v
            result[i, 0, j, 0] = a * b * k
            result[i, 1:, j, 0] = b * (k * u + k1 * across)
            result[i, 0, j, 1:] = a * (k * v + k1 * back)
            result[i, 1:, j, 1:] = k1 * np.eye(d) + (k - rho * k1) * np.outer(u, v)
            result[i, 1:, j, 1:] += k2 * np.outer(across, back)
    return result.reshape(n * (d + 1), -1) / (d * 2.0**depth)


def derivatives(u, v, depth):
    """κ_ℓ, κ_ℓ′ and κ_ℓ″ by the chain rule; the angle from the unit vectors' difference."""
    k, k1, k2 = u @ v, 1.0, 0.0
    angle = 2 * np.arcsin(min(1.0, np.linalg.norm(u - v) / 2))
    if angle > 3:
        angle = np.pi - 2 * np.arcsin(min(1.0, np.linalg.norm(u + v) / 2))
    for _ in range(depth):
        bend = 1 / (np.pi * np.sin(angle)) if 1e-15 < angle < np.pi - 1e-15 else 0.0
        k2 = bend * k1**2 + (1 - angle / np.pi) * k2
        k1 *= 1 - angle / np.pi
        k = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
        angle = (
            np.arccos(min(1.0, k))
            if angle > 1e-4
            else np.sqrt(angle**2 - 2 * angle**3 / (3 * np.pi))
        )
    return k, k1, k2
