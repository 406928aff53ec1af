"""The checks of statements about networks measure what they say and can report a violation."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from randrelu import Network, check, laws
from randrelu._load import core
from randrelu.checks import deep
from randrelu.checks.segments import segments
from randrelu.checks.statements import (
    eq_1,
    lemma_2_1,
    lemma_2_2,
    nn_decomp,
)
from randrelu.checks.trials import Networks
from randrelu.measures.ball import sample_ball
from reaches import networks_on_another_scale
from scipy import stats
from small import SMALL


def test_wrong_bottlenecks_are_noticed():
    widths = (100, 150, 60, 150, 40, 1)
    assert nn_decomp.chain_is_right(widths, (4, 2, 0))
    for wrong in [(4, 0), (4, 3, 2, 0), (2, 0), (4, 2), (4, 2, 1, 0)]:
        assert not nn_decomp.chain_is_right(widths, wrong)


@pytest.mark.statistics
@pytest.mark.parametrize("widths", [(3, 8, 1), (5, 4, 6, 1)])
def test_the_first_term_has_its_exact_mean(widths):
    """Within five standard errors, at a few units; and no other number is within them."""
    c = check("gd-decomp", widths=widths, trials=2000, radius=0.7, rng=0)
    found = next(m for m in c.measurements if m.name == "mean ‖Δ_1‖²")
    x, depth = np.ones(widths[0]), len(widths) - 2
    cosines = []
    for seed in c.trials["seed"].tolist():
        y = sample_ball(x, 0.7 * np.linalg.norm(x), 1, rng=seed, surface=True)[0]
        cosines.append(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    exact = 2.0 ** (1 - depth) * np.arccos(cosines).mean() / np.pi
    assert found.paper.startswith(f"{exact:.4g} = ")
    error = (found.high - found.low) / 2 / stats.norm.ppf(0.975)
    assert abs(found.value - exact) < 5 * error < 0.5 * exact


def test_more_flips_after_a_wider_layer_are_shown_and_refute_nothing(monkeypatch):
    """Only where the layer is the narrowest so far; a layer of 300 after 100 is none."""
    grow = lambda net, *_, **__: SimpleNamespace(attained=net.widths[1], point=np.ones(100))  # noqa: E731
    monkeypatch.setattr(nn_decomp, "worst_flips", grow)
    given = {"widths": (100, 80, 80, 1), "trials": 20}
    c = check("nn-decomp", **given, narrow=(5, 20, 80), rng=0)
    flipped = next(m for m in c.measurements if m.name.startswith("Kendall"))
    # Values that grow with the width, and are tied only where widths are, have τ_b = 1.
    assert flipped.value == pytest.approx(1) and flipped.paper == "p = 1 if it did not fall"
    assert c.conclusion == "consistent"
    c = check("nn-decomp", **given, narrow=(5, 200, 300), rng=0)
    assert c.conclusion == "consistent"
    assert not any(m.name.startswith("Kendall") for m in c.measurements)
    assert nn_decomp.narrower((100, 300, 50, 80, 1), 3, (10, 49, 50, 99)) == [10, 49]


@pytest.mark.statistics
def test_a_narrow_layer_lets_more_change_after_it():
    """Kendall's τ of 150 networks has a standard error of 0.055 where there is no trend."""
    given = {"widths": (200, 300, 300, 1), "narrow": (10, 30, 100)}
    c = check("nn-decomp", **given, trials=50, rng=0)
    tau = next(m.value for m in c.measurements if m.name.startswith("Kendall"))
    assert tau < -0.17 and c.conclusion == "consistent"


def test_narrow_layers_share_threads_by_their_own_widths(monkeypatch):
    """A layer so wide that one network keeps all threads busy leaves none for others beside it."""
    given = []

    def flips(net, *_, threads, **__):
        given.append((net.widths[1], threads))
        return SimpleNamespace(attained=0, point=np.ones(3))

    monkeypatch.setattr(nn_decomp, "worst_flips", flips)
    wide = core.WIDE_TRIAL
    check("nn-decomp", widths=(3, 4, 4, 1), narrow=(2, wide), trials=2, threads=2, rng=0)
    assert set(given) == {(2, 1), (wide, 2)}


def test_another_law_of_the_gradient_is_noticed(monkeypatch):
    """Gradients a tenth too long satisfy both bounds of Lemma 2.2, but not the law."""
    networks_on_another_scale(1.1 ** (1 / 3))(monkeypatch)
    c = check("lemma-2.2", widths=(100, 120, 120, 1), trials=500, rng=0, storage="stored")
    assert c.measurements[0].value == 1 and c.conclusion == "violated"


@pytest.mark.parametrize("broken", ["direction", "dependent", "sign"])
def test_another_joint_law_is_noticed(broken, monkeypatch):
    """The norms are left as they are, so that only f(x) given ∇f(x) is wrong."""
    original = lemma_2_2._values_and_slopes

    def values(networks, point):
        f, grad_norm = original(networks, point)
        if broken == "sign":
            return np.abs(f), grad_norm
        if broken == "direction":
            return f * 1.5, grad_norm
        return np.sort(np.abs(f)) * np.sign(f), np.sort(grad_norm)

    monkeypatch.setattr(lemma_2_2, "_values_and_slopes", values)
    c = check("lemma-2.2", widths=(100, 120, 120, 1), trials=300, rng=0)
    said = {m.name: m.value for m in c.measurements if m.name.startswith("p-value: ")}
    name = {"direction": "direction of", "dependent": "direction and", "sign": "sign of"}[broken]
    assert said["p-value: ‖∇f(x)‖, exact law"] > 1e-3
    assert next(p for key, p in said.items() if name in key) < 1e-6
    assert c.conclusion == "violated"


@pytest.mark.statistics
def test_deep_images_turn_like_the_arc_cosine_map():
    """Angles after wide layers; within five standard errors over layers of width 10⁵."""
    generator, width = np.random.default_rng(0), 100_000
    x = deep.sphere(2, 20, generator)
    angle = np.arccos(x[0] @ x[1])
    for a in deep.images(x, width, 4, generator):
        u = a / np.linalg.norm(a, axis=1, keepdims=True)
        found, angle = np.arccos(u[0] @ u[1]), laws.next_angle(angle)
        # The cosine is a mean of `width` products; the errors of the layers add up.
        assert abs(np.cos(found) - np.cos(angle)) < 5 * np.sqrt(4) * 2 / np.sqrt(width)


def test_segments_begin_at_the_image_of_a_network():
    widths = (20, 30, 10, 15, 1)
    last, first = segments(Networks.asked(widths, 3, "stored", 5, None, None))
    assert (last.earlier, last.later, first.earlier, first.later) == (2, 3, 0, 2)
    assert last.networks.widths == (10, 15, 1) and first.networks.widths == (20, 30, 10, 1)
    assert last.networks.seed != first.networks.seed
    net = Network.random(last.networks.widths, rng=5)
    image = last.image(net)
    assert image.shape == (10,) and (image >= 0).all() and image.any()
    assert np.array_equal(first.image(net), np.ones(20))


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("lemma-2.1", {"widths": (3, 4)}, "widths must hold at least"),
        ("lemma-2.1", {"entries": "uniform"}, "entries must be one of"),
        ("lemma-2.6", {"widths": (5, 9, 1)}, "make a hidden layer narrower than the input"),
        ("lemma-2.3", {"widths": (5, 1), "constant": 1.0}, "must have a hidden layer"),
        ("lemma-2.8", {"widths": (5, 1)}, "f is linear"),
        ("eq-1", {"widths": (1, 5, 1)}, "widths must begin with d ≥ 2"),
        ("claim-2.7", {"widths": (5, 1)}, "must have a hidden layer"),
        ("nn-decomp", {"widths": (5, 4, 3, 1), "layer": 2}, "layer must be"),
        ("nn-decomp", {"widths": (5, 4, 1)}, "must have two hidden layers"),
        ("lemma-2.5", {"widths": (5, 4, 1), "alpha": 0.0}, "alpha must be a positive number"),
        ("theorem-3.1", {"depths": ()}, "depths must hold at least one"),
        ("theorem-1.1-scaling", {"dims": (5,)}, "dims must hold two sizes"),
    ],
)
def test_bad_parameters(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        check(name, **wrong)


@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 1, 1), (5, 3, 1), (3, 2, 2, 1)])
@pytest.mark.parametrize(
    "name", ["gd-decomp", "lemma-2.3", "lemma-2.5", "claim-2.4", "claim-2.7", "lemma-2.8"]
)
def test_networks_of_a_few_units_that_may_all_be_dead(name, widths):
    for trials in (1, 3):
        c = check(name, widths=widths, trials=trials, rng=0)
        # In layers so narrow ‖f_i(x)‖ ≥ 2^{−i} √d_i is false: with (1, 1, 1) its share is 0.31.
        false = name == "lemma-2.3" and c.measurements[0].value == 0
        assert c.conclusion != "violated" or false
        assert not any(np.isnan(m.value) for m in c.measurements)


@pytest.mark.parametrize("name", ["theorem-3.1", "theorem-b.1"])
def test_deep_networks_that_die(name):
    assert check(name, dim=2, width=2, depths=(30,), trials=3, rng=0).conclusion != "holds"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("lemma-2.1", {"diagonal": np.nan}),
        ("gd-decomp", {"radius": -1.0}),
        ("lemma-2.3", {"radius": 0.0}),
        ("lemma-2.6", {"constant": np.nan}),
        ("claim-2.7", {"epsilon": np.inf}),
        ("lemma-2.8", {"constant": -1.0}),
        ("theorem-3.1", {"constant": np.nan}),
    ],
)
def test_numbers_of_a_claim_are_numbers(name, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        check(name, **SMALL[name] | wrong, rng=0)


@pytest.mark.parametrize("shape", [(3, 2, 4, 4, 2), (3, 1, 4, 4, 2), (12, 4, 9, 6)])
def test_lemma_2_1_holds_after_layers_that_are_often_dead(shape):
    assert check("lemma-2.1", widths=shape, rng=0).conclusion == "consistent"


@pytest.mark.parametrize("widths", [(2, 1, 1), (3, 2, 2, 1), (4, 1)])
def test_eq_1_of_networks_of_a_few_units(widths):
    c = check("eq-1", widths=widths, trials=20, rng=0)
    assert c.conclusion == "consistent" and not any(np.isnan(m.value) for m in c.measurements)
    if widths == (4, 1):
        assert not c.trials["along"].any()


def test_the_change_of_the_gradient_is_that_of_all_pieces():
    """Points that lie densely on the segment see no larger change, and nearly as large a one."""
    net = Network.random((20, 40, 40, 1), rng=3, dtype="float64")
    x = np.ones(20)
    f, gradient = net.value_and_gradient(x)
    radius = abs(f) / np.linalg.norm(gradient)
    way = -np.sign(f) * gradient / np.linalg.norm(gradient)
    dense = net.gradient(x + np.linspace(0, radius, 5000)[:, np.newaxis] * way)
    seen = np.linalg.norm(dense - gradient, axis=1).max()
    found = eq_1.largest_change(net, x, way, radius, 1)
    assert 0 < seen <= found * (1 + 1e-9) and found < 1.2 * seen


def test_the_coin_at_0_counts_for_weights_that_are_signs(monkeypatch):
    """Sums of twelve signs are 0 with probability 0.23; without the coin fewer units are active."""
    given = {"entries": "rademacher", "trials": 1000}
    assert check("lemma-2.1", **given, rng=0).conclusion == "consistent"
    signs = lemma_2_1.draw_weights(20, 12, 50, "rademacher", np.random.default_rng(0))
    assert set(signs.ravel()) == {-1, 1}
    assert 0.18 < np.mean(signs.sum(axis=2) == 0) < 0.28  # seven standard errors
    monkeypatch.setattr(lemma_2_1, "own_mask", lambda z, _: z > 0)
    assert check("lemma-2.1", **given, rng=0).conclusion == "violated"


def test_lemma_2_5_is_false_as_printed():
    """Of the output unit for δ below P{|Z| < α}, and of hidden layers for an α that is small."""
    widths, alpha = (60, 200, 80, 1), 0.1
    c = check("lemma-2.5", widths=widths, trials=2000, rng=0)
    hidden, printed, output, small = c.measurements[:4]
    assert c.conclusion == "consistent" and hidden.low > 0.95
    fails = 1 - 2 * stats.norm.sf(alpha)
    assert fails > 0.05 and output.low <= 1 - fails <= output.high
    assert output.paper == f"{1 - fails:.4g} (exact law)"
    assert printed.high < 0.95 and printed.value <= output.value
    # All 280 units must be large there.
    at = np.sqrt(np.pi / 8) / 201
    exact = (2 * stats.norm.sf(at)) ** 280
    assert small.high < 0.6 and small.low <= exact <= small.high
    assert small.paper == f"{exact:.4g} (exact law)"


def test_lemma_2_5_does_not_count_what_comes_after_a_dead_layer():
    c = check("lemma-2.5", widths=(5, 4, 50, 50, 1), trials=1000, rng=0)
    exact = 2 * stats.norm.sf(0.1)
    for m in c.measurements[5:]:  # after the layer of 4; five standard errors of half of them
        assert abs(m.value - exact) < 5 * np.sqrt(exact * (1 - exact) / (500 * 50))


@pytest.mark.statistics
def test_the_norms_of_deep_layers_have_their_exact_law():
    """Eq. (10)'s band is far narrower: of log ‖f_ℓ‖, whose standard deviation is ½√(5ℓ/k)."""
    c = check("theorem-b.1", width=1000, depths=(256,), dim=16, trials=2, points=2, rng=0)
    (m,) = (m for m in c.measurements if "exact law" in m.name)
    normal = math.exp(2 * stats.norm.ppf(0.95) * math.sqrt(5 * 256 / 1000) / 2)
    assert m.value == pytest.approx(normal, rel=0.02) and m.paper == "≤ 1 + 1.1e-11 (Eq. 10)"
    # One layer, drawn as it is: 2/k times the squares of the units that are active.
    law = laws.layer_norm_law((7, 7, 1), 1, init="he")
    normals = np.random.default_rng(0).standard_normal((20_000, 7))
    norms = np.sqrt((2 / 7 * np.maximum(normals, 0) ** 2).sum(axis=1))
    assert law.p_value(norms) > 1e-6


@pytest.mark.parametrize("name", ["theorem-3.1", "theorem-b.1"])
def test_an_open_constant_is_not_refuted_and_a_given_one_may_be(name):
    given = {"depths": (1, 64), "width": 100, "dim": 4, "trials": 20, "rng": 0}
    assert check(name, **given).conclusion == "consistent"
    assert check(name, **given, constant=1e-3).conclusion == "violated"
