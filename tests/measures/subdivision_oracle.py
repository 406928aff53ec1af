"""The linear regions of a plane, polygon by polygon and unit by unit, in plain NumPy.

It shares no code with the package. Every region carries the affine maps of its units, and is cut by
one unit after the other. Slow, and for small networks in general position: no unit may be 0 on
a whole region without being dead, nor two of them at the same place.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import reference

SAME = 1e-9  # vertices of two regions that are so near, for an extent of order 1, are the same one


@dataclass
class Region:
    corners: np.ndarray  # (n, 2), counter-clockwise
    labels: list  # (layer, unit) of the edge from every corner to the next; (0, -1) of the border
    masks: list  # the active units of every layer so far


def cut(region, heights, label):
    """The parts of a region where a function, affine on it, is positive and where it is negative.

    `heights` are its values at the corners.
    """
    if (heights >= 0).all() or (heights <= 0).all():
        return [(region, bool(heights.sum() > 0))]
    parts = []
    for positive in (True, False):
        h = heights if positive else -heights
        corners, labels = [], []
        n = len(h)
        for k in range(n):
            here, there = h[k], h[(k + 1) % n]
            a, b = region.corners[k], region.corners[(k + 1) % n]
            if here >= 0:
                corners.append(a)
                # On 0 and going out, the border of this part goes along the cut.
                labels.append(label if here == 0 and there < 0 else region.labels[k])
            if here * there < 0:
                corners.append(a + here / (here - there) * (b - a))
                labels.append(label if here > 0 else region.labels[k])
        parts.append((Region(np.array(corners), labels, list(region.masks)), positive))
    return parts


def pieces(net, x, u, v, polygon):
    """All regions."""
    weights, biases = reference.layers(net)
    layers = reference.affine(weights, biases)
    start = np.column_stack([x, u, v])  # a layer is rows @ (1, s, t)
    found = [(Region(np.array(polygon, float), [(0, -1)] * len(polygon), []), start)]
    for number, (w, b) in enumerate(layers[:-1], start=1):
        following = []
        for region, rows in found:
            z = w @ rows
            z[:, 0] += b
            parts = [(region, [])]
            for unit, (c, s, t) in enumerate(z):
                parts = [
                    (part, [*bits, active])
                    for whole, bits in parts
                    for part, active in cut(
                        whole, c + whole.corners @ np.array([s, t]), (number, unit)
                    )
                ]
            for part, bits in parts:
                mask = np.array(bits)
                part.masks = [*region.masks, mask]
                following.append((part, z * mask[:, np.newaxis]))
        found = following
    w, b = layers[-1]
    outputs = []
    for region, rows in found:
        z = w @ rows
        z[:, 0] += b
        outputs.append(np.column_stack([np.ones(len(region.corners)), region.corners]) @ z.T)
    return [region for region, _ in found], outputs


def area(corners):
    x, y = corners.T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def subdivide(net, x, u, v, polygon, most_faces=10**6, threads=0, progress=None):
    """The same arrays as the core's, from a Network."""
    regions, values = pieces(net, x, u, v, polygon)
    every = np.concatenate([region.corners for region in regions])
    vertex, kept = np.full(len(every), -1), []
    cells = {}
    for k, (s, t) in enumerate(every / SAME):
        i, j = round(s), round(t)
        near = [cells.get((i + a, j + b)) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        known = next((n for n in near if n is not None), None)
        if known is None:
            known = cells[i, j] = len(kept)
            kept.append(k)
        vertex[k] = known
    sizes = [len(region.corners) for region in regions]
    start = np.r_[0, np.cumsum(sizes)]
    edges = {}  # (from, to): left, right, label
    for face, region in enumerate(regions):
        ring = vertex[start[face] : start[face + 1]]
        for a, b, label in zip(ring, np.roll(ring, -1), region.labels, strict=True):
            if (b, a) in edges:
                edges[b, a][1] = face
                assert edges[b, a][2] == label
            else:
                edges[a, b] = [face, -1, label]
    masks = [np.array([r.masks[i] for r in regions]) for i in range(net.depth)]
    return SimpleNamespace(
        vertices=every[kept],
        outputs=np.concatenate(values)[kept],
        face_start=start,
        face_vertices=vertex,
        edges=np.array(list(edges)),
        edge_faces=np.array([e[:2] for e in edges.values()]),
        edge_layer=np.array([e[2][0] for e in edges.values()], np.int32),
        edge_unit=np.array([e[2][1] for e in edges.values()]),
        patterns=[np.packbits(mask, axis=1, bitorder="little") for mask in masks],
        areas=np.array([area(region.corners) for region in regions]),
    )
