"""One gradient step: its size, its outcome, and the cases where there is nothing to flip."""

import math

import numpy as np
import pytest
import reference
from randrelu import Attack, Network, gradient_step, laws, line
from randrelu._load import core
from randrelu._support import memory
from scipy import stats

SHAPE = (40, 60, 30, 1)


def net_and_points(points=8, shape=SHAPE, seed=1):
    net = Network.random(shape, rng=seed)
    return net, np.random.default_rng(0).normal(size=(points, shape[0]))


@pytest.mark.parametrize("shape", [(40, 1), (40, 20, 1), SHAPE])
def test_fields_agree_with_plain_numpy(shape):
    net, x = net_and_points(shape=shape)
    weights = [net.weights(i).astype(float) for i in range(1, net.depth + 2)]
    masks = [z > 0 for z in reference.preactivations(weights, x)]
    f, g = reference.forward(weights, x), reference.gradient(weights, masks) + 0 * x
    for eta in (-0.3, [0.0, -0.7, 0.2], "linear"):
        a = gradient_step(net, x, eta=eta)
        steps = np.asarray(-2 * f / (g**2).sum(axis=1) if eta == "linear" else eta)
        steps = np.broadcast_to(steps if steps.ndim == 0 or eta == "linear" else steps[:, None],
                                np.shape(a.eta))  # fmt: skip
        y = x + steps[..., None] * g
        after = reference.forward(weights, y.reshape(-1, x.shape[1])).reshape(steps.shape)
        # Double on both sides: 1e-12 is thousands of ulp of numbers of size 1.
        np.testing.assert_allclose(a.eta, steps, rtol=1e-12)
        np.testing.assert_allclose(a.f_before, f, atol=1e-12)
        np.testing.assert_allclose(a.f_after, after, atol=1e-12)
        np.testing.assert_allclose(a.x_adv, y, atol=1e-12)
        np.testing.assert_allclose(a.grad_norm, np.linalg.norm(g, axis=1), rtol=1e-12)
        relative = np.linalg.norm(y - x, axis=-1) / np.linalg.norm(x, axis=1)
        np.testing.assert_allclose(a.relative_norm, relative, atol=1e-12)
        assert np.array_equal(a.sign_flipped, np.sign(a.f_after) != np.sign(a.f_before))
        larger = np.abs(a.f_after) >= np.abs(a.f_before)
        assert np.array_equal(a.success, a.sign_flipped & larger)


def test_shapes_of_every_combination():
    net, x = net_and_points(3)
    for points, point_shape in [(x[0], ()), (x, (3,)), (x[:1], (1,)), (x[:0], (0,))]:
        for eta, step_shape in [(-1.0, ()), ([-1.0, 2.0], (2,)), ([-1.0], (1,)), ([], (0,)),
                                ("linear", ()), ("paper", ())]:  # fmt: skip
            a = gradient_step(net, points, eta=eta)
            shape = step_shape + point_shape
            assert a.x_adv.shape == (*shape, 40)
            for name in ("eta", "f_after", "relative_norm", "sign_flipped", "success"):
                assert np.shape(getattr(a, name)) == shape, name
            assert np.shape(a.f_before) == np.shape(a.grad_norm) == point_shape


def test_steps_of_a_sequence_are_the_single_steps():
    net, x = net_and_points(5)
    many = gradient_step(net, x, eta=[-0.5, -2.0])
    for k, eta in enumerate([-0.5, -2.0]):
        one = gradient_step(net, x, eta=eta)
        assert np.array_equal(many.x_adv[k], one.x_adv)
        assert np.array_equal(many.eta[k], one.eta)
        np.testing.assert_allclose(many.f_after[k], one.f_after, atol=1e-13)


@pytest.mark.parametrize("eta", ["exact", "flip"])
def test_the_shortest_step_evaluates_its_point_once(eta, monkeypatch):
    net, x = net_and_points(1)
    attack, calls = core.Attack, []
    monkeypatch.setattr(core, "Attack", lambda *a, **k: calls.append(1) or attack(*a, **k))
    monkeypatch.setattr(Network, "_evaluate", None)
    assert gradient_step(net, x[0], eta=eta).sign_flipped
    assert len(calls) == 1


@pytest.mark.parametrize("eta", ["linear", "exact", [-1.0, -2.0, 0.5]])
def test_steps_that_no_memory_holds_are_refused_before_any_is_taken(eta, monkeypatch):
    net = Network.random((3000, 2, 1), rng=0)
    x = np.ones((500, 3000))
    steps = np.size(eta)  # as many, of 12 MB each, and the gradients
    monkeypatch.setattr(memory, "available_bytes", lambda: 12_000_000 * steps + 11_000_000)
    monkeypatch.setattr(core, "Attack", None)
    numbers = rf"taking {steps} steps from 500 points .* takes {12 * (1 + steps)}\.0 MB, and"
    with pytest.raises(MemoryError, match=numbers + ".*are free; pass fewer points or steps"):
        gradient_step(net, x, eta=eta)


def test_one_rule_of_success():
    """The sign of 0 is a sign of its own, and the size may stay as it is."""
    values = np.array([-2.0, -1.0, -0.0, 0.0, 1e-300, 1.0, 2.0])
    before, after = values[:, np.newaxis], values
    flipped = np.sign(before) != np.sign(after)
    assert np.array_equal(core.sign_flips(before, after), flipped)
    assert np.array_equal(core.succeeds(before, after), flipped & (np.abs(after) >= np.abs(before)))
    net = Network.from_weights([np.array([[1.0, 1.0]])])
    a = gradient_step(net, [1.0, -1.0], eta=[0.5, 0.0, -0.5])
    assert a.f_before == 0 and a.success.tolist() == [True, False, True]


@pytest.mark.statistics
def test_linear_step_has_its_exact_law():
    """‖η∇f‖/‖x‖ = 2|u₁|, u uniform on the sphere: 1000 networks, false alarm 1e-6."""
    x = np.ones(12)
    norms = [gradient_step(Network.random((12, 40, 25, 1), rng=s), x).relative_norm
             for s in range(1000)]  # fmt: skip
    half_squared = (np.array(norms) / 2) ** 2
    assert stats.kstest(half_squared, stats.beta(0.5, 11 / 2).cdf).pvalue > 1e-6
    # and the packaged quantiles are those of that law
    u = np.random.default_rng(0).normal(size=(100_000, 12))
    law = 2 * np.abs(u[:, 0]) / np.linalg.norm(u, axis=1)
    for q in (0.1, 0.5, 0.9):
        below = int(np.sum(law < laws.linear_step_norm_quantile(q, 12)))
        assert stats.binomtest(below, law.size, q).pvalue > 1e-6


@pytest.mark.parametrize("init", ["paper", "he", "unit"])
def test_paper_step_is_that_of_the_proof_at_any_scale(init):
    net, x = net_and_points()
    scaled = Network.random(SHAPE, rng=1, init=init)
    x *= math.sqrt(40) / np.linalg.norm(x, axis=1, keepdims=True)
    a = gradient_step(net, x, eta="paper", delta=0.1)
    size = 2**2 * math.log(40) * math.sqrt(math.log(10))
    np.testing.assert_allclose(a.eta, -np.sign(a.f_before) * size / a.grad_norm**2, rtol=1e-12)
    # The same step whatever the scale of the weights (up to the float32 rounding of each weight)
    # or of the point.
    b = gradient_step(scaled, x, eta="paper", delta=0.1)
    np.testing.assert_allclose(b.x_adv, a.x_adv, atol=1e-5 * np.abs(a.x_adv).max())
    c = gradient_step(net, 7 * x, eta="paper", delta=0.1)
    np.testing.assert_allclose(c.x_adv, 7 * a.x_adv, rtol=1e-9)
    assert np.array_equal(a.success, c.success)


def test_paper_step_of_given_weights_measures_their_scale():
    """Given weights are put on the scale of NN-DEF by their norms: the factor drops out."""
    net, x = net_and_points()
    weights = [net.weights(i).astype(float) for i in (1, 2, 3)]
    a = gradient_step(Network.from_weights(weights), x, eta="paper")
    b = gradient_step(Network.from_weights([3 * weights[0], weights[1], weights[2] / 8]), x,
                      eta="paper")  # fmt: skip
    np.testing.assert_allclose(a.x_adv, b.x_adv, rtol=1e-9)
    # and the scale is that of the Frobenius norms, whose squares NN-DEF expects to be d_i
    own = gradient_step(net, x, eta="paper")
    scale = np.prod([np.linalg.norm(w) / math.sqrt(len(w)) for w in weights])
    np.testing.assert_allclose(a.relative_norm, own.relative_norm * scale, rtol=1e-9)


def test_dead_layer_is_a_failure_not_a_nan():
    net = Network.from_weights([-np.ones((3, 2)), np.ones((1, 3))])
    for eta in ("linear", "paper", -1.0, [1.0, 2.0]):
        a = gradient_step(net, [1.0, 2.0], eta=eta)
        assert not np.any(a.success) and not np.any(a.sign_flipped)
        assert a.grad_norm == 0 and np.all(a.relative_norm == 0)
        assert np.array_equal(np.broadcast_to([1.0, 2.0], a.x_adv.shape), a.x_adv)
        for value in (a.eta, a.f_after, a.x_adv):
            assert np.isfinite(value).all()


@pytest.mark.parametrize("scale", [1e-170, 1e-100, 1e100, 1e170])
def test_any_scale_that_doubles_hold(scale):
    """f is homogeneous in the weights and in x, so only the scales of f and η may change."""
    net, x = net_and_points()
    weights = [net.weights(i).astype(float) for i in (1, 2, 3)]
    expected = gradient_step(Network.from_weights(weights), x)
    scaled = gradient_step(Network.from_weights([*weights[:2], scale * weights[2]]), x)
    np.testing.assert_allclose(scaled.x_adv, expected.x_adv, rtol=1e-9)
    np.testing.assert_allclose(scaled.f_after / scale, expected.f_after, rtol=1e-9)
    np.testing.assert_allclose(scaled.relative_norm, expected.relative_norm, rtol=1e-9)
    scaled = gradient_step(Network.from_weights(weights), scale * x)
    np.testing.assert_allclose(scaled.x_adv / scale, expected.x_adv, rtol=1e-9)
    np.testing.assert_allclose(scaled.relative_norm, expected.relative_norm, rtol=1e-9)
    assert np.array_equal(scaled.success, expected.success)


def test_steps_that_no_double_holds_are_refused():
    net = Network.from_weights([np.full((3, 2), 1e-160), np.full((1, 3), 1e-160)])
    with pytest.raises(OverflowError, match="η or x"):
        gradient_step(net, [1.0, 2.0])  # η = 1/‖∇f‖, about 1e320
    with pytest.raises(OverflowError, match="choose a smaller eta"):
        gradient_step(Network.from_weights([[[10.0]]]), [1.0], eta=-1e308)


def test_sign_can_flip_without_success():
    """f = relu(z) − relu(−z)/4 bends at 0, so reflecting 1 gives −1/4."""
    net = Network.from_weights([[[1.0], [-1.0]], [1.0, -0.25]])
    a = gradient_step(net, [1.0])
    assert (a.f_before, a.f_after, a.eta) == (1.0, -0.25, -2.0)
    assert a.sign_flipped and not a.success
    assert gradient_step(net, [1.0], eta=-5.0).success
    assert not gradient_step(net, [1.0], eta=0.5).sign_flipped


def test_float32_network_is_attacked_in_float64():
    net, x = net_and_points()
    double = Network.random(SHAPE, rng=1, dtype="float64")
    a, b = gradient_step(net, x), gradient_step(double, x)
    assert np.array_equal(a.f_after, b.f_after) and a.f_after.dtype == np.float64


def test_frame_and_repr():
    net, x = net_and_points(3)
    frame = gradient_step(net, x, eta=[-1.0, -2.0]).to_frame()
    assert len(frame) == 6 and list(frame["eta"]) == [-1.0] * 3 + [-2.0] * 3
    assert set(frame) == {"eta", "eta_infimum", "f_before", "f_after", "grad_norm", "relative_norm",
                          "sign_flipped", "success"}  # fmt: skip
    assert repr(gradient_step(net, x)).startswith("Attack(success=")
    assert "\n" not in repr(gradient_step(net, x[0]))
    assert repr(gradient_step(net, x[:0])) == (
        "Attack(success=0 of 0 steps, median relative_norm=none)"
    )
    assert isinstance(gradient_step(net, x), Attack)


def test_the_infimum_of_a_step_with_a_margin_is_where_the_line_is_past_it():
    net = Network.random((20, 50, 50, 1), rng=0, dtype="float64")
    x = np.random.default_rng(0).normal(size=20)
    f, g = net.value_and_gradient(x)
    margin = 0.3 * abs(f)
    plain, more = (gradient_step(net, x, eta="exact", margin=m) for m in (0.0, margin))
    assert abs(plain.eta_infimum) < abs(more.eta_infimum) and more.success
    way = line(net, x, np.sign(more.eta_infimum) * g, 100.0, until=-np.sign(f) * (abs(f) + margin))
    assert way.length == pytest.approx(abs(more.eta_infimum) * np.linalg.norm(g), rel=1e-12)
