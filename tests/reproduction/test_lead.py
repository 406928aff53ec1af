"""The pictures that a report begins with: what they say is what their networks do."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import randrelu as rr
from randrelu.checks.statement import PlanRow
from randrelu.pages.artist import Artist
from randrelu.reproduction import lead
from randrelu.reproduction.plan import Run
from randrelu.reproduction.report import Outcome

FEW = lead.Settings((20, 30, 30, 1), 1, {10: 12, 20: 9, 40: 6}, (8,), (1, 3), 7)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(lead, "QUICK", FEW)


def found(outcomes=(), root=5):
    with Artist() as artist:
        pictures = lead.pictures(outcomes, root, False, None, artist.draw)
    return {picture.slug: picture for picture in pictures}


def outcome_of(statement, **parameters):
    check = rr.check(statement, rng=3, **parameters)
    return Outcome(Run(statement, PlanRow("", parameters, parameters)), 0.0, check, None, (), None)


def test_the_attack_is_that_of_the_root_seed():
    picture = found()["attack"]
    net, x = rr.Network.random((20, 30, 30, 1), rng=5, dtype="float64"), np.ones(20)
    f, g = net.value_and_gradient(x)
    n, unit = picture.numbers, np.sqrt(20) * -np.sign(f) * g / np.linalg.norm(g)
    # The drawn network has the same weights; only its gradient is rounded to float32.
    assert n["f"] == pytest.approx(f, rel=1e-5)
    assert net.forward(x + n["zero"] * unit) == pytest.approx(0, abs=1e-5 * abs(f))
    assert net.forward(x + n["opposite"] * unit) == pytest.approx(-f, rel=1e-5)
    # On this way no unit flips twice.
    flips = sum(net.pattern(x).flips(net.pattern(x + n["opposite"] * unit)))
    assert n["flips"] == flips > 0
    assert f"{n['zero']:.4f} ‖x‖" in picture.sentence
    assert f"{flips} flips of its 60 units" in picture.sentence
    # The picture shows a quarter more of the line, on which a unit flips back.
    places = x + np.linspace(0, n["length"], 1001)[:, np.newaxis] * unit
    patterns = [net.pattern(place) for place in places]
    drawn = sum(sum(one.flips(after)) for one, after in itertools.pairwise(patterns))
    assert n["drawn"] == drawn > flips
    assert f"and {drawn} on all of the line" in picture.sentence


def test_an_attack_that_does_not_succeed_is_told():
    settings = replace(FEW, attacked=(2, 8, 8, 1))
    attacks = [lead._attack(settings, root, None)[:2] for root in range(12)]
    missed = [sentence for sentence, numbers in attacks if numbers["opposite"] is None]
    assert 0 < len(missed) < 12
    assert all("does not reach −f(x) within 35.3553 ‖x‖" in sentence for sentence in missed)


def test_sizes_and_depths_are_those_of_the_checks_with_their_seeds():
    pictures = found()
    rows = pictures["sizes"].numbers["sizes"]
    for row, (dim, trials) in zip(rows, FEW.sizes.items(), strict=True):
        columns = rr.check(
            "theorem-1.1", widths=(dim, dim, 1), trials=trials, eta="shortest", rng=row["rng"]
        ).trials
        assert row["linear"]["value"] == np.median(columns["linear_relative_norm"])
        assert row["succeeded"] == columns["success"].sum() and row["trials"] == trials
    for row in pictures["depth"].numbers["rows"]:
        c = rr.check(
            "theorem-1.1", widths=(8,) * (row["depth"] + 1) + (1,), trials=7, eta="exact",
            storage="stored", rng=row["rng"],
        )  # fmt: skip
        assert (row["succeeded"], row["trials"]) == c.measurements[0].count
        assert row["share"]["low"] == c.measurements[0].low


def test_what_a_run_has_is_not_computed_again():
    more = outcome_of("theorem-1.1", widths=(20, 20, 1), trials=15, eta="shortest")
    fewer = outcome_of("theorem-1.1", widths=(40, 40, 1), trials=2, eta="shortest")
    rows = found([more, fewer])["sizes"].numbers["sizes"]
    assert [row["trials"] for row in rows] == [12, 15, 6]
    assert rows[1]["rng"] == 3 != rows[2]["rng"]


def test_an_error_is_told_and_stops_no_other_picture(monkeypatch):
    def out_of_memory(*_, **__):
        raise MemoryError("too large")

    monkeypatch.setattr(lead.checks, "check", out_of_memory)
    pictures = found()
    assert pictures["attack"].error is None and pictures["attack"].figure is not None
    assert pictures["sizes"].error == "MemoryError: too large" and not pictures["sizes"].files
