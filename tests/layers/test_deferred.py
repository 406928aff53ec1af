"""What a deferred network reveals, keeps, forgets and refuses."""

import copy
import os
import pickle
import sys
import threading

import numpy as np
import pytest
from randrelu import (
    Network,
    check,
    flips,
    gradient_decomposition,
    gradient_deviation,
    gradient_step,
    worst_flips,
)
from randrelu._load import core
from randrelu._support import memory

SMALL = (50, 40, 70, 30, 1)


def deferred(widths, rng=0, **keywords):
    return Network.random(widths, rng=rng, storage="deferred", **keywords)


def points(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-10), ("float32", 1e-4)])
def test_a_network_keeps_its_answers(dtype, limit):
    net, x = deferred(SMALL, dtype=dtype), points(20, 50)
    f, g = net.value_and_gradient(x)
    assert f.dtype == g.dtype == dtype
    scale = np.abs(f).max()
    assert np.abs((g * x).sum(axis=1) - f).max() < limit * scale  # Euler
    known = net.revealed
    assert np.abs(net.forward(x) - f).max() < limit * scale
    assert np.abs(net.gradient(x[7]) - g[7]).max() < limit * np.abs(g).max()
    assert net.revealed == known  # asked before
    for a, b in zip(net.pattern(x).unpack(), net.activations(x), strict=True):
        assert np.array_equal(a, b > 0)
    y = points(20, 50, seed=1)
    assert np.abs((net.gradient(y) * y).sum(axis=1) - net.forward(y)).max() < limit * scale
    assert net.revealed.forward[:3] == (40, 40, 40)
    # W_1 has 40 rows, so with more questions it is revealed whole from there; w_4 was at once.
    net.value_and_gradient(points(20, 50, seed=2))
    assert net.revealed.forward[0] == net.revealed.backward[0] == 40
    assert net.revealed.backward[3] == 1
    assert np.abs(net.forward(x) - f).max() < limit * scale


def test_adjoint_identity():
    net, (x, y) = deferred(SMALL), points(2, 50)
    v = points(1, 40, seed=3)[0]
    back = core.BasePoint(net._core, y, layers=1, gradient=False, threads=0).pull_back(
        0, v, threads=0
    )  # vᵀ W_1
    ahead = net.preactivations(x)[0]  # W_1 x
    assert abs(back @ x - v @ ahead) < 1e-12 * np.linalg.norm(v) * np.linalg.norm(ahead)


def test_what_lies_in_the_span_reveals_nothing_new():
    net, x = deferred((50, 40, 1)), points(3, 50)
    z = net.preactivations(x)[0]
    mixed = np.array([[1.0, -2, 3], [0.5, 0, 1e6]])
    again = net.preactivations(mixed @ x)[0]
    assert net.revealed.forward[0] == 3
    assert again == pytest.approx(mixed @ z, rel=1e-12)
    assert not net.preactivations(np.zeros(50))[0].any() and net.revealed.forward[0] == 3


@pytest.mark.parametrize("together", [True, False])
def test_close_points_are_resolved(together):
    """W(x + u) − Wx = Wu to rounding, for ‖u‖ = 1e-8 ‖x‖."""
    net, (x, u) = deferred((400, 300, 1)), points(2, 400)
    y = x + 1e-8 * u
    if together:
        at_x, at_y = net.preactivations(np.array([x, y]))[0]
    else:
        at_x, at_y = (net.preactivations(p)[0] for p in (x, y))
    assert net.revealed.forward[0] == 2
    exact = net.preactivations(y - x)[0]
    rounding = 1e-15 * np.abs(at_x).max()
    assert np.abs((at_y - at_x) - exact).max() < 20 * rounding
    assert net.revealed.forward[0] <= 3
    found = net.preactivations(u)[0]
    # y − x is rounded in x's last digits: 1e-16/1e-8 of its direction.
    assert np.abs(exact / 1e-8 - found).max() < 1e-6 * np.abs(found).max()


def test_tiny_and_huge_points():
    for scale in (1e-170, 1e-300, 1e150):
        net, x = deferred((30, 20, 1)), points(2, 30)
        z = net.preactivations(x)[0]
        assert net.preactivations(scale * x)[0] == pytest.approx(scale * z, rel=1e-12)
        other = deferred((30, 20, 1))
        first = other.preactivations(scale * x)[0]
        assert other.preactivations(x)[0] == pytest.approx(first / scale, rel=1e-12)


def test_a_matrix_that_is_revealed_whole_answers_everything():
    net = deferred((6, 5, 4, 1))
    net.value_and_gradient(points(2, 6))
    w1 = net.preactivations(np.eye(6))[0].T
    x = points(9, 6, seed=5)
    assert net.preactivations(x)[0] == pytest.approx(x @ w1.T, rel=1e-11, abs=1e-13)
    at_x = core.BasePoint(net._core, x[0], layers=1, gradient=False, threads=0)
    for row in points(3, 5, seed=6):
        assert at_x.pull_back(0, row, threads=0) == pytest.approx(row @ w1, rel=1e-11)
    # W_2 and w_3 from enough activations, then f itself.
    a1, z2 = net.activations(points(40, 6, seed=7))[0], net.preactivations(points(40, 6, seed=7))[1]
    w2 = np.linalg.lstsq(a1, z2, rcond=None)[0].T
    a2 = net.activations(points(40, 6, seed=7))[1]
    w3 = np.linalg.lstsq(a2, net.forward(points(40, 6, seed=7)), rcond=None)[0]
    expected = np.maximum(np.maximum(x @ w1.T, 0) @ w2.T, 0) @ w3
    assert net.forward(x) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    # Matrices with fewer rows than questions are revealed whole, row by row.
    assert net.revealed.forward == (2, 1, 0) and net.revealed.backward == (5, 4, 1)


def test_ball_agrees_with_plain_evaluation():
    net, x = deferred(SMALL), points(1, 50)[0]
    y = x + 0.2 * points(30, 50, seed=1)
    found = flips(net, x, points=y)
    deviation = gradient_deviation(net, x, points=y, terms=True)
    assert np.array_equal(found.counts, net.pattern(y).flips(net.pattern(x)))
    difference = net.gradient(x) - net.gradient(y)
    assert deviation.norms == pytest.approx(np.linalg.norm(difference, axis=1), rel=1e-9)
    terms = gradient_decomposition(net, x, y[4])
    assert terms.sum(axis=0) == pytest.approx(difference[4], rel=1e-9, abs=1e-12)
    assert np.linalg.norm(terms, axis=1) == pytest.approx(deviation.terms[4], rel=1e-9)
    worst = worst_flips(net, x, 0.5, layer=1)
    assert worst.certified is None
    again = net.pattern(worst.point).flips(net.pattern(x))
    assert worst.attained == again[0] > 0


def test_depth_zero():
    net = deferred((7, 1))
    x = points(3, 7)
    assert net.gradient(x)[0] @ x[2] == pytest.approx(net.forward(x[2]))
    assert flips(net, x[0], 1.0, 4, rng=0).counts.shape == (4, 0)


# --- what is remembered


@pytest.mark.parametrize("width", [40, 50_000])
def test_same_questions_same_answers_for_any_number_of_threads(width):
    def ask(threads):
        net, x = deferred((width, width, 30, 1), 3, init="he"), points(5, width)
        f, g = net.value_and_gradient(x, threads=threads)
        found = gradient_deviation(net, x[0], 3.0, 4, rng=1, threads=threads)
        return f, g, found.norms

    first = ask(1)
    for threads in (2, 3):
        assert all(np.array_equal(a, b) for a, b in zip(first, ask(threads), strict=True))


def test_forget_starts_a_fresh_network():
    net, x = deferred(SMALL), np.ones(50)
    f = net.forward(x)
    assert net.nbytes == sum(net.revealed.nbytes) == 8 * (90 + 110 + 100 + 31)
    net.forget()
    assert net.nbytes == 0 and net.revealed.forward == (0, 0, 0, 0)
    assert net.forward(x) != f


def test_without_remembering_nothing_is_kept():
    net, x = deferred(SMALL), points(5, 50)
    f = net.forward(x, remember=False)
    assert net.nbytes == 0 and f.shape == (5,)
    assert net.forward(x, remember=False)[0] != f[0]
    x0 = x[0]
    base = net.forward(x0)
    known = net.revealed
    for call in (flips, gradient_deviation):
        call(net, x0, 0.5, 20, rng=0, remember=False)
        grown = net.revealed
        assert grown.forward == known.forward
        assert max(grown.backward) <= 1  # the base point's gradient
    assert net.forward(x0) == pytest.approx(base, rel=1e-14)


def test_points_that_are_forgotten_are_one_experiment():
    """All of a call's points pass the same matrices, however many there are."""
    net = deferred((20, 30, 1))
    x = np.repeat(points(1, 20), 3000, axis=0)
    assert np.ptp(net.forward(x, remember=False)) < 1e-12


@pytest.mark.skipif(sys.platform == "win32", reason="asks Unix for the peak memory")
def test_depth_does_not_cost_memory_where_nothing_is_remembered(run_python):
    """What all the layers reveal takes 256 MB at eight points; that of one layer, 0.3."""
    code = (
        "import resource, numpy as np, randrelu as rr\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "net = rr.Network.random((2000,) * 1000 + (1,), rng=0, init='he', storage='deferred')\n"
        "x, before = np.random.default_rng(0).normal(size=(8, 2000)), peak()\n"
        "f = net.forward(x, remember=False)\n"
        "print(peak() - before, net.nbytes, np.isfinite(f).all())"
    )
    # A sanitizer, where there is one, must not hold on to memory that was given back.
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    done = run_python(code, ASAN_OPTIONS=options)
    grown, left, finite = done.stdout.split()
    assert int(grown) * (1 if sys.platform == "darwin" else 1024) < 50e6
    assert left == "0" and finite == "True"


def test_very_deep_networks_are_written_in_short():
    text = repr(deferred((200,) * 300 + (1,)))
    assert "… 294 more …" in text and len(text) < 200


def test_an_interrupted_question_is_as_if_not_asked():
    net, x = deferred((2000, 3000, 2000, 1)), points(1200, 2000)
    f = net.forward(x[0])

    def stop(done, total):
        if done < total:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        net.forward(x, progress=stop)
    known = net.revealed  # what was answered before it ended
    for call in (net.forward, lambda *a, **k: flips(net, x[0], points=a[0], **k)):
        with pytest.raises(RuntimeError, match="enough"):
            call(x, progress=stop, remember=False)
    assert net.revealed == known and max(known.forward) < 1200
    assert net.forward(x[0]) == pytest.approx(f, rel=1e-12)
    values, gradients = net.value_and_gradient(x[:3])
    assert (gradients * x[:3]).sum(axis=1) == pytest.approx(values, rel=1e-9)


def test_progress_cannot_ask_the_network_that_is_asked():
    net, x = deferred((2000, 3000, 1)), points(1500, 2000)
    with pytest.raises(RuntimeError, match="cannot be asked from the progress="):
        net.forward(x, progress=lambda done, total: done < total and net.forward(x[0]))
    seen = []
    net.forward(x[:200], progress=lambda *_: seen.append(repr(net)))  # but it can be printed
    assert seen and np.isfinite(net.forward(x[0]))


def test_several_python_threads_ask_one_network():
    net, x = deferred((300, 200, 1)), points(8, 300)
    answers = {}

    def ask(i):
        answers[i] = net.value_and_gradient(x[i])

    workers = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    f = net.forward(x)
    assert len(answers) == 8
    for i, (value, gradient) in answers.items():
        assert value == pytest.approx(f[i], rel=1e-12) and gradient @ x[i] == pytest.approx(f[i])


def test_what_a_deferred_network_refuses():
    net = deferred(SMALL)
    net.forward(np.ones(50))
    with pytest.raises(ValueError, match=r"W_2 does not exist.*storage='stored'"):
        net.weights(2)
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            duplicate(net)
    stored = Network.random(SMALL, rng=0)
    with pytest.raises(ValueError, match="revealed is for storage='deferred'"):
        _ = stored.revealed
    with pytest.raises(ValueError, match=r"forget\(\) is for storage='deferred'"):
        stored.forget()
    wide = deferred((10**6, 10**6, 1))
    with pytest.raises(MemoryError, match="remember=False"):
        flips(wide, np.ones(10**6), 1.0, 10**6)
    deep = deferred((10**6,) * 3000 + (1,))
    for call in (
        lambda: gradient_decomposition(deep, np.ones(10**6), np.zeros(10**6)),
        lambda: worst_flips(deep, np.ones(10**6), 1.0, layer=1),
        lambda: check("theorem-1.1", widths=deep.widths, eta="linear"),
    ):
        with pytest.raises(MemoryError, match="are free"):
            call()


def test_a_small_matrix_has_room_for_any_number_of_points(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * 10**8)
    assert deferred((20, 30, 1)).value_and_gradient(points(100_000, 20))[0].shape == (100_000,)


@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_a_gradient_that_overflows_on_its_way_is_no_gradient_of_zero(storage):
    net = Network.random((50,) * 60 + (1,), rng=0, init="unit", dtype="float32", storage=storage)
    x = np.full(50, 1e-30)
    assert np.isfinite(net.forward(x))
    with pytest.raises(OverflowError, match="float32"):
        net.gradient(x)


def test_what_a_float32_network_cannot_hold_is_an_overflow():
    net = deferred((50,) * 60 + (1,), init="unit", dtype="float32")
    with pytest.raises(OverflowError, match="float32"):
        gradient_step(net, np.full(50, 1e-30))
    with pytest.raises(OverflowError, match="float32"):
        flips(net, np.full(50, 1e39), points=np.full((1, 50), 1e39))


# --- trials


@pytest.mark.parametrize("eta", ["linear", "paper", -0.5, "shortest"])
def test_trials_are_gradient_steps_of_deferred_networks(eta):
    widths, x = (30, 40, 25, 1), points(1, 30)[0]
    c = check("theorem-1.1", widths=widths, trials=40, rng=4, x=x, eta=eta)
    for t, seed in enumerate(c.trials["seed"]):
        step = "linear" if eta == "shortest" else eta
        attack = gradient_step(deferred(widths, seed), x, eta=step)
        prefix = "linear_" if eta == "shortest" else ""
        for name in ("f_before", "f_after", "eta", "grad_norm", "relative_norm", "success"):
            assert getattr(attack, name) == pytest.approx(c.trials[prefix + name][t], rel=1e-9)


def test_a_point_of_a_network_that_forgot_it_is_refused():
    """So may another thread call `forget` in the middle of a question that takes several calls."""
    net = deferred((6, 5, 4, 1))
    x = points(1, 6)
    at_x = core.BasePoint(net._core, x[0], layers=2, gradient=False, threads=0)
    attack = core.Attack(net._core, x, None, threads=0, progress=None)
    net.forget()
    with pytest.raises(RuntimeError, match="told to forget"):
        core.explore(at_x, x, flips=True)
    with pytest.raises(RuntimeError, match="told to forget"):
        at_x.pull_back(0, np.ones(5), threads=0)
    with pytest.raises(RuntimeError, match="told to forget"):
        attack.step(
            core.StepKind.etas, np.ones((1, 1)), None, any_other=False, threads=0, progress=None
        )
    net.forget()  # and a fresh point is a point
    at_x = core.BasePoint(net._core, x[0], layers=2, gradient=False, threads=0)
    assert core.explore(at_x, x, flips=True).flips.shape == (1, 1, 2)
