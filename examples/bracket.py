"""The largest number of units that flip in a ball: what samples see, and where it must be.

Sampled points say little about the worst one of a ball. A point that is found by ascent attains far
more flips, and a bound certifies what no point exceeds: the largest number lies between.
"""

from pathlib import Path

import numpy as np
import randrelu as rr
from randrelu.figures.bracket import bracket_figure

if __name__ == "__main__":
    net = rr.Network.random((784, 2048, 2048, 1), rng=0)
    x = np.random.default_rng(0).normal(size=784)
    radii = np.geomspace(0.01, 0.2, 7)
    shares = {"layer 1": [], "layer 2": []}
    for radius in radii * np.linalg.norm(x):
        worst = rr.worst_flips(net, x, radius)
        sampled = rr.flips(net, x, radius, samples=1000, rng=0)
        for i, values in enumerate(shares.values()):
            counts = worst.certified[i], worst.attained[i], sampled.max[i]
            values.append([count / net.widths[i + 1] for count in counts])
        print(f"R = {radius / np.linalg.norm(x):.3f} ‖x‖: {worst}, sampled {sampled.max}")
    brackets = {name: np.transpose(values) for name, values in shares.items()}
    figure = bracket_figure(radii, brackets, "share of the units that flip")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
