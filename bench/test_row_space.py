"""(Min-Pert) on a fresh W_1, drawing it included, beside NumPy and SciPy on the same threads."""

import numpy as np
import pytest
from randrelu import Network, min_perturbation
from scipy.linalg import cho_factor, solve_triangular

DIM = 10_000
X = np.ones(DIM)


def numpy_form(w, x):
    """‖L⁻¹Wx‖ with WWᵀ = LLᵀ: NumPy takes a symmetric product, SciPy factors it in place."""
    factor, _ = cho_factor((w @ w.T).T, lower=True, overwrite_a=True, check_finite=False)
    y = w @ x.astype(w.dtype)
    return np.linalg.norm(solve_triangular(factor, y, lower=True, check_finite=False))


def drawn(rng, hidden, draw, arithmetic):
    return rng.standard_normal((hidden, DIM), dtype=draw).astype(arithmetic, copy=False)


@pytest.mark.parametrize("hidden", [1000, 5000])
class TestMinPerturbation:
    def test_ours(self, benchmark, hidden):
        benchmark.group = f"‖W⁺Wx‖ of a fresh W, {hidden} × {DIM}"

        def run(seed=0):
            net = Network.random((DIM, hidden, 1), rng=seed, init="unit", storage="streamed")
            return min_perturbation(net, X)

        benchmark.pedantic(run, rounds=5, warmup_rounds=1)

    @pytest.mark.parametrize(
        ("draw", "arithmetic"),
        [("float64", "float64"), ("float32", "float64"), ("float32", "float32")],
        ids=["float64", "float64 of float32 weights", "float32"],
    )
    def test_numpy(self, benchmark, hidden, draw, arithmetic):
        benchmark.group = f"‖W⁺Wx‖ of a fresh W, {hidden} × {DIM}"
        net = Network.random((DIM, hidden, 1), rng=0, init="unit")
        expected, weights = min_perturbation(net, X), net.weights(1)
        found = numpy_form(weights.astype(arithmetic), X)
        # Rounding of the Gram matrix times its condition number, ((√d + √k)/(√d − √k))².
        spread = np.sqrt(hidden / DIM)
        condition = ((1 + spread) / (1 - spread)) ** 2
        assert abs(found / expected - 1) < DIM * np.finfo(arithmetic).eps * condition
        rng = np.random.default_rng(0)
        benchmark.pedantic(
            lambda: numpy_form(drawn(rng, hidden, draw, arithmetic), X), rounds=5, warmup_rounds=1
        )
