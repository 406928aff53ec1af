"""Two-layer networks whose first layer is trained near its start (Wang et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.gradient_step import gradient_step
from randrelu.network import Network
from randrelu.sweeps.blocks import Row
from randrelu.sweeps.experiments.one_thread import one_thread
from randrelu.sweeps.experiments.resized import zeros_and_ones

Floats = NDArray[np.float64]
HELD_OUT = 120  # of the 360 images
RATE = 4.0  # of gradient descent on the logistic loss of f, whose curvature is at most 1/4
ROUNDS = 4  # of the attack that a network is trained against
ROBUST = (1, 2, 4)  # the sizes, times ‖x‖/√d, of the steps that the robust share is for


@one_thread()
def lazy(
    rng: np.random.Generator,
    *,
    width: int,
    size: int = 8,
    reach: float | None = None,
    scale: float = 1.0,
    adversary: float = 0.0,
    updates: int = 256,
) -> list[Row]:
    """Train W₁ of f(x) = Σ ± relu(w·x)/√k to tell 1 from 0, and attack f: rows as it goes.

    W₁ starts with independent standard normal entries, and the output weights stay. The images
    have norm 1 and `size`² = d pixels, and 120 of the 360 are held out. Every update is a step of
    gradient descent, on all others, of the mean logistic loss of `scale` × f, at a rate of
    4/`scale`²: a small scale makes W₁ travel far. After each, a row of W₁ that is farther than
    `reach`/√k from its start is put back to that distance. With an `adversary`, what is trained on
    are the images after a perturbation of that size (relative to ‖x‖ = 1), found by four steps of
    projected gradient ascent of the loss.

    Each row has the number of updates so far (0, 1, 4, 16, … and the last), ‖W₁ − W₁(0)‖₂,∞ and
    that times √k; the share of the held-out images that f tells right; over those, the median size
    of the smallest single gradient step after which the decision is another one, exact on its
    line, relative to ‖x‖, and that times √d (None where the median image has no such step of at
    most 50/√d); the share of them that the linear step flips; and the share of the held-out images
    that are told right and need a larger such step than 1, 2 and 4 times 1/√d. (No other attacks
    are tried: the robust accuracy is at most that.)

    Training is by NumPy's matrix products, whose last bits are those of its BLAS.
    """
    images, labels = zeros_and_ones(size)
    order = rng.permutation(len(labels))
    held, taught = order[:HELD_OUT], order[HELD_OUT:]
    start = rng.standard_normal((width, size * size))
    top = rng.choice((-1.0, 1.0), width) / math.sqrt(width)
    radius = math.inf if reach is None else reach / math.sqrt(width)
    weights = trained(
        start, top, images[taught], labels[taught],
        radius=radius, scale=scale, adversary=adversary, updates=updates,
    )  # fmt: skip
    rows = []
    for done, reached in weights:
        traveled = float(np.linalg.norm(reached - start, axis=1).max())
        rows.append({
            "after": done,
            "traveled": traveled,
            "traveled_scaled": traveled * math.sqrt(width),
            **attacked(Network.from_weights([reached, top]), images[held], labels[held]),
        })  # fmt: skip
    return rows


def trained(
    start: Floats,
    top: Floats,
    images: Floats,
    labels: Floats,
    *,
    radius: float,
    scale: float,
    adversary: float,
    updates: int,
) -> Iterator[tuple[int, Floats]]:
    """Yield W₁ after 0, 1, 4, 16, … updates, and after the last."""
    weights = start
    shown = {0, updates, *(4**power for power in range(updates.bit_length() // 2 + 1))}
    for done in range(updates + 1):
        if done in shown:
            yield done, weights
        at = images
        if adversary:
            at = images + worst_steps(weights, top, images, labels, adversary)
        _, gradient = loss_and_gradient(weights, top, at, labels, scale)
        weights = projected(weights - RATE / scale**2 * gradient, start, radius)


def loss_and_gradient(
    weights: Floats, top: Floats, images: Floats, labels: Floats, scale: float
) -> tuple[float, Floats]:
    """Return the mean of log(1 + exp(−`scale` y f(x))), and its gradient in W₁."""
    hidden = images @ weights.T
    active = hidden > 0
    margins = scale * labels * ((hidden * active) @ top)
    slopes = -scale * labels * np.exp(-np.logaddexp(0, margins)) / len(labels)
    gradient = (active * slopes[:, np.newaxis]).T @ images * top[:, np.newaxis]
    return float(np.logaddexp(0, -margins).mean()), gradient


def projected(weights: Floats, start: Floats, radius: float) -> Floats:
    """Return W₁ with no row farther from its start than the radius, up to rounding."""
    away = weights - start
    norms = np.linalg.norm(away, axis=1)
    far = norms > radius
    if not far.any():
        return weights
    return start + away * np.where(far, radius / np.where(far, norms, 1), 1)[:, np.newaxis]


def worst_steps(
    weights: Floats, top: Floats, images: Floats, labels: Floats, size: float
) -> Floats:
    """Return perturbations of at most this norm that make −y f large, by projected ascent."""
    found = np.zeros_like(images)
    for _ in range(ROUNDS):
        ways = -labels[:, np.newaxis] * (((images + found) @ weights.T > 0) * top) @ weights
        steepness = np.linalg.norm(ways, axis=1, keepdims=True)  # 0 where no unit is active
        found += 2.5 / ROUNDS * size * ways / np.where(steepness, steepness, 1)
        found *= size / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), size)
    return found


def attacked(net: Network, images: Floats, labels: Floats) -> Row:
    """Return how well a network tells held-out images, and which gradient steps flip it there."""
    root = math.sqrt(images.shape[1])
    right = np.sign(net.forward(images)) == labels
    shortest = gradient_step(net, images, eta="flip")
    flips = gradient_step(net, images, eta="linear").sign_flipped
    norms = np.where(shortest.sign_flipped, shortest.relative_norm, np.inf)
    median = float(np.median(norms[right])) if right.any() else math.inf
    found = math.isfinite(median)
    return {
        "accuracy": float(right.mean()),
        "relative_norm": median if found else None,
        "scaled_norm": median * root if found else None,
        "linear_share": float(flips[right].mean()) if right.any() else None,
        **{f"robust_{c}": float((right & (norms > c / root)).mean()) for c in ROBUST},
    }
