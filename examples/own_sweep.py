"""
A sweep of your own experiment
==============================

A sweep runs an experiment at every point of a grid, many times. The experiment may be any function
that takes its parameters and a random generator, and returns numbers by name. With ``store=`` the
sweep may be killed at any moment, and the same call goes on where it was.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import randrelu as rr

# %%
# How many linear pieces does the segment between two random points of the unit sphere have?


def pieces(params, rng):
    """Count the pieces of one segment of one random network."""
    widths = (16, *[params["width"]] * params["depth"], 1)
    net = rr.Network.random(widths, rng=rng)
    x, y = rng.normal(size=(2, 16))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    line = rr.line(net, x, y - x, np.linalg.norm(y - x))
    return {"regions": line.regions, "units": sum(line.widths)}


# %%
# A hundred segments at every point. Trials of one grid do not depend on each other, nor on where
# they run: ``executor=2`` gives the same table from two processes.

grid = {"width": [10, 30, 100, 300, 1000], "depth": [1, 2, 4]}
with TemporaryDirectory() as store:
    sweep = rr.sweep(pieces, grid=grid, trials=100, rng=0, store=store)
    frame = sweep.to_pandas()
    figure = sweep.plot("width", "regions", by="depth", log=True)
print(frame.groupby(["width", "depth"]).regions.mean().unstack("depth"))

# %%
# The pieces grow in proportion to the units, whatever the depth.

figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
