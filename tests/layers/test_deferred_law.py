"""Deferred networks have the law of stored ones, jointly over whatever is asked."""

import numpy as np
import pytest
from randrelu import (
    Network,
    check,
    flips,
    gradient_deviation,
)
from scipy import stats

# The false-alarm probability of every statistical test here. There are 71 (67 of them two-sample
# tests), so the file alarms falsely with a probability of 7e-5.
ALARM = 1e-6
SMALL = (50, 40, 70, 30, 1)


def deferred(widths, rng=0, **keywords):
    return Network.random(widths, rng=rng, storage="deferred", **keywords)


def points(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim))


def adaptive_experiment(net, x):
    """Five gradient steps in a row, each from the last point, and what changes on the way."""
    f, g = net.value_and_gradient(x)
    first_f, first_g, y = f, g, x
    step = -2 * f / (g @ g) * g
    f_after = net.forward(x + step)
    flipped = net.pattern(x).flips(net.pattern(x + step))
    deviation = gradient_deviation(net, x, points=(x + 0.3 * points(1, x.size)[0])[None]).norms[0]
    values = []
    for _ in range(5):
        y = y - 2 * f / (g @ g) * g
        f, g = net.value_and_gradient(y)
        values.append(f)
    result = {
        "f": first_f,
        "‖∇f‖": np.linalg.norm(first_g),
        "f after the step": f_after,
        **{f"flips of layer {i}": k for i, k in enumerate(flipped, start=1)},
        "deviation": deviation,
        **{f"f after step {i}": v for i, v in enumerate(values, start=2)},
        "way": np.linalg.norm(y - x),
        "∇f·∇f": first_g @ g,
    }
    pairs = [("f", "f after the step"), ("f", "f after step 6"), ("‖∇f‖", "deviation"),
             ("f after step 2", "f after step 3"), ("flips of layer 1", "flips of layer 3"),
             ("flips of layer 2", "deviation"), ("way", "f after step 4"), ("∇f·∇f", "f"),
             ("∇f·∇f", "deviation"), ("way", "flips of layer 1"), ("f", "∇f·∇f"),
             ("f after step 5", "f after step 6"), ("‖∇f‖", "∇f·∇f")]  # fmt: skip
    return result | {f"{a} × {b}": result[a] * result[b] for a, b in pairs}


@pytest.mark.statistics
def test_adaptive_experiments_have_the_law_of_stored_networks():
    n, x = 2000, np.ones(50)
    table = {
        storage: [
            adaptive_experiment(
                Network.random(SMALL, rng=seed, storage=storage, dtype="float64"), x
            )
            for seed in range(n)
        ]
        for storage in ("stored", "deferred")
    }
    assert len(table["stored"][0]) == 27
    for name in table["stored"][0]:
        a, b = ([row[name] for row in table[storage]] for storage in table)
        assert stats.ks_2samp(a, b).pvalue > ALARM, name


@pytest.mark.statistics
def test_the_two_sample_test_notices_another_scale():
    x = np.ones(50)
    a, b = (
        [
            adaptive_experiment(Network.random(SMALL, rng=s, storage="deferred", init=init), x)[
                "‖∇f‖"
            ]
            for s in range(300)
        ]
        for init in ("paper", "he")
    )
    assert stats.ks_2samp(a, b).pvalue < ALARM


@pytest.mark.statistics
@pytest.mark.parametrize("way", ["forgets", "float32"])
def test_other_ways_to_ask_have_the_law_of_stored_networks(way):
    """What one call says about several points, jointly, in float32 and where nothing is kept."""
    x, n = points(4, 50), 2000
    rows = {"stored": [], way: []}
    for seed in range(n):
        stored = Network.random(SMALL, rng=seed, storage="stored", dtype="float64")
        net = deferred(SMALL, seed, dtype="float32" if way == "float32" else None)
        for name, asked in (("stored", stored), (way, net)):
            keep = {"remember": name == "stored" or way == "float32"}
            f = asked.forward(x, **keep).astype(float)
            found = flips(asked, x[0], points=x[0] + 0.3 * x[1:], **keep).counts
            deviation = gradient_deviation(asked, x[0], points=x[:3] + 0.1, **keep).norms
            rows[name].append(
                [f[0], f[1] * f[2], f[0] * f[3], *found.ravel(), *found[0] * found[1],
                 *deviation, deviation[0] * deviation[1], found[0, 2] * found[0, 0]]
            )  # fmt: skip
    for a, b in zip(np.array(rows["stored"]).T, np.array(rows[way]).T, strict=True):
        assert stats.ks_2samp(a, b).pvalue > ALARM


@pytest.mark.statistics
def test_a_matrix_assembled_after_mixed_questions_is_gaussian():
    """W_1 (3, 4), first asked from both sides, then column by column: 12 normals, independent."""
    entries = []
    for seed in range(3000):
        net = deferred((4, 3, 1), seed)
        net.value_and_gradient(np.ones(4))
        net.value_and_gradient(np.array([1.0, -2, 0, 1]))
        entries.append(net.preactivations(np.eye(4))[0].ravel() * 2)
    entries = np.array(entries)
    assert stats.kstest(entries.ravel(), "norm").pvalue > ALARM
    # 66 pairs; sums of products of independent normals over √n are nearly normal.
    pairs = np.triu_indices(12, 1)
    squares = (entries.T @ entries)[pairs] ** 2 / len(entries)
    assert stats.chi2.sf(squares.sum(), len(squares)) > ALARM


@pytest.mark.statistics
def test_direction_of_the_gradient_is_uniform_at_any_width():
    """f²/(‖∇f‖‖x‖)² ~ Beta(1/2, (d − 1)/2), here with W_2 of 10¹⁰ weights."""
    widths = (40, 100_000, 100_000, 1)
    c = check("lemma-2.2", widths=widths, trials=200, rng=0)
    share = (c.trials["f"] / c.trials["grad_norm"]) ** 2 / 40
    assert stats.kstest(share, stats.beta(0.5, 39 / 2).cdf).pvalue > ALARM


@pytest.mark.statistics
def test_first_layer_flips_are_binomial_at_any_width():
    x, y = points(2, 30)
    angle = np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    n, width = 20, 1_000_000
    found = [flips(deferred((30, width, 1), s), x, points=y[None]).counts[0, 0] for s in range(n)]
    assert stats.binomtest(int(sum(found)), n * width, angle / np.pi).pvalue > ALARM


@pytest.mark.statistics
def test_trials_do_not_depend_on_the_storage_in_law():
    a, b = (
        check("theorem-1.1", widths=(20, 30, 30, 1), trials=1000, rng=0, storage=storage).trials
        for storage in ("deferred", "stored")
    )
    for name in ("relative_norm", "f_after"):
        assert stats.ks_2samp(a[name], b[name]).pvalue > ALARM, name
