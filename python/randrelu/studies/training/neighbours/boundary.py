"""What the sweeps say of the distance to the boundary as d grows (De Palma et al. 2021)."""

from __future__ import annotations

from functools import partial
from typing import Any

from randrelu.studies.estimates import Estimate
from randrelu.studies.kind import Finding
from randrelu.studies.training.neighbours import figures
from randrelu.studies.training.neighbours.figures import Bracket
from randrelu.studies.training.neighbours.rows import Rows, power

NORMS = {"2": "ℓ₂", "inf": "ℓ∞"}
_STATEMENT = (
    "De Palma, Kiani and Lloyd (2021, arXiv 2004.05923): for networks with random weights and "
    "biases in the limit of infinite width, and every p ≥ 1, the ℓ_p distance of an input from the "
    "boundary scales as ‖x‖_p/√d (the first version: the ℓ₁ distance at least as √d). They "
    "measure it on networks trained on MNIST and CIFAR-10, too."
)


def findings(random: Rows, trained: Rows) -> tuple[Finding, ...]:
    """Return the picture of the distances, if something was measured."""
    brackets: dict[str, list[Bracket]] = {norm: [] for norm in NORMS}
    numbers: list[dict[str, Any]] = []
    fits: dict[tuple[str, str], dict[str, Estimate | None]] = {}
    for name, rows, dims in _networks(random, trained):
        for norm in NORMS:
            at = rows.where(norm=norm)
            places = sorted({float(d) for d in dims(at)})
            groups = [at.of(dims(at) == place) for place in places]
            if not places:
                continue
            sides = {side: [group[side] for group in groups] for side in ("certified", "attained")}
            brackets[norm].append(Bracket(name, places, sides["certified"], sides["attained"]))
            fits[name, norm] = {side: power(dims(at), at[side]) for side in sides}
            numbers.append({
                "networks": name,
                "norm": norm,
                "dims": places,
                **{side: [group.median(side) for group in groups] for side in sides},
                **{f"{side}_power": p for side, p in fits[name, norm].items()},
            })  # fmt: skip
    if not numbers:
        return ()
    return (
        Finding(
            slug="boundary",
            heading="The distance to the boundary against the dimension of the input",
            sentence=_sentence(fits),
            numbers={"curves": numbers},
            figure=partial(figures.distances, brackets),
            statement=_STATEMENT,
        ),
    )


def _networks(random: Rows, trained: Rows) -> list[tuple[str, Rows, Any]]:
    """Return the name of each kind of networks, its rows, and what d is in them."""
    kinds: list[tuple[str, Rows, Any]] = [
        (f"random, {_layers(depth)}", random.where(depth=depth), lambda rows: rows["dim"])
        for depth in random.values_of("depth")
    ]
    kinds += [
        (f"trained, {_layers(depth)}", trained.where(depth=depth), lambda rows: rows["size"] ** 2)
        for depth in trained.values_of("depth")
    ]
    return kinds


def _layers(depth: float) -> str:
    return f"ℓ = {depth:g}"


def _sentence(fits: dict[tuple[str, str], dict[str, Estimate | None]]) -> str:
    told = []
    for (name, norm), sides in fits.items():
        known = {side: p for side, p in sides.items() if p is not None}
        if norm != "2" or len(known) < 2:
            continue
        certified, attained = known["certified"], known["attained"]
        told.append(
            f"{name}: attained d^a with a = {attained:.2f}, certified {certified:.2f} "
            f"({attained.networks} networks), {_against_half(certified, attained)}"
        )
    if not told:
        return "Too little was measured to fit a power of d."
    return (
        "Distances over ‖x‖ are bracketed for each network. In ℓ₂, "
        f"{'; '.join(told)}. In ℓ∞, attained: {_others(fits)}."
    )


def _others(fits: dict[tuple[str, str], dict[str, Estimate | None]]) -> str:
    told = [
        f"{sides['attained']:.2f} for {name}"
        for (name, norm), sides in fits.items()
        if norm == "inf" and sides["attained"] is not None
    ]
    return "; ".join(told) or "too little to fit"


def _against_half(certified: Estimate, attained: Estimate) -> str:
    """Say whether −1/2 is possible, where the distance is between two powers of d."""
    agree = [found.holds(-0.5) for found in (certified, attained)]
    if all(agree):
        return "both in agreement with −½"
    if any(agree):
        return f"of which {'the attained' if agree[1] else 'the certified'} one agrees with −½"
    if min(certified.low, attained.low) > -0.5:
        return "slower than 1/√d, which is not supported here"
    if max(certified.high, attained.high) < -0.5:
        return "somewhat faster than 1/√d"
    return "on either side of −½"
