"""
Figure 1 of the paper
=====================

How far the first layer lets x go before it is undone: with one hidden layer of k units the smallest
δ with W₁(x − δ) = 0 has ‖δ‖/‖x‖ near √(k/d). Narrow layers have adversarial examples because they
forget most of x. Here d = 10 000, ten networks each.
"""

from pathlib import Path

import randrelu as rr

found = rr.figure_1(10_000, (10, 50, 100, 500, 1000, 5000), runs=10, rng=0)
print(found.to_frame().groupby("hidden").ratio.describe()[["mean", "min", "max"]])

# %%
# The ratios beside √(k/d).

found.plot().savefig(Path(__file__).with_suffix(".png"), dpi=160)
