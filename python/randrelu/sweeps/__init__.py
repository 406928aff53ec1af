"""Sweeps: an experiment over a grid of parameters, which survives being killed."""

from randrelu.sweeps.failures import Failure
from randrelu.sweeps.named import EXPERIMENTS
from randrelu.sweeps.result import Sweep
from randrelu.sweeps.run import read_sweep, sweep

__all__ = ["EXPERIMENTS", "Failure", "Sweep", "read_sweep", "sweep"]
