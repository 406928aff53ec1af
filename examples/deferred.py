"""
A network of width one million
==============================

Three hidden layers of a million units would have 12 TB of weights. A deferred network reveals each
matrix only along the directions that it is asked about, and whatever is computed has exactly the
law that it has on explicit weights.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import randrelu as rr

# %%
# An attack: f and its gradient at x, a step, and f there.

n = 1_000_000
net = rr.Network.random((n, n, n, n, 1), rng=0, storage="deferred")
x = np.ones(n)
attack = rr.gradient_step(net, x)
print(attack)

# %%
# Further questions are about the same network: f along the direction of the step, at nine points.
# Only so many directions of each matrix have been revealed.

t = np.linspace(-0.5, 1.5, 9)
f = net.forward(x + t[:, np.newaxis] * (attack.x_adv - x))
print(net.revealed)

# %%
# Along the step f is all but linear.

plt.rc("axes", prop_cycle=plt.cycler(color=["#0a5fb4", "#b3471a", "#1a7a4c"]))
figure, ax = plt.subplots(figsize=(5.4, 3.8), layout="constrained")
ax.axhline(0, color="0.8")
ax.plot(t, f, "o", label="f")
ax.plot(t, attack.f_before * (1 - 2 * t), "--", label="the tangent at x")
ax.set(xlabel="place between x (0) and the end of the step (1)", ylabel="f")
ax.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
