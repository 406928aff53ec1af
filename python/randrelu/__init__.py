"""See why random ReLU networks have adversarial examples."""

from randrelu.network import Network
from randrelu.pattern import Pattern

__all__ = ["Network", "Pattern"]
