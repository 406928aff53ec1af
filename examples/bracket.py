"""What is largest in a ball: what samples see, and where it must be.

Sampled points say little about the worst one of a ball. A point that is found by ascent attains far
more flips, and a gradient that differs more; a bound certifies what no point exceeds. What is
largest lies between.
"""

from pathlib import Path

import numpy as np
import randrelu as rr
from randrelu.figures.bracket import bracket_figure

if __name__ == "__main__":
    net = rr.Network.random((784, 2048, 2048, 1), rng=0)
    x = np.random.default_rng(0).normal(size=784)
    radii = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2])
    sizes = radii * np.linalg.norm(x)
    sampled = rr.flips(net, x, sizes, rng=0).max
    largest = rr.gradient_deviation(net, x, sizes, rng=0).norms.max(axis=1)
    flips, changes = {"layer 1": [], "layer 2": []}, []
    for k, radius in enumerate(sizes):
        worst = rr.worst_flips(net, x, radius)
        for i, shares in enumerate(flips.values()):
            counts = worst.certified[i], worst.attained[i], sampled[k, i]
            shares.append([count / net.widths[i + 1] for count in counts])
        change = rr.worst_deviation(net, x, radius)
        norms = np.array([change.certified, change.attained, largest[k]])
        changes.append(norms / change.grad_norm)
        print(f"R = {radii[k]:.3f} ‖x‖: {worst}, sampled {sampled[k]}")
        print(f"  ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖: certified, attained, sampled {changes[-1].round(3)}")
    figure = bracket_figure(
        radii,
        {
            "share of the units that flip": {n: np.transpose(s) for n, s in flips.items()},
            "‖∇f(x) − ∇f(y)‖/‖∇f(x)‖": {"the gradient": np.transpose(changes)},
        },
    )
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
