"""(Min-Pert) on a fresh W_1, drawing it included, beside NumPy and SciPy on the same threads."""

import numpy as np
import pytest
from randrelu import Network, min_perturbation
from scipy import stats
from scipy.linalg import cho_factor, solve_triangular
from turns import in_turns

DIM = 10_000
X = np.ones(DIM)


def numpy_form(w, x):
    """‖L⁻¹Wx‖ with WWᵀ = LLᵀ: NumPy takes a symmetric product, SciPy factors it in place."""
    factor, _ = cho_factor((w @ w.T).T, lower=True, overwrite_a=True, check_finite=False)
    y = w @ x.astype(w.dtype)
    return np.linalg.norm(solve_triangular(factor, y, lower=True, check_finite=False))


def drawn(rng, hidden, draw, arithmetic):
    return rng.standard_normal((hidden, DIM), dtype=draw).astype(arithmetic, copy=False)


def error_of(hidden, arithmetic):
    """Rounding of the Gram matrix times its condition number, ((√d + √k)/(√d − √k))²."""
    spread = np.sqrt(hidden / DIM)
    return DIM * np.finfo(arithmetic).eps * ((1 + spread) / (1 - spread)) ** 2


@pytest.mark.parametrize("hidden", [1000, 5000])
@pytest.mark.parametrize(
    ("draw", "arithmetic"),
    [("float64", "float64"), ("float32", "float64"), ("float32", "float32")],
    ids=["float64", "float64 of float32 weights", "float32"],
)
def test_beside_numpy(benchmark, hidden, draw, arithmetic):
    net = Network.random((DIM, hidden, 1), rng=0, init="unit", storage="streamed")
    weights, rng = net.weights(1), np.random.default_rng(0)

    def ours():
        net = Network.random((DIM, hidden, 1), rng=0, init="unit", storage="streamed")
        return min_perturbation(net, X)

    def theirs():
        return numpy_form(drawn(rng, hidden, draw, arithmetic), X)

    # On the same weights both find what plain NumPy finds in double; whatever the weights, the
    # square of the length has its law, which refuses a true one with a probability of 1e-6.
    exact = numpy_form(weights.astype(float), X)
    assert abs(ours() / exact - 1) < error_of(hidden, "float64")
    assert abs(numpy_form(weights.astype(arithmetic), X) / exact - 1) < error_of(hidden, arithmetic)
    law = stats.beta(hidden / 2, (DIM - hidden) / 2)

    def check(length):
        assert 5e-7 < law.cdf(length**2 / DIM) < 1 - 5e-7

    group, peer = f"‖W⁺Wx‖ of a fresh W, {hidden} × {DIM}", f"NumPy and SciPy, {arithmetic}"
    if draw != arithmetic:
        peer += f" of {draw} weights"
    in_turns(benchmark, group, peer, ours, theirs, check, rounds=5)
