"""The images of points of the sphere, layer by layer, in networks as deep as section 3 asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import Progress, Rng
from randrelu._support.side_by_side import Step, side_by_side
from randrelu._support.threads import thread_number
from randrelu.checks.climbed import climbed
from randrelu.checks.columns import read
from randrelu.checks.constants import a_constant
from randrelu.checks.result import Check, Hypothesis
from randrelu.network import Network

# The parameters of the report's quick rows and of its full ones. Ascents remember every layer: at a
# width of 2000 and with 2048 layers they take 3 GB.
QUICK = {"depths": tuple(4**i for i in range(5)), "points": 8, "steps": 2, "trials": 20}
FULL = {"width": 2000, "depths": tuple(2**i for i in range(12)), "steps": 2, "trials": 20}

_LIMIT = 2**32 - 1  # of the seeds, for what is drawn at infinite width; trials have the others
_LIMIT_DRAWS = 200
_AT_ONCE = 16  # layers that are held; with one, calls would take longer than what they compute


def sphere(points: int, dim: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return uniform points of the unit sphere, shape (points, dim)."""
    x = generator.standard_normal((points, dim))
    unit: NDArray[np.float64] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit


def images(
    x: NDArray[np.float64],
    width: int,
    depth: int,
    generator: np.random.Generator,
    *,
    kept: list[Network] | None = None,
    threads: int | None = None,
) -> Iterator[NDArray[np.float64]]:
    """Yield f_1(x), …, f_depth(x), shape (points, width), of a network of variances 2/fan_in.

    The layers are independent, so a few at a time are a deferred network of their own, which is
    forgotten once the points have passed it: memory for those, whatever the depth. Only where a
    list is given for them, they are `kept` in it.
    """
    for first in range(0, depth, _AT_ONCE):
        layers = min(_AT_ONCE, depth - first)
        net = Network.random(
            (x.shape[1], *(width,) * layers, 1),
            rng=arguments.seed_of(generator),
            init="he",
            dtype="float64",
            storage="deferred",
        )
        if kept is not None:
            kept.append(net)
        for layer in net.activations(x, threads=threads):
            x = layer.astype(np.float64, copy=False)
            yield x


@dataclass(frozen=True)
class Deep:
    """What happened to the points of every trial at every depth; all arrays are (trials, depths).

    Attributes
    ----------
    attained_ratio : ndarray
        The largest |f(x) − f(y)|/|f(x)| of all pairs of points; infinite where f(x) = 0.
    attained_smallest : ndarray
        min |f(x)|.
    attained_spread : ndarray
        max |f(x) − f(y)| over all pairs.
    sampled_ratio, sampled_smallest, sampled_spread : ndarray
        What these are of the sampled points alone, without those of ascents.
    longest, shortest : ndarray
        The largest and the smallest ‖f_i(x)‖ of all layers so far at sampled points, for ‖x‖ = 1.
    """

    attained_ratio: NDArray[np.float64]
    attained_smallest: NDArray[np.float64]
    attained_spread: NDArray[np.float64]
    sampled_ratio: NDArray[np.float64]
    sampled_smallest: NDArray[np.float64]
    sampled_spread: NDArray[np.float64]
    longest: NDArray[np.float64]
    shortest: NDArray[np.float64]


def descend(
    dim: int,
    width: int,
    depths: tuple[int, ...],
    points: int,
    steps: int,
    trials: int,
    seed: int,
    *,
    threads: int | None,
    progress: Progress | None,
) -> Deep:
    """Send points of the sphere through networks, and read f off at several depths.

    The readout of every depth is drawn for itself, as if the network ended there; with `steps`, f
    is followed from the extreme points, up and down. The first layer and the readout have the scale
    that the proof of theorem B.1 works with, see there.
    """

    def trial(t: int, step: Step) -> NDArray[np.float64]:
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(t,)))
        if steps:
            _require_room(width, depths, points, steps)
        found = np.empty((8, len(depths)))
        longest, shortest = 0.0, np.inf
        own = threads if at_once == 1 else 1
        nets: list[Network] = []
        start = x = math.sqrt(dim / width) * sphere(points, dim, generator)
        layers = images(x, width, depths[-1], generator, kept=nets if steps else None, threads=own)
        for i, activations in enumerate(layers, start=1):
            norms = np.linalg.norm(activations, axis=1)
            longest, shortest = max(longest, norms.max()), min(shortest, norms.min())
            if i in depths:
                readout = generator.standard_normal(width)
                f = activations @ readout
                sampled = attained = _spread(f)
                if steps:
                    more = climbed(nets, start, f, i, readout, steps, own)
                    attained = _spread(np.concatenate([f, more]))
                found[:, depths.index(i)] = (*attained, *sampled, longest, shortest)
            step()
        return found

    number = core.thread_count(thread_number(threads))
    at_once = min(trials, number) if max(dim, width) < core.WIDE_TRIAL else 1
    found = side_by_side(trial, trials, at_once, progress, steps=depths[-1])
    return Deep(*np.stack(found, axis=1))


def ratios_at_infinite_width(parameters: Mapping[str, Any]) -> NDArray[np.float64]:
    """Draw the largest |f(x) − f(y)|/|f(x)| of sampled points at infinite width.

    Of a check's parameters; shape (`_LIMIT_DRAWS`, depths). f is normal there, given the points, so
    no network is needed, and every draw has points of its own.
    """
    dim, points, depths = (parameters[name] for name in ("dim", "points", "depths"))
    spawned = np.random.SeedSequence(parameters["rng"], spawn_key=(_LIMIT,))
    generator = np.random.default_rng(spawned)
    x = sphere(_LIMIT_DRAWS * points, dim, generator).reshape(_LIMIT_DRAWS, points, dim)
    first, second = np.triu_indices(points, 1)
    apart = np.linalg.norm(x[:, first] - x[:, second], axis=-1)
    angles = 2 * np.arcsin(np.minimum(apart / 2, 1))
    found, layer = [], 0
    for depth in depths:
        for _ in range(layer, depth):
            angles = laws.next_angle(angles)
        layer = depth
        kernel = np.ones((_LIMIT_DRAWS, points, points))
        kernel[:, first, second] = kernel[:, second, first] = np.cos(angles)
        spectrum, vectors = np.linalg.eigh(kernel)
        # The symmetric root is continuous in the kernel, so that machines agree up to rounding.
        root = (vectors * np.sqrt(np.maximum(spectrum, 0))[:, np.newaxis]) @ vectors.swapaxes(
            -1, -2
        )
        f = (root @ generator.standard_normal((_LIMIT_DRAWS, points, 1)))[..., 0]
        found.append([_spread(values)[0] for values in f])
    return np.array(found).T


def _spread(f: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the largest ratio, min |f| and the spread of the values at some points."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.maximum(f.max() - f, f - f.min()) / np.abs(f)
    ratio = np.nan_to_num(ratios, nan=np.inf, posinf=np.inf).max()
    return float(ratio), float(np.abs(f).min()), float(np.ptp(f))


def _require_room(width: int, depths: tuple[int, ...], points: int, steps: int) -> None:
    """Ask for the memory of the layers that ascents pass again and again."""
    # Every direction, there and back, of one ascent and one descent from every depth.
    directions = points * depths[-1] + 4 * (steps + 1) * sum(depths)
    memory.require(
        2 * 8 * width * directions,
        f"ascents through {depths[-1]} layers of width {width}",
        "choose fewer steps; with steps=0 all points are sampled, and any depth fits",
    )


def measure(
    dim: int,
    width: int,
    depths: Sequence[int],
    points: int,
    steps: int,
    constant: float | None,
    trials: int,
    rng: Rng,
    *,
    threads: int | None,
    progress: Progress | None,
) -> tuple[dict[str, Any], Deep]:
    """Return the parameters of a check of theorem 3.1 or B.1, validated, and what `descend` finds.

    The constant is for the check to compare with, where one is given.
    """
    parameters: dict[str, Any] = {
        "dim": arguments.integer("dim", dim, at_least=2),
        "width": arguments.integer("width", width, at_least=1),
        "depths": _validated(depths),
        "points": arguments.integer("points", points, at_least=2),
        "steps": arguments.integer("steps", steps, at_least=0),
        "constant": a_constant(constant),
        "trials": arguments.integer("trials", trials, at_least=1),
        "rng": arguments.seed_of(rng),
    }
    of_descent = ("dim", "width", "depths", "points", "steps", "trials", "rng")
    found = descend(*(parameters[name] for name in of_descent), threads=threads, progress=progress)
    return parameters, found


def _validated(depths: Sequence[int]) -> tuple[int, ...]:
    """Return depths, ascending and distinct."""
    chosen = {arguments.integer(f"depths[{i}]", k, at_least=1) for i, k in enumerate(depths)}
    if not chosen:
        raise ValueError("depths must hold at least one depth, got none")
    return tuple(sorted(chosen))


def limit(dim: int) -> float:
    """Return √(log d/d), which theorems 3.1 and B.1 have times a constant."""
    return math.sqrt(math.log(dim) / dim)


def by_depth(check: Check, name: str) -> tuple[tuple[int, ...], list[NDArray[np.float64]]]:
    """Return the depths of a check, and what was measured at each."""
    depths = check.parameters["depths"]
    return depths, read(check.trials, name, depths)


def hypothesis(dim: int, width: int, depth: int) -> Hypothesis:
    """Return what theorems 3.1 and B.1 ask of the depth and the width."""
    low, high = 20 * math.log10(depth * dim), math.sqrt(depth) / math.log(10)
    fits = depth >= dim**3 and low <= math.log10(width) <= high
    none = " (which no width meets at this depth)" if low > high else ""
    return Hypothesis(
        f"ℓ ≥ d³ = {dim**3}, 10^{low:.1f} ≤ k ≤ 10^{high:.1f}{none}, and d sufficiently large, "
        "which the paper leaves open",
        f"d = {dim}, ℓ = {depth}, k = {width}",
        None if fits else False,
    )
