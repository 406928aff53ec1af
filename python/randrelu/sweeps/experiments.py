"""The experiments that a sweep knows by name: functions of a generator and parameters."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu.checks import STATEMENTS, check
from randrelu.checks.deep import descend
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.flips import flips
from randrelu.measures.gradient_step import STEPS, gradient_step, step_name
from randrelu.measures.row_space import DIM, min_perturbation
from randrelu.measures.trace import line
from randrelu.network import Network
from randrelu.sweeps.blocks import Experiment, Row

_SHAPE = ("widths", "width", "depth", "dim")
_NETWORK = (*_SHAPE, "init", "dtype", "storage")


def attack(
    rng: np.random.Generator, *, eta: float | str = "linear", delta: float = 0.05, **network: Any
) -> Row:
    """Take one gradient step from (1, …, 1)."""
    net, x = _network(rng, **network)
    found = gradient_step(net, x, eta=eta, delta=delta).columns()
    row = {name: values[0].item() for name, values in found.items()}
    return {"step": row.pop("eta"), "step_infimum": _number(row.pop("eta_infimum")), **row}


def ball_flips(
    rng: np.random.Generator, *, radius: float, samples: int = 16, **network: Any
) -> list[Row]:
    """Count the units that flip in the ball of radius × ‖x‖ around (1, …, 1): a row per layer."""
    net, x = _network(rng, **network)
    columns = flips(net, x, radius * math.sqrt(x.size), samples, rng=rng, remember=False).columns()
    columns = {"units": columns.pop("width"), **columns}
    columns["share"] = columns["mean"] / columns["units"]
    columns["predicted_share"] = columns["predicted"] / columns["units"]
    return [{name: values[i].item() for name, values in columns.items()} for i in range(net.depth)]


def deviation(rng: np.random.Generator, *, radius: float, samples: int = 16, **network: Any) -> Row:
    """Measure ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖ in the ball of radius × ‖x‖ around (1, …, 1)."""
    net, x = _network(rng, **network)
    found = gradient_deviation(net, x, radius * math.sqrt(x.size), samples, rng=rng)
    return {
        "median": float(np.median(found.relative)),
        "largest_seen": float(found.relative.max()),
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
    names = ("ratio", "smallest", "spread", "longest", "shortest")
    return {name: float(getattr(found, name)[0, 0]) for name in names}


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


def statement(name: str, rng: np.random.Generator, **parameters: Any) -> list[Row]:
    """Check a statement of the paper: a row per measurement."""
    if "widths" in inspect.signature(STATEMENTS[name].run).parameters:
        shape = {key: parameters.pop(key) for key in _SHAPE if key in parameters}
        if shape:
            parameters["widths"] = _widths(**shape)
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


EXPERIMENTS: dict[str, Callable[..., Row | list[Row]]] = {
    "attack": attack,
    "flips": ball_flips,
    "deviation": deviation,
    "min-perturbation": perturbation,
    "deep": deep,
    "line": whole_step,
    **{name: partial(statement, name) for name in STATEMENTS},
}


@dataclass(frozen=True)
class BuiltIn:
    """An experiment by name, as a function of the parameters and the generator."""

    name: str

    def __call__(self, params: Mapping[str, Any], rng: np.random.Generator) -> Row | list[Row]:
        """Run the experiment once."""
        return EXPERIMENTS[self.name](rng, **params)

    def require(self, params: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError where the experiment cannot run with these parameters."""
        self.require_values(params)
        takes, needs = _parameters(self.name)
        for name in needs:
            if name not in params and not (name == "widths" and {"width", "depth"} <= set(params)):
                way = "width and depth, or widths" if name == "widths" else name
                raise ValueError(f"{self.name} needs {way}")
        if "widths" in params and "widths" in takes:
            _widths(**{name: params[name] for name in _SHAPE if name in params})

    def require_values(self, params: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError where a parameter is unknown, or its value is wrong."""
        takes, _ = _parameters(self.name)
        for name, value in params.items():
            if name not in takes:
                import difflib

                close = difflib.get_close_matches(name, takes, n=1)
                hint = f"did you mean {close[0]!r}? It" if close else "it"
                raise ValueError(
                    f"{self.name} does not take {name!r}; {hint} takes {', '.join(takes)}"
                )
            if self.name not in STATEMENTS or name in _SHAPE:
                _VALID[name](name, value)


def chosen(experiment: str | Experiment) -> Experiment:
    """Return an experiment by name, or the user's own."""
    if callable(experiment):
        return experiment
    arguments.one_of("experiment", experiment, EXPERIMENTS)
    return BuiltIn(experiment)


def name_of(experiment: Experiment) -> str:
    """Return the name that a store knows an experiment by."""
    if isinstance(experiment, BuiltIn):
        return experiment.name
    if isinstance(experiment, partial):
        given = [
            *map(repr, experiment.args),
            *(f"{k}={v!r}" for k, v in experiment.keywords.items()),
        ]
        return f"{name_of(experiment.func)}({', '.join(given)})"
    named = experiment if hasattr(experiment, "__qualname__") else type(experiment)
    module = named.__module__
    if module == "__main__":  # a script has the same name whether it is run or imported
        path = getattr(sys.modules["__main__"], "__file__", None)
        module = (
            module if path is None else path.replace("\\", "/").split("/")[-1].removesuffix(".py")
        )
    return f"{module}.{named.__qualname__}"


def _parameters(name: str) -> tuple[list[str], list[str]]:
    """Return the parameters that a built-in experiment takes, and those that it needs."""
    function = STATEMENTS[name].run if name in STATEMENTS else EXPERIMENTS[name]
    takes: list[str] = []
    needs: list[str] = []
    for p in inspect.signature(function).parameters.values():
        if p.kind == p.VAR_KEYWORD:
            takes += _NETWORK
            needs.append("widths")
        elif p.name not in ("rng", "threads", "progress"):
            takes.append(p.name)
            if p.default is p.empty:
                needs.append(p.name)
    if name in STATEMENTS and "widths" in takes:
        takes += [other for other in _SHAPE if other not in takes]
    return takes, needs


def _network(
    rng: np.random.Generator, *, storage: str = "deferred", **given: Any
) -> tuple[Network, NDArray[np.float64]]:
    """Return a fresh network and the point (1, …, 1)."""
    widths = _widths(**{name: given.pop(name) for name in _SHAPE if name in given})
    net = Network.random(widths, rng=rng, storage=storage, **given)
    return net, np.ones(net.widths[0])


def _number(value: float) -> float | None:
    """Return None for NaN, which says that something was not found."""
    return None if math.isnan(value) else value


def _widths(
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


def _valid_eta(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        names = ", ".join(map(repr, STEPS))
        raise TypeError(f"{name} must be a number or one of {names}, got {value!r}")
    step_name(value)


def _counts(name: str, value: Any) -> None:
    arguments.integer(name, value, at_least=1, at_most=arguments.WIDEST)


_VALID: dict[str, Callable[[str, Any], object]] = {
    "widths": lambda _, value: arguments.widths_tuple(value),
    "width": _counts,
    "depth": _counts,
    "dim": _counts,
    "hidden": _counts,
    "samples": _counts,
    "points": _counts,
    "radius": arguments.number,
    "length": partial(arguments.number, positive=True),
    "delta": arguments.probability,
    "eta": _valid_eta,
    "init": lambda name, value: arguments.one_of(name, value, laws.VARIANCES),
    "dtype": lambda name, value: arguments.one_of(name, value, ("float32", "float64")),
    "storage": lambda _, value: arguments.storage(value),
}
