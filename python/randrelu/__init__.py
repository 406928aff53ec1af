"""See why random ReLU networks have adversarial examples."""

from randrelu._support.versions import __version__ as __version__
from randrelu.checks import Check, check
from randrelu.differentiable import Differentiable
from randrelu.formats.load import load
from randrelu.limit import LimitNetwork
from randrelu.measures.attack import Attack
from randrelu.measures.ball import sample_ball
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.bounds import Bounds, bounds
from randrelu.measures.cells.cell import Cell, cell
from randrelu.measures.cells.facets import Facets
from randrelu.measures.deviation import Deviation, gradient_decomposition, gradient_deviation
from randrelu.measures.distance import Distance, distance
from randrelu.measures.extremes import Extremes, extremes
from randrelu.measures.flips import Flips, flips
from randrelu.measures.gradient_step import gradient_step
from randrelu.measures.line import Line, Linearity
from randrelu.measures.lipschitz import Lipschitz, lipschitz
from randrelu.measures.planes.plane import Plane
from randrelu.measures.planes.subdivide import plane
from randrelu.measures.row_space import Figure1, figure_1, min_perturbation
from randrelu.measures.trace import line
from randrelu.measures.worst_deviation import WorstDeviation, worst_deviation
from randrelu.measures.worst_flips import WorstFlips, worst_flips
from randrelu.network import Network
from randrelu.pattern import Pattern
from randrelu.reproduction.report import Report
from randrelu.reproduction.run import reproduce
from randrelu.studies.result import Study
from randrelu.studies.run import study
from randrelu.sweeps import Sweep, read_sweep, sweep
from randrelu.weights import Revealed

__all__ = [
    "Attack",
    "Bounds",
    "Cell",
    "Check",
    "Deviation",
    "Differentiable",
    "Distance",
    "Extremes",
    "Facets",
    "Figure1",
    "Flips",
    "LimitNetwork",
    "Line",
    "Linearity",
    "Lipschitz",
    "Network",
    "Pattern",
    "Plane",
    "Report",
    "Revealed",
    "Study",
    "Sweep",
    "WorstDeviation",
    "WorstFlips",
    "bottlenecks",
    "bounds",
    "cell",
    "check",
    "distance",
    "extremes",
    "figure_1",
    "flips",
    "gradient_decomposition",
    "gradient_deviation",
    "gradient_step",
    "line",
    "lipschitz",
    "load",
    "min_perturbation",
    "plane",
    "read_sweep",
    "reproduce",
    "sample_ball",
    "study",
    "sweep",
    "worst_deviation",
    "worst_flips",
]
