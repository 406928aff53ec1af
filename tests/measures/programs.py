"""The exact worst case of small networks in a ball in norm inf, as mixed-integer programs.

A solver is exact to its tolerances only, so two things are taken from it that hold whatever these
are. Its dual bound is one of the program, which tolerances can but relax: no point is nearer. And
the linear region where it ends has a point that is put into the network in rational numbers: it
shows how far a change is at most.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

# HiGHS' tolerances: of a dual solution, and of rows and integers where there are integers.
DUAL, FEASIBLE = 1e-7, 1e-6
GAP = 1e-9  # between the bound and the value, of the value, at which the solver stops


def rational(array):
    """An array of floats as rational numbers, in lists."""
    return [rational(part) for part in array] if np.ndim(array) else Fraction(float(array))


def exact_outputs(layers, y):
    """The outputs at a point of floats, in rational numbers."""
    a = rational(y)
    for w, b in layers:
        rows = zip(rational(w), rational(b), strict=True)
        z = [sum((v * u for v, u in zip(row, a, strict=True)), c) for row, c in rows]
        a = [max(v, Fraction(0)) for v in z]
    return z


def exact_margins(layers, y, goals):
    """The products of `goals`, rows of integers, with the outputs at y."""
    outputs = exact_outputs(layers, y)
    return [sum(int(g) * f for g, f in zip(goal, outputs, strict=True)) for goal in goals]


def layers_of(net):
    """(W_i, b_i) of every layer in float64."""
    pairs = [(net.weights(i).astype(float), net.bias(i)) for i in range(1, net.depth + 2)]
    return [(w, np.zeros(len(w)) if b is None else b.astype(float)) for w, b in pairs]


@dataclass
class Program:
    """y, the activations, their switches, and t, with |y − x| ≤ t ≤ reach, and rows between them.

    `error` is how far the last activations may be off by the solver's tolerances.
    """

    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray
    whole: np.ndarray
    last: slice
    error: np.ndarray

    def solve(self, cost, row=None, limit=0.0):
        """Minimise cost·v, where row·v ≤ limit."""
        rows, low, high = self.rows, self.low, self.high
        if row is not None:
            rows, low, high = np.vstack([rows, row]), [*low, -np.inf], [*high, limit]
        return milp(
            cost, integrality=self.whole, bounds=Bounds(self.least, self.most),
            constraints=LinearConstraint(rows, low, high), options={"mip_rel_gap": GAP},
        )  # fmt: skip

    def below(self, solved, cost):
        """What cost·v is at least, or inf where there is no v.

        A reduced cost that is off by the dual tolerance is worth as much as its variable can move.
        """
        if solved.status == 2:
            return np.inf
        assert solved.status == 0, solved.message
        return solved.mip_dual_bound - DUAL * (self.most - self.least).sum()


def program(layers, x, reach):
    """Encode the hidden layers in the ball: a ≥ z, a ≤ z − z_low (1 − s), 0 ≤ a ≤ z_high s."""
    d, units = len(x), sum(len(b) for _, b in layers[:-1])
    size = d + 2 * units + 1
    eye = np.eye(size)
    rows = [*(eye[:d] - eye[-1]), *(-eye[:d] - eye[-1])]
    low, high = [-np.inf] * (2 * d), [*x, *-x]
    least, most = np.zeros(size), np.ones(size)
    least[:d], most[:d], most[-1] = x - reach, x + reach, reach
    before, error = slice(0, d), np.full(d, FEASIBLE)
    for w, b in layers[:-1]:
        middle, wide = (least[before] + most[before]) / 2, (most[before] - least[before]) / 2
        z, far = w @ middle + b, np.abs(w) @ wide
        far += 1e-12 * (far + np.abs(w) @ np.abs(middle) + np.abs(b))  # more than rounding
        bottom, top = z - far, z + far
        here = slice(before.stop, before.stop + len(b))
        for j, c in enumerate(b):
            a, s = here.start + j, here.start + j + units
            row = eye[a].copy()
            row[before] -= w[j]
            rows += [row, row - bottom[j] * eye[s], eye[a] - top[j] * eye[s]]
            low += [c, -np.inf, -np.inf]
            high += [np.inf, c - bottom[j], 0]
            least[s], most[s] = bottom[j] >= 0, max(bottom[j], top[j]) >= 0
        most[here] = np.maximum(top, 0)
        error = np.abs(w) @ error + FEASIBLE * (2 + np.maximum(np.abs(bottom), np.abs(top)))
        before = here
    whole = np.zeros(size)
    whole[d + units : d + 2 * units] = 1
    return Program(
        np.array(rows), np.array(low), np.array(high), least, most, whole, before, error
    )  # fmt: skip


def distance(layers, x, goals, reach):
    """Bracket the distance to where one of `goals`, rows over the outputs, is at most 0.

    Of both bounds, the second is that of a point at which it is. They are inf where there is none
    within reach.
    """
    if min(exact_margins(layers, x, goals)) <= 0:
        return 0.0, 0.0
    below, above = np.inf, np.inf
    encoded = program(layers, x, reach)
    cost = np.zeros(len(encoded.most))
    cost[-1] = 1
    w, b = layers[-1]
    for goal in goals:
        row = np.zeros(len(cost))
        row[encoded.last] = goal @ w
        solved = encoded.solve(cost, row, -goal @ b)
        below = min(below, max(encoded.below(solved, cost), 0.0))
        if solved.x is not None:
            active = solved.x[encoded.whole > 0] > 0.5
            above = min(above, shown(layers, x, goal, active))
    return below, above


def shown(layers, x, goal, active):
    """How far the nearest point of a linear region is where the goal is at most 0.

    It is inside of the region and beyond the boundary by a little, and checked: inf where the
    region has no such point.
    """
    best = np.inf
    for margin in (1e-9, 1e-7, 1e-5):
        for beyond in (margin, 0.0):
            y = region_point(layers, x, goal, active, margin, beyond)
            if y is not None and exact_margins(layers, y, [goal])[0] <= 0:
                best = min(best, float(np.abs(y - x).max()) * (1 + 1e-15))
    return best


def region_point(layers, x, goal, active, margin, beyond):
    """Minimise |y − x| over the region of these active units, as a linear program."""
    d = len(x)
    a, c = np.eye(d), np.zeros(d)
    rows, limits, ahead = [], [], np.asarray(active)
    for w, b in layers[:-1]:
        z, shift = w @ a, w @ c + b
        on, ahead = ahead[: len(b)], ahead[len(b) :]
        signs = np.where(on, -1.0, 1.0)
        rows.append(signs[:, np.newaxis] * z)
        limits.append(-signs * shift - margin * (np.abs(z).sum(axis=1) > 0))
        a, c = z * on[:, np.newaxis], shift * on
    w, b = layers[-1]
    rows.append((goal @ w @ a)[np.newaxis])
    limits.append([-(goal @ (w @ c + b)) - beyond])
    rows = np.vstack([*rows, np.eye(d), -np.eye(d)])
    last = np.zeros((len(rows), 1))
    last[-2 * d :] = -1
    solved = linprog(
        np.eye(d + 1)[-1], np.hstack([rows, last]), np.concatenate([*limits, x, -x]),
        bounds=[(None, None)] * (d + 1), options={"primal_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    return solved.x[:d] if solved.status == 0 else None


def extreme(layers, x, radius, goal):
    """A point of the ball where goal·f is smallest, what that is at least, and their tolerance."""
    encoded = program(layers, x, radius)
    w, b = layers[-1]
    cost = np.zeros(len(encoded.most))
    cost[encoded.last] = goal @ w
    solved = encoded.solve(cost)
    inside = radius * (1 - 1e-14)
    y = np.clip(solved.x[: len(x)], x - inside, x + inside)
    off = np.abs(goal @ w) @ encoded.error + DUAL * (encoded.most - encoded.least).sum()
    return y, encoded.below(solved, cost) + goal @ b, off
