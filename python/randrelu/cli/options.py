"""The options that several commands have, and what their texts stand for."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from randrelu.checks.infinite import INFINITE

Widths = Annotated[
    str | None,
    typer.Option(help="d, the hidden widths and the number of outputs, such as 784,2048,2048,1."),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Your own network instead of a random one: a .onnx, .nnet, .npz or .safetensors file."
    ),
]
Points = Annotated[
    Path | None,
    typer.Option(
        "--input", help="The points in a .npy or .csv file, a row for each; by default (1, …, 1)."
    ),
]
LabelColumn = Annotated[
    int | None,
    typer.Option(
        help="The column of the file that has labels, not entries of the points: 0 is the first, "
        "-1 the last."
    ),
]
Row = Annotated[
    int | None,
    typer.Option(
        min=0, help="Which point of --input, from 0, where it has several; by default the only one."
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(help="What to multiply the points of the file by, such as 1/255 or 0.5."),
]
Init = Annotated[
    str | None, typer.Option(help="The scale of the weights: paper (the default), he or unit.")
]
Bias = Annotated[
    float | None,
    typer.Option(help="The standard deviation of the biases; by default there are none."),
]
Storage = Annotated[
    str | None,
    typer.Option(help="How the network is held: auto (the default), stored, streamed or deferred."),
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="The seed, to repeat a run; by default a fresh one.")
]
Threads = Annotated[
    int | None,
    typer.Option(help="The number of threads; by default OMP_NUM_THREADS, or all cores."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, not as a table.")]


def widths(text: str) -> tuple[int, ...]:
    """Return the widths that --widths gives."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--widths must be integers separated by commas, such as 784,2048,2048,1, got {text!r}"
        ) from None


def widths_or_infinite(text: str) -> tuple[int, ...] | str:
    """Return the widths that --widths of a check gives, or the word for infinite ones."""
    return text if text == INFINITE else widths(text)


def radii(text: str) -> list[float]:
    """Return the radii that --relative-radii gives."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 <= radius < math.inf for radius in found):
        raise ValueError(
            "--relative-radii must be finite numbers of at least 0 separated by commas, such as "
            f"0.01,0.1, got {text!r}"
        )
    return found


def extent(text: str) -> tuple[float, ...]:
    """Return the rectangle that --extent gives."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != 4:
        raise ValueError(
            "--extent must be four numbers s0,s1,t0,t1 separated by commas, such as -1,2,-1,1, got "
            f"{text!r}"
        )
    return found


def rows(text: str) -> list[int]:
    """Return the rows that --rows gives."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--rows must be integers separated by commas, such as 0,5,7, got {text!r}"
        ) from None


def eta(text: str) -> float | str:
    """Return the number that --eta gives, or else the name of a step."""
    try:
        return float(text)
    except ValueError:
        return text


def norm(text: str) -> float:
    """Return the norm that --norm gives."""
    if text not in ("2", "inf"):
        raise ValueError(f"--norm must be 2 or inf, got {text!r}")
    return float(text)


def scale(text: str | None) -> float | None:
    """Return the number that --scale gives, which may be a fraction; None where it is not given."""
    if text is None:
        return None
    numerator, _, denominator = text.partition("/")
    try:
        found = float(numerator) / float(denominator if "/" in text else 1)
    except (ValueError, ZeroDivisionError):
        found = 0.0
    if found == 0 or not math.isfinite(found):
        raise ValueError(
            "--scale must be a finite number other than 0, or a fraction such as 1/255, got "
            f"{text!r}"
        )
    return found


def parameters(texts: Iterable[str]) -> dict[str, Any]:
    """Return what every -p name=value gives: a Python number, tuple or the like, or else a text."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise ValueError(f"-p must be name=value, such as -p alpha=0.1, got {text!r}")
        if name in ("rng", "progress"):
            raise ValueError(f"-p cannot set {name}, got {text!r}; the seed is set by --seed")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found
