"""Theorem 1.1 over many sizes: the power of d is shown, and how far was looked."""

import numpy as np
import pytest
from randrelu import check
from randrelu.checks.statements import theorem_1_1


@pytest.fixture
def sizes_of_steps(monkeypatch):
    """Let the checks of theorem 1.1 find sizes that a function of d and of a Generator draws."""

    def of(draw, eta="exact"):
        original = theorem_1_1.run

        def run(**keywords):
            c = original(**keywords | {"trials": 1})
            dim, trials = keywords["widths"][0], keywords["trials"]
            norms = draw(dim, np.random.default_rng(keywords["rng"]), trials)
            found = {"relative_norm": norms, "success": np.isfinite(norms)}
            object.__setattr__(c, "trials", found)
            return c

        monkeypatch.setattr(theorem_1_1, "run", run)
        given = {"dims": (16, 64, 256), "depths": (0,), "trials": 300}
        return check("theorem-1.1-scaling", **given, rng=0, eta=eta)

    return of


def test_a_step_that_does_not_shrink_has_the_power_0(sizes_of_steps):
    """And is consistent: at these sizes √d times the step may rise to a bound that is farther."""
    c = sizes_of_steps(lambda _, generator, trials: generator.lognormal(0, 0.1, trials))
    assert c.conclusion == "consistent"
    power = c.measurements[0]
    assert power.low <= 0 <= power.high and power.high - power.low < 0.1


def test_failures_count_as_infinite_steps(sizes_of_steps):
    """With 10 % of failures no size has a 95 % quantile; the share that failed is reported."""

    def draw(dim, generator, trials):
        norms = generator.lognormal(0, 0.1, trials) / np.sqrt(dim)
        return np.where(np.arange(trials) < trials // 10, np.inf, norms)

    c = sizes_of_steps(draw)
    assert c.conclusion == "consistent"
    assert np.isnan(c.measurements[0].value) and c.measurements[0].low == -np.inf
    failed = [m for m in c.measurements if m.name.startswith("failed")]
    assert [m.count for m in failed] == [(30, 300)] * 3
    assert all(m.paper.endswith("that is c₃ = 28.9") for m in failed)


def test_what_was_not_found_below_the_cap_is_not_known_to_be_larger(sizes_of_steps):
    """Only the largest size fails: its quantile may be the cap."""
    near = sizes_of_steps(lambda dim, _, n: np.full(n, 60 / np.sqrt(dim) if dim < 256 else np.inf))
    assert near.measurements[0].low < -0.5 and near.measurements[0].high == np.inf
    draw = lambda dim, _, n: np.full(n, 1 / np.sqrt(dim) if dim < 256 else np.inf)  # noqa: E731
    # From 1/√16 to 50/√256, of sizes whose quotient is 16.
    capped = np.log(50 * np.sqrt(16 / 256)) / np.log(16)
    assert sizes_of_steps(draw).measurements[0].low == pytest.approx(capped)
    # "shortest" tries multiples of the linear step, however long these are.
    assert sizes_of_steps(draw, "shortest").measurements[0].low == np.inf


@pytest.mark.parametrize("depths", [(1, 3), (0, 1)])
def test_the_scaling_asks_for_what_the_theorem_asks_for(depths):
    """The largest C that suffices at all sizes; the theorem is about ℓ ≥ 1 hidden layers."""
    c = check("theorem-1.1-scaling", dims=(8, 16), depths=depths, trials=2, rng=0)
    if 0 in depths:
        assert c.hypothesis.met is False and "no hidden layer" in c.hypothesis.has
    else:
        # (C 3 log 16)^{720} log 20 ≤ 16; at the smaller size and the smaller depth C is larger.
        largest = (16 / np.log(20)) ** (1 / 720) / (3 * np.log(16))
        assert c.hypothesis.met is None and c.hypothesis.has.endswith(f"C ≤ {largest:.3g}")
