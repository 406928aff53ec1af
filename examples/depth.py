"""
Sensitivity against depth
=========================

The paper leaves open what happens where the depth is not constant.

Beside f(x) the gradient at x is as large at every depth: the linear step is of the order of
1/√d. But on the way f bends, and the more the deeper the network is. This follows f exactly,
along the gradient, to the first point where its sign has turned and f is as large as before
(the conclusion of Theorem 1.1), no farther than 50 ‖x‖/√d: how often there is one, and how far
it is.
"""

from pathlib import Path

import randrelu as rr

# %%
# A hundred networks at each width and depth.

sweep = rr.sweep(
    "attack",
    grid={
        "width": [32, 128],
        "depth": [1, 2, 4, 8, 16, 32],
        "eta": ["exact"],
        "storage": ["stored"],
    },
    trials=100,
    rng=0,
)
frame = sweep.to_pandas()
print(frame.groupby(["width", "depth"]).success.mean().unstack("width"))

# %%
# How long the steps are that reach it, beside ‖x‖.

reached = frame[frame.success]
print(reached.groupby(["width", "depth"]).relative_norm.median().unstack("width"))

# %%
# The share of the networks in which there is such a step.

figure = sweep.plot("depth", "success", by="width", log=True)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
