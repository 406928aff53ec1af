"""One gradient step at infinite width, for any fixed d, in the scale of NN-DEF."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments
from randrelu.laws.kernel import through_layers
from randrelu.laws.panels import integral

_Floats = NDArray[np.float64]


def limit_value_after(
    eta: ArrayLike, f: ArrayLike, grad_norm: ArrayLike, dim: int, depth: int, norm: float
) -> tuple[_Floats, _Floats]:
    """Return mean and standard deviation of f(x + η∇f(x)), given f(x) and ‖∇f(x)‖.

    In the limit of infinite width it is normal, given ∇f(x), with

    mean ‖y‖(κ − cκ′)f/‖x‖ + κ′(f + η‖∇f‖²), variance 2^{−ℓ} ‖y‖²(1 − κ² − κ′²(1 − c²))/d,

    with y = x + η∇f(x) and c the cosine of the angle between x and y, see `limit_kernel`. A
    `LimitNetwork` draws it given whatever else it was asked.

    Parameters
    ----------
    eta, f, grad_norm : array_like
        η, f(x) and ‖∇f(x)‖ in the scale of NN-DEF, whose shapes broadcast to (...);
        |f| ≤ ‖∇f‖ ‖x‖.
    dim, depth : int
        d ≥ 1 and the number ℓ ≥ 0 of hidden layers.
    norm : float
        ‖x‖ > 0.

    Returns
    -------
    mean, deviation : ndarray, shape (...)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST)
    arguments.integer("depth", depth, at_least=0, at_most=arguments.WIDEST)
    norm = arguments.number("norm", norm, positive=True)
    eta, f = (
        arguments.real_array(name, given).astype(np.float64)
        for name, given in (("eta", eta), ("f", f))
    )
    slope = arguments.within("grad_norm", grad_norm, 0)
    try:
        np.broadcast_shapes(eta.shape, f.shape, slope.shape)
    except ValueError:
        raise ValueError(
            f"eta, f and grad_norm must have shapes that broadcast, got {eta.shape}, {f.shape} and "
            f"{slope.shape}"
        ) from None
    of_length = f / norm
    along = norm + eta * of_length  # of y, along x, and what is across it
    # No square is taken on the way: f may be as large as float64 goes.
    root = np.sqrt(np.maximum(slope - np.abs(of_length), 0)) * np.sqrt(slope + np.abs(of_length))
    across = np.abs(eta) * root
    size, angle = np.hypot(along, across), np.arctan2(across, along)
    passed = through_layers(angle, depth)
    mean = size * (np.cos(passed.angle) - np.cos(angle) * passed.first) * of_length
    spread = np.sqrt(passed.unexplained)
    return (
        mean + passed.first * (f + eta * slope * slope),
        # Not √(2^ℓ d), as 2^1024 is no float64 number.
        size * spread * 2.0 ** (-depth / 2) / math.sqrt(dim),
    )


def limit_step(dim: int, depth: int, *, size: float | None = None) -> LimitStep:
    """Return the law of f after one gradient step, relative to f before it, at infinite width.

    Parameters
    ----------
    dim : int
        The input dimension d ≥ 1.
    depth : int
        The number ℓ ≥ 1 of hidden layers. (Without any, f is linear.)
    size : float, optional
        ‖η∇f(x)‖/‖x‖ > 0 of the step against the sign of f. By default it is the linear step,
        η = −2f/‖∇f‖², whose size has the law of `linear_step_norm_quantile` at any width.

    Returns
    -------
    LimitStep

    Raises
    ------
    TypeError, ValueError
        If a number is not as described.

    Notes
    -----
    It is the law of ``f_after / f_before`` of ``gradient_step(LimitNetwork(dim, depth), x)``,
    whatever x ≠ 0 and the scale of the weights are.

    Whether *some* step along the gradient, no longer than a given size, reaches −f depends on f on
    a whole segment, which no law of finitely many values tells. The share of networks in which the
    step of one size reaches it is a lower bound.
    """
    return LimitStep(
        arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST),
        arguments.integer("depth", depth, at_least=1, at_most=arguments.WIDEST),
        None if size is None else arguments.number("size", size, positive=True),
    )


@dataclass(frozen=True)
class LimitStep:
    """The law of f(x + η∇f(x))/f(x) at infinite width, as `limit_step` returns it.

    Given the angle of ∇f(x) to x, of cosine ρ with ρ² ~ Beta(1/2, (d − 1)/2), the ratio is a
    Student variable with d degrees of freedom, shifted and scaled (see `limit_value_after`: f and
    the mean after the step are proportional to ‖∇f‖, which is χ_d, and the deviation does not
    depend on it). So its CDF is one integral over that angle, taken to 10⁻⁹. At finite width
    the law after the linear step also has a jump at −1: with a probability of about √(πd/2)/Σd_i,
    while that is small, no unit flips on the way, and f is reflected exactly.

    Attributes
    ----------
    dim, depth : int
        d and the number ℓ of hidden layers.
    size : float or None
        ‖η∇f(x)‖/‖x‖; None for the linear step.
    """

    dim: int
    depth: int
    size: float | None

    @property
    def flips(self) -> float:
        """P{the sign of f changes}."""
        return float(self.cdf(0.0))

    @property
    def succeeds(self) -> float:
        """P{the sign of f changes, and |f| is no smaller after it}.

        For the linear step about √(2π)/(3ℓ√d) where d is large and ℓ/√d small.
        """
        return float(self.cdf(-1.0))

    def cdf(self, ratio: ArrayLike) -> _Floats:
        """Return P{f(x + η∇f(x))/f(x) ≤ ratio}.

        Parameters
        ----------
        ratio : array_like, shape (...)
            Any real numbers.

        Returns
        -------
        ndarray, shape (...)
        """
        given = arguments.real_array("ratio", ratio, infinite=True).astype(np.float64)
        flat = given.reshape(-1)
        if self.dim == 1:  # ∇f is parallel to x
            return self._given_angle(np.array([math.pi / 2]), flat)[:, 0].reshape(given.shape)
        from scipy.special import betaln

        power, log_total = self.dim - 2, betaln(0.5, (self.dim - 1) / 2) - math.log(2)

        def integrand(root: _Floats) -> _Floats:
            # The angle of ∇f to the plane across x has a density like cos^{d−2}, and what is
            # averaged is smooth in its root, not in itself.
            angle = root**2
            density = 2 * root * np.cos(angle) ** power * math.exp(-log_total)
            values: _Floats = self._given_angle(angle, flat) * density
            return values

        # Before and after these panels there is less than 10⁻¹³ of the law. Each is twice as long
        # as the one before: no angle is too small for a step to be seen there.
        end = math.sqrt(min(math.pi / 2, 10 / math.sqrt(self.dim)))
        panels = end * 2.0 ** np.arange(-24, 1, dtype=np.float64)
        found = np.clip(integral(integrand, panels), 0, 1)
        return found.reshape(given.shape)

    def ppf(self, q: ArrayLike) -> _Floats:
        """Return the quantiles of f(x + η∇f(x))/f(x).

        Parameters
        ----------
        q : array_like, shape (...)
            Probabilities in (0, 1).

        Returns
        -------
        ndarray, shape (...)

        Raises
        ------
        ValueError
            If a probability is 0, 1 or outside of these.
        """
        given = arguments.real_array("q", q, undefined=True).astype(np.float64)
        if not ((given > 0) & (given < 1)).all():
            raise ValueError(f"q must lie strictly between 0 and 1, got {q!r}")
        low, high = np.full(given.shape, -30.0), np.full(given.shape, 30.0)
        for _ in range(36):
            middle = (low + high) / 2
            below = self.cdf(np.sinh(middle)) < given
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found: _Floats = np.sinh((low + high) / 2)
        return found

    def _given_angle(self, angle: _Floats, ratio: _Floats) -> _Floats:
        """Return the CDF given the angles arcsin|ρ| (n,), at ratios (m,); shape (m, n)."""
        from scipy.special import stdtr

        rho = np.sin(angle)
        if self.size is None:  # x is reflected
            size, norm, turn = 2 * rho, np.ones_like(rho), 2 * angle
        else:
            size = np.full_like(rho, self.size)
            along, across = 1 - size * rho, size * np.cos(angle)
            across[rho == 1] = 0  # cos(π/2) is not 0 in floating point
            norm, turn = np.hypot(along, across), np.arctan2(across, along)
        passed = through_layers(turn, self.depth)
        # Of f(x) > 0 with ‖∇f‖ = ‖x‖ = 1: f is ρ, and its mean after the step −gain.
        gain = passed.first * size * np.cos(angle) ** 2 - norm * np.cos(passed.angle) * rho
        deviation = norm * np.sqrt(passed.unexplained / self.dim)
        past = gain + np.multiply.outer(ratio, rho)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found: _Floats = stdtr(self.dim, past / deviation)
        return np.where(deviation > 0, found, past >= 0.0)
