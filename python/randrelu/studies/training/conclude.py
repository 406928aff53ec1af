"""The answer that the tables of the study give, which could be the opposite one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from randrelu.studies.estimates import Estimate
from randrelu.studies.kind import Columns, Conclusion
from randrelu.studies.training.findings import (
    by_epoch,
    distances,
    flips,
    images,
    linear_model,
    networks,
    over_training,
    turns,
)
from randrelu.studies.training.intervals import mean_share, median
from randrelu.studies.training.neighbours import conclude as neighbours
from randrelu.studies.training.trained import Trained, trained
from randrelu.sweeps.experiments.training import CONVERGED

MOST = 0.5  # of the decisions are changed by one step that attacks
NEAR = 0.25  # of itself, by which a margin may depart from its tangent and be near it
_FEWEST = 6  # networks of which something can be said: fewer do not bound a median


def conclude(tables: Mapping[str, Columns]) -> Conclusion:
    """Return what the tables of the networks and of the linear model say."""
    nets, linear = (trained(tables.get(slug, {})) for slug in ("networks", "linear"))
    if nets is None:
        return Conclusion("No network was trained, so nothing can be said.", (), ())
    findings = [over_training(nets), by_epoch(nets), distances(nets, linear), flips(nets)]
    findings.append(turns(nets))
    if linear is not None:
        findings.append(linear_model(nets, linear))
    limits = _limits(nets)
    if neighbours.measured(tables):
        findings += neighbours.findings(tables)
        limits += neighbours.LIMITS
    return Conclusion(_answer(nets), tuple(findings), limits)


def _answer(nets: Trained) -> str:
    one, chance = (mean_share(nets.after(n)) for n in ("step_changes", "random_changes"))
    first = mean_share(nets.before("step_changes"))
    size, gap = median(nets.after("step")), median(nets.after("gap"))
    after, before = _wins(one, chance), _wins(first, mean_share(nets.before("random_changes")))
    if after and before:
        head = "Trained networks are attacked by one linear step, as random ones are"
    elif after:
        head = "Trained networks are attacked by one linear step; that random ones are is not "
        head += "supported"
    elif before:
        head = "That trained networks are attacked by one linear step, as random ones are, is not "
        head += "supported"
    else:
        head = "Neither for trained networks nor for random ones is it supported that one linear "
        head += "step attacks them"
    gap_before = median(nets.before("gap"))
    near, near_before = gap.high < NEAR, gap_before.high < NEAR
    why = "They are nearly linear" if near else "That they are nearly linear is not supported"
    if after and before and near and near_before:
        why = "What explains it at random networks, near linearity, holds after training, too"
    if nets.count < _FEWEST:
        head = f"Too little was measured to say more than this of {networks(nets)}"
        why = "What was measured of linearity"
    return (
        f"{head}: it changes the decision of {one:%} of the held-out images after training, "
        f"and of {first:%} before it; in a random direction a step of that size changes "
        f"{chance:%}. Its median size is {size} ‖x‖/√d after training. {why}: "
        "on the way to another decision the margin departs from its tangent by "
        f"{gap:%} of itself in the median, and by {gap_before:%} before training. "
        f"({networks(nets).capitalize()}, {images(nets)} of each.)"
    )


def _limits(nets: Trained) -> tuple[str, ...]:
    stopped = np.count_nonzero(nets.after("loss") <= CONVERGED)
    return (
        f"The images have one dimension, d = {nets.dim}: sizes are given in units of ‖x‖/√d, but "
        "how they change with d is not measured here.",
        "One recipe of training was used; weight decay, augmentation and adversarial training may "
        "change what is seen.",
        "The networks before training have the uniform weights and the biases that training starts "
        "from, and not the Gaussian weights of the paper; f is the margin between the two largest "
        "of several outputs, where the paper's networks have one.",
        f"{stopped} of {nets.count} networks reached the loss at which training ends; the others "
        f"were trained for {int(nets.epochs[-1])} epochs.",
        "Intervals treat the networks as a sample of all shapes of the grid together, and cover "
        "the choice of weights, batches and images of this data, not another data set.",
        "What is sampled says nothing about the points that were not; the distances attained are "
        "upper bounds, and those certified lower bounds.",
    )


def _wins(one: Estimate, other: Estimate) -> bool:
    """Return whether a share is that of an attack, and above another, interval and all."""
    return one.low > MOST and one.low > other.high
