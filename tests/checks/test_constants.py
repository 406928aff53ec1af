"""Bounds with a constant that the paper leaves open."""

import numpy as np
import pytest
from randrelu import Network, check
from randrelu.checks.constants import spectral_bounds
from randrelu.checks.trials import Networks
from reaches import networks_on_another_scale
from small import SMALL

OPEN = pytest.mark.parametrize("name", ["lemma-2.3", "claim-2.4", "lemma-2.6", "lemma-2.8"])


def named(c, start):
    return next(m for m in c.measurements if m.name.startswith(start))


@OPEN
def test_a_bound_is_uninformative_from_the_constant_on_that_always_does(name):
    plain = check(name, **SMALL[name], rng=1)
    always = named(plain, "C from which on").value
    assert plain.parameters["constant"] is None
    assert not any("within the bound" in m.name for m in plain.measurements)
    # No point breaks the bound with that C, so none needs a larger one.
    assert named(plain, "smallest C").value < always
    above = check(name, **SMALL[name], constant=1.01 * always, rng=1)
    assert above.conclusion == "uninformative"
    assert named(above, "C = ").value == pytest.approx(1.01)
    below = check(name, **SMALL[name], constant=0.99 * always, rng=1)
    assert below.conclusion == "consistent"
    assert named(below, "within the bound").value == 1


def test_spectral_bounds_are_those_of_davidson_and_szarek():
    """They exceed the norms of all trials but with probability 0.001, and not by much."""
    widths = (60, 40, 80, 1)
    bounds = spectral_bounds(Networks.asked(widths, 50, "stored", 0, None, None))
    norms = np.array([
        [np.linalg.norm(net.weights(i), 2) for i in (1, 2, 3)]
        for net in (Network.random(widths, rng=s, dtype="float64") for s in range(50))
    ])  # fmt: skip
    assert (norms < bounds).all() and (bounds < 2 * norms.max(axis=0)).all()


def test_lemma_2_3_is_violated_by_images_that_are_near_0(monkeypatch):
    networks_on_another_scale(0.1)(monkeypatch)
    c = check("lemma-2.3", **SMALL["lemma-2.3"], rng=0, storage="stored")
    assert c.conclusion == "violated" and c.measurements[0].count == (0, 20)


def test_lemma_2_3_notices_another_law_of_the_images(monkeypatch):
    """Images a tenth too long satisfy both claims, but not the exact law."""
    networks_on_another_scale(1.1)(monkeypatch)
    given = {"widths": (100, 120, 120, 1), "trials": 200, "samples": 1}
    c = check("lemma-2.3", **given, rng=0, storage="stored")
    assert c.measurements[0].value == 1 and c.conclusion == "violated"
