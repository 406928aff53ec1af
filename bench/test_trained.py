"""The shortest step that changes what a trained network decides, beside DeepFool in PyTorch.

100 images of 28 × 28 through two hidden layers of 256 units, trained on scikit-learn's digits: the
size of MNIST's, with nothing to download. Both attack all images in one call. Ours goes along the
gradient of the margin to the runner-up as far as the first change of the decision, exactly;
DeepFool takes linear steps to the nearest of some classes until the decision changes.
"""

import warnings

import numpy as np
import pytest
from randrelu import Network, gradient_step
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from turns import alone, in_turns

IMAGES, HIDDEN = 100, (256, 256)
GROUP = f"changing the decision at {IMAGES} images, 784 inputs and 2 × 256 units, trained"


class Case:
    def __init__(self):
        images, labels = load_digits(return_X_y=True)
        squares = images.reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2) / 16
        points = np.pad(squares, ((0, 0), (2, 2), (2, 2))).reshape(len(images), -1)
        points = points.astype(np.float32)
        classifier = MLPClassifier(HIDDEN, max_iter=20, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(points[IMAGES:], labels[IMAGES:])
        self.net, self.images = Network.from_sklearn(classifier), points[:IMAGES]
        self.layers = [
            (w.astype(float), b.astype(float))
            for w, b in zip(classifier.coefs_, classifier.intercepts_, strict=True)
        ]
        self.decided = self.decide(self.images)
        assert np.mean(self.decided == labels[:IMAGES]) > 0.8  # it was trained

    def decide(self, points):
        """The classes of points in double."""
        a = points
        for w, b in self.layers[:-1]:
            a = np.maximum(a @ w + b, 0)
        w, b = self.layers[-1]
        return (a @ w + b).argmax(axis=1)

    def ours(self):
        return gradient_step(self.net, self.images, eta="flip").x_adv

    def check(self, points):
        """All but a few decisions change, by steps shorter than the images."""
        changed = self.decide(points) != self.decided
        assert changed.mean() > 0.95
        steps = np.linalg.norm(points - self.images, axis=1)
        assert (steps[changed] < np.linalg.norm(self.images, axis=1)[changed]).all()


@pytest.fixture(scope="module")
def case():
    return Case()


def test_ours(benchmark, case):
    alone(benchmark, GROUP, case.ours, case.check, rounds=20)


@pytest.mark.parametrize("classes", [10, 2], ids=lambda n: f"{n} classes")
def test_beside_deepfool(benchmark, case, torch, classes):
    """As foolbox has it, and with two classes: the decided one and, as ours, the runner-up."""
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed")
    # Ours clips nothing, and these bounds are too far away for DeepFool to.
    model = foolbox.PyTorchModel(case.net.to_torch().eval(), bounds=(-100, 100))
    attack = foolbox.attacks.L2DeepFoolAttack(candidates=classes)
    images = torch.from_numpy(case.images)
    labels = torch.from_numpy(case.decided)

    def theirs():
        found, _, _ = attack(model, images, labels, epsilons=None)
        return found.numpy()

    peer = f"foolbox, DeepFool, {classes} classes"
    in_turns(benchmark, GROUP, peer, case.ours, theirs, case.check, rounds=20)
