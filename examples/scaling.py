"""
The step shrinks as 1/√d
========================

Theorem 1.1: the step that turns the sign of f shrinks as 1/√d, here from width 10² to 10⁶.

Every trial is a fresh network of three hidden layers as wide as its input. At width 10⁶ its
weights would take 12 TB; a deferred network has the same law and takes megabytes.
"""

from pathlib import Path

import numpy as np
import randrelu as rr

# %%
# A hundred attacks at each width.

sweep = rr.sweep(
    "attack",
    grid={"width": [100, 1000, 10_000, 100_000, 1_000_000], "depth": [3]},
    trials=100,
    rng=0,
)
networks = sweep.to_pandas().groupby("width")
print(networks.agg({"relative_norm": "median", "sign_flipped": "mean"}))

# %%
# The power of d that fits the medians.

steps = networks.relative_norm.median()
slope = np.polyfit(np.log(steps.index), np.log(steps), 1)[0]
print(f"slope of log ‖η∇f(x)‖/‖x‖ over log d: {slope:.3f}; the theorem's is −1/2")

# %%
# The curve is measured, the dashed line is the exact law of the linear step −2f/‖∇f‖².

figure = sweep.plot("width", "relative_norm", log=True)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
