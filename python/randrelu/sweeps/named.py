"""The experiments that a sweep knows by name, and which parameters they take."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from randrelu import laws
from randrelu._support import arguments
from randrelu.checks import STATEMENTS
from randrelu.measures.gradient_step import STEPS, step_name
from randrelu.sweeps.blocks import Experiment, Row
from randrelu.sweeps.experiments import boundary, depth, lazy, networks, training, width
from randrelu.sweeps.experiments.networks import SHAPE, widths_of
from randrelu.sweeps.experiments.trainers import TRAINERS

_NETWORK = (*SHAPE, "init", "dtype", "storage")

EXPERIMENTS: dict[str, Callable[..., Row | list[Row]]] = {
    "attack": networks.attack,
    "flips": networks.ball_flips,
    "deviation": networks.deviation,
    "worst": networks.worst,
    "distance": networks.to_boundary,
    "cell": networks.region,
    "min-perturbation": networks.perturbation,
    "deep": networks.deep,
    "line": networks.whole_step,
    "regions": networks.regions,
    "training": training.training,
    "depth": depth.depth,
    "depth-spread": depth.spread,
    "width": width.at_width,
    "linear-step-law": width.linear_steps,
    "lazy": lazy.lazy,
    "boundary": boundary.of_random,
    "boundary-trained": boundary.of_trained,
    **{name: partial(networks.statement, name) for name in STATEMENTS},
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
        if self.name == "width":
            width.require_together(**params)
        if "widths" in params and "widths" in takes:
            widths_of(**{name: params[name] for name in SHAPE if name in params})

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
            if isinstance(value, (list, tuple)) and (self.name, name) in _LISTS:
                _every(name, value)
            elif self.name not in STATEMENTS or name in SHAPE:
                _VALID_FOR.get((self.name, name), _VALID[name])(name, value)


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
        takes += [other for other in SHAPE if other not in takes]
    return takes, needs


def _valid_eta(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        names = ", ".join(map(repr, STEPS))
        raise TypeError(f"{name} must be a number or one of {names}, got {value!r}")
    step_name(value)


def _counts(name: str, value: Any) -> None:
    arguments.integer(name, value, at_least=1, at_most=arguments.WIDEST)


def _pixels(name: str, value: Any) -> None:
    arguments.integer(name, value, at_least=2, at_most=256)


def _below_one(name: str, value: Any) -> None:
    if arguments.number(name, value) >= 1:
        raise ValueError(f"{name} must be below 1, the norm of an image, got {value!r}")


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{name} must be a text, got {value!r}")


def _sha256(name: str, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError(f"{name} must have 64 hexadecimal digits, got {value!r}")


def _of_a_plane(name: str, value: Any) -> None:
    arguments.integer(name, value, at_least=2, at_most=arguments.WIDEST)


def _every(name: str, values: Sequence[Any]) -> None:
    if not values:
        raise ValueError(f"{name} must hold at least one number, got {values!r}")
    for i, value in enumerate(values):
        _VALID[name](f"{name}[{i}]", value)


_LISTS = {("flips", "radius"), ("deviation", "radius")}  # what may have several values in a trial

_VALID: dict[str, Callable[[str, Any], object]] = {
    "widths": lambda _, value: arguments.widths_tuple(value),
    "width": _counts,
    "depth": _counts,
    "dim": _counts,
    "hidden": _counts,
    "samples": _counts,
    "updates": _counts,
    "size": _pixels,
    "reach": partial(arguments.number, positive=True),
    "scale": partial(arguments.number, positive=True),
    "adversary": _below_one,
    "bias": arguments.number,
    "points": _counts,
    "networks": _counts,
    "starts": _counts,
    "steps": _counts,
    "draws": _counts,
    "top": lambda name, value: arguments.one_of(name, value, width.TOPS),
    "radius": arguments.number,
    "length": partial(arguments.number, positive=True),
    "delta": arguments.probability,
    "eta": _valid_eta,
    "init": lambda name, value: arguments.one_of(name, value, laws.VARIANCES),
    "dtype": lambda name, value: arguments.one_of(name, value, ("float32", "float64")),
    "storage": lambda _, value: arguments.storage(value),
    "data": _text,
    "label_column": arguments.integer,
    "sha256": _sha256,
    "trainer": lambda name, value: arguments.one_of(name, value, TRAINERS),
    "epochs": _counts,
    "images": _counts,
    "training_images": _counts,
}

_EXPLICIT = tuple(name for name in arguments.STORAGES if name != "deferred")
_VALID_FOR: dict[tuple[str, str], Callable[[str, Any], object]] = {
    ("training", "depth"): partial(arguments.integer, at_least=0),
    ("cell", "storage"): lambda name, value: arguments.one_of(name, value, _EXPLICIT),
    ("linear-step-law", "dim"): _of_a_plane,
    ("regions", "dim"): _of_a_plane,
    ("regions", "widths"): lambda _, value: _of_a_plane(
        "widths[0]", arguments.widths_tuple(value)[0]
    ),
}
