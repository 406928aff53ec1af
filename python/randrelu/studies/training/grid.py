"""Which networks are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from randrelu._support import arguments
from randrelu.studies.kind import Part
from randrelu.studies.training.neighbours import grid as neighbours
from randrelu.sweeps.experiments.images import DIGITS, load, sha256_of
from randrelu.sweeps.experiments.trainers import TRAINERS, require_trainer
from randrelu.sweeps.experiments.training import require_images

WIDTHS = (32, 128, 512)
QUICK = {"epochs": 256, "images": 6, "training_images": 1500}
FULL = {"epochs": 1024, "images": 12, "training_images": 6000}
_MOST_UNITS = 2048  # of a network: to certify larger ones takes minutes
_DEPTHS = {False: (1, 2, 4), True: (1, 2, 4, 8)}
_TRIALS = {False: 6, True: 40}
_OF_LINEAR = {False: 12, True: 40}  # which take seconds, and are the only shape of theirs


def parts(
    full: bool,
    *,
    data: str = DIGITS,
    label_column: int | None = None,
    trainer: str | None = None,
) -> tuple[Part, ...]:
    """Return the sweeps of networks, of the linear model, and of what neighbours of the paper say.

    Parameters
    ----------
    full : bool
        Whether to train the networks of a long run.
    data : str
        "digits", or a .npz or .csv file, see `randrelu.sweeps.experiments.images.load`.
    label_column : int, optional
        The column of a .csv file that has the labels, from 0.
    trainer : {"sklearn", "torch"}, optional
        What trains the networks; by default scikit-learn.

    Raises
    ------
    ImportError
        If the trainer is not installed.
    TypeError, ValueError
        If the data is missing or not as described, or too small.
    """
    trainer = arguments.one_of("trainer", trainer or "sklearn", TRAINERS)
    require_trainer(trainer)
    size = FULL if full else QUICK
    shared: dict[str, Any] = {"data": DIGITS, "trainer": trainer, **size}
    if not isinstance(data, str):
        raise TypeError(f"data must be {DIGITS!r}, or the path of a file, got {data!r}")
    if data != DIGITS:
        path = Path(data).resolve()
        shared |= {"data": str(path), "sha256": sha256_of(path)}
    if label_column is not None:
        shared["label_column"] = arguments.integer("label_column", label_column)
    require_images(load(shared["data"], label_column, shared.get("sha256")), size["images"])
    shapes = [
        {"width": width, "depth": depth}
        for depth in _DEPTHS[full]
        for width in WIDTHS
        if width * depth <= _MOST_UNITS
    ]
    return (
        Part("networks", "training", tuple({**s, **shared} for s in shapes), _TRIALS[full]),
        Part("linear", "training", ({"depth": 0, **shared},), _OF_LINEAR[full]),
        # What neighbours of the paper say is looked at on the digits alone.
        *(neighbours.parts(full) if data == DIGITS else ()),
    )
