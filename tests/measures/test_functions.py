"""A gradient step and a deviation of what is no Network: one's own function, a limit network."""

import numpy as np
import pytest
import randrelu as rr
import reference


class Toy:
    """f(x) = ‖x‖² − c, in NumPy."""

    def __init__(self, dim, shift=1.0):
        self.dim, self.shift, self.asked = dim, shift, []

    def value_and_gradient(self, x):
        self.asked.append(len(x))
        return (x**2).sum(axis=1) - self.shift, 2 * x


class WithForward(Toy):
    def forward(self, x):
        return (x**2).sum(axis=1) - self.shift


class Plain:
    """A ReLU network of the reference's."""

    def __init__(self, net):
        self.weights, self.dim = (
            [net.weights(i).astype(float) for i in range(1, net.depth + 2)],
            net.dim,
        )

    def value_and_gradient(self, x):
        masks = [z > 0 for z in reference.preactivations(self.weights, x)]
        return reference.forward(self.weights, x), reference.gradient(self.weights, masks)


def test_the_protocol():
    for net in (Toy(3), WithForward(3), rr.LimitNetwork(3, 1, rng=0), rr.Network.random((3, 4, 1))):
        assert isinstance(net, rr.Differentiable)
        assert net.dim == 3
    for other in (3, np.ones(3), None, Toy):
        with pytest.raises(TypeError, match="any object that has a dim and a value_and_gradient"):
            rr.gradient_step(other if other is not Toy else object(), np.ones(3))


@pytest.mark.parametrize("kind", [Toy, WithForward])
def test_steps_by_hand(kind):
    x = np.array([[1.0, 1, 1], [0.1, 0.2, 0.2]])  # f is 2 and −0.91, and ∇f is 2x
    net = kind(3)
    a = rr.gradient_step(net, x, eta=[-0.4, 0.5])
    np.testing.assert_allclose(a.x_adv, [0.2 * x, 2 * x])
    np.testing.assert_allclose(a.f_after, [[0.12 - 1, 0.04 * 0.09 - 1], [11, 4 * 0.09 - 1]])
    np.testing.assert_allclose(a.f_before, [2, -0.91])
    np.testing.assert_allclose(a.relative_norm, [[0.8, 0.8], [1, 1]])
    assert a.sign_flipped.tolist() == [[True, False], [False, False]]
    assert net.asked == ([2] if kind is WithForward else [2, 2, 2])
    one = rr.gradient_step(net, x[0])
    assert one.eta == pytest.approx(-4 / 12) and one.x_adv.shape == (3,)
    assert one.f_after == pytest.approx(3 / 9 - 1)
    assert rr.gradient_step(net, x[0], margin=0.5).eta == pytest.approx(-4.5 / 12)
    assert rr.gradient_step(net, np.zeros(3)).eta == 0  # a point whose gradient is 0 stays


def test_the_outcome_is_that_of_a_network():
    net = rr.Network.random((20, 30, 25, 1), rng=0, dtype="float64")
    x = np.random.default_rng(0).normal(size=(100, 20))
    for eta in ("linear", [-0.5, 0.1]):
        one, other = (rr.gradient_step(some, x, eta=eta) for some in (net, Plain(net)))
        for name, values in one.columns().items():
            # Where no unit flips on the way, the linear step of a Network goes on to succeed.
            sure = np.abs(np.abs(one.f_after) - np.abs(one.f_before)).ravel() > 1e-12
            assert sure.mean() > 0.9
            np.testing.assert_allclose(
                values[sure], other.columns()[name][sure], rtol=1e-9, atol=1e-12
            )
    for keywords in (
        {"radius": 0.3}, {"radius": [0.5, 0.1]}, {"radius": 0.3, "antithetic": True},
        {"radius": 0.3, "surface": True}, {"points": x[1:]},
    ):  # fmt: skip
        one, other = (
            rr.gradient_deviation(some, x[0], samples=75, rng=1, **keywords)
            for some in (net, Plain(net))
        )
        np.testing.assert_allclose(one.norms, other.norms, atol=1e-13)
        np.testing.assert_allclose(one.angles, other.angles, atol=1e-13)
        assert one.grad_norm == pytest.approx(other.grad_norm)
        assert np.array_equal(one.radius, other.radius)
        assert other.predicted is None and "predicted" not in repr(other)


def test_what_only_a_network_has():
    for net, reason in (
        (Toy(3), "every unit that flips"),
        (rr.LimitNetwork(3, 1), "finitely many"),
    ):
        for eta in ("exact", "flip"):
            with pytest.raises(ValueError, match=reason):
                rr.gradient_step(net, np.ones(3), eta=eta)
        with pytest.raises(ValueError, match="terms=True is for a Network"):
            rr.gradient_deviation(net, np.ones(3), 0.1, terms=True)
        with pytest.raises(ValueError, match="against is for a network of several outputs"):
            rr.gradient_step(net, np.ones(3), against=1)
        with pytest.raises(ValueError, match="eta must be a number or one of"):
            rr.gradient_step(net, np.ones(3), eta="longest")
    for net in (Toy(3), rr.LimitNetwork(3, 1, bias=0.1)):
        with pytest.raises(ValueError, match="eta='paper' is for networks with random weights"):
            rr.gradient_step(net, np.ones(3), eta="paper")


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("init", ["paper", "he"])
def test_the_step_of_the_paper(depth, init):
    """As long as for a network of that depth, f by f."""
    dim, x = 50, np.random.default_rng(0).normal(size=50)
    a = rr.gradient_step(rr.LimitNetwork(dim, depth, rng=0, init=init), x, eta="paper", delta=0.1)
    net = rr.Network.random((dim, *[3000] * depth, 1), rng=1, init=init, storage="deferred")
    b = rr.gradient_step(net, x, eta="paper", delta=0.1)
    changes = [-np.sign(one.f_before) * one.eta * one.grad_norm**2 for one in (a, b)]
    assert changes[0] == pytest.approx(changes[1], rel=1e-12)


def test_wrong_answers_are_refused():
    class Wrong(Toy):
        answer = (np.zeros(2), np.zeros(3))

        def value_and_gradient(self, x):
            return self.answer

    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"must return arrays of shapes \(N,\) and .*got \(3,\)"):
        rr.gradient_step(Wrong(3), x)
    Wrong.answer = (np.zeros(2), np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match=r"net.value_and_gradient\(x\) returns must be finite"):
        rr.gradient_step(Wrong(3), x)
    Wrong.dim = property(lambda self: "three", lambda self, value: None)
    with pytest.raises(TypeError, match=r"net\.dim must be an integer"):
        rr.gradient_step(Wrong(3), x)


def test_progress_and_a_way_to_stop():
    told = []
    rr.gradient_step(Toy(3), np.ones((100, 3)), eta=[1, 2], progress=lambda *a: told.append(a))
    assert told[-1] == (300, 300) and told[0] == (64, 300)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rr.gradient_deviation(Toy(3), np.ones(3), 0.1, 1000, progress=stop)


def test_deviations_of_a_limit_network():
    """At points that are remembered, jointly; at points that are not, each given x."""
    x = np.random.default_rng(0).normal(size=300)
    radius = 0.1 * np.linalg.norm(x)
    net = rr.LimitNetwork(300, 2, rng=0)
    d = rr.gradient_deviation(net, x, [radius, 0.1 * radius], 5, rng=0)
    # Nearly the root of the mean of 300 squares.
    np.testing.assert_allclose(d.relative, d.predicted, rtol=5 / np.sqrt(600) + 0.02)
    assert d.grad_norm == pytest.approx(np.linalg.norm(net.gradient(x)))
    known = net.revealed
    many = rr.gradient_deviation(net, x, radius, 500, rng=1, remember=False)
    assert net.revealed == known
    assert abs(np.mean((many.relative / many.predicted) ** 2) - 1) < 0.1
    with pytest.raises(MemoryError, match="with remember=False"):
        rr.gradient_deviation(net, x, radius, 100_000, rng=1)
    assert (
        rr.gradient_deviation(rr.LimitNetwork(3, 1, bias=1), np.ones(3), 0.1, 2).predicted is None
    )


def test_steps_one_after_the_other():
    """Each from the last point: what was answered stays, and f at a point is its next f_before."""
    net, y = rr.LimitNetwork(30, 2, rng=0), np.ones(30)
    last = rr.gradient_step(net, y)
    for _ in range(4):
        attack = rr.gradient_step(net, last.x_adv)
        assert attack.f_before == pytest.approx(last.f_after, rel=1e-10)
        last = attack


def test_a_function_that_writes_into_its_points_changes_no_others():
    class Careless:
        dim = 3

        def value_and_gradient(self, x):
            values = (x**2).sum(axis=1) - 1
            x *= 2
            return values, x

    x = np.ones((2, 3))
    attack = rr.gradient_step(Careless(), x, eta=-0.4)
    np.testing.assert_array_equal(x, np.ones((2, 3)))
    np.testing.assert_allclose(attack.x_adv, 0.2)


@pytest.mark.parametrize("found", [None, 1.0, (1, 2, 3)])
def test_what_is_no_pair_is_refused(found):
    class Odd:
        dim = 3

        def value_and_gradient(self, x):
            return found

    with pytest.raises(TypeError, match="must return f and ∇f, a tuple of two arrays"):
        rr.gradient_step(Odd(), np.ones(3))
    with pytest.raises(TypeError, match="got the class Odd"):
        rr.gradient_step(Odd, np.ones(3))
