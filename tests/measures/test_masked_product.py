"""The spectral norms of masked weight products, against those of the assembled matrices."""

import numpy as np
import pytest
from randrelu import Network
from randrelu.measures.masked_product import masked_product_norm


@pytest.mark.parametrize("storage", ["stored", "streamed"])
def test_segment_norms_are_those_of_the_assembled_matrix(storage):
    net = Network.random((30, 40, 2, 25, 20, 1), rng=0, dtype="float64", storage=storage)
    x = np.random.default_rng(0).normal(size=30)
    masks = [p.astype(float) for p in net.pattern(x).unpack()]
    for j in range(5):
        product = np.eye(net.widths[j])
        for i in range(j + 1, 5):
            product = masks[i - 1][:, None] * (net.weights(i) @ product)
            exact = np.linalg.norm(product, 2)
            assert masked_product_norm(net, x, j, i) == pytest.approx(exact, rel=1e-6)
    with pytest.raises(ValueError, match="i must be"):
        masked_product_norm(net, x, 2, 2)


def test_segment_norms_of_many_points_are_those_of_each():
    """With a dead layer at one of them, where the norm is 0; each is at most the exact norm."""
    rng = np.random.default_rng(0)
    weights = [np.abs(rng.normal(size=(60, 50))), rng.normal(size=(40, 60)), rng.normal(size=40)]
    net = Network.from_weights(weights)
    points = np.vstack((rng.normal(size=(3, 50)), -np.ones((1, 50))))
    found = masked_product_norm(net, points, 0, 2)
    for point, norm in zip(points, found, strict=True):
        first, second = (p.astype(float) for p in net.pattern(point).unpack())
        product = second[:, None] * (weights[1] @ (first[:, None] * weights[0]))
        exact = np.linalg.norm(product, 2)
        assert exact * (1 - 1e-6) <= norm <= exact * (1 + 1e-12)
    assert found[-1] == 0 and masked_product_norm(net, points[:0], 0, 2).shape == (0,)


def test_segment_norms_of_a_deferred_network_are_consistent():
    """The norm bounds every product, and is attained by what the iteration revealed."""
    net = Network.random((30, 40, 35, 1), rng=0, storage="deferred")
    x = np.ones(30)
    found = masked_product_norm(net, x, 0, 2)
    assert masked_product_norm(net, x, 0, 2) == pytest.approx(found, rel=1e-6)
    image = net.activations(x)[1]
    assert np.linalg.norm(image) <= found * np.sqrt(30) * (1 + 1e-6)


@pytest.mark.parametrize("scale", [2.0**-200, 2.0**200])
def test_segment_norms_do_not_depend_on_the_scale(scale):
    """Where the squares of the products with the squared matrix under- or overflow."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=size) for size in [(60, 50), (40, 60), (1, 40)]]
    net, scaled = Network.from_weights(weights), Network.from_weights([scale * w for w in weights])
    points = rng.normal(size=(3, 50))
    found, far = (masked_product_norm(n, points, 0, 2) for n in (net, scaled))
    assert far == pytest.approx(scale**2 * found, rel=1e-6)


@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_segment_norms_have_the_same_bits_on_any_number_of_threads(storage):
    """With so many points that the vectors of some of them are made orthogonal on each thread."""
    points = np.random.default_rng(0).normal(size=(40, 300))

    def norms(threads):
        net = Network.random((300, 250, 200, 1), rng=0, dtype="float64", storage=storage)
        return masked_product_norm(net, points, 0, 2, threads=threads)

    assert np.array_equal(norms(1), norms(3))
