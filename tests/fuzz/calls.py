"""Every public call with valid arguments, and of what kind each argument is: see `kinds`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import randrelu as rr
from kinds import POINTS, SEVERAL, X
from randrelu import laws

ROWS = [np.eye(4)[:3] + 0.25, np.ones((1, 3))]

NET = rr.Network.random((4, 6, 5, 1), rng=3, bias=0.1, dtype="float64")
PLAIN = rr.Network.random((4, 6, 5, 1), rng=3)
DEFERRED = rr.Network.random((4, 6, 5, 1), rng=3, storage="deferred")
LINE = rr.line(NET, X, np.ones(4), 2.0)
PLANE = rr.plane(NET, X, [1, 0, 0, 0], [0, 1, 0, 0])
FLIPS = rr.flips(NET, X, 0.5, 8, rng=0)
LAW = laws.gradient_norm_law((4, 6, 1))
STEP = laws.limit_step(4, 2)


@dataclass(frozen=True)
class Call:
    """A function, valid arguments, and the kinds of those that are tried with others."""

    function: Callable[..., Any]
    valid: dict[str, Any]
    kinds: dict[str, str]


def call(function: Callable[..., Any], **arguments: tuple[str, Any]) -> Call:
    """A call with each argument given as (kind, valid value)."""
    values = {name: value for name, (_, value) in arguments.items()}
    return Call(function, values, {name: kind for name, (kind, _) in arguments.items()})


RNG, THREADS, TOLD = ("seed", 0), ("threads", 1), ("callable", lambda done, total: None)
OF_NET = {"net": ("network", NET), "x": ("point", X)}
OF_NET_POINTS = {"net": ("network", NET), "x": ("points", POINTS)}
WORK = {"threads": THREADS, "progress": TOLD}
WIDTHS, SHAPE = ("one output", (4, 3, 1)), ("widths", (4, 3, 1))
NATURAL, COUNT, ANGLES = ("natural", 4), ("count", 2), ("angles", [0.5, 1.0])


def limit() -> rr.LimitNetwork:
    return rr.LimitNetwork(4, 2, 0)


def of_limit(name: str, x: Any, remember: Any) -> Any:
    return getattr(limit(), name)(x, remember=remember)


def sampled(measure: Callable[..., Any], **more: tuple[str, Any]) -> Call:
    return call(
        measure, **OF_NET, radius=("radius", 0.5), samples=("count", 3), rng=RNG,
        surface=("flag", False), antithetic=("flag", False), remember=("flag", True), **more,
        **WORK,
    )  # fmt: skip


def given_points(measure: Callable[..., Any]) -> Call:
    return call(measure, **OF_NET, points=("several points", POINTS), **WORK)


NETWORKS = {
    "Network.random": call(
        rr.Network.random, widths=("widths", (4, 3, 2)), rng=RNG, init=("text", "he"),
        bias=("size", 0.5), dtype=("dtype", "float64"), storage=("text", "stored"), threads=THREADS,
    ),
    "Network.from_weights": call(
        rr.Network.from_weights, weights=("weights", ROWS), biases=("biases", [np.ones(3), None]),
        dtype=("dtype", "float64"), ties=("text", "zero"),
    ),
    "Network.margin": call(SEVERAL.margin, top=("output", 0), other=("output", 1)),
    "Network.weights": call(NET.weights, i=("layer", 1)),
    "Network.bias": call(NET.bias, i=("layer", 1)),
    "Network.save": call(NET.save, path=("path", "/dev/null/net.npz")),
    "load": call(rr.load, path=("path", "/dev/null/net.npz")),
    "decision": call(SEVERAL.decision, x=("points", POINTS), **WORK),
    "jacobian": call(SEVERAL.jacobian, x=("points", POINTS), threads=THREADS),
    **{
        name: call(getattr(NET, name), x=("points", POINTS), **WORK)
        for name in ("forward", "preactivations", "activations", "pattern", "gradient",
                     "value_and_gradient")
    },
    "deferred.forward": call(
        DEFERRED.forward, x=("points", POINTS), remember=("flag", False), **WORK
    ),
    "LimitNetwork": call(
        rr.LimitNetwork, dim=NATURAL, depth=("count", 2), rng=RNG, init=("text", "he"),
        outputs=("natural", 2), bias=("size", 0.5),
    ),
    **{
        f"LimitNetwork.{name}": call(
            partial(of_limit, name), x=("points", POINTS), remember=("flag", True)
        )
        for name in ("forward", "gradient", "value_and_gradient", "jacobian")
    },
}  # fmt: skip

MEASURES = {
    "sample_ball": call(
        rr.sample_ball, x=("any point", X), radius=("size", 1.0), n=("count", 3), rng=RNG,
        surface=("flag", False), threads=THREADS,
    ),
    "flips": sampled(rr.flips),
    "flips at points": given_points(rr.flips),
    "gradient_deviation": sampled(rr.gradient_deviation, terms=("flag", False)),
    "gradient_deviation at points": given_points(rr.gradient_deviation),
    "gradient_decomposition": call(
        rr.gradient_decomposition, **OF_NET, y=("point", 2 * X), threads=THREADS
    ),
    "gradient_step": call(
        rr.gradient_step, net=("network", PLAIN), x=("points", POINTS), eta=("eta", "flip"),
        delta=("probability", 0.05), longest=("positive", 1.0), margin=("size", 0.0), **WORK,
    ),
    "gradient_step of several": call(
        rr.gradient_step, net=("network", SEVERAL), x=("points", POINTS),
        against=("against", [0, 1, 2]), eta=("eta", "linear"),
    ),
    "gradient_step of the limit": call(
        lambda **given: rr.gradient_step(limit(), **given), x=("points", POINTS),
        eta=("eta", "linear"), delta=("probability", 0.05), margin=("size", 0.0),
    ),
    "line": call(
        rr.line, **OF_NET, direction=("point", np.ones(4)), length=("positive", 1.0),
        until=("number", 0.0), **WORK,
    ),
    "plane": call(
        rr.plane, **OF_NET, u=("point", [1, 0, 0, 0]), v=("point", [0, 1, 0, 0]),
        extent=("extent", (-1, 1, -1, 1)), most_faces=("natural", 10**6), **WORK,
    ),
    "bounds": call(
        rr.bounds, **OF_NET_POINTS, radius=("radius", 0.5), norm=("norm", 2),
        iterations=("rounds", 1), **WORK,
    ),
    "worst_flips": call(
        rr.worst_flips, **OF_NET, radius=("radius", 0.5), layer=("layer", 1), steps=("steps", 2),
        certify=("flag", True), **WORK,
    ),
    "worst_deviation": call(
        rr.worst_deviation, **OF_NET, radius=("radius", 0.5), steps=("steps", 2),
        certify=("flag", True), **WORK,
    ),
    "lipschitz": call(
        rr.lipschitz, **OF_NET, radius=("size", 0.5), norm=("norm", 2), steps=("steps", 2),
        certify=("flag", True), **WORK,
    ),
    "distance": call(
        rr.distance, net=("network", SEVERAL), x=("points", POINTS), norm=("norm", 2),
        against=("against", [0, 1, 2]), certify=("flag", True), **WORK,
    ),
    "extremes": call(
        rr.extremes, net=("network", NET), radius=("positive", 1.0), starts=("natural", 2),
        steps=("steps", 2), rng=RNG, **WORK,
    ),
    "cell": call(rr.cell, **OF_NET, **WORK),
    "min_perturbation": call(rr.min_perturbation, **OF_NET, **WORK),
    "bottlenecks": call(rr.bottlenecks, widths=("widths", (4, 3, 1))),
    "figure_1": call(
        rr.figure_1, dim=NATURAL, hidden=("hidden", [3, 5]), runs=("natural", 2), rng=RNG,
        method=("text", "solve"), **WORK,
    ),
}  # fmt: skip

RESULTS = {
    "Pattern.flips": call(NET.pattern(X).flips, other=("pattern", NET.pattern(-X))),
    "Line.value": call(LINE.value, t=("places", 0.5)),
    "Line.point": call(LINE.point, t=("places", 0.5)),
    "Line.pattern": call(LINE.pattern, t=("places", 0.5)),
    "Line.gradient": call(LINE.gradient, t=("places", 0.5), threads=THREADS),
    "Line.first_crossing": call(LINE.first_crossing, level=("number", 0.0)),
    "Plane.value": call(PLANE.value, s=("coordinates", 0.5), t=("coordinates", 0.25)),
    "Plane.point": call(PLANE.point, s=("coordinates", 0.5), t=("coordinates", 0.25)),
    "Plane.locate": call(PLANE.locate, s=("coordinates", 0.5), t=("coordinates", 0.25)),
    "Plane.pattern": call(PLANE.pattern, face=("faces", 0)),
    "Plane.gradient": call(PLANE.gradient, face=("faces", 0), threads=THREADS),
    "Plane.decision": call(PLANE.decision, level=("number", 0.0)),
    "Plane.level_set": call(PLANE.level_set, level=("number", 0.0)),
    "Flips.quantiles": call(FLIPS.quantiles, q=("shares", 0.5)),
    "Cell.facets": call(rr.cell(NET, X).facets, **WORK),
    "NormLaw.cdf": call(LAW.cdf, x=("extended", 0.5)),
    "NormLaw.ppf": call(LAW.ppf, q=("shares", 0.5)),
    "NormLaw.moment": call(LAW.moment, order=("positive", 2.0)),
    "NormLaw.p_value": call(LAW.p_value, norms=("array", [0.5, 1.0])),
    "LimitStep.cdf": call(STEP.cdf, ratio=("extended", 0.5)),
    "LimitStep.ppf": call(STEP.ppf, q=("shares", 0.5)),
}

LAWS = {
    "base": call(laws.base, widths=SHAPE),
    "draw_projected_length": call(
        laws.draw_projected_length, rank=("rank", 2), dim=NATURAL,
        generator=("generator", np.random.default_rng(0)),
    ),
    "flip_fractions": call(laws.flip_fractions, angle=ANGLES, depth=COUNT),
    "flips_given_images": call(laws.flips_given_images, image_angles=ANGLES),
    "laws.gradient_deviation": call(laws.gradient_deviation, angle=ANGLES, depth=COUNT),
    "gradient_norm_law": call(laws.gradient_norm_law, widths=WIDTHS, init=("text", "he")),
    "gradient_terms": call(laws.gradient_terms, angle=ANGLES, depth=COUNT),
    "great_circle_zeros": call(laws.great_circle_zeros, widths=WIDTHS, angle=("size", 1.0)),
    "large_preactivations": call(
        laws.large_preactivations, widths=WIDTHS, alpha=("alpha", 0.1), layers=("layers", [1])
    ),
    "layer_norm_law": call(
        laws.layer_norm_law, widths=("widths", (4, 3, 3, 1)), layer=("layer", 1),
        init=("text", "he"),
    ),
    "limit_crossover": call(laws.limit_crossover, ratio=("positives", 1.0)),
    "limit_gradient_norm_law": call(laws.limit_gradient_norm_law, dim=NATURAL, depth=COUNT),
    "limit_kernel": call(
        laws.limit_kernel, x=("array", X), y=("array", X + 1), depth=COUNT
    ),
    "limit_kernel_at": call(laws.limit_kernel_at, angle=ANGLES, depth=COUNT),
    "limit_output_size_law": call(
        laws.limit_output_size_law, dim=NATURAL, depth=COUNT, norm=("positive", 1.0)
    ),
    "limit_step": call(laws.limit_step, dim=NATURAL, depth=("natural", 2), size=("positive", 1.0)),
    "limit_value_after": call(
        laws.limit_value_after, eta=("array", 0.1), f=("array", 0.5), grad_norm=("array", 1.0),
        dim=NATURAL, depth=COUNT, norm=("positive", 1.0),
    ),
    "linear_step_norm_quantile": call(
        laws.linear_step_norm_quantile, q=("shares", 0.5), dim=NATURAL
    ),
    "log10_required_width": call(
        laws.log10_required_width, widths=SHAPE, delta=("probability", 0.1)
    ),
    "log_widest": call(laws.log_widest, widths=SHAPE),
    "masked_difference_law": call(
        laws.masked_difference_law, angle=("angles", 0.5), k=NATURAL, m=NATURAL, n=NATURAL
    ),
    "mean_projected_length": call(laws.mean_projected_length, rank=("rank", 2), dim=NATURAL),
    "narrowest": call(laws.narrowest, widths=SHAPE),
    "next_angle": call(laws.next_angle, angle=ANGLES),
    "nn_def_scale": call(laws.nn_def_scale, widths=SHAPE, variances=("variances", [1.0, 2.0])),
    "normal_beyond_sphere": call(laws.normal_beyond_sphere, dim=NATURAL),
    "output_size_law": call(
        laws.output_size_law, widths=WIDTHS, norm=("positive", 1.0), init=("text", "he")
    ),
    "paper_step_size": call(
        laws.paper_step_size, widths=SHAPE, delta=("probability", 0.1), norm=("positives", 1.0)
    ),
    "projected_length_law": call(laws.projected_length_law, rank=("rank", 2), dim=NATURAL),
    "sample_linear_step": call(
        laws.sample_linear_step, dim=NATURAL, width=NATURAL, n=COUNT,
        generator=("generator", np.random.default_rng(0)),
    ),
    "share_interval": call(
        laws.share_interval, count=("count", 2), trials=NATURAL, confidence=("probability", 0.9)
    ),
    "sine_excess": call(laws.sine_excess, x=("positives", 0.5)),
    "size_bound": call(laws.size_bound, dim=NATURAL, delta=("probability", 0.1)),
    "weight_variances": call(laws.weight_variances, widths=("widths", (4, 3, 1)),
                             init=("text", "he")),
    "worst_sign_change": call(laws.worst_sign_change, ratio=("shares", 0.5)),
}  # fmt: skip

RUNS = {
    "sweep": call(
        rr.sweep, experiment=("text", "flips"),
        grid=("grid", {"width": [3], "depth": [1], "radius": [0.5], "samples": [2]}),
        trials=("natural", 1), rng=RNG, threads=THREADS, progress=TOLD,
    ),
    "read_sweep": call(rr.read_sweep, store=("path", "/dev/null/sweep")),
    "check": call(rr.check, rng=RNG, trials=("natural", 2), widths=WIDTHS, threads=THREADS),
}  # fmt: skip
RUNS["check"] = Call(partial(rr.check, "lemma-2.2"), RUNS["check"].valid, RUNS["check"].kinds)

# What other libraries make is not made here.
FOREIGN = {
    "Network.from_torch": call(rr.Network.from_torch, module=("network", None)),
    "Network.from_sklearn": call(rr.Network.from_sklearn, estimator=("network", None)),
}

CALLS = {**FOREIGN, **NETWORKS, **MEASURES, **RESULTS, **LAWS, **RUNS}
