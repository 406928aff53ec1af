"""
One attack, followed exactly
============================

A gradient step walks along a segment, on which f is piecewise linear. So f is followed exactly
instead of sampled: every unit that flips on the way, and f and its slope between the flips.
"""

from pathlib import Path

import numpy as np
import randrelu as rr

# %%
# A random network of two hidden layers and a random point. The step goes along the gradient, down
# where f is positive.

net = rr.Network.random((784, 2048, 2048, 1), rng=0)
x = np.random.default_rng(0).normal(size=784)
f, gradient = net.value_and_gradient(x)
line = rr.line(net, x, -np.sign(f) * gradient, 0.1 * np.linalg.norm(x))
print(line)

# %%
# Dozens of units flip before the sign of f does, and f stays near its tangent at x all the same.

print(f"f is 0 at {line.first_crossing(0):.4f}, its tangent at {abs(f / line.slope[0]):.4f}")
print(f"farthest from the tangent: {line.linearity().deviation:.4f}")
line.plot().savefig(Path(__file__).with_suffix(".png"), dpi=160)

# %%
# An attack is a point, and it replays: ``f_after`` is f evaluated in float64 at ``x_adv``. The step
# "exact" is the shortest after which the sign of f has turned and f is as large as before.

attack = rr.gradient_step(net, x, eta="exact")
print(attack)
