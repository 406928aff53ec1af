"""The linear regions of a plane in exact arithmetic, for small networks.

Every polygon carries the affine maps of its units as fractions, and is cut by one unit after
another: slow, and nothing is ever rounded. It shares no code with the package.
"""

from fractions import Fraction
from itertools import pairwise


def at(f, p):
    """The value of (constant, slope in s, slope in t) at a point."""
    return f[0] + f[1] * p[0] + f[2] * p[1]


def cut(polygon, f):
    """The parts of a convex polygon where f > 0 and where f < 0; None where there is none."""
    values = [at(f, p) for p in polygon]
    parts = []
    for sign in (1, -1):
        if not any(sign * value > 0 for value in values):
            parts.append(None)
            continue
        part = []
        for k, (p, a) in enumerate(zip(polygon, values, strict=True)):
            q, b = polygon[k - 1], values[k - 1]
            if a * b < 0:
                part.append(tuple(c + (d - c) * b / (b - a) for c, d in zip(q, p, strict=True)))
            if sign * a >= 0:
                part.append(p)
        parts.append(part)
    return parts


def combine(row, maps):
    return tuple(sum(w * m[k] for w, m in zip(row, maps, strict=True)) for k in range(3))


def exact(matrix):
    return [list(map(Fraction, row)) for row in matrix]


def exact_faces(layers, x, u, v, polygon):
    """A list of (polygon, signs of all units: 1, −1, or 0 where a unit is 0 on all of it).

    Layers are pairs of weights and biases, integers or floating-point numbers.
    """
    layers = [(exact(w), exact([b])[0]) for w, b in layers]
    plane = [tuple(map(Fraction, column)) for column in zip(x, u, v, strict=True)]
    corners = [tuple(map(Fraction, p)) for p in polygon]
    faces = [(corners, plane, ())]
    for w, b in layers[:-1]:
        found = []
        for outline, inputs, signs in faces:
            units = [combine(row, inputs) for row in w]
            units = [(c + bias, s, t) for (c, s, t), bias in zip(units, b, strict=True)]
            parts = [(outline, signs)]
            for f in units:
                parts = [
                    (piece, (*before, sign))
                    for part, before in parts
                    for piece, sign in zip([*cut(part, f), part], (1, -1, 0), strict=True)
                    if piece and (sign or all(at(f, p) == 0 for p in part))
                ]
            zero = (Fraction(0),) * 3
            found += [
                (
                    part,
                    [
                        f if sign > 0 else zero
                        for f, sign in zip(units, after[len(signs) :], strict=True)
                    ],
                    after,
                )
                for part, after in parts
            ]
        faces = found
    return [(outline, signs) for outline, _, signs in faces]


def exact_area(polygon):
    return sum(p[0] * q[1] - q[0] * p[1] for p, q in pairwise([*polygon, polygon[0]])) / 2
