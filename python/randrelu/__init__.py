"""See why random ReLU networks have adversarial examples."""

from randrelu.attack import Attack, gradient_step
from randrelu.checks import Check, check
from randrelu.network import Network
from randrelu.pattern import Pattern

__version__ = "0.1.0"

__all__ = ["Attack", "Check", "Network", "Pattern", "check", "gradient_step"]
