"""Networks of infinite width: an attack alone, many at once, in many dimensions; many questions."""

import numpy as np
import pytest
from randrelu import LimitNetwork, gradient_step, laws
from randrelu.measures.limit_trials import attack_limit_networks
from turns import alone, in_turns

DEPTH = 3


def attack(dim):
    return gradient_step(LimitNetwork(dim, DEPTH, rng=0), np.ones(dim))


def check_attack(found):
    """Its size and ‖∇f‖ are those of their law, within what happens once in 10⁶ networks."""
    dim = found.x_adv.size
    assert abs(found.grad_norm * 2 ** (DEPTH / 2) - 1) < 5 / np.sqrt(2 * dim)
    assert found.relative_norm < 10 / np.sqrt(dim)


@pytest.mark.parametrize(("dim", "rounds"), [(784, 300), (10**6, 5)])
def test_an_attack(benchmark, dim, rounds):
    group = f"an attack on a fresh limit network, d = {dim}, depth {DEPTH}"
    alone(benchmark, group, lambda: attack(dim), check_attack, rounds=rounds)


def test_many_attacks(benchmark):
    def check_law(found):
        # At this dimension and depth nearly all flip, as the laws say: 1 − P is below .01.
        assert found.sign_flipped.mean() > 0.9

    group = f"1000 attacks on limit networks in one call, d = 784, depth {DEPTH}"
    alone(
        benchmark, group, lambda: attack_limit_networks(np.ones(784), DEPTH, 1000, rng=0),
        check_law, rounds=20,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "count"), [("forward", 500), ("value_and_gradient", 20), ("value_and_gradient", 60)]
)
def test_many_questions(benchmark, what, count):
    points = np.random.default_rng(0).normal(size=(count, 784))

    def ask():
        return getattr(LimitNetwork(784, DEPTH, rng=0), what)(points)

    def check_scale(found):
        f = found if what == "forward" else found[0]
        deviations = 2.0 ** (-DEPTH / 2) * np.linalg.norm(points, axis=1) / np.sqrt(784)
        assert (np.abs(f) < 6 * deviations).all()

    group = f"{count} questions of one limit network, d = 784, depth {DEPTH}: {what}"
    alone(benchmark, group, ask, check_scale, rounds=3)


@pytest.fixture
def peer_kernel():
    """neural-tangents' E f(x)f(y) of all pairs of points, compiled, in float64."""
    try:
        import jax
        from jax.experimental import enable_x64
        from neural_tangents import stax
    except ImportError as error:  # also of a JAX that it is not made for
        pytest.skip(f"neural-tangents is missing: {error}")

    hidden = [stax.Dense(1, b_std=None), stax.Relu()] * DEPTH
    _, _, kernel = stax.serial(*hidden, stax.Dense(1, b_std=None))
    compiled = jax.jit(lambda points: kernel(points, None, "nngp"))

    def of(points):
        with enable_x64():
            return np.asarray(compiled(points))

    return of


def test_kernel_beside_neural_tangents(benchmark, peer_kernel):
    """Ours has κ, κ′ and κ″, from differences of points: theirs κ, from products."""
    points = np.random.default_rng(0).normal(size=(60, 784))
    sizes = np.linalg.norm(points, axis=1)

    def ours():
        value = laws.limit_kernel(points[:, np.newaxis], points, DEPTH).value
        return value * np.multiply.outer(sizes, sizes) / 784 / 2**DEPTH

    expected = ours()

    def check_kernel(found):
        np.testing.assert_allclose(found, expected, rtol=1e-13)

    in_turns(
        benchmark, f"the covariance of all pairs of 60 points, d = 784, depth {DEPTH}",
        "neural-tangents", ours, lambda: peer_kernel(points), check_kernel, rounds=50,
    )  # fmt: skip


def test_values_beside_neural_tangents(benchmark, peer_kernel):
    """All points are known at once to theirs: one matrix, and one draw of what it allows."""
    points = np.random.default_rng(0).normal(size=(500, 784))
    normal = np.random.default_rng(0)
    deviations = 2.0 ** (-DEPTH / 2) * np.linalg.norm(points, axis=1) / np.sqrt(784)

    def theirs():
        return np.linalg.cholesky(peer_kernel(points)) @ normal.standard_normal(500)

    def check_scale(found):
        assert (np.abs(found) < 6 * deviations).all()

    in_turns(
        benchmark, f"values of one limit network at 500 points, d = 784, depth {DEPTH}",
        "neural-tangents' kernel, a Cholesky factor, a draw",
        lambda: LimitNetwork(784, DEPTH, rng=0).forward(points), theirs, check_scale, rounds=5,
    )  # fmt: skip
