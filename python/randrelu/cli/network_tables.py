"""What the commands print about one network, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from randrelu.measures.attack import Attack
from randrelu.network import Network

Labels = NDArray[np.int64] | None

_MOST_ROWS = 20
# The columns of an attack, by their headings: of one output, and of several.
_OF_ONE = {
    "label": "label",
    "f_before": "f(x)",
    "f_after": "f(x+η∇f)",
    "grad_norm": "‖∇f‖",
    "relative_norm": "‖η∇f‖/‖x‖",
    "sign_flipped": "sign flipped",
    "success": "success",
}
_OF_SEVERAL = {
    "label": "label",
    "top": "decision",
    "other": "against",
    "top_after": "after",
    "f_before": "f(x)",
    "f_after": "f(x+η∇f)",
    "eta": "η",
    "relative_norm": "‖η∇f‖/‖x‖",
}
# Those of a bracket of distances, by their headings.
_OF_DISTANCE = {
    "label": "label",
    "top": "decision",
    "against": "against",
    "certified": "certified",
    "attained": "attained",
    "ratio": "ratio",
}


def attack_table(net: Network, attack: Attack, labels: Labels = None) -> RenderableType:
    """Return a row per point, and a summary where there are more than that."""
    columns = attack.columns()
    if labels is not None:
        columns["label"] = labels
    shown = _shown(columns, _OF_ONE if attack.top is None else _OF_SEVERAL)
    return _by_point(net, shown, _outcome(attack, columns, labels))


def distance_table(
    net: Network,
    norm: float,
    against: int | None,
    columns: Mapping[str, NDArray[Any]],
    *,
    first: int = 0,
) -> RenderableType:
    """Return a row per point, counted from `first`: its decision to attained/certified; medians."""
    sentences = _of_brackets(norm, against, columns)
    if "against" in columns:
        others = columns["against"]
        columns = {**columns, "against": np.where(others < 0, "none", others.astype(str))}
    return _by_point(net, _shown(columns, _OF_DISTANCE), sentences, first)


def _of_brackets(
    norm: float, against: int | None, columns: Mapping[str, NDArray[Any]]
) -> list[str]:
    """Return what is known of the distances, as sentences."""
    points = len(columns["attained"])
    named = "L∞" if norm == np.inf else "Euclidean"
    event = "the decision changes"
    if against is not None:
        event = f"output {against} is as large as the one that decides at x"
    lines = [f"Attained: {event} at a point that was found at this {named} distance."]
    if "certified" in columns:
        lines.append(f"Certified: {event} at no point that is nearer.")
    missing = int(np.isinf(columns["attained"]).sum())
    if missing:
        lines.append(f"No change was found from {missing} of {points} points.")
    if "label" in columns and "top" in columns:
        right = int((columns["top"] == columns["label"]).sum())
        lines.append(f"Decisions agree with the labels at {right} of {points} points.")
    names = [name for name in ("certified", "attained", "ratio") if name in columns]
    medians = ", ".join(f"{name} {np.median(columns[name]):.4g}" for name in names)
    return [*lines, f"Medians of {points} points: {medians}."]


def _shown(
    columns: Mapping[str, NDArray[Any]], headings: Mapping[str, str]
) -> dict[str, NDArray[Any]]:
    return {heading: columns[name] for name, heading in headings.items() if name in columns}


def _by_point(
    net: Network, shown: Mapping[str, NDArray[Any]], sentences: Sequence[str], first: int = 0
) -> RenderableType:
    """Return the network, a row per point, a summary where there are many, and what came of it."""
    points = len(next(iter(shown.values())))
    tables: list[RenderableType] = [_rows(shown, first)]
    if points > _MOST_ROWS:
        tables += [Text(f"… and {points - _MOST_ROWS} more points. Of all:"), _summary(shown)]
    return Group(Text(repr(net), style="bold"), *tables, Text("\n".join(sentences)))


def _outcome(attack: Attack, columns: Mapping[str, NDArray[Any]], labels: Labels) -> list[str]:
    """Return what came of the steps, as sentences."""
    points = len(columns["success"])
    flipped, success = int(columns["sign_flipped"].sum()), int(columns["success"].sum())
    if attack.top is None:
        return [
            f"Sign flipped at {flipped} of {points} points, and |f| no smaller at {success} of "
            "them (the conclusion of Theorem 1.1)."
        ]
    lines = [
        "f is the margin of the decision at x, the largest output, over the output that it is "
        "attacked for; any other may be the largest after the step.",
        f"Decision changed at {flipped} of {points} points, and |f| no smaller at {success} of "
        "them.",
    ]
    decided = int((columns["top"] == columns["other"]).sum())
    if decided:
        lines.append(
            f"{decided} of {points} points are decided for that output already: f is 0 there, and "
            "they stay where they are."
        )
    if labels is not None:
        before, after = (int((columns[name] == labels).sum()) for name in ("top", "top_after"))
        lines.append(
            f"Decisions agree with the labels at {before} of {points} points before the step, and "
            f"at {after} after it."
        )
    return lines


def _rows(columns: Mapping[str, NDArray[Any]], first: int) -> RenderableType:
    # As narrow as it can be: a terminal has 80 columns.
    table = Table(
        *(Column(name, overflow="fold") for name in ("point", *columns)),
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    for n, values in enumerate(zip(*columns.values(), strict=True)):
        if n == _MOST_ROWS:
            break
        table.add_row(str(first + n), *map(_word, values))
    return Padding(table, (1, 0))


def _word(value: np.generic) -> str:
    if isinstance(value, np.bool_):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, np.floating) else str(value)


def _summary(columns: Mapping[str, NDArray[Any]]) -> Table:
    quantiles = (0.05, 0.25, 0.5, 0.75, 0.95)
    table = Table("quantile over points", *(f"{q:.0%}" for q in quantiles), box=box.SIMPLE_HEAD)
    for name, values in columns.items():
        if values.dtype.kind == "f":
            if not np.isfinite(values).all():  # nothing is between a number and infinity
                found = np.quantile(values, quantiles, method="inverted_cdf")
            else:
                found = np.quantile(values, quantiles)
            table.add_row(name, *(f"{value:.4g}" for value in found))
    return table


def flips_table(
    net: Network,
    seed: int,
    samples: int,
    radii: Sequence[float],
    columns: Mapping[str, NDArray[Any]],
) -> RenderableType:
    """Return the flips of every layer in every ball, with what is predicted where it is.

    `columns` are those of `Flips`, as tables of shape (radii, layers).
    """
    predicts = "predicted" in columns
    prediction = ["predicted"] if predicts else []
    table = Table(
        "R/‖x‖", "layer", "width", "mean flips", *prediction, "5 % … 95 %", "most seen",
        box=box.SIMPLE_HEAD,
    )  # fmt: skip
    for k, radius in enumerate(radii):
        c = {name: values[k] for name, values in columns.items()}
        for i in range(net.depth):
            table.add_row(
                f"{radius:g}" if i == 0 else "",
                str(c["layer"][i]),
                str(c["width"][i]),
                *(f"{c[name][i]:.4g}" for name in ["mean", *prediction]),
                f"{c['q05'][i]:.4g} … {c['q95'][i]:.4g}",
                str(c["max"][i]),
            )
    law = (
        "The prediction is exact for layer 1, over random networks, and the limit of infinite "
        "width for the layers after it. "
    )
    return Group(
        Text(repr(net), style="bold"),
        Text(f"{samples} sampled points a ball, seed {seed}"),
        table,
        Text(
            f"{law if predicts else ''}Sampled points say little about the largest number of "
            "flips in a ball: see randrelu.worst_flips."
        ),
    )


def description_table(facts: Mapping[str, Any]) -> RenderableType:
    """Return a row per layer of a file's network, after what is said of all of it."""
    table = Table(
        "layer", "shape", "bias", "‖W‖_F", "‖W‖₂", "largest row", "smallest weight",
        "largest weight", box=box.SIMPLE_HEAD,
    )  # fmt: skip
    names = ("frobenius_norm", "spectral_norm", "largest_row_norm", "smallest", "largest")
    for layer in facts["layers"]:
        table.add_row(
            str(layer["layer"]),
            " × ".join(map(str, layer["shape"])),
            "yes" if layer["bias"] else "no",
            *(f"{layer[name]:.4g}" for name in names),
        )
    ties = {"coin": "active by a fair coin", "zero": "not active", "one": "active"}
    return Group(
        Text(facts["file"], style="bold"),
        table,
        Text(f"{facts['numbers']} weights and biases, {facts['dtype']}"),
        Text(f"Range of the inputs: {_range(facts['input_range'])}"),
        Text(f"A unit at exactly 0 is {ties[facts['ties']]}."),
    )


def _range(ends: Sequence[Sequence[float]] | None) -> str:
    """Return the smallest and the largest inputs, in a line."""
    if ends is None:
        return "the file does not say"
    texts = [f"{low:.4g} … {high:.4g}" for low, high in zip(*ends, strict=True)]
    if len(set(texts)) == 1:
        return f"{texts[0]} for each of them"
    more = len(texts) - _MOST_ROWS
    return ", ".join(texts[:_MOST_ROWS]) + (f" and {more} more" if more > 0 else "")
