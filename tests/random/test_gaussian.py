"""The generator: pinned by known answers, right against an exact transform, normal by its law."""

from pathlib import Path

import numpy as np
import pytest
import reference
from randrelu import Network
from randrelu._load import core
from scipy import stats

DATA = Path(__file__).parent / "data"


def rows(name):
    lines = (DATA / name).read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def draw(seed, layer, first, count):
    out = np.empty(count, np.float32)
    core.fill_normals(seed, layer, first, out)
    return out


@pytest.mark.parametrize("row", rows("philox4x32.txt"))
def test_philox_published_answers(row):
    words = [int(word, 16) for word in row]
    assert core.philox4x32(words[:4], words[4:6]) == words[6:]
    assert reference.philox4x32(words[:4], words[4:6]) == words[6:]


@pytest.mark.parametrize("row", rows("normals.txt"))
def test_first_normals_are_pinned(row):
    seed, layer, first = (int(field) for field in row[:3])
    pinned = [float.fromhex(field) for field in row[3:]]
    assert draw(seed, layer, first, len(pinned)).tolist() == pinned


def test_normals_match_the_exact_transform_to_4_ulp():
    """Ten million of them: four streams of 2.6 million, far and near the start."""
    groups = 40_000
    for seed, layer, group in [(0, 1, 0), (7, 3, 10**5), (2**64 - 1, 2, 2**34), (5, 1, 2**32 - 9)]:
        got = draw(seed, layer, 64 * group, 64 * groups).astype(float)
        exact = reference.normals(seed, layer, group, groups)
        ulp = np.spacing(np.abs(exact).astype(np.float32)).astype(float)
        assert np.max(np.abs(got - exact) / ulp) <= 4


def test_any_range_is_a_piece_of_the_whole():
    whole = draw(5, 2, 0, 1000)
    for first in (0, 1, 15, 16, 63, 64, 65, 200):
        for count in (0, 1, 2, 63, 64, 65, 129, 700):
            assert np.array_equal(draw(5, 2, first, count), whole[first : first + count])


def test_weights_are_scaled_normals_in_row_major_order():
    net = Network.random((7, 5, 3, 1), rng=11, init="he")
    for i, (fan_in, fan_out) in enumerate([(7, 5), (5, 3), (3, 1)], start=1):
        normals = draw(11, i, 0, fan_in * fan_out).reshape(fan_out, fan_in)
        assert np.array_equal(net.weights(i), normals * np.float32(np.sqrt(2 / fan_in)))


ALARM = 1e-7  # two-sided, of each of the 274 tests in the next two functions: 3e-5 altogether


@pytest.mark.statistics
def test_a_hundred_million_draws_follow_their_law():
    """Moments to order 8, Kolmogorov–Smirnov on 20 000 cells, and the tails to 6σ."""
    n, chunk = 10**8, 10**6
    edges = np.linspace(-5, 5, 20_001)
    cells = np.zeros(edges.size + 1, np.int64)
    sums, tails, levels = np.zeros(9), np.zeros(5, int), np.array([3, 4, 5, 5.5, 6])
    for first in range(0, n, chunk):
        z = draw(3, 1, first, chunk).astype(float)
        power = np.ones(chunk)
        for order in range(1, 9):
            power *= z
            sums[order] += power.sum()
        # Uniform cells: their numbers are found by arithmetic instead of a search.
        index = np.clip(np.floor((z + 5) * 2000).astype(np.int64) + 1, 0, edges.size)
        cells += np.bincount(index, minlength=cells.size)
        large = np.abs(z[np.abs(z) > 3])
        tails += (large[:, np.newaxis] > levels).sum(axis=0)
    odd_factorial = [1, 1, 3, 15, 105, 945, 10395, 135135, 2027025]  # E z^{2k}
    for order in range(1, 9):
        mean = odd_factorial[order // 2] if order % 2 == 0 else 0
        variance = odd_factorial[order] - mean**2
        score = (sums[order] / n - mean) / np.sqrt(variance / n)
        assert 2 * stats.norm.sf(abs(score)) > ALARM, order
    distance = np.max(np.abs(np.cumsum(cells)[:-1] / n - stats.norm.cdf(edges)))
    assert stats.kstwobign.sf(distance * np.sqrt(n)) > ALARM
    for level, count in zip(levels, tails, strict=True):
        assert stats.binomtest(int(count), n, 2 * stats.norm.sf(level)).pvalue > ALARM, level


@pytest.mark.statistics
@pytest.mark.parametrize(("seed", "layer"), [(0, 1), (1, 1), (0, 2), (2**63, 9)])
def test_every_stream_follows_the_law(seed, layer):
    z = draw(seed, layer, 0, 10**6).astype(float)
    assert stats.kstest(z, "norm").pvalue > ALARM
    for lane in range(64):  # the places of a group; 64 tests a stream on 15 625 draws each
        assert stats.kstest(z[lane::64], "norm").pvalue > ALARM


@pytest.mark.statistics
def test_streams_seeds_and_lanes_are_uncorrelated():
    # 23 correlations of 2²⁰ draws; each misses 5.5 standard errors with probability 4e-8.
    n = 2**20
    base = draw(0, 1, 0, n + 64).astype(float)
    others = [draw(seed, layer, 0, n) for seed, layer in [(1, 1), (0, 2), (2**32, 1)]]
    shifted = [base[k : n + k] for k in (1, 2, 3, 4, 8, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64)]
    squares = [base[k : n + k] ** 2 - 1 for k in (1, 16, 32, 48, 64)]
    for other in others + shifted:
        assert abs(np.mean(base[:n] * other)) < 5.5 / np.sqrt(n)
    for other in squares:
        assert abs(np.mean((base[:n] ** 2 - 1) * other)) < 5.5 * 2 / np.sqrt(n)
