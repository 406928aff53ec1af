"""scikit-learn's perceptrons, trained on its digits, beside their own predictions."""

import sys
import warnings

import numpy as np
import pytest
import reference
from randrelu import Network
from randrelu.formats.sklearn import chain_of_estimator
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

IMAGES, DIGITS = load_digits(return_X_y=True)
IMAGES /= 16


def fitted(estimator, y, dtype="float64"):
    """Train for a few epochs; what is tested is what the weights mean, not how good they are."""
    estimator.set_params(max_iter=8, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(IMAGES.astype(dtype), y)


def forward(chain, x):
    """The layers of a chain on rows, in the dtype of the weights."""
    layers = list(zip(chain.weights, chain.biases, strict=True))
    for i, (w, b) in enumerate(layers):
        x = x @ w.T + b
        x = np.maximum(x, 0) if i + 1 < len(layers) else x
    return x


def logits(estimator):
    """Ours of all images."""
    return forward(chain_of_estimator(estimator), IMAGES)


@pytest.mark.parametrize("hidden", [(), (30,), (20, 10)])
def test_the_largest_output_is_the_class(hidden):
    labels = np.array(list("zyxwvutsrq"))[DIGITS]  # classes_ are sorted, and no indices
    estimator = fitted(MLPClassifier(hidden), labels)
    chosen = estimator.classes_[logits(estimator).argmax(axis=1)]
    assert np.unique(chosen).size > 5
    assert np.array_equal(chosen, estimator.predict(IMAGES))


def test_of_two_classes_the_sign_decides():
    estimator = fitted(MLPClassifier((20,)), np.where(DIGITS > 4, "large", "little"))
    found = logits(estimator)
    assert found.shape == (len(IMAGES), 1)
    assert np.array_equal(
        estimator.classes_[(found[:, 0] > 0).astype(int)], estimator.predict(IMAGES)
    )


def test_of_several_labels_each_has_a_sign():
    labels = np.stack([DIGITS % 2, DIGITS > 4, DIGITS % 3 == 0], axis=1).astype(int)
    estimator = fitted(MLPClassifier((20,)), labels)
    found = (logits(estimator) > 0).astype(int)
    assert np.array_equal(found, estimator.predict(IMAGES))
    assert found.min() == 0 and found.max() == 1


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_outputs_of_a_regressor_are_its_predictions(outputs):
    y = np.stack([DIGITS, DIGITS**2, -DIGITS], axis=1)[:, :outputs].astype(float)
    estimator = fitted(MLPRegressor(hidden_layer_sizes=(20, 10)), y[:, 0] if outputs == 1 else y)
    found = logits(estimator)
    assert found.shape == (len(IMAGES), outputs)
    # Both sides round sums of 64, 20 and 10 products and a bias: by γ of what they are without
    # cancellation, in the network without signs.
    size = IMAGES
    for w, b in zip(estimator.coefs_, estimator.intercepts_, strict=True):
        size = size @ np.abs(w) + np.abs(b)
    bound = 2 * reference.gamma(64 + 20 + 10 + 3, np.float64) * size
    assert (np.abs(found - estimator.predict(IMAGES).reshape(found.shape)) <= bound).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_keep_their_bits_and_are_copied(dtype):
    estimator = fitted(MLPClassifier((20, 10)), DIGITS, dtype)
    chain = chain_of_estimator(estimator)
    wanted = [
        (w.T.copy(), b.copy()) for w, b in zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ]
    for array in (*estimator.coefs_, *estimator.intercepts_):
        array += 1
    for w, b, (want_w, want_b) in zip(chain.weights, chain.biases, wanted, strict=True):
        assert w.dtype == b.dtype == want_w.dtype == np.dtype(dtype)
        assert np.array_equal(w, want_w) and np.array_equal(b, want_b)


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (Ridge(), "must be an MLPRegressor or an MLPClassifier, got Ridge"),
        (make_pipeline(MLPRegressor()), "got Pipeline; of a Pipeline pass the last step"),
        (MLPRegressor, "got ABCMeta"),
        (None, "got NoneType"),
    ],
)
def test_other_objects_are_refused_by_their_type(estimator, words):
    with pytest.raises(TypeError, match=words):
        chain_of_estimator(estimator)


def test_an_estimator_without_weights_is_refused():
    words = "^MLPRegressor: expected a fitted estimator, got one without weights; call .fit"
    with pytest.raises(ValueError, match=words):
        chain_of_estimator(MLPRegressor())


def test_other_activations_are_refused():
    estimator = fitted(MLPClassifier((5,), activation="tanh"), DIGITS)
    with pytest.raises(ValueError, match=r"^MLPClassifier: expected activation='relu', got 'tanh'"):
        chain_of_estimator(estimator)


def test_a_weight_that_is_not_finite_is_refused():
    estimator = fitted(MLPRegressor(hidden_layer_sizes=(5,)), DIGITS)
    estimator.coefs_[1][2, 0] = np.nan
    with pytest.raises(ValueError, match=r"^MLPRegressor: coefs_\[1\]: expected finite numbers"):
        chain_of_estimator(estimator)


def test_scikit_learn_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.neural_network", None)
    with pytest.raises(ImportError, match=r"needs scikit-learn: pip install scikit-learn$"):
        chain_of_estimator(None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_decides_as_the_classifier_does(dtype):
    estimator = fitted(MLPClassifier((30, 20)), DIGITS, dtype)
    net = Network.from_sklearn(estimator)
    assert net.dtype == np.dtype(dtype) and net.widths == (64, 30, 20, 10)
    points = IMAGES.astype(dtype)
    top, _ = net.decision(points)
    assert np.array_equal(estimator.classes_[top], estimator.predict(points))
