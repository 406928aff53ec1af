"""Train a small network on scikit-learn's digits: digits.npz, and digits.csv to try it on.

    python examples/digits.py

64 inputs, two hidden layers of 64 units, 10 outputs. The table has 100 images that it was not
trained on, a row each: the label, then 8 × 8 numbers from 0 to 16. It takes seconds.
"""

from pathlib import Path

import numpy as np
import randrelu as rr
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

KEPT = 100

here = Path(__file__).parent
images, labels = load_digits(return_X_y=True)
classifier = MLPClassifier((64, 64), max_iter=300, random_state=0)
classifier.fit(images[:-KEPT] / 16, labels[:-KEPT])
net = rr.Network.from_sklearn(classifier, dtype="float32")
net.save(here / "digits.npz")
rows = np.column_stack([labels[-KEPT:], images[-KEPT:]])
np.savetxt(here / "digits.csv", rows, fmt="%d", delimiter=",")
top, _ = net.decision(images[-KEPT:] / 16)
print(net, f"{np.mean(top == labels[-KEPT:]):.0%} of {KEPT} are classified right", sep="\n")
