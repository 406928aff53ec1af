"""What the tables of the study say, in sentences that could say the opposite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from randrelu.studies.kind import Columns, Conclusion, Finding
from randrelu.studies.training import figures
from randrelu.studies.training.intervals import (
    Doubles,
    Interval,
    median,
    median_interval,
    number,
    percent,
    share_interval,
)
from randrelu.studies.training.trained import Trained, trained
from randrelu.sweeps.experiments.training import CONVERGED

_FEWEST = 5  # networks of which something can be said
_NEAR = 0.5  # a margin that is this share of itself away from its tangent is not near it
_ENDS = ("before", "after")
_SAME = 2.0  # a factor between sizes of the same order


def conclude(tables: Mapping[str, Columns]) -> Conclusion:
    """Return what the tables of the networks and of the linear model say."""
    nets, linear = (trained(tables.get(slug, {})) for slug in ("networks", "linear"))
    if nets is None:
        return Conclusion("No network was trained, so nothing can be said.", (), ())
    findings = [_over_training(nets), _by_epoch(nets), _distances(nets, linear), _flips(nets)]
    findings.append(_turns(nets))
    if linear is not None:
        findings.append(_linear(nets, linear))
    return Conclusion(_answer(nets), tuple(findings), _limits(nets))


def _answer(nets: Trained) -> str:
    one, chance = (share_interval(nets.after(n)) for n in ("step_changes", "random_changes"))
    first = share_interval(nets.before("step_changes"))
    size, gap = median_interval(nets.after("step")), median_interval(nets.after("gap"))
    after, before = _wins(one, chance), _wins(first, share_interval(nets.before("random_changes")))
    if after and before:
        head = "Trained networks are attacked by one linear step, as random ones are"
    elif after:
        head = "Trained networks are attacked by one linear step, random ones less reliably"
    elif before:
        head = "That trained networks are attacked by one linear step, as random ones are, is not "
        head += "supported"
    else:
        head = "Neither for trained networks nor for random ones is it supported that one linear "
        head += "step attacks them"
    if nets.count < _FEWEST:
        head = f"Too little was measured to say more than this of {_networks(nets)}"
    near = gap[2] < _NEAR
    why = "They are nearly linear" if near else "That they are nearly linear is not supported"
    if after and near:
        why = "The reason is that of random ones, near linearity"
    return (
        f"{head}: it changes the decision of {percent(one)} of the held-out images after training, "
        f"and of {percent(first)} before it; in a random direction a step of that size changes "
        f"{percent(chance)}. Its median size is {number(size)} ‖x‖/√d after training. {why}: "
        f"on the way to the decision the margin departs from its tangent by {percent(gap)} of "
        "itself."
    )


def _over_training(nets: Trained) -> Finding:
    names = ("accuracy", "step", "along", "attained", "gap", "turn_median")
    ends = {end: {n: median_interval(_at(nets, n, end)) for n in names} for end in _ENDS}
    first, last = ends["before"], ends["after"]
    grown = median_interval(_ratios(nets.after("step"), nets.before("step")))
    turned = median_interval(_ratios(nets.after("attained"), nets.after("along")))
    word = _compared(grown, 1, "grows", "falls", "does not change for certain")
    return Finding(
        "accuracy",
        "Attack, distance and linearity as the networks learn",
        f"As the held-out accuracy goes from {percent(first['accuracy'])} to "
        f"{percent(last['accuracy'])}, the linear step {word}, from {number(first['step'])} to "
        f"{number(last['step'])} ‖x‖/√d, by a factor of {number(grown)} in the median network; "
        f"the nearest change that was found is at {number(turned)} of the smallest step along "
        "the gradient. The departure of the margin from its tangent goes from "
        f"{percent(first['gap'])} to {percent(last['gap'])} of the margin, and the sampled "
        f"gradients within the distance R differ by {percent(last['turn_median'])} of ‖∇‖ at the "
        "end. (Medians over "
        f"{_networks(nets)} of the medians over its {_images(nets)}, with 95 % intervals by "
        "the bootstrap over networks.)",
        {"networks": nets.count, "ends": ends, "step_grown": grown, "attained_to_along": turned},
        partial(figures.over_accuracy, nets),
        "Bartlett, Bubeck and Cherapanamjeri (2021), Theorem 1.1: at a random network of constant "
        "depth a step of size O(‖x‖/√d) along the gradient changes the sign of f, because f is "
        "nearly linear so far. Whether this survives training is an open question of theirs.",
    )


def _by_epoch(nets: Trained) -> Finding:
    one = [share_interval(nets.of["step_changes"][:, e]) for e in range(len(nets.epochs))]
    chance = [share_interval(nets.of["random_changes"][:, e]) for e in range(len(nets.epochs))]
    lowest = int(np.argmin([p[0] for p in one]))
    depths = {
        int(depth): {
            end: share_interval(_at(nets.where(nets.depth == depth), "step_changes", end))
            for end in _ENDS
        }
        for depth in np.unique(nets.depth)
    }
    of_depths = "; ".join(
        f"at depth {depth} {percent(ends['before'])} before training and "
        f"{percent(ends['after'])} after it"
        for depth, ends in depths.items()
    )
    return Finding(
        "one-step",
        "One linear step against a random direction",
        f"One linear step changes the decision of {of_depths}. Over all shapes the share is lowest "
        f"at epoch {nets.epochs[lowest]}, with {percent(one[lowest])}. A step of the same size in "
        f"a random direction changes at most {percent(max(chance))} at any checkpoint. "
        f"({_networks(nets).capitalize()}; intervals with a network as the unit.)",
        {"epochs": nets.epochs.tolist(), "one_step": one, "random": chance, "by_depth": depths},
        partial(figures.shares_by_epoch, nets),
    )


def _distances(nets: Trained, linear: Trained | None) -> Finding:
    found = {
        end: {n: median_interval(_at(nets, n, end)) for n in ("certified", "attained")}
        for end in _ENDS
    }
    beside = ""
    if linear is not None:
        beside = f" In the linear model it is {number(median_interval(linear.after('attained')))}."
    first, last = found["before"], found["after"]
    return Finding(
        "distance",
        "The distance to another decision, by shape",
        "The median distance to the nearest other decision is certified to be at least "
        f"{number(first['certified'])} and attained at "
        f"{number(first['attained'])} ‖x‖/√d before training, and at least "
        f"{number(last['certified'])} and at most {number(last['attained'])} "
        f"after it.{beside} (Medians "
        "of all shapes; the distances lie in the shaded brackets.)",
        {"networks": nets.count, **found, "shapes": _shapes(nets, ("certified", "attained"))},
        partial(figures.distances_by_shape, nets, linear),
    )


def _flips(nets: Trained) -> Finding:
    first, last = (median_interval(_at(nets, "flip_share", end)) for end in _ENDS)
    change = median_interval(nets.after("flip_share") - nets.before("flip_share"))
    word = _compared(change, 0, "more", "fewer", "not for certain more or fewer")
    return Finding(
        "flips",
        "Units that flip on the way to the decision",
        f"Along the gradient to where the decision changes, {percent(last)} of the hidden units "
        f"flip in the median trained network, and {percent(first)} before training: {word} "
        f"after it. (Followed exactly; {_networks(nets)}.)",
        {"before": first, "after": last, "shapes": _shapes(nets, ("flip_share",))},
        partial(figures.by_shape, nets, "flip_share", "share of the hidden units that flip"),
    )


def _turns(nets: Trained) -> Finding:
    found = {
        end: {n: median_interval(_at(nets, n, end)) for n in ("turn_sampled", "turn_attained")}
        for end in _ENDS
    }
    first, last = found["before"], found["after"]
    ratio = median_interval(_ratios(nets.after("turn_attained"), nets.before("turn_attained")))
    word = _compared(ratio, 1, "more", "less", "not for certain more or less")
    return Finding(
        "gradient",
        "How far the gradient turns within the distance",
        "In the ball whose radius R is the distance attained, the largest ‖∇(x) − ∇(y)‖/‖∇(x)‖ "
        f"sampled is {number(first['turn_sampled'])} before training and "
        f"{number(last['turn_sampled'])} after it; an ascent attains "
        f"{number(first['turn_attained'])} and {number(last['turn_attained'])}"
        f": {word} than at the start. (Medians; {_networks(nets)}.)",
        {**found, "attained_ratio": ratio, "shapes": _shapes(nets, ("turn_attained",))},
        partial(figures.turns_by_shape, nets),
        "Lemma 2.8 bounds this difference at random networks, in all of a ball of radius O(1/√d) "
        "up to logarithms: that is what makes one step succeed there.",
    )


def _linear(nets: Trained, linear: Trained) -> Finding:
    of_nets, of_linear = (median_interval(who.after("step")) for who in (nets, linear))
    ratio = of_nets[0] / of_linear[0] if of_linear[0] else math.nan
    close = 1 / _SAME < ratio < _SAME
    accuracy = [median(who.after("accuracy")) for who in (nets, linear)]
    return Finding(
        "linear-model",
        "Against the linear model of the same images",
        f"The linear step is {number(of_nets)} ‖x‖/√d in trained networks and "
        f"{number(of_linear)} in multinomial logistic regression, trained alike: "
        f"{'of the same order' if close else 'of another order'}, a ratio of {ratio:.2g}, at "
        f"accuracies of {accuracy[0]:.1%} and {accuracy[1]:.1%}. In the linear model one step "
        f"always suffices, and half of it is the distance. ({_networks(nets).capitalize()} and "
        f"{linear.count} linear models.)",
        {
            "networks": of_nets,
            "linear": of_linear,
            "linear_models": linear.count,
            "ratio": ratio,
            "accuracy": accuracy,
        },
        partial(figures.beside_linear, nets, linear),
    )


def _limits(nets: Trained) -> tuple[str, ...]:
    stopped = np.count_nonzero(nets.after("loss") <= CONVERGED)
    return (
        f"The images have one dimension, d = {nets.dim}: sizes are given in units of ‖x‖/√d, but "
        "how they change with d is not measured here.",
        "One recipe of training was used; weight decay, augmentation and adversarial training may "
        "change what is seen.",
        "The networks before training have the uniform weights and the biases that training starts "
        "from, and not the Gaussian weights of the paper.",
        f"{stopped} of {nets.count} networks reached the loss at which training ends; the others "
        f"were trained for {int(nets.epochs[-1])} epochs.",
        "Intervals treat the networks as a sample of all shapes of the grid together, and cover "
        "the choice of weights, batches and images of this data, not another data set.",
        "What is sampled says nothing about the points that were not; the distances attained are "
        "upper bounds, and those certified lower bounds.",
    )


def _at(nets: Trained, name: str, end: str) -> Doubles:
    return nets.before(name) if end == "before" else nets.after(name)


def _ratios(above: Doubles, below: Doubles) -> Doubles:
    """Return ratios of sizes, NaN where they are not both known."""
    known = np.isfinite(above) & np.isfinite(below) & (below > 0)
    found = np.full(len(above), np.nan)
    found[known] = above[known] / below[known]
    return found


def _wins(one: Interval, other: Interval) -> bool:
    """Return whether a share is above a half and above another, interval and all."""
    return one[1] > 0.5 and one[1] > other[2]


def _compared(found: Interval, at: float, above: str, below: str, neither: str) -> str:
    """Return on which side of a number an interval lies, in a word."""
    return above if found[1] > at else below if found[2] < at else neither


def _shapes(nets: Trained, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the medians of every shape, before and after training."""
    rows = []
    for depth, width in sorted(
        {(int(a), int(b)) for a, b in zip(nets.depth, nets.width, strict=True)}
    ):
        some = nets.where((nets.depth == depth) & (nets.width == width))
        row: dict[str, Any] = {"width": width, "depth": depth, "networks": some.count}
        for name in names:
            row |= {f"{name}_{end}": median(_at(some, name, end)) for end in _ENDS}
        rows.append(row)
    return rows


def _images(nets: Trained) -> str:
    return "image" if nets.images == 1 else f"{nets.images} images"


def _networks(nets: Trained) -> str:
    shapes = len(set(zip(nets.depth.tolist(), nets.width.tolist(), strict=True)))
    if nets.count == 1:
        return "one network"
    return f"{nets.count} networks of {shapes} shape{'s' if shapes > 1 else ''}"
