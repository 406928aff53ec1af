"""Experiments about random networks of one output, at the point (1, …, 1)."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments, euclid
from randrelu.checks import STATEMENTS, check
from randrelu.checks.deep import descend
from randrelu.measures.cells.cell import cell
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.distance import distance
from randrelu.measures.flips import flips
from randrelu.measures.gradient_step import gradient_step
from randrelu.measures.planes.subdivide import plane
from randrelu.measures.row_space import DIM, min_perturbation
from randrelu.measures.trace import line
from randrelu.measures.worst_deviation import worst_deviation
from randrelu.measures.worst_flips import worst_flips
from randrelu.network import Network
from randrelu.sweeps.blocks import Row

SHAPE = ("widths", "width", "depth", "dim")


def attack(
    rng: np.random.Generator, *, eta: float | str = "linear", delta: float = 0.05, **network: Any
) -> Row:
    """Take one gradient step from (1, …, 1)."""
    net, x = _network(rng, **network)
    found = gradient_step(net, x, eta=eta, delta=delta).columns()
    row = {name: values[0].item() for name, values in found.items()}
    return {"step": row.pop("eta"), "step_infimum": _number(row.pop("eta_infimum")), **row}


def ball_flips(
    rng: np.random.Generator, *, radius: float | list[float], samples: int = 16, **network: Any
) -> list[Row]:
    """Count the units that flip in the ball of radius × ‖x‖ around (1, …, 1): a row per layer.

    A list of radii is measured on one network, in one pass, and has rows for each of them.
    """
    net, x = _network(rng, **network)
    sizes = np.multiply(radius, math.sqrt(x.size))
    columns = flips(net, x, sizes, samples, rng=rng, remember=False).columns()
    columns = {"units": columns.pop("width"), **columns}
    if isinstance(radius, list):
        del columns["radius"]  # a parameter is called that
        columns["relative_radius"] = np.repeat(radius, net.depth)
    columns["share"] = columns["mean"] / columns["units"]
    columns["predicted_share"] = columns["predicted"] / columns["units"]
    rows = range(columns["layer"].size)
    return [{name: values[i].item() for name, values in columns.items()} for i in rows]


def deviation(
    rng: np.random.Generator, *, radius: float | list[float], samples: int = 16, **network: Any
) -> Row | list[Row]:
    """Measure ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖ in the ball of radius × ‖x‖ around (1, …, 1).

    A list of radii is measured on one network, in one pass, and has a row for each of them.
    """
    net, x = _network(rng, **network)
    found = gradient_deviation(net, x, np.multiply(radius, math.sqrt(x.size)), samples, rng=rng)
    rows: list[Row] = [
        {"median": float(np.median(relative)), "largest_seen": float(relative.max())}
        for relative in np.atleast_2d(found.relative)
    ]
    if not isinstance(radius, list):
        return rows[0]
    return [{"relative_radius": r, **row} for r, row in zip(radius, rows, strict=True)]


def worst(
    rng: np.random.Generator, *, radius: float, samples: int = 16, **network: Any
) -> list[Row]:
    """Bracket what is largest in the ball of radius × ‖x‖ around (1, …, 1): a row per layer.

    That is the number of flips of the layer, and ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖ of the network, which is
    in each of its rows. Beside attained and certified is the largest that was sampled. The rows of
    deferred networks, which are not the default here, have nothing certified.
    """
    net, x = _network(rng, **{"storage": "auto", **network})
    size = radius * math.sqrt(x.size)
    found = worst_flips(net, x, size)
    counts = {
        "sampled": flips(net, x, size, samples, rng=rng, remember=False).max,
        "attained": found.attained,
        "certified": np.full(net.depth, None) if found.certified is None else found.certified,
    }
    changed = _worst_deviation(rng, net, x, size, samples)
    rows: list[Row] = []
    for i, units in enumerate(net.widths[1:-1]):
        row = {name: values[i] for name, values in counts.items()}
        shares = {f"{name}_share": n if n is None else n / units for name, n in row.items()}
        rows.append({"layer": i + 1, "units": units, **row, **shares, **changed})
    return rows


def _worst_deviation(
    rng: np.random.Generator, net: Network, x: NDArray[np.float64], size: float, samples: int
) -> Row:
    """Bracket ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖; None where ∇f(x) is 0."""
    ball = gradient_deviation(net, x, size, samples, rng=rng, remember=False)
    found = worst_deviation(net, x, size)
    norms = {
        "sampled": float(ball.norms.max()),
        "attained": found.attained,
        "certified": found.certified,
    }
    return {
        f"deviation_{name}": None if norm is None or not found.grad_norm else norm / found.grad_norm
        for name, norm in norms.items()
    }


def to_boundary(rng: np.random.Generator, **network: Any) -> Row:
    """Bracket the distance from (1, …, 1) to f = 0, relative to ‖x‖.

    Beside it is the distance to where the tangent at x is 0, over which attained is 1 where f is
    linear. Deferred networks, which are not the default here, have nothing certified.
    """
    net, x = _network(rng, **{"storage": "auto", **network})
    certify = net.storage != "deferred"
    step = gradient_step(net, x)
    found = distance(net, x, certify=certify)
    norm = math.sqrt(x.size)
    flat = step.grad_norm == 0
    linear = math.nan if flat else abs(float(step.f_before)) / (float(step.grad_norm) * norm)
    attained = float(found.attained) / norm
    return {
        "linear": _number(linear),
        "attained": attained,
        "certified": float(found.certified) / norm if certify else None,
        "attained_to_linear": attained / linear if linear > 0 else None,
    }


def region(rng: np.random.Generator, **network: Any) -> Row:
    """Find how far the linear region of (1, …, 1) reaches, relative to ‖x‖.

    Beside it is that times the number of hidden units, which hardly depends on width or depth
    (Hanin and Rolnick 2019), and falls as 1/√d; and the unit whose hyperplane is the nearest.
    Networks are stored or streamed: deferred ones would have to be revealed whole.
    """
    net, x = _network(rng, **{"storage": "auto", **network})
    found = cell(net, x)
    units, distance = sum(net.widths[1:-1]), found.distance / math.sqrt(x.size)
    bounded = found.layer is not None
    return {
        "units": units,
        "distance": distance if bounded else None,
        "distance_times_units": distance * units if bounded else None,
        "layer": found.layer,
        "unit": found.unit,
    }


def perturbation(rng: np.random.Generator, *, hidden: int, dim: int = DIM) -> Row:
    """Find the smallest perturbation that undoes (1, …, 1) for the first layer (Figure 1)."""
    net = Network.random((dim, hidden, 1), rng=rng, init="unit", storage="streamed")
    return {"ratio": min_perturbation(net, np.ones(dim)) / math.sqrt(dim)}


def deep(
    rng: np.random.Generator, *, width: int, depth: int, dim: int = 16, points: int = 16
) -> Row:
    """Send points of the sphere through a deep network and compare f (theorem 3.1)."""
    found = descend(
        dim, width, (depth,), points, 0, 1, arguments.seed_of(rng), threads=None, progress=None
    )
    columns = {
        "ratio": found.sampled_ratio,
        "smallest": found.sampled_smallest,
        "spread": found.sampled_spread,
        "longest": found.longest,
        "shortest": found.shortest,
    }
    return {name: float(column[0, 0]) for name, column in columns.items()}


def whole_step(rng: np.random.Generator, *, length: float | None = None, **network: Any) -> Row:
    """Follow f exactly along the gradient from (1, …, 1), for length × ‖x‖ (4/√d by default)."""
    net, x = _network(rng, **network)
    f, gradient = net.value_and_gradient(x)
    norm = math.sqrt(x.size)
    way = line(net, x, -np.sign(f) * gradient, 4.0 if length is None else length * norm)
    return {
        "flips": int(way.t.size),
        "f": float(f),
        "grad_norm": float(np.linalg.norm(gradient)),
        "zero_at": _number(way.first_crossing(0.0) / norm),
        "reflected_at": _number(way.first_crossing(-float(f)) / norm),
        "deviation": float(way.linearity().deviation),
    }


def regions(rng: np.random.Generator, *, length: float = 2.0, **network: Any) -> list[Row]:
    """Find the regions of a square in a random plane around (1, …, 1): a row per layer.

    Its side is length × ‖x‖. What concerns the whole square is repeated in every row: how many
    regions there are, that number over the square of the number of hidden units, and their areas in
    units of ‖x‖². An edge goes from one vertex of a region to the next.
    """
    net, x = _network(rng, **{"storage": "auto", **network})
    one, two = rng.standard_normal((2, x.size))
    one /= euclid.norm(one)
    two -= float(np.add.reduce(one * two)) * one
    half = length / 2 * math.sqrt(x.size)
    found = plane(net, x, half * one, half / euclid.norm(two) * two)
    areas = (length / 2) ** 2 * found.area
    units = sum(net.widths[1:-1])
    whole = {
        "regions": found.regions,
        "regions_per_unit2": found.regions / units**2,
        "mean_area": float(areas.mean()),
        "median_area": float(np.median(areas)),
    }
    counts = zip(net.widths[1:-1], found.edges_by_layer.tolist(), strict=True)
    return [
        {"layer": i, "units": width, "edges": edges, **whole}
        for i, (width, edges) in enumerate(counts, start=1)
    ]


def statement(name: str, rng: np.random.Generator, **parameters: Any) -> list[Row]:
    """Check a statement of the paper: a row per measurement."""
    if "widths" in inspect.signature(STATEMENTS[name].run).parameters:
        shape = {key: parameters.pop(key) for key in SHAPE if key in parameters}
        if shape:
            parameters["widths"] = widths_of(**shape)
    found = check(name, rng=rng, **parameters)
    return [
        {
            "measurement": m.name,
            "value": float(m.value),
            "low": m.low,
            "high": m.high,
            "conclusion": found.conclusion,
            "verdict": found.verdict,
        }
        for m in found.measurements
    ]


def _network(
    rng: np.random.Generator, *, storage: str = "deferred", **given: Any
) -> tuple[Network, NDArray[np.float64]]:
    """Return a fresh network and the point (1, …, 1)."""
    widths = widths_of(**{name: given.pop(name) for name in SHAPE if name in given})
    net = Network.random(widths, rng=rng, storage=storage, **given)
    return net, np.ones(net.widths[0])


def _number(value: float) -> float | None:
    """Return None for NaN, which says that something was not found."""
    return None if math.isnan(value) else value


def widths_of(
    widths: list[int] | None = None,
    width: int | None = None,
    depth: int | None = None,
    dim: int | None = None,
) -> tuple[int, ...]:
    """Return the widths given, or those of `depth` layers of `width` units, with `dim` inputs."""
    if widths is not None:
        for name, value in (("width", width), ("depth", depth), ("dim", dim)):
            if value is not None:
                raise ValueError(f"give either widths or {name}, not both")
        return tuple(widths)
    if width is None or depth is None:
        raise ValueError("give width and depth, or widths")
    return (width if dim is None else dim, *[width] * depth, 1)
