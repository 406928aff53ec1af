"""Train one network, and measure what changes its decisions as it learns."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.distance import distance
from randrelu.measures.gradient_step import gradient_step
from randrelu.measures.trace import line
from randrelu.measures.worst_deviation import worst_deviation
from randrelu.network import Network
from randrelu.sweeps.blocks import Row
from randrelu.sweeps.experiments.images import DIGITS, HELD_OUT, Images, load
from randrelu.sweeps.experiments.one_thread import one_thread
from randrelu.sweeps.experiments.trainers import begin

CONVERGED = 0.01  # the mean cross-entropy of the training images at which training ends
SAMPLES = 16  # points of the ball around an image where the gradient is looked at
_STEPS = 20  # of the ascent to the largest deviation of the gradient


@one_thread()
def training(
    rng: np.random.Generator,
    *,
    depth: int,
    width: int | None = None,
    data: str = DIGITS,
    label_column: int | None = None,
    sha256: str | None = None,
    trainer: str = "sklearn",
    epochs: int = 64,
    images: int = 16,
    training_images: int | None = None,
) -> list[Row]:
    """Train a network of `depth` layers of `width` units: a row per checkpoint and image.

    Depth 0 is multinomial logistic regression. The checkpoints are the epochs 0, 1, 2, 4, … until
    one where the cross-entropy is at most `CONVERGED`, or `epochs`. Sizes are relative to ‖x‖. What
    is certified, and the largest deviation of the gradient attained, is found at the first
    checkpoint and at the last. A number is None where it does not exist: where no change was found,
    or the margin has no gradient.
    """
    if depth and width is None:
        raise ValueError("training needs width, but for depth 0")
    every = load(data, label_column, sha256)
    order = rng.permutation(len(every.labels))
    held = order[: len(order) // HELD_OUT]
    seen = order[len(held) :][:training_images]
    measured = held[:images]
    require_images(every, images)
    learned = every.some(seen)
    learner = begin(trainer, (width or 0,) * depth, learned, rng)
    x = every.pixels[measured].astype(np.float64)
    ways = rng.standard_normal(x.shape)
    ways /= euclid.norms(ways)[:, np.newaxis]
    rows: list[Row] = []
    for before, epoch in pairwise((0, *checkpoints(epochs))):
        for _ in range(before, epoch):
            learner.epoch()
        net = learner.network()
        loss, _ = _judged(net, learned.pixels, learned.labels)
        _, correct = _judged(net, every.pixels[held], every.labels[held])
        last = loss <= CONVERGED or epoch == epochs
        whole = {
            "epoch": epoch, "last": last, "loss": loss, "accuracy": float(correct.mean()),
            "dim": x.shape[1], "units": sum(net.widths[1:-1]),
        }  # fmt: skip
        of_images = measure(net, x, ways, rng, costly=last or epoch == 0)
        right = correct[:images].tolist()
        rows += [
            {"image": int(image), "correct": is_right, **row, **whole}
            for image, is_right, row in zip(measured, right, of_images, strict=True)
        ]
        if last:
            break
    return rows


def checkpoints(epochs: int) -> tuple[int, ...]:
    """Return 0, the powers of 2 below the number of epochs, and that."""
    return (0, *(2**k for k in range((epochs - 1).bit_length())), epochs)


def require_images(every: Images, images: int) -> None:
    """Raise ValueError unless so many images can be held out."""
    count = len(every.labels)
    if count // HELD_OUT < images:
        raise ValueError(
            f"data must hold at least {HELD_OUT * images} images, of which {images} are measured "
            f"that are not trained on, got {count}"
        )


def measure(
    net: Network,
    x: NDArray[np.float64],
    ways: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    costly: bool,
) -> list[Row]:
    """Measure what changes the decisions of a network at points: a row for each.

    Parameters
    ----------
    net : Network
        The network, of several outputs.
    x : ndarray, shape (N, d)
        The points, none of them 0.
    ways : ndarray, shape (N, d)
        Unit vectors: the directions that the gradients are compared with.
    rng : Generator
        Where the points come from at which gradients are looked at.
    costly : bool
        Whether to certify distances, and to look for the largest deviation of the gradient.
    """
    norms = euclid.norms(x)
    step = gradient_step(net, x)
    shortest = gradient_step(net, x, eta="flip")
    near = distance(net, x, certify=costly)
    aside = x + (step.relative_norm * norms)[:, np.newaxis] * ways
    tops, _ = net.decision(aside)
    along = shortest.eta_infimum * step.grad_norm  # with the sign of the step
    assert step.top is not None and step.other is not None
    rows = []
    for i, point in enumerate(x):
        margin = net.margin(int(step.top[i]), int(step.other[i]))
        flat = step.grad_norm[i] == 0
        radius = float(near.attained[i])
        rows.append(
            {
                "step": None if flat else float(step.relative_norm[i]),
                "step_changes": bool(step.sign_flipped[i]),
                "random_changes": bool(tops[i] != step.top[i]),
                "along": _number(abs(along[i]) / norms[i]),
                "attained": _number(radius / norms[i]),
                "certified": _number(near.certified[i] / norms[i]) if costly else None,
                **_on_the_way(margin, point, float(along[i])),
                **_around(margin, point, radius, rng, costly=costly),
            }
        )
    return rows


def _on_the_way(margin: Network, x: NDArray[np.float64], along: float) -> Row:
    """Compare the margin with its tangent on the way along the gradient to another decision."""
    if not np.isfinite(along) or along == 0:
        return {"gap": None, "flips": None}
    value, gradient = margin.value_and_gradient(x)
    way = line(margin, x, math.copysign(1.0, along) * gradient, abs(along))
    return {"gap": way.linearity().deviation / float(value), "flips": int(way.t.size)}


def _around(
    margin: Network,
    x: NDArray[np.float64],
    radius: float,
    rng: np.random.Generator,
    *,
    costly: bool,
) -> Row:
    """Compare the gradient in the ball of a radius with that at x, whose norm is the unit."""
    found: Row = dict.fromkeys(("turn_median", "turn_sampled", "turn_attained"))
    if not (np.isfinite(radius) and radius > 0):
        return found
    ball = gradient_deviation(margin, x, radius, SAMPLES, rng=rng)
    if ball.grad_norm == 0:
        return found
    found["turn_median"] = float(np.median(ball.relative))
    found["turn_sampled"] = float(ball.relative.max())
    if costly:
        worst = worst_deviation(margin, x, radius, steps=_STEPS, certify=False)
        found["turn_attained"] = worst.attained / worst.grad_norm
    return found


def _judged(
    net: Network, pixels: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[float, NDArray[np.bool_]]:
    """Return the mean cross-entropy of images, and which of them are classified correctly."""
    outputs = net.forward(pixels.astype(np.float64))
    above = outputs - outputs[np.arange(len(labels)), labels][:, np.newaxis]
    most = above.max(axis=1)
    entropies = most + np.log(np.exp(above - most[:, np.newaxis]).sum(axis=1))
    return float(entropies.mean()), outputs.argmax(axis=1) == labels


def _number(value: float) -> float | None:
    """Return None for what is not finite, which says that something was not found."""
    return float(value) if np.isfinite(value) else None
