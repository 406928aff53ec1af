"""One network of a width, attacked by gradient steps of many sizes; and draws from an exact law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support.threads import share_of_threads
from randrelu.limit import LimitNetwork
from randrelu.measures.attack import Attack
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.flips import flips
from randrelu.measures.gradient_step import gradient_step
from randrelu.network import Network
from randrelu.sweeps.blocks import Row

TOPS = ("normal", "signs")
SIZES = 2.0 ** (np.arange(-8, 17) / 4)  # of the steps that are tried, in ‖x‖/√d: from 1/4 to 16
TWO = int(np.flatnonzero(SIZES == 2)[0])
PLACES = np.array([0.25, 0.5, 0.75])  # on the way of the linear step


@share_of_threads(1)
def at_width(
    rng: np.random.Generator,
    *,
    dim: int,
    depth: int,
    width: int | None = None,
    top: str = "normal",
    samples: int = 4,
) -> list[Row]:
    """Attack a network at (1, …, 1) by gradient steps of many sizes: a row per hidden layer.

    Without `width` the network is infinitely wide. With ``top="signs"`` the last layer's weights
    are ±1/√k by fair coins; such networks have one hidden layer, of which the matrix is kept. What
    concerns the whole network is repeated in every row:

    f, grad_norm, linear_size, ratio
        f(x), ‖∇f(x)‖, and of the linear step −2f/‖∇f‖² its size over ‖x‖, and f after it over f.
    ratio_at_two
        f after the step of size 2‖x‖/√d against the sign of f, over f.
    flip_size, success_size
        The smallest of the tried sizes, `SIZES` over √d, after which the sign of f is another one,
        and |f| also at least what it was: attained, and missing where no tried size will do.
    deviation
        How far f is from its tangent at a quarter, a half, three quarters and the end of the linear
        step, over the 2|f| that this step is for: the largest of the four, so sampled.
    gradient_deviation, predicted_gradient_deviation
        The root mean square of ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖ over points y that are sampled in the ball
        that the linear step reaches, and what the exact law at infinite width has for these points.

    A layer's flips between x and the end of the linear step are missing at infinite width, which
    has no units; `predicted_share` is what the arc-cosine map makes of this step's angle.

    A network takes one thread: its loops are so short that threads lose more by waiting for each
    other, above all on a busy machine, than they gain. It is networks that run at the same time.
    """
    net = _drawn(rng, dim, depth, width, top)
    x, unit = np.ones(dim), 1 / math.sqrt(dim)
    linear = gradient_step(net, x)
    f, slope = float(linear.f_before), float(linear.grad_norm)
    units = [width] * depth
    if not slope or not f:  # a layer is dead, and no step leads anywhere
        dead: Row = {"f": f, "grad_norm": slope}
        return [{"layer": i, "units": k, **dead} for i, k in enumerate(units, start=1)]
    along = -math.copysign(1.0, f) / slope  # the η of a step of length 1
    etas = np.r_[PLACES * float(linear.eta), SIZES * along]
    tried = gradient_step(net, x, eta=etas)
    on_the_way, sized = tried.f_after[: PLACES.size] / f, tried.f_after[PLACES.size :] / f
    ratio, size = float(linear.f_after) / f, float(linear.relative_norm)
    gaps = np.r_[np.abs(on_the_way - (1 - 2 * PLACES)), abs(ratio + 1)] / 2
    ball = gradient_deviation(net, x, size * math.sqrt(dim), samples, rng=rng)
    whole: Row = {
        "f": f,
        "grad_norm": slope,
        "linear_size": size,
        "ratio": ratio,
        "ratio_at_two": float(sized[TWO]),
        "flip_size": _smallest(sized < 0, unit),
        "success_size": _smallest(sized <= -1, unit),
        "deviation": float(gaps.max()),
        "gradient_deviation": _root_mean(ball.relative**2),
        "predicted_gradient_deviation": _root_mean(laws.gradient_deviation(ball.angles, depth)),
    }
    predicted = laws.flip_fractions(2 * math.asin(min(size / 2, 1)), depth)
    counts = _flips(net, x, linear)
    return [
        {
            "layer": i + 1,
            "units": units[i],
            "flips": None if counts is None else int(counts[i]),
            "share": None if counts is None else float(counts[i]) / net.widths[i + 1],
            "predicted_share": float(predicted[i]),
            **whole,
        }
        for i in range(depth)
    ]


def linear_steps(rng: np.random.Generator, *, dim: int, width: int, draws: int = 1000) -> list[Row]:
    """Draw f after the linear step over f, of one hidden layer, from its exact law: a row a draw.

    No network is made; draws in which ∇f(x) = 0 have nothing in their rows.
    """
    f, _, after = laws.sample_linear_step(dim, width, draws, rng)
    return [{"ratio": None if not a else float(b / a)} for a, b in zip(f, after, strict=True)]


def require_together(
    *, width: int | None = None, depth: int = 1, top: str = "normal", **_: Any
) -> None:
    """Raise ValueError where there are no such networks with signs on top."""
    if top == "signs" and width is None:
        raise ValueError(
            "top='signs' needs a width: at infinite width the signs do not show, and top='normal' "
            "is the same law"
        )
    if top == "signs" and depth != 1:
        raise ValueError(f"top='signs' is for one hidden layer, depth=1, got depth={depth}")


def _drawn(
    rng: np.random.Generator, dim: int, depth: int, width: int | None, top: str
) -> Network | LimitNetwork:
    require_together(width=width, depth=depth, top=top)
    if width is None:
        return LimitNetwork(dim, depth, rng=rng)
    if top == "normal":
        return Network.random((dim, *[width] * depth, 1), rng=rng, storage="deferred")
    first = rng.standard_normal((width, dim), np.float32) / np.float32(math.sqrt(dim))
    last = (2 * rng.integers(2, size=width) - 1) / np.float32(math.sqrt(width))
    return Network.from_weights([first, last.astype(np.float32)])


def _flips(
    net: Network | LimitNetwork, x: NDArray[np.float64], step: Attack
) -> NDArray[np.int64] | None:
    if isinstance(net, LimitNetwork):
        return None
    counts: NDArray[np.int64] = flips(net, x, points=step.x_adv[np.newaxis], remember=False).counts[
        0
    ]
    return counts


def _smallest(done: NDArray[np.bool_], unit: float) -> float | None:
    return float(SIZES[np.argmax(done)]) * unit if done.any() else None


def _root_mean(squares: NDArray[Any]) -> float:
    return math.sqrt(float(np.mean(squares)))
