"""The line along the step of Theorem 1.1, beside a forward pass and ExactLine in NumPy."""

from functools import partial

import numpy as np
import pytest
import reference
from exact_line import exact_line
from randrelu import Network, line
from turns import alone, in_turns

WIDTHS = (4096,) * 4 + (1,)
GROUP = "line of length 4 ‖x‖/√d, widths 4096 × 3"
CHECKED = 16  # points that are compared with the reference in double


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


@pytest.fixture(scope="module")
def weights(case):
    return [case.net.weights(i).astype(float) for i in range(1, len(WIDTHS))]


def check_values(weights, points, values, dtype):
    """Values at a few of the points, to rounding: ours, and that of the reference in double."""
    some = np.linspace(0, len(points) - 1, CHECKED).astype(int)
    x = points[some].astype(dtype).astype(float)
    bound = 2 * reference.preactivation_bounds(weights, x, dtype)[-1][:, 0]
    assert (np.abs(values[some] - reference.forward(weights, x)) <= bound).all()


def end_of(case):
    return case.x + case.length * case.direction / np.linalg.norm(case.direction)


@pytest.fixture(scope="module")
def check_line(case, weights):
    """Ours has the bends of ExactLine, which shares no code with it, and f there."""
    bends = exact_line(weights, case.x, end_of(case), interpolate=False)

    def check(found):
        assert found.t == pytest.approx(bends[1:-1] * found.length, abs=1e-9)
        check_values(weights, found.point(found.t), found.f, "float64")

    return check


def test_ours(benchmark, case, check_line):
    benchmark.extra_info["flips"] = int(case.line().t.size)
    alone(benchmark, GROUP, case.line, check_line, rounds=7)


def test_beside_a_forward_pass_of_as_many_points(benchmark, case, weights, check_line):
    x = np.repeat(case.x[None], case.line().t.size, axis=0)

    def check(result):
        if isinstance(result, np.ndarray):
            check_values(weights, x, result, "float32")
        else:
            check_line(result)

    peer = "a forward pass of as many points, float32"
    theirs = partial(case.net.forward, x)
    in_turns(benchmark, GROUP, peer, case.line, theirs, check, rounds=7)


@pytest.mark.parametrize("interpolate", [True, False], ids=["interpolated", "rebuilt"])
def test_beside_exact_line_in_numpy(benchmark, case, weights, check_line, interpolate):
    bends = case.line().t / case.length

    def check(result):
        if isinstance(result, np.ndarray):
            assert result[1:-1] == pytest.approx(bends, abs=1e-9 / case.length)
        else:
            check_line(result)

    peer = f"ExactLine in NumPy, {'interpolated' if interpolate else 'rebuilt'}"
    theirs = partial(exact_line, weights, case.x, end_of(case), interpolate=interpolate)
    in_turns(benchmark, GROUP, peer, case.line, theirs, check, rounds=5)


def test_deferred(benchmark):
    def fresh():
        return Case(Network.random((10**5,) * 3 + (1,), rng=0, storage="deferred"))

    def check(result):
        """There is no matrix to compare with: the line and a pass of the same network agree."""
        case, found = result
        t = np.linspace(0, found.length, 4)
        values = case.net.forward(found.point(t))
        assert found.value(t) == pytest.approx(values, rel=0, abs=1e-9 * abs(found.f0))

    group = "line of length 4 ‖x‖/√d, deferred, widths (10⁵, 10⁵, 10⁵, 1)"
    work = lambda case: (case, case.line())  # noqa: E731
    alone(benchmark, group, work, check, rounds=2, warmup_rounds=0, fresh=fresh)
