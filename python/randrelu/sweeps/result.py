"""The result of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import extras
from randrelu._support.shown import Shown
from randrelu.sweeps import tables
from randrelu.sweeps.failures import Failure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Shown):
    """The result of `randrelu.sweep`.

    Attributes
    ----------
    experiment : str
        The experiment's name.
    seed : int
        The root seed: with it the same call gives the same result.
    points : tuple of mapping
        The points of the grid.
    trials : int
        How often the experiment was run at every point.
    failures : tuple of Failure
        The trials that failed twice in this run; the same call tries them again.
    store : Path or None
        The folder that the finished trials are kept in.
    """

    experiment: str
    seed: int
    points: tuple[Mapping[str, Any], ...]
    trials: int
    failures: tuple[Failure, ...]
    store: Path | None
    _read: Callable[[], pa.Table | None]

    @property
    def params(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(dict.fromkeys(name for point in self.points for name in point))

    def to_arrow(self) -> pa.Table:
        """Return a table with a row per trial, or several where the experiment returns several.

        Rows are in the order of the points and trials. Columns are the parameters, ``trial``,
        ``row`` where a trial has several, and then the measured numbers in the order of their
        names. The table does not depend on the executor, nor on how often the sweep was stopped.
        """
        return self._table

    @cached_property
    def _table(self) -> pa.Table:
        import pyarrow.compute as pc

        table = self._read()
        if table is None or not table.num_columns:  # there is no trial, or none has a row
            return tables.table([])
        table = tables.ordered(table, self.params)
        return table.filter(pc.less(table["trial"], self.trials)).combine_chunks()

    def to_pandas(self) -> pd.DataFrame:
        """Return the table of `to_arrow` as a data frame; needs pandas."""
        extras.require("to_pandas() needs pandas", "pandas", "sweep")
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    def plot(self, x: str, y: str, *, by: str | None = None, log: bool = False) -> Figure:
        """Draw the median of one column over another, in a band from the 5 % to the 95 % quantile.

        Parameters
        ----------
        x, y : str
            Columns. Of a y that is true or false the share is drawn, with its exact 95 % interval.
        by : str, optional
            The column whose values have a curve each. Rows that differ otherwise are pooled.
        log : bool, default False
            Whether the axes are logarithmic; an axis with a number that is not positive is linear.

        Returns
        -------
        matplotlib.figure.Figure
            With the theory's line where one is known: the exact median of the linear step, which is
            near that of a half-normal over √d; the arc-cosine prediction of flips; √(k/d) of Figure
            1. Other steps have a guide of slope −1/2 on logarithmic axes.
        """
        from randrelu.figures.sweeps import curves

        return curves(self.experiment, self._table, x, y, by=by, log=log)

    def _shown_columns(self) -> dict[str, Any]:
        table = self._table
        return {name: table[name].to_numpy() for name in table.column_names}

    def _shown_picture(self) -> Figure | None:
        from randrelu.figures.glance import axes_of

        axes = axes_of(self.experiment, self.points, self._table)
        return None if axes is None else self.plot(**axes)

    def __repr__(self) -> str:
        failed = sum(len(failure.trials) for failure in self.failures)
        where = "" if self.store is None else f"; {self.store}"
        return (
            f"Sweep({self.experiment!r}, {len(self.points)} points × {self.trials} trials, "
            f"{failed} failed{where})"
        )
