"""The pictures of the study, each with a sentence that could say the opposite."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from randrelu.studies.estimates import Estimate
from randrelu.studies.kind import Finding
from randrelu.studies.training import figures
from randrelu.studies.training.intervals import Doubles, mean_share, median, middle, ratio
from randrelu.studies.training.trained import Trained

_ENDS = ("before", "after")
_SAME = 2.0  # the largest factor between sizes of the same order


def over_training(nets: Trained) -> Finding:
    """Say how sizes and linearity change while the accuracy grows."""
    names = ("accuracy", "step", "along", "attained", "gap", "turn_median")
    ends = {end: {n: median(_at(nets, n, end)) for n in names} for end in _ENDS}
    first, last = ends["before"], ends["after"]
    grown = median(_ratios(nets.after("step"), nets.before("step")))
    turned = median(_ratios(nets.after("attained"), nets.after("along")))
    word = _compared(grown, 1, "grows", "falls", "neither grows nor falls for certain")
    return Finding(
        "accuracy",
        "Attack, distance and linearity as the networks learn",
        f"As the held-out accuracy goes from {first['accuracy']:%} to "
        f"{last['accuracy']:%}, the linear step {word}, from {first['step']} to "
        f"{last['step']} ‖x‖/√d, by a factor of {grown} in the median network; "
        f"the nearest change that was found is at {turned} of the smallest step along "
        "the gradient. The departure of the margin from its tangent goes from "
        f"{first['gap']:%} to {last['gap']:%} of the margin, and the sampled "
        f"gradients within the distance R differ by {last['turn_median']:%} of ‖∇‖ at the "
        f"end. (Medians over {networks(nets)}, of medians over {images(nets)} each, with 95 % "
        "intervals over networks.)",
        {"networks": nets.count, "ends": ends, "step_grown": grown, "attained_to_along": turned},
        partial(figures.over_accuracy, nets),
        "Bartlett, Bubeck and Cherapanamjeri (2021), Theorem 1.1: at a random network of constant "
        "depth a step of size O(‖x‖/√d) along the gradient changes the sign of f, because f is "
        "nearly linear so far. Whether this survives training is an open question of theirs.",
    )


def by_epoch(nets: Trained) -> Finding:
    """Say how many decisions one step changes, and one in a random direction."""
    one = [mean_share(nets.of["step_changes"][:, e]) for e in range(len(nets.epochs))]
    chance = [mean_share(nets.of["random_changes"][:, e]) for e in range(len(nets.epochs))]
    lowest = int(np.argmin([p.value for p in one]))
    most = max(chance, key=lambda p: p.value)
    depths = {
        int(depth): {
            end: mean_share(_at(nets.where(nets.depth == depth), "step_changes", end))
            for end in _ENDS
        }
        for depth in np.unique(nets.depth)
    }
    of_depths = "; ".join(
        f"at depth {depth}, {ends['before']:%} before training and {ends['after']:%} after it"
        for depth, ends in depths.items()
    )
    return Finding(
        "one-step",
        "One linear step against a random direction",
        "The share of the images whose decision one linear step changes is, "
        f"{of_depths}. Over all shapes it is lowest "
        f"at epoch {nets.epochs[lowest]}, with {one[lowest]:%}. A step of the same size in "
        f"a random direction changes at most {most:%} at any checkpoint. "
        f"({networks(nets).capitalize()}; intervals with a network as the unit.)",
        {"epochs": nets.epochs.tolist(), "one_step": one, "random": chance, "by_depth": depths},
        partial(figures.shares_by_epoch, nets),
    )


def distances(nets: Trained, linear: Trained | None) -> Finding:
    """Say how far the nearest other decision is, from both sides."""
    found = {
        end: {n: median(_at(nets, n, end)) for n in ("certified", "attained")} for end in _ENDS
    }
    beside = ""
    if linear is not None:
        most = median(linear.after("attained"))
        beside = f" In the linear model it is at most {most}."
    first, last = found["before"], found["after"]
    return Finding(
        "distance",
        "The distance to another decision, by shape",
        "The median distance to the nearest other decision is certified to be at least "
        f"{first['certified']} and attained at "
        f"{first['attained']} ‖x‖/√d before training, and at least "
        f"{last['certified']} and at most {last['attained']} "
        f"after it.{beside} (Medians "
        "of all shapes; the distances lie in the shaded brackets.)",
        {"networks": nets.count, **found, "shapes": _shapes(nets, ("certified", "attained"))},
        partial(figures.distances_by_shape, nets, linear),
    )


def flips(nets: Trained) -> Finding:
    """Say how many units flip on the way to another decision."""
    first, last = (median(_at(nets, "flip_share", end)) for end in _ENDS)
    change = median(nets.after("flip_share") - nets.before("flip_share"))
    word = _compared(change, 0, "more", "fewer", "not for certain more or fewer")
    return Finding(
        "flips",
        "Units that flip on the way to the decision",
        f"Along the gradient to where the decision changes, {last:%} of the hidden units "
        f"flip in the median trained network, and {first:%} before training: {word} "
        f"after it. (Followed exactly; {networks(nets)}.)",
        {"before": first, "after": last, "shapes": _shapes(nets, ("flip_share",))},
        partial(figures.by_shape, nets, "flip_share", "share of the hidden units that flip"),
    )


def turns(nets: Trained) -> Finding:
    """Say how much the gradient differs within the distance."""
    found = {
        end: {n: median(_at(nets, n, end)) for n in ("turn_sampled", "turn_attained")}
        for end in _ENDS
    }
    first, last = found["before"], found["after"]
    grown = median(_ratios(nets.after("turn_attained"), nets.before("turn_attained")))
    word = _compared(grown, 1, "more", "less", "not for certain more or less")
    return Finding(
        "gradient",
        "How far the gradient turns within the distance",
        "In the ball whose radius R is the distance attained, the largest ‖∇(x) − ∇(y)‖/‖∇(x)‖ "
        f"sampled is {first['turn_sampled']} before training and "
        f"{last['turn_sampled']} after it; an ascent attains "
        f"{first['turn_attained']} and {last['turn_attained']}"
        f": {word} than at the start. (Medians; {networks(nets)}.)",
        {**found, "attained_ratio": grown, "shapes": _shapes(nets, ("turn_attained",))},
        partial(figures.turns_by_shape, nets),
        "Lemma 2.8 bounds this difference at random networks, in all of a ball of radius O(1/√d) "
        "up to logarithms: that is what makes one step succeed there.",
    )


def linear_model(nets: Trained, linear: Trained) -> Finding:
    """Say how the networks compare with the linear model of the same images."""
    of_nets, of_linear = (median(who.after("step")) for who in (nets, linear))
    times = ratio(nets.after("step"), linear.after("step"))
    if times.low > 1 / _SAME and times.high < _SAME:
        close = f"within a factor of {_SAME:g}"
    else:
        apart = times.low > _SAME or times.high < 1 / _SAME
        close = f"{'not' if apart else 'not for certain'} within a factor of {_SAME:g}"
    accuracy = [middle(who.after("accuracy")) for who in (nets, linear)]
    return Finding(
        "linear-model",
        "Against the linear model of the same images",
        f"The linear step is {of_nets} ‖x‖/√d in trained networks and "
        f"{of_linear} in multinomial logistic regression, trained alike: "
        f"{close}, their ratio being {times}, at accuracies of "
        f"{100 * accuracy[0]:.1f} % and {100 * accuracy[1]:.1f} %. In the linear model "
        "one step always suffices, and half of it is the distance from where the runner-up wins. "
        f"({networks(nets).capitalize()} and {linear.count} linear models.)",
        {
            "networks": of_nets,
            "linear": of_linear,
            "linear_models": linear.count,
            "ratio": times,
            "accuracy": accuracy,
        },
        partial(figures.beside_linear, nets, linear),
    )


def networks(nets: Trained) -> str:
    """Return how many networks there are, in words."""
    shapes = len(set(zip(nets.depth.tolist(), nets.width.tolist(), strict=True)))
    if nets.count == 1:
        return "one network"
    return f"{nets.count} networks of {shapes} shape{'s' if shapes > 1 else ''}"


def images(nets: Trained) -> str:
    """Return how many images of each network were measured, in words."""
    return "one image" if nets.images == 1 else f"{nets.images} images"


def _at(nets: Trained, name: str, end: str) -> Doubles:
    return nets.before(name) if end == "before" else nets.after(name)


def _ratios(above: Doubles, below: Doubles) -> Doubles:
    """Return ratios of sizes, NaN where they are not both known."""
    known = np.isfinite(above) & np.isfinite(below) & (below > 0)
    found = np.full(len(above), np.nan)
    found[known] = above[known] / below[known]
    return found


def _compared(found: Estimate, at: float, above: str, below: str, neither: str) -> str:
    """Return on which side of a number an interval lies, in a word."""
    return above if found.low > at else below if found.high < at else neither


def _shapes(nets: Trained, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the medians of every shape, before and after training."""
    rows = []
    for depth, width in sorted(
        {(int(a), int(b)) for a, b in zip(nets.depth, nets.width, strict=True)}
    ):
        some = nets.where((nets.depth == depth) & (nets.width == width))
        row: dict[str, Any] = {"width": width, "depth": depth, "networks": some.count}
        for name in names:
            row |= {f"{name}_{end}": middle(_at(some, name, end)) for end in _ENDS}
        rows.append(row)
    return rows
