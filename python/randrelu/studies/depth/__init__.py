"""How the sensitivity of random networks falls with depth."""

from randrelu.studies.depth.conclude import conclude
from randrelu.studies.depth.grid import parts
from randrelu.studies.kind import Kind

STUDY = Kind(
    "depth",
    "How sensitivity falls with depth",
    "Random networks of constant depth change their sign after one small gradient step "
    "(Theorem 1.1), and those of depth d³ are nearly constant (Theorem 3.1). What happens in "
    "between, and at which power of d is the crossover?",
    parts,
    conclude,
    (
        "At infinite width f on the plane of x and ∇f(x) is a Gaussian process of the angle. What "
        "f(x) and ∇f(x) leave open of it does not depend on them, so it is drawn from limit "
        "networks of two inputs, whose outputs are independent networks, and put on top of the "
        "mean given f(x), a normal number, and the gradient across x, a χ number of d − 1 degrees "
        "of freedom. This is exact in law.",
        "Steps against the sign of f are looked for up to a relative size of 200/√d, at angles "
        "from x that are 15 % apart (0.1 above 1 radian), f being taken as linear in between; a "
        "network without one is censored on the right at 20, 50 and 200/√d.",
        "At finite widths networks are deferred, with weights of variance 2/fan-in, which keeps "
        "norms; narrow ones are stored, and their line is followed exactly, too.",
        "The crossover of every d is that of a fit of largest likelihood, 2Φ(m) − 1 with m a power "
        "of ℓ, to depths within a factor of 4 of it; the power of d is a line through their "
        "logarithms, weighted by their variances. Far beyond it, at ℓ ≥ 4√d, the power of ℓ is "
        "that of m, too, which is nearly the share's. Intervals come from 400 resamples of the "
        "networks, those of shares and quantiles are exact.",
        "That ℓ/√d alone decides is tested by the shares of different d at the same ℓ/√d, without "
        "a form of the curve; the closed form by 9,999 draws from it. A p-value below 0.01 "
        "refutes.",
        "At finite widths m = m_∞/(1 + A ℓ d^γ/k)^s, with m_∞ free for every d and ℓ, is fitted to "
        "all shares at once, those of the limit among them; the interval of γ is of 100 resamples.",
    ),
)
