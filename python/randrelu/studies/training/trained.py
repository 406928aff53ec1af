"""What the trials of the study say of every network at every checkpoint, and of many networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.columns import numbers
from randrelu.studies.kind import Columns
from randrelu.studies.training.intervals import Doubles, middle

# Sizes are in units of ‖x‖/√d. What was not found is farther than anything that was, and so is a
# step along a gradient that is 0.
_SIZES = ("step", "along", "attained", "certified")
_FAR = ("step", "along", "attained", "gap")
_MEDIANS = (*_SIZES, "gap", "turn_median", "turn_sampled", "turn_attained")
_SHARES = ("step_changes", "random_changes")
_WHOLE = ("accuracy", "loss")


@dataclass(frozen=True)
class Trained:
    """Networks that were trained, and what was measured of them.

    A network whose training has ended stays what it is at the checkpoints after that.

    Attributes
    ----------
    width, depth : ndarray of int64, shape (n,)
        The shapes of the networks; a width of 0 is that of no layer.
    epochs : ndarray of int64, shape (E,)
        The checkpoints.
    of : dict of str to ndarray, shape (n, E)
        What was measured: medians over the images, or shares of them. NaN where nothing was.
    ended : ndarray of int64, shape (n,)
        The epochs after which training ended.
    images : int
        How many images were measured at most.
    dim : int
        Their dimension.
    """

    width: NDArray[np.int64]
    depth: NDArray[np.int64]
    epochs: NDArray[np.int64]
    of: dict[str, Doubles]
    ended: NDArray[np.int64]
    images: int
    dim: int

    @property
    def count(self) -> int:
        """How many networks there are."""
        return len(self.width)

    def where(self, mask: NDArray[np.bool_]) -> Trained:
        """Return some of the networks."""
        of = {name: values[mask] for name, values in self.of.items()}
        return Trained(
            self.width[mask], self.depth[mask], self.epochs, of, self.ended[mask], self.images,
            self.dim,
        )  # fmt: skip

    def before(self, name: str) -> Doubles:
        """Return what was measured before training, (n,)."""
        return self.of[name][:, 0]

    def after(self, name: str) -> Doubles:
        """Return what was measured after training, (n,)."""
        return self.of[name][:, -1]


def trained(table: Columns) -> Trained | None:
    """Return what a table of the experiment says; None where it has no rows."""
    if "epoch" not in table or not len(table["epoch"]):
        return None
    epoch = np.asarray(table["epoch"], np.int64)
    depth = np.asarray(table["depth"], np.int64)
    width = np.nan_to_num(numbers(table, "width")).astype(np.int64)
    who = np.stack([depth, width, np.asarray(table["trial"], np.int64)], axis=1)
    networks, of_network = np.unique(who, axis=0, return_inverse=True)
    of_network = of_network.reshape(-1)
    epochs = np.unique(epoch)
    names = (*_MEDIANS, "flip_share", *_SHARES, *_WHOLE)
    columns = {name: numbers(table, name).copy() for name in (*_MEDIANS, *_SHARES, *_WHOLE)}
    with np.errstate(invalid="ignore", divide="ignore"):  # the linear model has no units
        columns["flip_share"] = numbers(table, "flips") / numbers(table, "units")
    for name in _FAR:
        columns[name][np.isnan(columns[name])] = np.inf
    for name in _SIZES:
        columns[name] = columns[name] * math.sqrt(float(table["dim"][0]))
    of = {name: np.full((len(networks), len(epochs)), np.nan) for name in names}
    ended = np.zeros(len(networks), np.int64)
    images = 0
    for n in range(len(networks)):
        mine = of_network == n
        ended[n] = epoch[mine].max()
        for e, at in enumerate(epochs):
            rows = mine & (epoch == at)
            if rows.any():
                images = max(images, int(rows.sum()))
                for name, values in columns.items():
                    of[name][n, e] = _of_images(name, values[rows])
            elif e:
                for values in of.values():
                    values[n, e] = values[n, e - 1]
    return Trained(networks[:, 1], networks[:, 0], epochs, of, ended, images, int(table["dim"][0]))


def _of_images(name: str, values: Doubles) -> float:
    """Return the median or the mean of what was measured of images."""
    return float(np.mean(values)) if name in (*_SHARES, *_WHOLE) else middle(values)
