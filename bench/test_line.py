"""The line along the step of Theorem 1.1, beside a forward pass and ExactLine in NumPy."""

import numpy as np
import pytest
from exact_line import exact_line
from randrelu import Network, line

WIDTHS = (4096,) * 4 + (1,)


class Case:
    """The segment from x along −sign(f) ∇f, of length 4 ‖x‖/√d."""

    def __init__(self, net):
        self.net, self.x = net, np.ones(net.widths[0])
        f, g = net.value_and_gradient(self.x)
        self.direction = -np.sign(f) * np.asarray(g, float)
        self.length = 4 * np.linalg.norm(self.x) / np.sqrt(net.widths[0])

    def line(self):
        return line(self.net, self.x, self.direction, self.length)


@pytest.fixture(scope="module")
def case():
    return Case(Network.random(WIDTHS, rng=0, storage="stored"))


@pytest.mark.benchmark(group="line of length 4 ‖x‖/√d, widths 4096 × 3")
class TestLine:
    def test_ours(self, benchmark, case):
        found = case.line()
        benchmark.extra_info["flips"] = int(found.t.size)
        benchmark.pedantic(case.line, rounds=7, warmup_rounds=1)

    def test_forward_pass_of_as_many_points(self, benchmark, case):
        x = np.repeat(case.x[None], case.line().t.size, axis=0)
        benchmark.pedantic(case.net.forward, args=(x,), rounds=7, warmup_rounds=1)

    @pytest.mark.parametrize("interpolate", [True, False], ids=["interpolated", "rebuilt"])
    def test_exact_line_in_numpy(self, benchmark, case, interpolate):
        weights = [case.net.weights(i).astype(float) for i in range(1, 5)]
        found = case.line()
        end = found.point(found.length)
        bends = exact_line(weights, case.x, end, interpolate=interpolate)
        assert found.t == pytest.approx(bends[1:-1] * found.length, abs=1e-9)
        arguments, options = (weights, case.x, end), {"interpolate": interpolate}
        benchmark.pedantic(exact_line, args=arguments, kwargs=options, rounds=3)


@pytest.mark.benchmark(group="line of length 4 ‖x‖/√d, deferred, widths (10⁵, 10⁵, 10⁵, 1)")
def test_deferred(benchmark):
    def fresh():
        return (Case(Network.random((10**5,) * 3 + (1,), rng=0, storage="deferred")),), {}

    benchmark.pedantic(Case.line, setup=fresh, rounds=2)
