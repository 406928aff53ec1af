"""The worst case of a trained network, attained and certified, beside what it cannot do without.

The network has 784 inputs and 4 × 256 units, trained on scikit-learn's digits. The attack is beside
foolbox's DDN with 200 steps, bounds beside the products of float64 matrices that they need.
"""

import numpy as np
import pytest
from randrelu import bounds, distance
from trained import Trained
from turns import alone, in_turns

IMAGES, HIDDEN, RADIUS = 20, (256,) * 4, 0.1


@pytest.fixture(scope="module")
def case():
    return Trained(HIDDEN)


@pytest.fixture
def images(case):
    return case.images[:IMAGES].astype(float)


def test_attack_beside_ddn(benchmark, case, images, torch):
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed")
    # Ours clips nothing, and these bounds are too far away for DDN to.
    model = foolbox.PyTorchModel(case.net.to_torch().eval(), bounds=(-100, 100))
    attack = foolbox.attacks.DDNAttack(steps=200)
    batch = torch.from_numpy(case.images[:IMAGES])
    labels = torch.from_numpy(case.decided[:IMAGES])

    def theirs():
        return attack(model, batch, labels, epsilons=None)[0].numpy()

    def ours():
        return distance(case.net, images, certify=False).x_adv

    def lengths(points):
        return np.linalg.norm(points - images, axis=1)

    nearest = np.minimum(lengths(ours()), lengths(theirs()))

    def check(points):
        """Another decision at each image, and for most of them as near as either attack finds."""
        assert (case.decide(points) != case.decided[:IMAGES]).mean() > 0.95
        assert np.mean(lengths(points) <= 1.1 * nearest) > 0.8

    group = f"the nearest changes at {IMAGES} images, 784 inputs and 4 × 256 units, attained"
    in_turns(benchmark, group, "foolbox, DDN, 200 steps", ours, theirs, check, rounds=15)


def products(widths, points):
    """The shapes (rows, inner, columns) of the matrix products without which there are no bounds.

    Each unit of a layer has a row for its lower and one for its upper bound, which goes back
    through the layers before it; and each layer is evaluated.
    """
    for i, units in enumerate(widths[1:], start=1):
        for k in range(i - 1, 0, -1):
            yield 2 * units * points, widths[k], widths[k - 1]
        yield points, widths[i - 1], units


@pytest.mark.parametrize("norm", [2, np.inf])
@pytest.mark.parametrize("points", [1, IMAGES])
def test_bounds_beside_their_products(benchmark, case, images, points, norm):
    rng = np.random.default_rng(0)
    radius = RADIUS if norm == 2 else RADIUS / 28
    centres = images[:points]
    shapes = list(products(case.net.widths, points))
    factors = {s: (rng.normal(size=s[:2]), rng.normal(size=s[1:])) for s in set(shapes)}
    places = {s: np.empty((s[0], s[2])) for s in shapes}
    inside = rng.uniform(-1, 1, size=(points, 784))
    inside *= radius / (np.linalg.norm(inside, axis=1, keepdims=True) if norm == 2 else 1)

    def ours():
        return bounds(case.net, centres, radius, norm=norm)

    def theirs():
        for shape in shapes:
            np.matmul(*factors[shape], out=places[shape])

    def check(found):
        """Points of the balls are within; of the products nothing is asked but their time."""
        a = centres + 0.999 * inside
        for i, (w, b) in enumerate(case.layers if found else ()):
            z = a @ w + b
            assert (found.lower[i] <= z).all() and (z <= found.upper[i]).all()
            a = np.maximum(z, 0)

    flops = sum(2 * a * b * c for a, b, c in shapes)
    name = "∞" if norm == np.inf else "2"
    group = f"bounds of {points} balls in norm {name}, 784 inputs and 4 × 256 units"
    peer = f"NumPy, the products of float64 they need, {1e-9 * flops:.2g} GFLOP"
    in_turns(benchmark, group, peer, ours, theirs, check, rounds=15 if points == 1 else 7)


@pytest.mark.parametrize("norm", [2, np.inf])
def test_bracket(benchmark, case, images, norm):
    def check(found):
        assert (found.certified > 0).all() and (found.certified <= found.attained).all()
        changed = case.decide(found.x_adv) != case.decided[:IMAGES]
        assert changed.mean() > 0.95  # by weights that are not rounded to float32

    name = "∞" if norm == np.inf else "2"
    group = f"the bracket of {IMAGES} images in norm {name}, 784 inputs and 4 × 256 units"
    alone(benchmark, group, lambda: distance(case.net, images, norm), check, rounds=5)
