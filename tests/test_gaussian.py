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


@pytest.mark.parametrize("row", rows("philox4x32.txt"))
def test_philox_published_answers(row):
    words = [int(word, 16) for word in row]
    assert core.philox4x32(words[:4], words[4:6]) == words[6:]
    assert reference.philox4x32(words[:4], words[4:6]) == words[6:]


@pytest.mark.parametrize("row", rows("normals.txt"))
def test_first_normals_are_pinned(row):
    seed, layer, first = (int(field) for field in row[:3])
    pinned = [float.fromhex(field) for field in row[3:]]
    assert core.normals(seed, layer, first, len(pinned)).tolist() == pinned


def test_normals_match_the_exact_transform_to_4_ulp():
    starts = [(0, 1, 0), (7, 3, 10**6), (2**64 - 1, 2, 2**40), (12345, 1, 2**38 - 100)]
    for seed, layer, first in starts:
        got = core.normals(seed, layer, first, 2000).astype(float)
        exact = [reference.normal(seed, layer, first + j) for j in range(2000)]
        ulp = np.spacing(np.abs(np.float32(exact))).astype(float)
        assert np.max(np.abs(got - exact) / ulp) <= 4


def test_any_range_is_a_piece_of_the_whole():
    whole = core.normals(5, 2, 0, 1000)
    for first in (0, 1, 15, 16, 63, 64, 65, 200):
        for count in (0, 1, 2, 63, 64, 65, 129, 700):
            assert np.array_equal(core.normals(5, 2, first, count), whole[first : first + count])


def test_weights_are_scaled_normals_in_row_major_order():
    net = Network.random((7, 5, 3, 1), rng=11, init="he")
    for i, (fan_in, fan_out) in enumerate([(7, 5), (5, 3), (3, 1)], start=1):
        normals = core.normals(11, i, 0, fan_in * fan_out).reshape(fan_out, fan_in)
        assert np.array_equal(net.weights(i), normals * np.float32(np.sqrt(2 / fan_in)))


def test_normals_follow_their_law():
    # Kolmogorov–Smirnov and the first four moments of 10⁶ draws of eight streams: 40 tests, false
    # alarms 40 × 2.5e-6 = 1e-4 altogether.
    alarm = 2.5e-6
    moments = {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}  # of a normal: mean and variance
    for seed, layer in [(s, k) for s in (0, 1, 2**63) for k in (1, 2)] + [(1, 9), (3, 1)]:
        z = core.normals(seed, layer, 0, 10**6).astype(float)
        assert stats.kstest(z, "norm").pvalue > alarm
        for power, (mean, variance) in moments.items():
            score = (np.mean(z**power) - mean) / np.sqrt(variance / z.size)
            assert 2 * stats.norm.sf(abs(score)) > alarm


def test_streams_seeds_and_lanes_are_uncorrelated():
    # 23 correlations of 2²⁰ draws; each misses 5.5 standard errors with probability 4e-8.
    n = 2**20
    base = core.normals(0, 1, 0, n + 64).astype(float)
    others = [core.normals(seed, layer, 0, n) for seed, layer in [(1, 1), (0, 2), (2**32, 1)]]
    shifted = [base[k : n + k] for k in (1, 2, 3, 4, 8, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64)]
    squares = [base[k : n + k] ** 2 - 1 for k in (1, 16, 32, 48, 64)]
    for other in others + shifted:
        assert abs(np.mean(base[:n] * other)) < 5.5 / np.sqrt(n)
    for other in squares:
        assert abs(np.mean((base[:n] ** 2 - 1) * other)) < 5.5 * 2 / np.sqrt(n)
