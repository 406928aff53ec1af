"""What a measure asks of a function of which it needs f and ∇f only."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray


@runtime_checkable
class Differentiable(Protocol):
    """A real function of d numbers with a gradient: anything that has these two members.

    `gradient_step` and `gradient_deviation` take any such object, so that a function of your own
    can be attacked. `Network` and `LimitNetwork` are such objects, too. A method ``forward(x)``, if
    there is one, is called where no gradient is needed: it returns the values (N,) alone.

    Attributes
    ----------
    dim : int
        The dimension d.

    Examples
    --------
    >>> import numpy as np
    >>> import randrelu as rr
    >>> class Quadratic:
    ...     dim = 3
    ...     def value_and_gradient(self, x):
    ...         return (x**2).sum(axis=1) - 1, 2 * x
    >>> rr.gradient_step(Quadratic(), np.ones(3), eta=-0.4)
    Attack(success=False, f_before=2, f_after=-0.88, relative_norm=0.8)
    """

    @property
    def dim(self) -> int:
        """The dimension d."""

    def value_and_gradient(self, x: NDArray[Any], /) -> tuple[Any, Any]:
        """Return f and ∇f at points (N, d) of float64, as arrays of shapes (N,) and (N, d)."""
