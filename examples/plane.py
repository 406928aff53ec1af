"""
Every linear region of two planes
=================================

One goes through a point x and the gradient of a random network: dozens of bends lie between x and
where the sign of f has flipped, and f is nearly linear all the same. The other goes through three
digits, and shows what a small network that was trained on such digits decides between them.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
import randrelu as rr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from PIL import Image
from randrelu.figures.plane import mark
from randrelu.figures.style import INK, styled


def through_the_gradient(path: Path) -> None:
    """Draw the plane through x, its gradient and a random direction."""
    net = rr.Network.random((784, 1024, 1024, 1), rng=0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=784)
    f, gradient = net.value_and_gradient(x)
    u = -f * gradient / (gradient @ gradient)  # at s = 1 the tangent at x is 0
    v = rng.normal(size=784)
    v -= (v @ u) / (u @ u) * u
    v *= np.linalg.norm(u) / np.linalg.norm(v)
    plane = rr.plane(net, x, u, v, (-1, 3, -2, 2))
    attack = rr.gradient_step(net, x, eta="exact")  # to where f is −f(x)
    end = (attack.x_adv - x) @ u / (u @ u)
    print(plane, attack, sep="\n")
    with styled():
        figure = Figure(figsize=(9.6, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        plane.plot("value", ax=left)
        plane.plot("layer", ax=right)
        for ax in (left, right):
            outline = [withStroke(linewidth=5, foreground="white")]
            arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 2.2, "mutation_scale": 16}
            arrow |= {"shrinkA": 4, "shrinkB": 4, "path_effects": outline}
            ax.annotate("", (end, 0), (0, 0), arrowprops=arrow, zorder=4)
            mark(ax, np.array([(0, 0), (end, 0)]), ["x", r"$\mathbf{x_{adv}}$"])
            ax.set(xlabel="s, along the gradient: at 1 the tangent at x is 0")
            ax.set(ylabel="t, a random direction, as long")
    save(figure, path)


def through_digits(path: Path, here: Path) -> None:
    """Draw the plane through three digits, at right angles."""
    net = rr.load(here / "digits.npz")
    table = np.loadtxt(here / "digits.csv", delimiter=",")[[0, 5, 7]]
    labels, (x, y, z) = table[:, 0].astype(int), table[:, 1:] / 16
    u, v = y - x, z - x
    along = (v @ u) / (u @ u)
    v -= along * u
    v *= np.linalg.norm(u) / np.linalg.norm(v)
    plane = rr.plane(net, x, u, v, (-1, 2, -1.1, 1.9))
    places = [(0, 0), (1, 0), (along, (z - x) @ v / (v @ v))]
    print(plane, plane.decision(), sep="\n")
    figure = plane.plot("decision")
    figure.axes[0].set(
        xlabel=f"s, from a {labels[0]} to a {labels[1]}",
        ylabel=f"t, at right angles, towards a {labels[2]}",
    )
    for place, image, above in zip(places, (x, y, z), (False, False, True), strict=True):
        thumbnail(figure.axes[0], place, image.reshape(8, 8), above)
    save(figure, path)


def thumbnail(
    ax: Axes, place: tuple[float, float], image: NDArray[np.float64], above: bool
) -> None:
    """Draw a dot at a place, and an image above or below it."""
    mark(ax, np.array([place]), [""])
    picture = OffsetImage(image, zoom=4.5, cmap="gray_r", interpolation="nearest")
    frame = {"edgecolor": INK, "linewidth": 0.8}
    box = AnnotationBbox(
        picture, place, (0, 8 if above else -8), boxcoords="offset points", pad=0.15,
        box_alignment=(0.5, 0 if above else 1), bboxprops=frame, zorder=4,
    )  # fmt: skip
    ax.add_artist(box)


def save(figure: Figure, path: Path) -> None:
    """Save a figure in 256 colours, which takes a third of the bytes."""
    with BytesIO() as file:
        figure.savefig(file, dpi=130)
        Image.open(file).convert("RGB").quantize(256).save(path, optimize=True)


# %%
# The plane along the gradient of a random network. On the left f and where it is 0, on the right
# the layer whose units bend there; the arrow is the step to −f(x).

here = Path(__file__).parent
through_the_gradient(here / "plane.png")

# %%
# What a small trained network decides on the plane through three digits.

through_digits(here / "plane_digits.png", here)
