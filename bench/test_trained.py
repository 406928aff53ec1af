"""The shortest step that changes what a trained network decides, beside DeepFool in PyTorch.

100 images of 28 × 28 through two hidden layers of 256 units, trained on scikit-learn's digits: the
size of MNIST's, with nothing to download. Both attack all images in one call. Ours goes along the
gradient of the margin to the runner-up as far as the first change of the decision, exactly;
DeepFool takes linear steps to the nearest of some classes until the decision changes.
"""

import numpy as np
import pytest
from randrelu import gradient_step
from trained import Trained
from turns import alone, in_turns

IMAGES, HIDDEN = 100, (256, 256)
GROUP = f"changing the decision at {IMAGES} images, 784 inputs and 2 × 256 units, trained"


class Case(Trained):
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
    return Case(HIDDEN, IMAGES)


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
