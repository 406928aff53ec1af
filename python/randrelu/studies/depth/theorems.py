"""What the paper says of the crossover."""

THEOREMS = (
    "Theorem 1.1: networks of constant depth are sensitive, so the power is above 0. Theorem 3.1: "
    "f is nearly constant from ℓ = d³ on, so it is at most 3. (Both ask for wider layers than "
    "these.)"
)
