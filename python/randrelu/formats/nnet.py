"""The Stanford text format .nnet, of which the ACAS-Xu networks are the best known."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from randrelu._support.memory import in_short
from randrelu.formats.chain import Chain, layered
from randrelu.formats.files import content, naming

Doubles = NDArray[np.float64]
T = TypeVar("T", int, float)

_HEAD = 3  # lines: the counts, the layer sizes, and a flag that nobody uses any more


def read_nnet(path: str | os.PathLike[str], normalized: bool = False) -> Chain:
    """Read a network of the raw inputs and outputs, or the normalized one, which the file holds.

    The normalized network takes (x − mean) / range and gives (y − mean) / range. Minima and
    maxima are those of its inputs, too; the format's own readers clip inputs to them, which is
    not part of the network.
    """
    text = content(path)
    with naming(path):
        return _chain(_Lines(text), len(text), normalized)


def _chain(lines: _Lines, bytes_: int, normalized: bool) -> Chain:
    sizes = _sizes(lines)
    numbers = sum(b * (a + 1) for a, b in pairwise(sizes))
    if 2 * numbers > bytes_ + 1:  # a digit and what separates it from the next
        raise ValueError(
            f"line {lines.number}: expected at least {numbers} weights and biases, for layers of "
            f"{in_short(tuple(sizes))}, got a file of {bytes_} bytes"
        )
    lines.take()  # the flag
    ends = _ends(lines, sizes)
    means = lines.numbers(sizes[0] + 1, "means", instead_of_last=0)
    ranges = lines.numbers(sizes[0] + 1, "ranges", instead_of_last=1)
    if not ranges.all():
        raise ValueError(f"line {lines.number}: expected ranges other than 0, got 0")
    weights, biases = _layers(lines, sizes)
    if not normalized:
        _fold(weights, biases, means, ranges)
    elif ends is not None:
        ends = np.sort((ends - means[:-1]) / ranges[:-1], axis=0)
    chain = layered(
        (f"layer {i}", w, b) for i, (w, b) in enumerate(zip(weights, biases, strict=True), 1)
    )
    if ends is not None:
        chain.input_range = (ends[0], ends[1])
    return chain


def _ends(lines: _Lines, sizes: list[int]) -> Doubles | None:
    """Return minima and maxima, shape (2, d); None where their lines are empty.

    They are told from other blank lines by the number of those that are not.
    """
    rest = 2 + 2 * sum(sizes[1:])  # means, ranges, and a row and a bias for each unit
    if lines.left == rest and lines.skips >= 2:
        return None
    if lines.left != rest + 2:
        raise ValueError(
            f"expected {_HEAD + rest + 2} lines besides comments and blank ones, for layers of "
            f"{in_short(tuple(sizes))}, got {_HEAD + lines.left}"
        )
    ends = np.stack([lines.numbers(sizes[0], "minima"), lines.numbers(sizes[0], "maxima")])
    if (ends[0] > ends[1]).any():
        raise ValueError(f"line {lines.number}: expected no maximum below its minimum, got one")
    return ends


def _fold(weights: list[Doubles], biases: list[Doubles], means: Doubles, ranges: Doubles) -> None:
    """Make the normalized network, in place, that of the raw inputs and outputs."""
    with np.errstate(all="ignore"):
        weights[0] /= ranges[:-1]
        biases[0] -= weights[0] @ means[:-1]
        weights[-1] *= ranges[-1]
        biases[-1] *= ranges[-1]
        biases[-1] += means[-1]
    if not all(np.isfinite(a).all() for a in (*weights, *biases)):
        raise ValueError(
            "expected means and ranges that keep the weights finite, got an overflow; "
            "normalized=True leaves them out"
        )


def _sizes(lines: _Lines) -> list[int]:
    """Return the widths, which the first line of counts must agree with."""
    layers, inputs, outputs, _ = lines.integers(4, "numbers of layers, inputs, outputs and units")
    sizes = lines.integers(layers + 1, "sizes of the layers")
    if layers < 1 or min(sizes) < 1 or (sizes[0], sizes[-1]) != (inputs, outputs):
        raise ValueError(
            f"line {lines.number}: expected positive sizes from {inputs} inputs to {outputs} "
            f"outputs, got {in_short(tuple(sizes))}"
        )
    return sizes


def _layers(lines: _Lines, sizes: list[int]) -> tuple[list[Doubles], list[Doubles]]:
    weights, biases = [], []
    before, comma = False, False
    for fan_in, fan_out in pairwise(sizes):
        weights.append(np.array([lines.numbers(fan_in, "weights") for _ in range(fan_out)]))
        bias = []
        for _ in range(fan_out):
            before, comma = comma, lines.ends_in_comma
            bias.append(lines.numbers(1, "bias"))
        biases.append(np.concatenate(bias))
    if before and not comma:  # or the last number may have lost digits with its comma
        raise ValueError(f"line {lines.number}: expected a comma at the end, as in the lines above")
    return weights, biases


class _Lines:
    """The lines of a file besides comments and blank ones, taken one after another.

    `number` is that of the line that was taken last, from 1, as editors count.
    """

    def __init__(self, text: bytes) -> None:
        stripped = ((i, line.strip()) for i, line in enumerate(text.splitlines(), 1))
        self._lines = [
            (i, line) for i, line in stripped if line.strip(b", \t") and not line.startswith(b"//")
        ][::-1]
        self.number = 0

    @property
    def left(self) -> int:
        return len(self._lines)

    @property
    def skips(self) -> int:
        """The number of lines that the next `take` leaves out."""
        return self._lines[-1][0] - self.number - 1

    @property
    def ends_in_comma(self) -> bool:
        """Whether the next line does."""
        return bool(self._lines) and self._lines[-1][1].endswith(b",")

    def take(self) -> bytes:
        if not self._lines:
            raise ValueError(f"expected more lines after line {self.number}, got the end")
        self.number, line = self._lines.pop()
        return line.removesuffix(b",")

    def integers(self, count: int, what: str) -> list[int]:
        return self._values(count, f"integers, the {what}", _size)

    def numbers(self, count: int, what: str, *, instead_of_last: float | None = None) -> Doubles:
        """Take a line of finite numbers; the last may be missing where something stands for it."""
        found = self._values(count, what, float, fewer=instead_of_last is not None)
        if instead_of_last is not None and len(found) < count:
            found.append(instead_of_last)
        values = np.array(found)
        if not np.isfinite(values).all():
            worst = values[~np.isfinite(values)][0]
            raise ValueError(f"line {self.number}: expected finite {what}, got {worst}")
        return values

    def _values(
        self, count: int, what: str, read: Callable[[bytes], T], *, fewer: bool = False
    ) -> list[T]:
        line = self.take()
        found = line.count(b",") + 1  # before anything is made of what may be a long line
        if found != count and not (fewer and found == count - 1):
            raise ValueError(f"line {self.number}: expected {count} {what}, got {found}")
        fields, values = line.split(b","), []
        try:
            for field in fields:
                if b"_" in field:  # which separates digits in Python alone
                    raise ValueError
                values.append(read(field))
        except ValueError:
            shown = fields[len(values)][:40].decode("ascii", "backslashreplace")
            raise ValueError(f"line {self.number}: expected {what}, got {shown!r}") from None
        return values


def _size(field: bytes) -> int:
    if len(field) > 15:  # more than anybody has, and more than a message should show
        raise ValueError
    return int(field)
