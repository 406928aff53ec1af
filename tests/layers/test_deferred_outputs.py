"""Deferred networks with biases and several outputs: what they share, and their law."""

import pickle
import threading

import numpy as np
import pytest
from randrelu import (
    Network,
    flips,
    gradient_decomposition,
    gradient_deviation,
    gradient_step,
    line,
)
from randrelu._support import memory
from scipy import stats

DTYPES = ["float32", "float64"]
SMALL = (50, 40, 70, 30, 4)
# The false-alarm probability of every two-sample test here. There are 87, so the file alarms
# falsely with a probability of 9e-5.
ALARM = 1e-6


def sample(net, points, seed=0):
    """Points that both dtypes hold exactly."""
    x = np.random.default_rng(seed).normal(size=(points, net.widths[0]))
    return x.astype(np.float32).astype(float)


def deferred(shape=(50, 40, 70, 10), rng=0, **keywords):
    return Network.random(shape, rng=rng, storage="deferred", **keywords)


def close(a, b):
    """Equal up to the rounding of a known answer, of which 1e-10 is thousands of times more."""
    return np.abs(a - b).max() <= 1e-10 * max(np.abs(a).max(), np.abs(b).max())


@pytest.mark.parametrize("bias", [0, 0.5])
def test_a_margin_of_a_deferred_network_has_the_same_revealed_matrices(bias):
    net = deferred(bias=bias)
    one, x = net.margin(3, 1), sample(net, 6)
    f, g = one.value_and_gradient(x)  # the margin is asked first
    known = net.revealed
    assert one.revealed == known and min(known.forward[:2]) > 0 and known.backward == (6, 6, 1)
    values = net.forward(x)
    assert close(values[:, 3] - values[:, 1], f) and net.revealed == known
    rows = net.jacobian(x)
    assert close(rows[:, 3] - rows[:, 1], g)
    assert close(net.margin(4).gradient(x), rows[:, 4])
    y = sample(net, 6, seed=1)
    values = net.forward(y)
    assert close(one.forward(y), values[:, 3] - values[:, 1])
    assert one.revealed == net.revealed
    for margin in (one, net.margin(0)):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            pickle.dumps(margin)
        with pytest.raises(ValueError, match="W_3 does not exist"):
            margin.weights(3)


@pytest.mark.parametrize("asked", ["network", "margin"])
def test_forgetting_is_that_of_the_network_and_its_margins(asked):
    net = deferred(bias=0.5)
    one, x = net.margin(3, 1), sample(net, 2)
    before = one.forward(x)
    (net if asked == "network" else one).forget()
    assert net.revealed == one.revealed and not any(net.revealed.forward)
    values = net.forward(x)
    assert close(one.forward(x), values[:, 3] - values[:, 1])
    assert (one.forward(x) != before).all()


def test_the_bytes_of_a_deferred_network_are_those_of_what_is_revealed():
    net = deferred(bias=0.5)
    one, x = net.margin(3, 1), sample(net, 2)
    for ask in (net.forward, one.forward, one.gradient, net.jacobian):
        ask(x)
        assert net.nbytes == one.nbytes == sum(net.revealed.nbytes) > 0
    net.forget()
    assert net.nbytes == one.nbytes == 0


def test_a_margin_cannot_be_asked_from_the_progress_of_its_network():
    net = deferred((2000, 3000, 3))
    one, x = net.margin(0, 2), sample(net, 1500)
    for asked, inner in ((net, one), (one, net), (one, net.margin(1))):
        with pytest.raises(RuntimeError, match="cannot be asked from the progress="):
            asked.forward(x, progress=lambda done, total, net=inner: net.forward(x[0]))


def test_several_threads_ask_a_network_and_its_margins():
    net = deferred((300, 200, 3), bias=0.5)
    x, answers = sample(net, 12), {}
    asked = [net.jacobian, net.margin(0, 1).gradient, net.margin(2).gradient, net.forward]

    def ask(i):
        answers[i] = asked[i % 4](x[i])

    workers = [threading.Thread(target=ask, args=(i,)) for i in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows, values = net.jacobian(x), net.forward(x)
    expected = [rows, rows[:, 0] - rows[:, 1], rows[:, 2], values]
    assert len(answers) == 12
    assert all(close(answer, expected[i % 4][i]) for i, answer in answers.items())


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_deferred_jacobian_is_what_the_values_need(dtype):
    """Euler: J(x) x = f(x) without biases; and a difference quotient with them."""
    limit = 1e-10 if dtype == "float64" else 1e-4
    net = deferred(dtype=dtype)
    x = sample(net, 6)
    values = net.forward(x)
    along = np.einsum("nkd,nd->nk", net.jacobian(x), x)
    assert np.abs(along - values).max() <= limit * np.abs(values).max()
    # W_2 was asked along 60 rows, and W_1 along 40, so both are revealed whole, the shorter way.
    assert net.revealed.forward[1] == net.revealed.backward[0] == 40
    shifted = deferred(bias=0.5)
    x, u = x[0], sample(net, 1, seed=7)[0]
    ends = np.array([x, x + 1e-7 * u])
    assert not shifted.pattern(ends[0]).flips(shifted.pattern(ends[1])).any()
    slope = np.diff(shifted.forward(ends), axis=0)[0] / 1e-7
    # Both values are good to some 1e-14, so their difference by 1e-7 to 1e-7.
    assert np.abs(shifted.jacobian(x) @ u - slope).max() <= 1e-6 * np.abs(slope).max()


def test_deferred_jacobians_that_no_memory_holds_are_refused(monkeypatch):
    net = deferred((3000, 4000, 500))
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**8)
    net.forward(sample(net, 5))
    with pytest.raises(MemoryError, match="are free"):
        net.jacobian(sample(net, 5))


# --- measures agree with plain evaluation


def test_measures_agree_with_plain_evaluation():
    net = deferred((30, 40, 50, 3), bias=0.5)
    one, (x, u) = net.margin(2, 0), sample(net, 2)
    y = x + 0.3 * sample(net, 20, seed=1)
    assert np.array_equal(flips(net, x, points=y).counts, net.pattern(y).flips(net.pattern(x)))
    deviation = gradient_deviation(one, x, points=y, terms=True)
    difference = one.gradient(x) - one.gradient(y)
    assert close(deviation.norms, np.linalg.norm(difference, axis=1))
    terms = gradient_decomposition(one, x, y[4])
    assert close(terms.sum(axis=0), difference[4])
    found = line(one, x, u, 6.0)
    assert found.t.size > 10
    t = np.linspace(0, 6, 50)
    assert close(found.value(t), one.forward(found.point(t)))
    for step in ("linear", "exact", "flip"):
        a = gradient_step(net, y[:5], eta=step)
        values, after = net.forward(y[:5]), net.forward(a.x_adv)
        rows = np.arange(5)
        assert close(a.f_before, values[rows, a.top] - values[rows, a.other])
        assert close(
            a.grad_norm,
            [
                np.linalg.norm(net.margin(i, j).gradient(p))
                for i, j, p in zip(a.top, a.other, y[:5], strict=True)
            ],
        )
        assert np.abs(a.f_after - after[rows, a.top] + after[rows, a.other]).max() < 1e-12
        assert np.array_equal(a.sign_flipped, a.top_after != a.top) and a.sign_flipped.any()


# --- the law


def experiment(net, x):
    """Outputs, gradients and what a step does, of a network of 4 outputs with biases."""
    values, rows = net.forward(x), net.jacobian(x)
    top, other = net.decision(x)
    one = net.margin(top, other)
    g = one.gradient(x)
    y = x - 2 * one.forward(x) / (g @ g) * g
    after, there = net.forward(y), net.jacobian(y)
    flipped = net.pattern(x).flips(net.pattern(y))
    deviation = gradient_deviation(net.margin(3), x, points=(x + 0.5)[None]).norms[0]
    result = {
        "f_0": values[0],
        "margin": values[top] - values[other],
        "top": float(top),
        "f_0 after": after[0],
        "f_3 after": after[3],
        "margin after": one.forward(y),
        "decision after": float(net.decision(y)[0]),
        "f_0 at 0": net.forward(0 * x)[0],
        "‖∇f_0‖": np.linalg.norm(rows[0]),
        "‖∇m‖": np.linalg.norm(g),
        "∇f_0·∇f_1": rows[0] @ rows[1],
        "∇f_2·∇f_2 after": rows[2] @ there[2],
        "∇f_2·∇f_3 after": rows[2] @ there[3],
        "deviation": deviation,
        **{f"flips of layer {i}": k for i, k in enumerate(flipped, start=1)},
    }
    pairs = [("f_0", "f_0 after"), ("f_0", "f_3 after"), ("margin", "margin after"),
             ("margin", "‖∇m‖"), ("∇f_0·∇f_1", "f_0"), ("f_0", "f_0 at 0"),
             ("flips of layer 1", "flips of layer 3"), ("flips of layer 2", "deviation"),
             ("deviation", "∇f_2·∇f_3 after"), ("‖∇f_0‖", "deviation")]  # fmt: skip
    return result | {f"{a} × {b}": result[a] * result[b] for a, b in pairs}


@pytest.mark.statistics
@pytest.mark.parametrize("dtype", DTYPES)
def test_experiments_have_the_law_of_stored_networks(dtype):
    n, x = 1500, np.ones(50)
    table = {
        storage: [
            experiment(Network.random(SMALL, rng=seed, bias=0.5, storage=storage, dtype=dtype), x)
            for seed in range(n * first, n * (first + 1))
        ]
        for first, storage in enumerate(("stored", "deferred"))
    }
    assert len(table["stored"][0]) == 27
    for name in table["stored"][0]:
        a, b = ([row[name] for row in table[storage]] for storage in table)
        assert stats.ks_2samp(a, b, method="asymp").pvalue > ALARM, name


@pytest.mark.statistics
@pytest.mark.parametrize("step", ["linear", "exact", "flip"])
def test_steps_have_the_law_of_stored_networks(step):
    n, x = 1000, np.ones(50)
    table = {}
    for first, storage in enumerate(("stored", "deferred")):
        table[storage] = []
        for seed in range(n * first, n * (first + 1)):
            net = Network.random(
                (50, 40, 30, 4), rng=seed, bias=0.5, storage=storage, dtype="float64"
            )
            a = gradient_step(net, x, eta=step)
            table[storage].append(
                [a.f_before, a.relative_norm, a.top, a.other, a.top_after, a.sign_flipped,
                 a.success, *net.forward(a.x_adv)]
            )  # fmt: skip
    for a, b in zip(*(np.array(rows, float).T for rows in table.values()), strict=True):
        assert stats.ks_2samp(a, b, method="asymp").pvalue > ALARM


@pytest.mark.statistics
def test_the_two_sample_test_notices_another_bias():
    x = np.ones(50)
    a, b = (
        [experiment(deferred(SMALL, s, bias=bias), x)["f_0 at 0"] for s in range(600)]
        for bias in (0.5, 1.0)
    )
    assert stats.ks_2samp(a, b, method="asymp").pvalue < ALARM
