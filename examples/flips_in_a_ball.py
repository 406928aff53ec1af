"""
Flips in balls around a point
=============================

How many units differ between x and points of a ball around it, by layer and radius, beside what the
arc-cosine map predicts for random networks.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import randrelu as rr

# %%
# Several radii cost little more than one: the points of all balls lie on the same rays.

net = rr.Network.random((784, 2048, 2048, 2048, 1), rng=0)
x = np.random.default_rng(0).normal(size=784)
radii = np.geomspace(0.003, 0.3, 9)
found = rr.flips(net, x, radii * np.linalg.norm(x), samples=300, rng=0)
print(found)

# %%
# The mean share of the units of each layer, and the prediction as a dashed line.

plt.rc("axes", prop_cycle=plt.cycler(color=["#0a5fb4", "#b3471a", "#1a7a4c"]))
figure, ax = plt.subplots(figsize=(5.4, 3.8), layout="constrained")
for layer, width in enumerate(found.widths):
    (curve,) = ax.loglog(radii, found.mean[:, layer] / width, "o", label=f"layer {layer + 1}")
    ax.loglog(radii, found.predicted[:, layer] / width, "--", color=curve.get_color())
ax.set(xlabel="radius of the ball / ‖x‖", ylabel="share of the units that flip")
ax.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
