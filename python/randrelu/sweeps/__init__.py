"""Sweeps: an experiment over a grid of parameters, which may be killed at any moment."""

from randrelu.sweeps.blocks import Failure
from randrelu.sweeps.experiments import EXPERIMENTS
from randrelu.sweeps.run import Sweep, read_sweep, sweep

__all__ = ["EXPERIMENTS", "Failure", "Sweep", "read_sweep", "sweep"]
