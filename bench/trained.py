"""A network trained on scikit-learn's digits: the size of MNIST's, with nothing to download."""

import warnings

import numpy as np
from randrelu import Network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier


class Trained:
    """A classifier of scikit-learn's digits as 28 × 28 images, and images that it has not seen."""

    def __init__(self, hidden, kept=100):
        images, labels = load_digits(return_X_y=True)
        squares = images.reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2) / 16
        points = np.pad(squares, ((0, 0), (2, 2), (2, 2))).reshape(len(images), -1)
        points = points.astype(np.float32)
        classifier = MLPClassifier(hidden, max_iter=20, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(points[kept:], labels[kept:])
        self.net, self.images = Network.from_sklearn(classifier), points[:kept]
        self.layers = [
            (w.astype(float), b.astype(float))
            for w, b in zip(classifier.coefs_, classifier.intercepts_, strict=True)
        ]
        self.decided = self.decide(self.images)
        assert np.mean(self.decided == labels[:kept]) > 0.8  # it was trained

    def decide(self, points):
        """The classes of points in double."""
        a = points
        for w, b in self.layers[:-1]:
            a = np.maximum(a @ w + b, 0)
        w, b = self.layers[-1]
        return (a @ w + b).argmax(axis=1)
