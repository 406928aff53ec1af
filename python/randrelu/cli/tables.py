"""What the commands print: tables for people, and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from randrelu.checks import STATEMENTS, Check, words
from randrelu.reproduction.report import Outcome, Report
from randrelu.reproduction.sections import by_section
from randrelu.studies.result import Study
from randrelu.sweeps import Failure

_MOST_ROWS = 20
_MOST_POINTS = 100
_STYLES = {
    "holds": "green",
    "holds (certified)": "green",
    "consistent": "blue",
    "uninformative": "dim",
    "not shown": "yellow",
    "hypothesis open": "yellow",
    "hypothesis not met": "yellow",
    "violated": "bold red",
    "failed": "bold red",
}


def check_table(check: Check) -> RenderableType:
    """Return everything that a check found but its trials."""
    table = Table("measured", "value", "95 % interval", "paper or exact law", box=box.SIMPLE_HEAD)
    for m in check.measurements:
        table.add_row(Text(m.name), words.value(m), Text(words.interval(m)), Text(m.paper))
    return Group(
        Text(words.command(check), style="bold"),
        Text(check.claim),
        table,
        Text(words.hypothesis(check)),
        Text(words.verdict(check), style="bold"),
        Text(words.LEVELS, style="dim"),
    )


def outcome_line(outcome: Outcome) -> str:
    """Return in a line that a run of a reproduction has ended."""
    return f"{outcome.run.name}: {outcome.error or outcome.verdict} ({outcome.seconds:.1f} s)"


def report_table(report: Report) -> RenderableType:
    """Return a row per run of a reproduction, as the report's page has them."""
    table = Table(
        Column("statement", min_width=max(map(len, STATEMENTS))),
        Column("measured, claimed and 95 % interval", overflow="fold"),
        Column("verdict", no_wrap=True),
        Column("seconds", no_wrap=True, justify="right"),
        box=box.SIMPLE_HEAD,
    )
    for section in by_section(report.outcomes):
        table.add_section()
        for outcome in section.outcomes:
            table.add_row(
                Text(outcome.run.name), _found(outcome), _verdict(outcome), f"{outcome.seconds:.1f}"
            )
    return Group(table, Text(words.LEVELS, style="dim"))


def _found(outcome: Outcome) -> Text:
    """Return what was measured, what is claimed and the interval, each in a line."""
    m = outcome.first
    if m is None:
        return Text(str(outcome.error))
    found = Text.assemble((words.value(m), "bold"), f"  {m.name}")
    if m.paper:
        found.append(f"\nclaimed: {m.paper}")
    if interval := words.interval(m):
        found.append(f"\n{interval}")
    return found


def _verdict(outcome: Outcome) -> Text:
    """Return the verdict, and the conclusion where that is another word."""
    verdict = Text(outcome.verdict, style=_STYLES[outcome.verdict])
    if outcome.conclusion:
        verdict.append(f"\n({outcome.conclusion})", style="default")
    return verdict


def store_table(contents: Mapping[str, Any], failures: Sequence[Failure]) -> RenderableType:
    """Return a row per point of a sweep's store."""
    points = contents["points"]
    names = list(dict.fromkeys(name for point in points for name in point["params"]))
    table = Table(*map(escape, names), "trials done", box=box.SIMPLE_HEAD)
    for point in points[:_MOST_POINTS]:
        values = [escape(str(point["params"].get(name, ""))) for name in names]
        table.add_row(*values, f"{point['done']} of {contents['trials']}")
    more = len(points) - _MOST_POINTS
    versions = ", ".join(dict.fromkeys(v["version"] for v in contents["versions"]))
    done = sum(point["done"] for point in points)
    return Group(
        Text(f"{contents['experiment']}, seed {contents['seed']}", style="bold"),
        table,
        Text(f"{f'… and {more} more points; ' if more > 0 else ''}{done} trials in all, of "
             f"randrelu {versions}"),
        failures_text(failures),
    )  # fmt: skip


def failures_text(failures: Sequence[Failure]) -> Text:
    """Return a line for each failure, and the traceback of the first."""
    if not failures:
        return Text("nothing failed in the last run")
    lines = [
        f"{sum(len(f.trials) for f in failures)} trials failed; the same command tries them again",
        *(f"  {f!r}" for f in failures[:_MOST_ROWS]),
    ]
    if len(failures) > _MOST_ROWS:
        lines.append(f"  … and {len(failures) - _MOST_ROWS} more")
    return Text("\n".join([*lines, "", failures[0].traceback.rstrip()]))


def study_text(study: Study) -> Text:
    """Return the answer, what the pictures show, what they do not, and where the page is."""
    parts = [study.answer, *(f"{f.heading}: {f.sentence}" for f in study.findings)]
    limits = [] if study.conclusion is None else list(study.conclusion.limits)
    return Text("\n\n".join([*parts, *limits, f"The page is {study.page}"]))


def info_table(facts: Mapping[str, Any]) -> Table:
    """Return a row per fact about what is installed."""
    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        table.add_row(name, str(value))
    return table


def print_json(value: Mapping[str, Any]) -> None:
    """Print a value in a line of JSON, where infinities are texts, and NaN is null."""
    print(json.dumps(_finite(value), allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
