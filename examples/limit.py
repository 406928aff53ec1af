"""
An infinitely wide network
==========================

What random networks converge to is a Gaussian process. Its values and gradients are drawn one by
one, each from its exact law given all earlier answers, so that it can be attacked like a network.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import randrelu as rr
from randrelu import laws

# %%
# One attack takes a millisecond, and the next question may depend on the answer.

net, x = rr.LimitNetwork(784, 3, rng=0), np.ones(784)
print(rr.gradient_step(net, x))

# %%
# Three hundred infinitely wide networks at each depth: what the linear step leaves of f. If f were
# linear, f(y)/f(x) would be −1. The dashed lines are the exact laws.

plt.rc("axes", prop_cycle=plt.cycler(color=["#0a5fb4", "#b3471a", "#1a7a4c"]))
figure, ax = plt.subplots(figsize=(5.4, 3.8), layout="constrained")
ratios = np.linspace(-1.3, 1.2, 200)
for depth in (1, 4, 16):
    steps = [rr.gradient_step(rr.LimitNetwork(784, depth, rng=seed), x) for seed in range(300)]
    seen = np.sort([step.f_after / step.f_before for step in steps])
    (curve,) = ax.step(seen, np.arange(1, 301) / 300, where="post", label=f"depth {depth}")
    ax.plot(ratios, laws.limit_step(784, depth).cdf(ratios), "--", color=curve.get_color())
ax.set(xlabel="f(y)/f(x) after the linear step", ylabel="cumulative share of networks")
ax.set(xlim=(-1.3, 1.2))
ax.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
