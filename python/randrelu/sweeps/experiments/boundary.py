"""How far the boundary is as the input's dimension grows (De Palma, Kiani and Lloyd 2021)."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import extras
from randrelu.measures.distance import distance
from randrelu.network import Network
from randrelu.sweeps.blocks import Row
from randrelu.sweeps.experiments.one_thread import one_thread
from randrelu.sweeps.experiments.resized import resized_digits

NORMS = {"2": 2.0, "inf": math.inf}
_HELD_OUT = 360  # of the 1797 images
_EPOCHS = 60


@one_thread()
def of_random(
    rng: np.random.Generator, *, dim: int, width: int, depth: int = 1, bias: float = 0.0
) -> list[Row]:
    """Bracket the distance from (1, …, 1) to f = 0 of a random network: a row per norm.

    Weights have variance 2/fan_in, which keeps the size of the layers from one to the next, and
    `bias` is the standard deviation of the biases. Distances are relative to the norm of x.
    """
    widths = (dim, *[width] * depth, 1)
    net = Network.random(widths, rng=rng, init="he", bias=bias, storage="stored")
    return _brackets(net, np.ones((1, dim)))


@one_thread()
def of_trained(
    rng: np.random.Generator, *, size: int, width: int = 64, depth: int = 1, images: int = 16
) -> list[Row]:
    """Bracket the distance to another decision of a network trained on digits: a row per norm.

    scikit-learn's MLPClassifier is trained on its digits at size × size pixels, by 60 epochs of
    its defaults (Adam), but for 360 images. Distances are from the first `images` of these that it
    tells right, relative to the norm of x; rows have their medians, which are None without any.
    """
    pictures, digits = resized_digits(size)
    order = rng.permutation(len(digits))
    held, taught = order[:_HELD_OUT], order[_HELD_OUT:]
    classifier = _classifier((width,) * depth, int(rng.integers(2**32)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged: the epochs are chosen
        classifier.fit(pictures[taught], digits[taught])
    right = classifier.predict(pictures[held]) == digits[held]
    points = pictures[held][right][:images]
    rows = _brackets(Network.from_sklearn(classifier), points) if len(points) else []
    return [{"accuracy": float(right.mean()), "images_used": len(points), **row} for row in rows]


def _classifier(widths: tuple[int, ...], seed: int) -> Any:
    known = extras.module(
        "networks are trained by scikit-learn", "sklearn.neural_network", "scikit-learn"
    )
    return known.MLPClassifier(widths, max_iter=_EPOCHS, random_state=seed)


def _brackets(net: Network, points: NDArray[np.float64]) -> list[Row]:
    """Return the medians of both sides of the distance, relative to ‖x‖, for every norm."""
    rows: list[Row] = []
    for name, norm in NORMS.items():
        found = distance(net, points, norm)
        sizes = np.linalg.norm(points, ord=norm, axis=1)
        attained = float(np.median(found.attained / sizes))
        rows.append({
            "norm": name,
            "certified": float(np.median(found.certified / sizes)),
            "attained": attained if math.isfinite(attained) else None,
        })  # fmt: skip
    return rows
