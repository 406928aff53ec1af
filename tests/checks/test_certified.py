"""The checks about all points of a ball: sampled, attained and certified beside each other."""

import numpy as np
import pytest
import reference
from randrelu import Network, check, sample_ball, worst_deviation, worst_flips
from randrelu.checks.columns import hidden_layers, read
from randrelu.checks.segments import segments
from randrelu.checks.statements import lemma_2_3
from randrelu.checks.trials import Networks

WIDTHS = (20, 40, 12, 30, 8, 1)
GIVEN = {"widths": WIDTHS, "trials": 12, "rng": 0}


def three(c, numbers=None):
    names = ("sampled", "attained", "certified")
    if numbers is None:
        return [c.trials[name] for name in names]
    return [np.stack(read(c.trials, name, numbers)) for name in names]


@pytest.mark.parametrize("storage", ["stored", "streamed"])
def test_of_lemma_2_3_they_are_in_order(storage):
    layers = hidden_layers(WIDTHS)
    c = check("lemma-2.3", **GIVEN, storage=storage)
    sampled, attained, certified = three(c, layers)
    assert (sampled <= attained).all() and (attained < certified).all()
    # Of the first layer, where all is linear: R times the largest singular value, or a little more.
    for t, seed in enumerate(c.trials["seed"].tolist()):
        w = Network.random(WIDTHS, rng=seed, dtype="float64").weights(1).astype(float)
        norm = np.linalg.norm(w, 2) * c.parameters["radius"] * np.sqrt(WIDTHS[0])
        assert norm <= certified[0, t] < norm * (1 + 1e-4)
    by_attained, by_certified = (
        ((values / (0.05 * np.sqrt(20)) / lemma_2_3.bound(WIDTHS, 1.0)[:, None])
         ** (2 / layers[:, None])).max(axis=0)
        for values in (attained, certified)
    )  # fmt: skip
    assert c.trials["needed"] == pytest.approx(by_attained)
    named = {m.name: m.value for m in c.measurements}
    assert named["smallest C, 95% of trials"] == pytest.approx(np.sort(by_attained)[11])
    enough = named["smallest C that is certified to do, 95% of trials"]
    assert enough == pytest.approx(np.sort(by_certified)[11])
    # With a constant in between, some are shown to be within it, and none is outside.
    between = float(np.median(by_certified))
    given = check("lemma-2.3", **GIVEN, storage=storage, constant=between)
    counts = {m.name.partition(",")[0]: m.count for m in given.measurements}
    assert counts["within the bound"] == ((by_attained <= between).sum(), 12)
    assert counts["certified to be within it"] == ((by_certified <= between).sum(), 12)


def test_of_lemma_2_6_they_are_in_order():
    """And the sampled one is the largest at x and the samples."""
    c = check("lemma-2.6", **GIVEN, storage="stored", radius=0.3, samples=2)
    sampled, attained, certified = three(c, ["4_2", "2_0"])
    assert (sampled <= attained).all() and (attained < certified).all()
    assert (sampled < attained).mean() > 0.3
    for t, seed in enumerate(c.trials["seed"].tolist()[:4]):
        net = Network.random(WIDTHS, rng=seed, dtype="float64")
        x, size = np.ones(20), 0.3 * np.sqrt(20)
        points = [x, *sample_ball(x, size, 2, rng=seed, surface=True)]
        weights, _ = reference.layers(net)
        norms = [np.linalg.norm(reference.masked_product(weights, y, 4, 2), 2) for y in points]
        assert sampled[0, t] == pytest.approx(max(norms), rel=1e-5)
    named = {m.name: m.value for m in c.measurements}
    log = 4 * np.log(40)  # ℓ log d_max
    for name, values in (("C", attained), ("C that is certified to do", certified)):
        needed = (values / log).max(axis=0)  # both products have two factors
        assert named[f"smallest {name}, 95% of trials"] == pytest.approx(needed.max())


def test_of_claim_2_7_they_are_in_order():
    c = check("claim-2.7", **GIVEN, storage="stored", epsilon=0.05)
    sampled, attained, certified = three(c)
    assert (sampled <= attained).all() and (attained <= certified).all() and certified.any()
    most = np.zeros(12)
    for segment in segments(Networks.asked(WIDTHS, 12, "stored", 0, None, None)):
        for t, seed in enumerate(segment.networks.seeds.tolist()):
            net = Network.random(segment.networks.widths, rng=seed, dtype="float64")
            image = segment.image(net)
            found = worst_flips(net, image, 0.05 * np.linalg.norm(image), steps=1).certified
            most[t] = max(most[t], found.max() / segment.before[-1])
    assert certified == pytest.approx(most)


@pytest.mark.parametrize("storage", ["stored", "streamed"])
def test_of_lemma_2_8_they_are_in_order(storage):
    c = check("lemma-2.8", **GIVEN, storage=storage, samples=3)
    sampled, attained, certified = three(c)
    assert (np.maximum(sampled, c.trials["along"]) <= attained).all()
    assert (attained < certified).all() and (sampled < attained).mean() > 0.5
    for t, seed in enumerate(c.trials["seed"].tolist()[:4]):
        net = Network.random(WIDTHS, rng=seed, dtype="float64")
        x, size = np.ones(20), 0.05 * np.sqrt(20)
        weights, _ = reference.layers(net)
        points = np.vstack((x, sample_ball(x, size, 3, rng=seed)))
        masks = [z > 0 for z in reference.preactivations(weights, points)]
        gradients = reference.gradient(weights, masks)
        norms = np.linalg.norm(gradients[1:] - gradients[0], axis=1)
        assert sampled[t] == pytest.approx(norms.max())
        assert certified[t] == worst_deviation(net, x, size, steps=1).certified
    by_attained, by_certified = (v ** (1 / 4) * np.log(40) for v in (attained, certified))
    assert c.trials["needed"] == pytest.approx(by_attained)
    named = {m.name: m.value for m in c.measurements}
    for name, needed in (("C", by_attained), ("C that is certified to do", by_certified)):
        assert named[f"smallest {name}, 95% of trials"] == pytest.approx(needed.max())
    between = float(np.median(by_certified))
    given = check("lemma-2.8", **GIVEN, storage=storage, samples=3, constant=between)
    counts = {m.name.partition(",")[0]: m.count for m in given.measurements}
    assert counts["within the bound"] == ((by_attained <= between).sum(), 12)
    assert counts["certified to be within it"] == ((by_certified <= between).sum(), 12)


@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_of_lemma_2_8_several_radii_are_judged_by_the_largest(storage):
    """What is found in the smaller balls is beside it; samples are those of their own check."""
    given = {**GIVEN, "storage": storage, "samples": 3, "trend": True, "delta": 0.2}
    several = check("lemma-2.8", **given, radius=(0.3, 0.01, 0.05))
    alone = {r: check("lemma-2.8", **{**given, "trend": False}, radius=r) for r in (0.01, 0.05)}
    largest = check("lemma-2.8", **given, radius=0.3)
    assert several.parameters["radius"] == (0.01, 0.05, 0.3)
    assert largest.parameters["radius"] == 0.3
    assert several.hypothesis == largest.hypothesis and several.conclusion == largest.conclusion
    names = ("sampled", "attained", "certified")[: 2 if storage == "deferred" else 3]
    for name in names[1:]:
        by_radius = np.array([several.trials[n] for n in (f"{name}_0.01", f"{name}_0.05", name)])
        assert (np.diff(by_radius, axis=0) >= 0).all()
    assert ("certified_0.01" in several.trials) == (storage == "stored")
    if storage == "deferred":  # which is another network after other questions
        return
    for r, one in alone.items():
        assert several.trials[f"sampled_{r}"] == pytest.approx(one.trials["sampled"], rel=1e-9)
        assert several.trials[f"certified_{r}"] == pytest.approx(one.trials["certified"], rel=1e-9)
    assert (several.trials["certified"] == largest.trials["certified"]).all()
    assert several.trials["needed"] == pytest.approx(largest.trials["needed"], rel=1e-9)
    ours, theirs = ({m.name: m.value for m in c.measurements} for c in (several, largest))
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, rel=1e-9)
    more = [f"sup ‖∇f(x) − ∇f(y)‖ for R = {r} √d, {n}, median" for n in names for r in alone]
    assert [m.name for m in several.measurements if m.name not in theirs] == more
    medians = [np.median(several.trials[f"{n}_{r}"]) for n in names for r in alone]
    assert [ours[name] for name in more] == medians


@pytest.mark.parametrize("radius", [[], [0.1, 0.0], [0.1, -1.0], [[0.1]], 0, np.nan])
def test_radii_of_lemma_2_8_are_positive(radius):
    with pytest.raises(ValueError, match="radius must"):
        check("lemma-2.8", **GIVEN, radius=radius)


def test_of_claim_2_7_nothing_sampled_is_more_than_what_is_attained():
    """On narrow layers samples may find more than the ascent."""
    c = check("claim-2.7", widths=(3, 2, 20, 1), trials=20, epsilon=0.2, samples=100, rng=0)
    assert (c.trials["sampled"] <= c.trials["attained"]).all()


def test_what_is_certified_shows_the_claim_only_where_it_fits():
    """No point that was found exceeds the multiple, but bounds do: then nothing is shown."""
    given = {"widths": (30, 60, 20, 1), "trials": 80, "rng": 1, "storage": "stored"}
    c = check("claim-2.7", **given, epsilon=0.05)
    _, attained, certified = three(c)
    assert c.conclusion == "holds (certified)" and certified.max() < 4
    between = attained.max()
    assert (certified > between).sum() > 4  # of 80
    assert check("claim-2.7", **given, epsilon=0.05, multiple=between).conclusion == "consistent"


@pytest.mark.parametrize(
    ("name", "constant"),
    [("lemma-2.3", 0.5), ("lemma-2.6", 0.5), ("claim-2.7", None), ("lemma-2.8", 5.0)],
)
def test_deferred_networks_have_no_rows_to_certify(name, constant):
    given = {} if constant is None else {"constant": constant}
    c = check(name, **GIVEN, **given, storage="deferred")
    assert not any("certified" in text for text in [*c.trials, *(m.name for m in c.measurements)])
    assert c.conclusion == "consistent"
