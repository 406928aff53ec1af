"""A check in words: what the terminal and the report both say."""

from __future__ import annotations

import math
import numbers
import shlex
from collections.abc import Mapping
from typing import Any

from randrelu.checks.result import Check, Measurement
from randrelu.checks.verdict import FALSE_ALARM
from randrelu.laws import CONFIDENCE

# What `randrelu check` has options of its own for.
_OPTIONS = ("widths", "trials", "delta", "eta", "storage", "rng")
_SEEN = {
    "holds": "what was measured shows the claimed conclusion here",
    "holds (certified)": "a bound that no point exceeds shows the claimed conclusion here",
    "consistent": "what was measured agrees with the claim, but cannot establish it",
    "uninformative": "no data could break this bound",
    "not shown": "what is claimed to exist was not found often enough, which does not refute it",
    "violated": "what was measured contradicts the claimed conclusion here",
}
MET = {True: "met", False: "not met", None: "open"}
LEVELS = (
    f"Intervals are {100 * CONFIDENCE:g} % intervals. A check calls a true statement violated with "
    f"probability {FALSE_ALARM:g} at most."
)


def command(check: Check) -> str:
    """Return the command that repeats the check."""
    return command_with(check.statement, check.parameters)


def command_with(statement: str, parameters: Mapping[str, Any]) -> str:
    """Return the command that checks a statement with these parameters."""
    words = [f"randrelu check {statement}"]
    for name, value in parameters.items():
        if value is None:
            continue
        option = {"rng": "--seed"}.get(name, f"--{name}")
        text = _argument(value)
        words.append(
            f"{option} {shlex.quote(text)}"
            if name in _OPTIONS
            else f"-p {shlex.quote(f'{name}={text}')}"
        )
    return " ".join(words)


def _argument(value: Any) -> str:
    if isinstance(value, tuple) and value and all(isinstance(v, numbers.Real) for v in value):
        text = ",".join(map(str, value))
        return f"{text}," if len(value) == 1 else text  # the comma makes it a tuple
    if value and isinstance(value, tuple) and all(_is_word(v) for v in value):
        return ",".join(value)
    return str(value)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier()


def value(m: Measurement) -> str:
    """Return the measured number; a share as a count."""
    if m.count is not None:
        return f"{m.count[0]} of {m.count[1]}"
    if m.smallest and m.value == math.inf:
        return "none does"
    return _number(m.value, ".4g")


def interval(m: Measurement) -> str:
    """Return the confidence interval, empty where there is none."""
    if m.low is None or m.high is None:
        return ""
    digits = ".4f" if m.count is not None else ".4g"
    return f"[{_number(m.low, digits)}, {_number(m.high, digits)}]"


def _number(number: float, digits: str) -> str:
    if math.isnan(number):
        return "undefined"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    return f"{number:{digits}}"


def hypothesis(check: Check) -> str:
    """Return whether the hypothesis is met, and why."""
    asked = check.hypothesis
    return f"Hypothesis: {MET[asked.met]}. It asks for {asked.asks}; here {asked.has}."


def verdict(check: Check) -> str:
    """Return the verdict and what was seen."""
    seen = _SEEN[check.conclusion]
    if check.hypothesis.met:
        return f"Verdict: {check.verdict} ({seen})."
    return (
        f"Verdict: {check.verdict}, so this neither confirms nor refutes the paper. Conclusion: "
        f"{check.conclusion} ({seen})."
    )
