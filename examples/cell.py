"""
The linear region of a point
============================

Around x the network is linear up to the nearest hyperplane on which a unit bends. How far is that,
and which of all the hyperplanes bound the region of x?
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import randrelu as rr

# %%
# With four thousand units the nearest bend is very near: a relative distance of 10⁻⁶.

net = rr.Network.random((784, 2048, 2048, 1), rng=0)
x = np.random.default_rng(0).normal(size=784)
near = rr.cell(net, x)
print(near, f"‖x‖ = {np.linalg.norm(x):.2f}", sep="\n")

# %%
# A smaller network, whose facets are found, too: most units bend somewhere that is out of reach
# from here, because other hyperplanes come first.

small = rr.Network.random((10, 60, 60, 1), rng=0)
point = np.random.default_rng(1).normal(size=10)
facets = rr.cell(small, point).facets()
print(facets)

# %%
# The distances from x to the hyperplanes of all units of the first network, by layer.

plt.rc("axes", prop_cycle=plt.cycler(color=["#0a5fb4", "#b3471a", "#1a7a4c"]))
figure, ax = plt.subplots(figsize=(5.4, 3.8), layout="constrained")
for layer, gaps in enumerate(near.distances, start=1):
    shares = np.arange(1, gaps.size + 1) / gaps.size
    ax.loglog(np.sort(gaps), shares, label=f"layer {layer}")
ax.axvline(near.distance, color="0.6", linestyle=":", label="the nearest facet")
ax.set(xlabel="distance from x to the hyperplane", ylabel="share of the units")
ax.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
