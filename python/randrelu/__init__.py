"""See why random ReLU networks have adversarial examples."""

from randrelu.attack import Attack, gradient_step
from randrelu.ball import (
    Deviation,
    Flips,
    WorstFlips,
    flips,
    gradient_decomposition,
    gradient_deviation,
    sample_ball,
    worst_flips,
)
from randrelu.bottlenecks import bottlenecks
from randrelu.checks import Check, check
from randrelu.network import Network
from randrelu.pattern import Pattern

__version__ = "0.1.0"

__all__ = [
    "Attack",
    "Check",
    "Deviation",
    "Flips",
    "Network",
    "Pattern",
    "WorstFlips",
    "bottlenecks",
    "check",
    "flips",
    "gradient_decomposition",
    "gradient_deviation",
    "gradient_step",
    "sample_ball",
    "worst_flips",
]
