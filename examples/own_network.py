"""
Your own network, from a file
=============================

Any fully connected ReLU network can be asked the same questions: trained, with biases and several
outputs. Here a file is made first; another program would have written yours.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import randrelu as rr
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

# %%
# A small classifier is trained on scikit-learn's digits and saved. ``.onnx``, ``.safetensors`` and
# ``.nnet`` are read in the same way.

images, labels = load_digits(return_X_y=True)
images = images / 16
classifier = MLPClassifier((48, 48), max_iter=300, random_state=0).fit(images[:1500], labels[:1500])
with TemporaryDirectory() as folder:
    rr.Network.from_sklearn(classifier).save(Path(folder) / "net.npz")
    net = rr.load(Path(folder) / "net.npz")
print(net)

# %%
# What it decides, and how far along the gradient the first change of each decision is.

x, truth = images[1500:1600], labels[1500:1600]
top, runner_up = net.decision(x)
print(f"{np.mean(top == truth):.0%} are classified right")
attack = rr.gradient_step(net, x, eta="flip")
print(attack)

# %%
# Three digits before and after their steps. Pixels may leave [0, 1]: nothing is clipped.

after, _ = net.decision(attack.x_adv)
figure, axes = plt.subplots(2, 3, figsize=(5, 3.6), layout="constrained")
for k, (above, below) in enumerate(axes.T):
    for ax, image, decided in ((above, x[k], top[k]), (below, attack.x_adv[k], after[k])):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(title=f"a {decided}", xticks=[], yticks=[])
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
