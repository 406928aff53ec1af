"""
One step as the layers become wider
===================================

One gradient step as the layers become wider, and what is left at infinite width.

Every trial is a fresh network of two hidden layers and 784 inputs. On the left is f after the
linear step −2f/‖∇f‖², which would be −f if f were linear. On the right are steps of one size in all
networks, and the share where f has reached −f, with its 95 % interval; the bars of one size stand
beside each other. The dashed lines are no networks: at infinite width both are known exactly.

``python examples/width.py 1000`` takes 1000 networks of each width, and some minutes.
"""

import sys
from pathlib import Path

import numpy as np
import randrelu as rr
from randrelu.figures.style import INK, color, cumulative, legend, panels, styled
from randrelu.laws import limit_step, share_interval

DIM, DEPTH = 784, 2
TRIALS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
WIDTHS = (100, 1000, 10_000, 100_000)
SIZES = np.array([0.25, 0.5, 1, 1.5, 2, 3, 4]) / np.sqrt(DIM)  # relative to ‖x‖
TWICE = 4  # the one that the table has


def attack(width):
    """Return f(y)/f(x) after the linear step, (trials,), and after the steps of each size."""
    x, linear, sized = np.ones(DIM), [], []
    for seed in range(TRIALS):
        widths = (DIM, *(width,) * DEPTH, 1)
        net = rr.Network.random(widths, rng=seed, dtype="float64", storage="deferred")
        step = rr.gradient_step(net, x, threads=1)  # more gain little on one point
        etas = -np.sign(step.f_before) * SIZES * np.sqrt(DIM) / step.grad_norm
        linear.append(step.f_after / step.f_before)
        sized.append(rr.gradient_step(net, x, eta=etas, threads=1).f_after / step.f_before)
    return np.array(linear), np.transpose(sized)


def row(name, ratios, sized):
    """Print shares of the linear step and of one of the others, with their 95 % intervals."""
    counts = [int(np.sum(r <= level)) for r in (ratios, sized[TWICE]) for level in (0, -1)]
    told = []
    for count in counts:
        low, high = share_interval(count, TRIALS)
        told.append(f"{count / TRIALS:.1%} ({100 * low:.1f} … {100 * high:.1f})")
    print(name, f"{np.median(ratios):.3f}", *told, sep=" | ")


# %%
# Each width in turn, then the limit.

limit, steps = limit_step(DIM, DEPTH), [limit_step(DIM, DEPTH, size=s) for s in SIZES]
print("width | median f(y)/f(x) | sign flips | −f reached | size 2/√d: sign flips | −f reached")
with styled():
    figure, (left, right) = panels("", ["", "share of networks where −f is reached"])
    for k, width in enumerate(WIDTHS):
        ratios, sized = attack(width)
        row(f"{width:,}", ratios, sized)
        cumulative(left, ratios, f"width {width:,}", color(k))
        counts = (sized <= -1).sum(axis=1)
        ends = np.transpose([share_interval(int(n), TRIALS) for n in counts])
        right.vlines(SIZES * (0.97 + 0.02 * k), *ends, color=color(k), linewidth=2)
    known = (limit.flips, limit.succeeds, steps[TWICE].flips, steps[TWICE].succeeds)
    print("∞", f"{limit.ppf(0.5):.3f}", *(f"{p:.2%}" for p in known), sep=" | ")
    ratio, size = np.linspace(-1.1, 0.3, 200), np.linspace(0.2, 4.4, 100) / np.sqrt(DIM)
    left.plot(ratio, limit.cdf(ratio), "--", color=INK, label="infinite width")
    reached = [limit_step(DIM, DEPTH, size=s).succeeds for s in size]
    right.plot(size, reached, "--", color=INK)
    left.set(xlim=(-1.1, 0.3), xlabel="f(y)/f(x) after the linear step")
    right.set(xlabel="size of the step, ‖η∇f(x)‖/‖x‖")
    legend(figure, left)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=160)
