"""What is found beside the crossover: at finite widths, of gradients, and of f on the sphere."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from randrelu import laws
from randrelu.studies.columns import numbers
from randrelu.studies.depth import figures
from randrelu.studies.depth.agreement import REFUTED
from randrelu.studies.depth.measured import CAPS, counted, medians, together
from randrelu.studies.depth.narrowing import narrowing
from randrelu.studies.estimates import chance, share, written
from randrelu.studies.kind import Columns, Finding


def narrower(widths: Columns, limit: Columns) -> Finding:
    """Say how finite widths lower the shares, and whether by ℓd/k or by ℓ/k."""
    finite = counted(widths, "flip", max(CAPS))
    found = narrowing(together(finite, counted(limit, "flip", max(CAPS))))
    argued = (
        "An argument, not a theorem: ℓd/k governs how far a finite width k is from the limit, and "
        "not ℓ/k, as the gradient finds the directions that a product of ℓ matrices stretches."
    )
    heading = "How finite widths change it"
    draw = partial(figures.narrower, finite)
    if found is None:
        sentence = "Too little was measured to compare how the shares depend on the width."
        return Finding("width", heading, sentence, {}, draw, argued)
    best, ours, other = (found.deviances[name] for name in ("free", "ld/k", "l/k"))
    zero, one = found.gamma.holds(0), found.gamma.holds(1)
    if one and not zero:
        said = "which supports ℓd/k and not ℓ/k"
    elif zero and not one:
        said = "which supports ℓ/k and not ℓd/k"
    elif math.isnan(found.gamma.low) or (zero and one):
        said = "which does not tell ℓd/k from ℓ/k"
    else:
        nearer = "ℓd/k" if ours < other else "ℓ/k"
        said = f"which supports neither ℓd/k nor ℓ/k exactly; {nearer} is the nearer"
    leaves = f"leaves a deviance of {best:.0f} with {found.freedom} degrees of freedom"
    if found.p_value < REFUTED:
        leaves += (
            f" ({chance(found.p_value)}), so its form is refuted, and all this is about the "
            "best of that form"
        )
    else:
        leaves += f" ({chance(found.p_value)})"
    sentence = (
        f"Of all ℓ d^γ/k, the shares at finite widths are best explained with γ = "
        f"{found.gamma:.3f}, {said}: twice the log-likelihood is short of "
        f"that by {ours - best:.1f} with ℓd/k and by {other - best:.1f} with ℓ/k. The fit "
        f"{leaves}. ({int(finite.networks.sum())} sampled networks of {finite.width.min():g} to "
        f"{finite.width.max():g} units a layer.)"
    )
    values = {
        "gamma": found.gamma, "deviances": found.deviances,
        "freedom": found.freedom, "p_value": found.p_value, "scale": found.scale,
        "power": found.power,
    }  # fmt: skip
    return Finding("width", heading, sentence, values, draw, argued)


def missed(widths: Columns) -> tuple[int, int]:
    """Return how many networks were followed exactly, and how many of them were missed."""
    if "storage" not in widths:
        return 0, 0
    followed = np.asarray(widths["storage"]) != "deferred"
    exact = np.isfinite(numbers(widths, "flip_followed"))
    seen = np.isfinite(numbers(widths, "flip"))
    return int(followed.sum()), int((followed & exact & ~seen).sum())


def gradients(table: Columns) -> Finding:
    """Say how the gradient turns, and how far f is from its tangent after the linear step."""
    dims = np.unique(numbers(table, "dim"))
    names = ("cosine_after", "cosine_other", "linearity")
    rows = {name: [row for row in medians(table, name) if row["dim"] == dims[-1]] for name in names}
    depths = [row["depth"] for row in rows["linearity"]]
    flat = [_limit_of_linearity(int(dims[-1]), int(ell)) for ell in depths]
    across = [float(laws.limit_kernel_at(math.pi / 2, int(ell)).first) for ell in depths]
    first, last = ({name: rows[name][k]["median"] for name in names} for k in (0, -1))
    sentence = (
        f"From ℓ = {depths[0]:g} to {depths[-1]:g} at d = {dims[-1]:g}, the median cosine between "
        f"the gradient at x and after the linear step goes from {first['cosine_after']:.3f} to "
        f"{last['cosine_after']:.3f}, and that at an independent point from "
        f"{first['cosine_other']:.3f} to {last['cosine_other']:.3f}; f after that step is off its "
        f"tangent by {first['linearity']:.3f} and {last['linearity']:.3f} of its way, where the "
        f"exact law at infinite width has {flat[0]:.3f} and {flat[-1]:.3f}. "
        f"({first['linearity'].networks} sampled networks at each depth.)"
    )
    return Finding(
        "gradients",
        "How the gradient turns",
        sentence,
        {"rows": rows, "limit_linearity": flat, "limit_first": across},
        partial(figures.gradients, rows, flat, across),
        "Lemma 2.8: at constant depth the gradient hardly changes within the steps of Theorem 1.1.",
    )


def _limit_of_linearity(dim: int, depth: int) -> float:
    """Return the median of |f(y) + f(x)|/(2|f(x)|) after the linear step, at infinite width."""
    law = laws.limit_step(dim, depth)
    low, high = 0.0, 1e6
    for _ in range(60):
        middle = (low + high) / 2
        below, above = law.cdf([-1 - 2 * middle, -1 + 2 * middle])
        low, high = (middle, high) if above - below < 0.5 else (low, middle)
    return (low + high) / 2


def spread(table: Columns) -> Finding:
    """Say how much f differs over the sphere, as far as it is attained."""
    rows, wide = medians(table, "ratio"), medians(table, "spread")
    dim, depth, one = (numbers(table, name) for name in ("dim", "depth", "one_sign"))
    said = []
    for d in np.unique(dim):
        deepest = max(row["depth"] for row in rows if row["dim"] == d)
        ratio = next(r["median"] for r in rows if r["dim"] == d and r["depth"] == deepest)
        kept = share(one[(dim == d) & (depth == deepest)] == 1)
        bound = math.sqrt(math.log(d) / d)
        said.append(
            f"at d = {d:g} and ℓ = {deepest:g} ({deepest / d**3:.2g} times d³), no point of the "
            f"other sign was found on {kept:.3g%} of {kept.networks} "
            f"networks, and the median of what is attained of |f(x) − f(y)|/|f(x)| (infinite "
            f"where there is such a point) is {ratio:.3g}, "
            f"{written(ratio.value / bound, '.2g')} times √(log d/d)"
        )
    return Finding(
        "spread",
        "How much f differs over the whole sphere",
        f"Attained by ascents and descents on the sphere: {'; '.join(said)}.",
        {"ratio": rows, "spread": wide},
        partial(figures.spread, wide),
        "Theorem 3.1: for ℓ ≥ d³ and (ℓd)²⁰ ≤ k ≤ exp(√ℓ), with probability 0.9, "
        "|f(x) − f(y)|/|f(x)| ≤ C √(log d/d) for all x and y of the sphere.",
    )
