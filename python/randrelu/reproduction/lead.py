"""The pictures that a report begins with, and a sentence with its numbers for each.

They are made after the runs, whose trials they take where a run has them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu import checks, laws
from randrelu.checks import Check
from randrelu.checks.result import quantile_interval, share
from randrelu.figures.lead import attack_figure, depth_figure, sizes_figure
from randrelu.measures.gradient_step import gradient_step
from randrelu.measures.trace import line
from randrelu.network import Network
from randrelu.pages.draw import Drawn
from randrelu.reproduction.picture import Picture
from randrelu.reproduction.plan import seed_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from randrelu.reproduction.report import Outcome


@dataclass(frozen=True)
class Settings:
    """How large the pictures are.

    Attributes
    ----------
    attacked : tuple of int
        The widths of the network whose attack is drawn.
    layers : int
        The hidden layers of the networks over whose sizes the steps fall.
    sizes : mapping of int to int
        The sizes d, each with its number of networks.
    narrow, depths : tuple of int
        The widths and the depths of the networks whose sensitivity is drawn.
    trials : int
        How many networks there are of each of them.
    """

    attacked: tuple[int, ...]
    layers: int
    sizes: Mapping[int, int]
    narrow: tuple[int, ...]
    depths: tuple[int, ...]
    trials: int


QUICK = Settings(
    (784, 2048, 2048, 1),
    2,
    {100: 200, 1000: 200, 10_000: 100, 100_000: 30, 1_000_000: 9},
    (32,),
    (1, 2, 4, 8, 16),
    40,
)
FULL = replace(
    QUICK,
    sizes={100: 2000, 1000: 2000, 10_000: 1000, 100_000: 200, 1_000_000: 100},
    narrow=(32, 128),
    depths=(1, 2, 4, 8, 16, 32),
    trials=200,
)

_Made = tuple[str, dict[str, Any], "Callable[[], Figure] | Drawn"]


def pictures(
    outcomes: Sequence[Outcome],
    root: int,
    full: bool,
    threads: int | None,
    draw: Callable[[Callable[[], Figure]], Future[Drawn | str]],
) -> tuple[Picture, ...]:
    """Make the pictures; an error becomes part of the picture that raised it.

    `draw` begins to draw one, so that the next is measured meanwhile.
    """
    settings = FULL if full else QUICK
    found = [outcome for outcome in outcomes if outcome.check is not None]
    made: dict[str, tuple[str, Callable[[], _Made]]] = {
        "attack": ("One attack", partial(_attack, settings, root, threads)),
        "sizes": (
            "The size of the step against d",
            partial(_sizes, settings, partial(_check, found, root, threads)),
        ),
    }
    for outcome in found:
        if outcome.run.statement == "figure-1" and outcome.figure is not None:
            made["figure-1"] = ("Figure 1 of the paper", partial(_figure_1, outcome))
    made["depth"] = (
        "Sensitivity against depth",
        partial(_depth, settings, partial(_check, found, root, threads)),
    )
    measured = [_measured(slug, heading, make, draw) for slug, (heading, make) in made.items()]
    return tuple(_drawn(picture, figure) for picture, figure in measured)


_Figure = Drawn | Future[Drawn | str] | None


def _measured(
    slug: str,
    heading: str,
    make: Callable[[], _Made],
    draw: Callable[[Callable[[], Figure]], Future[Drawn | str]],
) -> tuple[Picture, _Figure]:
    """Return a picture without its figure, and the figure that is drawn meanwhile."""
    try:
        sentence, numbers, figure = make()
        json.dumps(numbers, allow_nan=False)  # results.json holds no other numbers
    except Exception as raised:
        return Picture(slug, heading, error=f"{type(raised).__name__}: {raised}"), None
    picture = Picture(slug, heading, sentence, numbers)
    return picture, figure if isinstance(figure, Drawn) else draw(figure)


def _drawn(picture: Picture, figure: _Figure) -> Picture:
    found = figure.result() if isinstance(figure, Future) else figure
    if isinstance(found, str):
        return Picture(picture.slug, picture.heading, error=found)
    return replace(picture, figure=found)


def _check(
    found: Sequence[Outcome], root: int, threads: int | None, parameters: Mapping[str, Any]
) -> Check:
    """Return a check of theorem 1.1: a run's where one has no fewer trials, else one of its own."""
    for outcome in found:
        check = outcome.check
        if (
            check is not None
            and check.statement == "theorem-1.1"
            and check.parameters["trials"] >= parameters["trials"]
            and all(check.parameters[k] == v for k, v in parameters.items() if k != "trials")
        ):
            return check
    seed = seed_of(root, "theorem-1.1", parameters)
    return checks.check("theorem-1.1", rng=seed, threads=threads, **parameters)


def _attack(settings: Settings, root: int, threads: int | None) -> _Made:
    """Follow f along the shortest step that succeeds on the network of the root seed."""
    widths = settings.attacked
    net = Network.random(widths, rng=root, threads=threads)
    x = np.ones(widths[0])
    norm = math.sqrt(x.size)
    f, gradient = net.value_and_gradient(x, threads=threads)
    step = gradient_step(net, x, eta="exact", threads=threads)
    # A little farther than the step; where none succeeds, as far as a step may go.
    length, sign = (
        (1.25 * float(step.relative_norm), np.sign(step.eta))
        if step.success
        else (50 / math.sqrt(x.size), -np.sign(f))
    )
    way = line(net, x, float(sign) * gradient, length * norm, threads=threads)
    zero, opposite = (way.first_crossing(level) for level in (0.0, -way.f0))
    numbers = {
        "widths": str(widths), "rng": root, "units": sum(widths[1:-1]),
        "f": way.f0, "zero": zero / norm, "opposite": opposite / norm,
        "flips": int((way.t <= opposite).sum()), "length": length, "drawn": way.t.size,
    }  # fmt: skip
    sentence = (
        "On one network of widths {widths}, f goes from f(x) = {f:.4g} to 0 in a step of "
        "{zero:.4f} ‖x‖ along its gradient, and to −f(x) in {opposite:.4f} ‖x‖; up to there are "
        "{flips} flips of its {units} units, and {drawn} on all of the line that is drawn."
        if math.isfinite(opposite)
        else "On one network of widths {widths}, f goes from f(x) = {f:.4g} along its gradient and "
        "does not reach −f(x) within {length:.4f} ‖x‖."
    )
    marks = {"f = 0": zero, "f = −f(x)": opposite}
    marks = {label: t for label, t in marks.items() if math.isfinite(t)}
    plain = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in numbers.items()
    }
    return sentence.format(**numbers), plain, partial(attack_figure, way, marks)


def _sizes(settings: Settings, check: Callable[[Mapping[str, Any]], Check]) -> _Made:
    """Measure the steps on networks whose layers are all as wide as the input."""
    rows = []
    for dim, trials in settings.sizes.items():
        widths = (dim,) * (settings.layers + 1) + (1,)
        found = check({"widths": widths, "trials": trials, "eta": "shortest"})
        columns = found.trials
        reached = np.where(columns["success"], columns["relative_norm"], np.inf)
        rows.append({
            "dim": dim, "trials": found.parameters["trials"], "rng": found.parameters["rng"],
            "succeeded": int(columns["success"].sum()),
            "linear": _median(columns["linear_relative_norm"]),
            "law": float(laws.linear_step_norm_quantile(0.5, dim)),
            "shortest": _median(reached),
        })  # fmt: skip
    medians = [row["linear"]["value"] for row in rows]
    dims = [row["dim"] for row in rows]
    first, last = rows[0], rows[-1]
    # The deviation of the logarithm of a median falls as one over the root of its trials.
    weights = np.sqrt([row["trials"] for row in rows])
    numbers = {
        "layers": settings.layers,
        "power": float(np.polyfit(np.log(dims), np.log(medians), 1, w=weights)[0]),
        "sizes": rows,
    }
    power = f"{numbers['power']:.3f}".replace("-", "−")
    sentence = (
        f"From d = {_power(first['dim'])} to {_power(last['dim'])}, on networks of "
        f"{settings.layers} hidden layers as wide as the input ({_counts(rows)}), the median "
        f"linear step −2f/‖∇f‖² falls as d^{{{power}}}, from {_ends(first)} to {_ends(last)} ‖x‖; "
        f"its exact law has {first['law']:.4g} and {last['law']:.4g}."
    )
    return sentence, numbers, partial(sizes_figure, rows)


def _ends(row: Mapping[str, Any]) -> str:
    """Return a median of the linear step in words, with its interval where there is one."""
    value, low, high = row["linear"].values()
    between = "" if None in (low, high) else f" ({low:.2g} … {high:.2g}, a 95 % interval)"
    return f"{value:.4g}{between}"


def _median(values: NDArray[np.float64]) -> dict[str, float | None]:
    """Return the median with its exact interval; None for what is infinite."""
    ends = (float(np.median(values)), *quantile_interval(values, 0.5))
    names = ("value", "low", "high")
    return {n: v if math.isfinite(v) else None for n, v in zip(names, ends, strict=True)}


def _counts(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = [row["trials"] for row in rows]
    if len(set(counts)) == 1:
        return f"{counts[0]} of each size"
    return f"{', '.join(map(str, counts[:-1]))} and {counts[-1]} of them"


def _power(number: int) -> str:
    power = round(math.log10(number))
    return f"10^{{{power}}}" if 10**power == number else str(number)


def _figure_1(outcome: Outcome) -> _Made:
    """Take Figure 1 from its check."""
    assert outcome.check is not None and outcome.figure is not None
    rows = list(_averages(outcome.check))
    solved = [row for row in rows if row["method"] == "solve"]
    dim = outcome.check.parameters["dim"]
    row = solved[len(solved) // 2]
    sentence = (
        f"With {row['hidden']} hidden units and d = {dim}, the smallest change that undoes the "
        f"first layer has {row['mean']:.4g} ‖x‖ on average over {row['runs']} networks; √(k/d) is "
        f"{row['predicted']:.4g}."
    )
    return sentence, {"dim": dim, "averages": rows}, outcome.figure


def _averages(check: Check) -> Iterator[dict[str, Any]]:
    columns = check.trials
    for k in np.unique(columns["hidden"]):
        here = columns["hidden"] == k
        yield {
            "hidden": int(k),
            "runs": int(here.sum()),
            "method": str(columns["method"][here][0]),
            "mean": float(columns["ratio"][here].mean()),
            "predicted": float(columns["predicted"][here][0]),
        }


def _depth(settings: Settings, check: Callable[[Mapping[str, Any]], Check]) -> _Made:
    """Count on how many networks the exact step succeeds, at several depths."""
    rows = []
    for width in settings.narrow:
        for depth in settings.depths:
            widths = (width,) * (depth + 1) + (1,)
            found = check({
                "widths": widths, "trials": settings.trials, "eta": "exact", "storage": "stored",
            })  # fmt: skip
            seen = share("", found.trials["success"])
            assert seen.count is not None
            rows.append({
                "width": width, "depth": depth, "succeeded": seen.count[0], "trials": seen.count[1],
                "rng": found.parameters["rng"],
                "share": {"value": seen.value, "low": seen.low, "high": seen.high},
            })  # fmt: skip
    first, last = rows[0], rows[len(settings.depths) - 1]
    sentence = (
        f"Along its gradient f reaches −f(x) within 50 ‖x‖/√d on {first['succeeded']} of "
        f"{first['trials']} networks of width {first['width']} with {first['depth']} hidden "
        f"layer{'' if first['depth'] == 1 else 's'}, and on {last['succeeded']} of "
        f"{last['trials']} with {last['depth']}."
    )
    return sentence, {"rows": rows}, partial(depth_figure, rows)
