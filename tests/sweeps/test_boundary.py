"""The distance to the boundary as the input's dimension grows, against plain NumPy."""

import math

import numpy as np
import pytest
import randrelu as rr
import reference
from randrelu.sweeps.experiments.resized import resized_digits
from randrelu.sweeps.grid import Point
from sklearn.neural_network import MLPClassifier

RANDOM = {"dim": 6, "width": 12, "depth": 2, "bias": 0.5}
TRAINED = {"size": 4, "width": 12, "images": 5}


def nearest_sampled(net, x, norm, rng):
    """The nearest of many points on rays from x where some decision differs, as in NumPy."""
    weights, biases = reference.layers(net)

    def decisions(points):
        f = reference.outputs(weights, points, biases)
        return f.argmax(axis=1) if f.shape[1] > 1 else f[:, 0] > 0

    ways = rng.standard_normal((400, x.size))
    ways /= np.linalg.norm(ways, ord=norm, axis=1, keepdims=True)
    at = np.linspace(0, 3, 301)[1:] * np.linalg.norm(x, ord=norm)
    points = (x + at[:, None, None] * ways).reshape(-1, x.size)
    other = (decisions(points) != decisions(x[None])).reshape(at.size, -1).any(axis=1)
    return at[other].min() if other.any() else math.inf


class TestRandom:
    def test_brackets_what_numpy_finds(self):
        rows = rr.sweep("boundary", points=[RANDOM], trials=3, rng=2).to_pandas()
        assert rows.norm.tolist() == ["2", "inf"] * 3
        assert (rows.certified > 0).all() and (rows.certified <= rows.attained).all()
        for trial in range(3):
            rng = Point(RANDOM).generator(2, trial)
            net = rr.Network.random((6, 12, 12, 1), rng=rng, init="he", bias=0.5)
            for norm, size in ((2, math.sqrt(6)), (math.inf, 1.0)):
                row = rows[(rows.trial == trial) & (rows.norm == str(norm))].iloc[0]
                found = rr.distance(net, np.ones(6), norm)
                assert row.attained == pytest.approx(found.attained / size, rel=1e-15)
                sampled = nearest_sampled(net, np.ones(6), norm, np.random.default_rng(0)) / size
                assert row.certified <= row.attained <= sampled < math.inf

    def test_is_repeatable(self):
        one, two = (
            rr.sweep("boundary", points=[RANDOM], trials=2, rng=3).to_pandas() for _ in "12"
        )
        assert one.equals(two)

    def test_parameters_are_checked(self):
        with pytest.raises(ValueError, match="bias must be a finite number of at least 0"):
            rr.sweep("boundary", points=[RANDOM | {"bias": -1.0}], trials=1)
        with pytest.raises(ValueError, match="boundary needs dim"):
            rr.sweep("boundary", points=[{"width": 4}], trials=1)


class TestTrained:
    def test_is_scikit_learns_network(self):
        rows = rr.sweep("boundary-trained", points=[TRAINED], trials=1, rng=4).to_pandas()
        rng = Point(TRAINED).generator(4, 0)
        pictures, digits = resized_digits(4)
        order = rng.permutation(len(digits))
        held, taught = order[:360], order[360:]
        known = MLPClassifier((12,), max_iter=60, random_state=int(rng.integers(2**32)))
        with pytest.warns(match="converge"):
            known.fit(pictures[taught], digits[taught])
        right = known.predict(pictures[held]) == digits[held]
        assert rows.accuracy.tolist() == [right.mean()] * 2 and (rows.images_used == 5).all()
        points = pictures[held][right][:5]
        net = rr.Network.from_sklearn(known)
        for row, norm in zip(rows.itertuples(), (2, math.inf), strict=True):
            sizes = np.linalg.norm(points, ord=norm, axis=1)
            sampled = [
                nearest_sampled(net, x, norm, np.random.default_rng(1)) / size
                for x, size in zip(points, sizes, strict=True)
            ]
            assert 0 < row.certified <= row.attained <= np.median(sampled)

    def test_parameters_are_checked(self):
        with pytest.raises(ValueError, match="size must be at most 256, got 300"):
            rr.sweep("boundary-trained", points=[TRAINED | {"size": 300}], trials=1)
