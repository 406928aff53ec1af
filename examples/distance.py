"""
Distance to another decision
============================

For each image the nearest point with another decision is bracketed: an attack attains a distance,
with a point to show for it, and a bound certifies that no nearer point has another decision.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import randrelu as rr

# %%
# The network lies beside this script; ``digits.py`` has trained it.

here = Path(__file__).parent
net = rr.load(here / "digits.npz")
table = np.loadtxt(here / "digits.csv", delimiter=",")[:40]
x = table[:, 1:] / 16
found = rr.distance(net, x)
print(found)

# %%
# Between both ends lies the truth, image by image, in order of what is attained.

order = np.argsort(found.attained)
places = np.arange(len(order))
plt.rc("axes", prop_cycle=plt.cycler(color=["#0a5fb4", "#b3471a", "#1a7a4c"]))
figure, ax = plt.subplots(figsize=(5.4, 3.8), layout="constrained")
ax.vlines(places, found.certified[order], found.attained[order], color="0.75", linewidth=3)
ax.plot(places, found.attained[order], "v", label="attained by an attack")
ax.plot(places, found.certified[order], "^", label="certified: no change is nearer")
ax.set(xlabel="image", ylabel="Euclidean distance to another decision", ylim=(0, None))
ax.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
