"""What neighbours of the paper say of trained networks, beside what is measured."""

from __future__ import annotations

from collections.abc import Mapping

from randrelu.studies.kind import Columns, Finding
from randrelu.studies.training.neighbours import boundary, lazy
from randrelu.studies.training.neighbours.grid import SLUGS
from randrelu.studies.training.neighbours.rows import Rows

LIMITS = (
    "What Wang and others prove asks for a width that is large against d, and constants, that are "
    "not checked here; the networks tell apart only 0 and 1 of scikit-learn's digits, as theirs "
    "did of MNIST's, have no biases, which theirs do, and are trained by full batches.",
    "What training adds to ∇f is at most C₀ times the share of active units, and what it starts "
    "with is near √(d/2): 1/√d is to be expected where d is large against C₀², which is so here "
    "for the smallest C₀ only.",
    "The robust share counts single gradient steps from an image: other attacks are at least as "
    "strong.",
    "Images of more than 8 × 8 pixels are interpolated, and lie in the same 64 dimensions: with d "
    "grow the pixels, not what they show.",
    "Distances are in ℓ₂ and ℓ∞, the norms that are bracketed; nothing is said of ℓ₁.",
)
METHOD = (
    "Two-layer networks f(x) = Σ ± relu(w·x)/√k start with standard normal W₁ and are trained in "
    "W₁ alone, by full-batch gradient descent of the logistic loss of αf at a rate of 4/α², on 240 "
    "images of 0 and 1 of norm 1; after each update a row that is farther than C₀/√k from its "
    "start is put back to that distance. Adversarial training moves the images first, by up to ¼, "
    "in four steps of projected gradient ascent. The smallest single step along ∇f that turns the "
    "decision is exact on its line; a network's size is the median over those of 120 held-out "
    "images that it tells right.",
    "Random networks have weights of variance 2/fan_in and biases of standard deviation ½, and are "
    "measured at (1, …, 1). Trained ones are scikit-learn's MLPClassifier after 60 epochs on the "
    "digits; a network's value is the median over its held-out images that are told right. Bands "
    "are 95 % intervals of medians over networks, by order statistics, from 6 networks on. Powers "
    "of d are by least squares in logarithms, with Student intervals over networks.",
)


def measured(tables: Mapping[str, Columns]) -> bool:
    """Return whether the parts of `grid` were run."""
    return set(SLUGS) <= set(tables)


def findings(tables: Mapping[str, Columns]) -> tuple[Finding, ...]:
    """Return the pictures, from the tables of the parts of `grid`, by their slugs."""
    rows = {slug: Rows(columns) for slug, columns in tables.items()}
    return (
        *lazy.findings(rows["lazy-ball"], rows["lazy-travel"]),
        *boundary.findings(rows["boundary-random"], rows["boundary-trained"]),
    )
