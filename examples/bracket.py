"""
The worst case in a ball
========================

Sampled points say little about the worst one of a ball. A point that is found by ascent attains far
more flips, and a gradient that differs more; a bound certifies what no point exceeds. What is
largest lies between.
"""

from pathlib import Path

import numpy as np
import randrelu as rr
from randrelu.figures.bracket import bracket_figure

# %%
# A random network, a random point, and balls around it: what the farthest of 1000 samples shows,
# what ascent attains, and what is certified.

net = rr.Network.random((784, 2048, 2048, 1), rng=0)
x = np.random.default_rng(0).normal(size=784)
radii = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2])
sizes = radii * np.linalg.norm(x)
sampled = rr.flips(net, x, sizes, rng=0).max
largest = rr.gradient_deviation(net, x, sizes, rng=0).norms.max(axis=1)
worst, change = rr.worst_flips(net, x, sizes), rr.worst_deviation(net, x, sizes)

# %%
# Flips as shares of the units of each layer, and the change of the gradient beside its norm.

counts = np.array([worst.certified, worst.attained, sampled])
flips = {f"layer {i + 1}": [*counts[..., i] / net.widths[i + 1]] for i in range(net.depth)}
norms = np.array([change.certified, change.attained, largest])
changes = {"the gradient": [*norms / change.grad_norm]}
print("certified, attained and sampled, by radius:")
for name, rows in {**flips, **changes}.items():
    print(name, *np.transpose(rows).round(3), sep="\n  ")

# %%
# All three over the radius.

figure = bracket_figure(
    radii,
    {"share of the units that flip": flips, "‖∇f(x) − ∇f(y)‖/‖∇f(x)‖": changes},
)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
