"""Networks in training, beside NumPy's own first step of Adam and scikit-learn's predictions."""

import numpy as np
import pytest
from randrelu.sweeps.experiments import trainers
from randrelu.sweeps.experiments.images import Images, load
from randrelu.sweeps.experiments.trainers import BATCH, RATE, begin, require_trainer
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits


def some(count, classes=10):
    digits = load("digits")
    kept = np.flatnonzero(digits.labels < classes)[:count]
    return Images(digits.pixels[kept], digits.labels[kept], classes)


def layers(net):
    return [
        (net.weights(i).astype(np.float64), net.bias(i).astype(np.float64))
        for i in range(1, net.depth + 2)
    ]


def gradients(net, images):
    """Those of the mean cross-entropy by the weights and biases, in float64."""
    inputs, value = [], images.pixels.astype(np.float64)
    for k, (w, b) in enumerate(layers(net)):
        inputs.append(value if k == 0 else np.maximum(value, 0))
        value = inputs[-1] @ w.T + b
    chances = np.exp(value - value.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    back = (chances - np.eye(value.shape[1])[images.labels]) / len(value)
    found = []
    for (w, _), below in zip(layers(net)[::-1], inputs[::-1], strict=True):
        found.append((back.T @ below, back.sum(axis=0)))
        back = (back @ w) * (below > 0)
    return found[::-1]


@pytest.fixture(params=["sklearn", "torch"])
def trainer(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    return request.param


def test_the_first_epoch_of_one_batch_is_the_first_step_of_adam(trainer):
    """From the network at epoch 0: by the rate against the sign of the gradient.

    Where to add ε differs: to |g|, or to √(1 − β₂) |g|. Of |g| > 10⁻³ that is a part of 3.2e-4 of
    the step; the weights, below 1, are rounded to float32 twice.
    """
    images = some(BATCH)
    learner = begin(trainer, (12, 9), images, np.random.default_rng(3))
    net = learner.network()
    learner.epoch()
    after = learner.network()
    assert net.widths == (64, 12, 9, 10)
    moved = 0
    for old, new, slope in zip(layers(net), layers(after), gradients(net, images), strict=True):
        for before, now, g in zip(old, new, slope, strict=True):
            assert np.abs(before).max() < 1
            clear = np.abs(g) > 1e-3
            moved += clear.sum()
            gap = np.abs(now - (before - RATE * np.sign(g)))[clear]
            assert gap.max(initial=0) <= 3.2e-4 * RATE + 2**-23
    assert moved > 500


def test_weights_start_uniform(trainer):
    """The largest of n uniform numbers in (0, b) is below b (1 − t) with probability (1 − t)ⁿ."""
    net = begin(trainer, (300,), some(20), np.random.default_rng(0)).network()
    for i, (w, b) in enumerate(layers(net)):
        bound = np.sqrt(6 / (net.widths[i] + net.widths[i + 1]))
        assert np.abs(w).max() <= bound * (1 + 2**-23) and np.abs(b).max() <= bound * (1 + 2**-23)
        assert np.abs(w).max() >= bound * (1 - 20 / w.size)  # fails with probability e⁻²⁰


def test_scikit_learn_is_what_trains():
    """Its own classifier, from the same seed, and its own predictions of images never seen."""
    images, others = some(300), load("digits").pixels[300:]
    learner = begin("sklearn", (16,), images, np.random.default_rng(5))
    seed = int(np.random.default_rng(5).integers(2**32))
    own = MLPClassifier(
        (16,), alpha=0.0, batch_size=BATCH, random_state=np.random.RandomState(seed)
    )
    for _ in range(20):
        learner.epoch()
        with threadpool_limits(1):  # whose order of summation the trainer promises
            own.partial_fit(images.pixels, images.labels, classes=np.arange(10))
    net = learner.network()
    for (w, b), theirs, bias in zip(layers(net), own.coefs_, own.intercepts_, strict=True):
        assert np.array_equal(w.T, theirs) and np.array_equal(b, bias)
    top, _ = net.decision(others.astype(np.float64))
    assert np.array_equal(top, own.predict(others)) and len(set(top)) > 5


def test_ctrl_c_ends_an_epoch(monkeypatch):
    """scikit-learn would warn of it, and go on."""
    learner = begin("sklearn", (6,), some(30), np.random.default_rng(0))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(MLPClassifier, "_backprop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        learner.epoch()


def test_two_classes_have_two_outputs(trainer):
    """Of scikit-learn's single output, which is positive for the second, too."""
    images = some(120, classes=2)
    learner = begin(trainer, (8,), images, np.random.default_rng(1))
    for _ in range(30):
        learner.epoch()
    net = learner.network()
    top, _ = net.decision(images.pixels.astype(np.float64))
    assert net.outputs == 2 and np.mean(top == images.labels) > 0.9


def test_no_hidden_layer_is_logistic_regression(trainer):
    learner = begin(trainer, (), some(100), np.random.default_rng(1))
    learner.epoch()
    net = learner.network()
    assert net.depth == 0 and net.widths == (64, 10)


def test_the_same_generator_gives_the_same_network(trainer):
    images = some(150)
    found = []
    for seed in (7, 7, 8):
        learner = begin(trainer, (10,), images, np.random.default_rng(seed))
        learner.epoch()
        learner.epoch()
        found.append(layers(learner.network()))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(found[0], found[1], strict=True))
    assert not np.array_equal(found[0][0][0], found[2][0][0])


@pytest.mark.parametrize(("name", "missing"), [("sklearn", "randrelu"), ("torch", "torch")])
def test_what_is_missing_is_named(name, missing, monkeypatch):
    def absent(package):
        raise ImportError(package)

    monkeypatch.setattr(trainers.extras.importlib, "import_module", absent)
    with pytest.raises(ImportError, match=f"pip install '?{missing}"):
        require_trainer(name)
