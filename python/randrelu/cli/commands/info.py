"""The command that describes what is installed, or a file: info."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import randrelu as rr
from randrelu._support import versions
from randrelu.cli import network_tables, tables
from randrelu.cli.options import Json


def info(
    file: Annotated[
        Path | None,
        typer.Argument(help="A network to describe: a .onnx, .nnet, .npz or .safetensors file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is installed: version, instruction set, threads, Eigen; or describe a file."""
    facts = versions.facts() if file is None else {"file": str(file), **description(rr.load(file))}
    if as_json:
        tables.print_json(facts)
    elif file is None:
        Console().print(tables.info_table(facts))
    else:
        Console().print(network_tables.description_table(facts))


def description(net: rr.Network) -> dict[str, Any]:
    """Return what a network with weights is like, and each of its layers."""
    ends = net.input_range
    return {
        "widths": net.widths,
        "dtype": str(net.dtype),
        "ties": net.ties,
        "numbers": sum(
            part.size
            for i in range(1, net.depth + 2)
            for part in (net.weights(i), net.bias(i))
            if part is not None
        ),
        "input_range": None if ends is None else [end.tolist() for end in ends],
        "layers": [_layer(net, i) for i in range(1, net.depth + 2)],
    }


def _layer(net: rr.Network, i: int) -> dict[str, Any]:
    weights = net.weights(i).astype(np.float64)
    largest = float(np.abs(weights).max()) or 1.0
    scaled = weights / largest  # whose squares neither overflow nor vanish
    gram = scaled @ scaled.T if len(scaled) <= scaled.shape[1] else scaled.T @ scaled
    rows = np.linalg.norm(scaled, axis=1)
    return {
        "layer": i,
        "shape": weights.shape,
        "bias": net.bias(i) is not None,
        "frobenius_norm": largest * float(np.linalg.norm(rows)),
        "spectral_norm": largest * math.sqrt(np.linalg.eigvalsh(gram)[-1]),
        "largest_row_norm": largest * float(rows.max()),
        "smallest": float(weights.min()),
        "largest": float(weights.max()),
    }
