"""Patterns: packing, counting, and the coins of units at exactly 0."""

import numpy as np
import pytest
import reference
from randrelu import Network
from randrelu._load import core
from scipy import stats

WIDTHS = [1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_are_the_signs_least_significant_first(width, dtype):
    net = Network.random((5, width, 1), rng=width, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(7, 5))
    pattern, (z,) = net.pattern(x), net.preactivations(x)
    assert (z != 0).all()
    assert np.array_equal(pattern.bits[0], np.packbits(z > 0, axis=1, bitorder="little"))
    assert np.array_equal(pattern.unpack()[0], z > 0)
    assert np.array_equal(pattern.active()[:, 0], (z > 0).sum(axis=1))
    assert pattern.widths == (width,)


@pytest.mark.parametrize("width", WIDTHS)
def test_flips_count_differing_bits(width):
    net = Network.random((5, width, 3, 1), rng=1)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 9, 5))
    a, b = net.pattern(x), net.pattern(y)
    expected = [(p != q).sum(axis=1) for p, q in zip(a.unpack(), b.unpack(), strict=True)]
    assert np.array_equal(a.flips(b), np.stack(expected, axis=1))
    assert a.flips(b).shape == (9, 2) and a.flips(b).dtype == np.int64
    one = net.pattern(x[4])
    assert np.array_equal(one.flips(b), b.flips(one))
    assert np.array_equal(one.flips(b)[4], a.flips(b)[4])
    assert np.array_equal(one.flips(net.pattern(y[4])), a.flips(b)[4])
    assert not a.flips(a).any()


def test_every_byte_count_of_the_popcounts():
    rng = np.random.default_rng(2)
    for size in range(1, 40):
        a, b = rng.integers(0, 256, size=(2, 5, size), dtype=np.uint8)
        unpacked = np.unpackbits(a, axis=1)
        assert np.array_equal(core.active(a), unpacked.sum(axis=1))
        assert np.array_equal(core.flips(a, b), (unpacked != np.unpackbits(b, axis=1)).sum(axis=1))


def test_empty_batch_and_no_hidden_layer():
    net = Network.random((5, 4, 1), rng=0)
    none = net.pattern(np.zeros((0, 5)))
    assert none.active().shape == none.flips(none).shape == (0, 1)
    assert none.unpack()[0].shape == (0, 4)
    assert net.pattern(np.ones(5)).flips(none).shape == (0, 1)
    linear = Network.random((5, 1), rng=0).pattern(np.ones((3, 5)))
    assert linear.active().shape == linear.flips(linear).shape == (3, 0)
    assert linear.unpack() == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_at_zero_follow_their_coins(dtype):
    """Rows of zeros, and an x that two weights cancel on, make exact zeros among other signs."""
    width, seed = 300, 0  # given weights have the coins of seed 0
    rng = np.random.default_rng(3)
    w1 = rng.integers(-2, 3, size=(width, 4)).astype(dtype)
    w2 = rng.integers(-1, 2, size=(50, width)).astype(dtype)
    net = Network.from_weights([w1, w2, np.ones(50, dtype)])
    x = rng.integers(-2, 3, size=(40, 4)).astype(dtype)
    coins = [
        np.array([reference.coin(seed, i, u) for u in range(n)]) for i, n in [(1, 300), (2, 50)]
    ]
    zeros = 0
    for z, bits, coin in zip(net.preactivations(x), net.pattern(x).unpack(), coins, strict=True):
        assert np.array_equal(bits, (z > 0) | ((z == 0) & coin))
        zeros += np.sum(z == 0)
    assert zeros > 1000  # that there is something to test
    # The gradient passes through the units that the coin makes active.
    masks = net.pattern(x).unpack()
    assert np.array_equal(net.gradient(x), reference.gradient([w1, w2, np.ones((1, 50))], masks))


def test_coins_depend_on_seed_layer_and_unit_and_are_fair():
    shape = (3, 2000, 2000, 1)
    patterns = {
        seed: Network.random(shape, rng=seed).pattern(np.zeros(3)) for seed in (0, 1, 2**40)
    }
    for seed, pattern in patterns.items():
        for layer, bits in enumerate(pattern.unpack(), start=1):
            for unit in (0, 31, 32, 127, 128, 1999):
                assert bits[unit] == reference.coin(seed, layer, unit)
        # Two layers, each Binomial(2000, 1/2): false alarm 1e-6 each.
        for active in pattern.active():
            assert stats.binomtest(int(active), 2000).pvalue > 1e-6
    differing = patterns[0].flips(patterns[1])
    assert all(stats.binomtest(int(n), 2000).pvalue > 1e-6 for n in differing)
    assert np.array_equal(
        patterns[0].bits[0], Network.random(shape, rng=0).pattern(-0.0 * np.ones(3)).bits[0]
    )


def test_mismatched_patterns_are_refused():
    a = Network.random((5, 4, 1), rng=0).pattern(np.ones((3, 5)))
    with pytest.raises(ValueError, match=r"other must have 3 points or one, got 2"):
        a.flips(Network.random((5, 4, 1), rng=0).pattern(np.ones((2, 5))))
    with pytest.raises(ValueError, match=r"hidden widths \(4,\), got \(6,\)"):
        a.flips(Network.random((5, 6, 1), rng=0).pattern(np.ones((3, 5))))
    with pytest.raises(TypeError, match="other must be a Pattern, got int"):
        a.flips(3)
    assert repr(a) == "Pattern(3 points, widths=(4,))"
