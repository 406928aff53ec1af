"""What every check may say, and how it comes to say it: by its own parameters, or of broken code.

A value is what changes of `small.SMALL`, or a function that breaks something and returns that.
"""

from dataclasses import replace

import numpy as np
from randrelu import Network
from randrelu.checks.statements import (
    eq_1,
    gd_decomp,
    lemma_2_1,
    lemma_3_2,
    nn_decomp,
)


def networks_on_another_scale(factor):
    """Return a function that multiplies every weight of stored networks."""

    def breaks(monkeypatch):
        original = Network.random.__func__

        def random(widths, **keywords):
            net = original(Network, widths, **keywords | {"storage": "stored"})
            weights = [net.weights(i) * factor for i in range(1, len(widths))]
            return replace(Network.from_weights(weights, dtype="float64"), seed=0)

        monkeypatch.setattr(Network, "random", random)
        return {"storage": "stored"}

    return breaks


def weights_that_are_positive(monkeypatch):
    draw = lemma_2_1.draw_weights
    monkeypatch.setattr(lemma_2_1, "draw_weights", lambda *a: np.abs(draw(*a)))
    return {"trials": 2000}


def pieces_that_are_not_seen(monkeypatch):
    monkeypatch.setattr(eq_1, "largest_change", lambda *a: 0.0)
    return {}


def a_term_is_missing(monkeypatch):
    whole = gd_decomp.gradient_decomposition
    monkeypatch.setattr(
        gd_decomp, "gradient_decomposition", lambda *a, **k: whole(*a, **k) * [[1.0], [0.0]]
    )
    return {}


def bottlenecks_are_wrong(monkeypatch):
    monkeypatch.setattr(nn_decomp, "bottlenecks", lambda widths: (1, 0))
    return {}


def another_map_of_angles(monkeypatch):
    monkeypatch.setattr(lemma_3_2, "closed_form", lambda angle: (1 + np.cos(angle)) / 2)
    return {}


def rows_that_repeat(monkeypatch):
    original = Network.random.__func__

    def random(widths, **options):
        w = np.array(original(Network, widths, **options).weights(1), float)
        return Network.from_weights([w[np.arange(len(w)) % 2], np.ones(len(w))])

    monkeypatch.setattr(Network, "random", random)
    return {}


NOT_MET, OPEN, MET = "hypothesis not met", "hypothesis open", None
# The hypothesis with the parameters of `small.SMALL`, and how each conclusion is reached.
REACHES = {
    "theorem-1.1": (OPEN, {"holds": {"trials": 100}, "not shown": {"eta": "linear"}}),
    "theorem-1.1-scaling": (OPEN, {"consistent": {}}),
    "eq-1": (MET, {"consistent": {}, "violated": pieces_that_are_not_seen}),
    "lemma-2.1": (MET, {"consistent": {}, "violated": weights_that_are_positive}),
    "lemma-2.2": (OPEN, {"consistent": {}, "violated": networks_on_another_scale(0.1)}),
    "gd-decomp": (MET, {"holds": {}, "violated": a_term_is_missing}),
    "nn-decomp": (MET, {"consistent": {}, "violated": bottlenecks_are_wrong}),
    "lemma-2.3": (NOT_MET, {
        "holds (certified)": {
            "widths": (100, 120, 120, 1), "trials": 100, "storage": "stored", "constant": 0.5,
        },
        "consistent": {}, "uninformative": {"constant": 10.0}, "violated": {"constant": 1e-4},
    }),
    "claim-2.4": (NOT_MET, {
        "consistent": {}, "uninformative": {"constant": 10.0}, "violated": {"constant": 1e-4},
    }),
    "lemma-2.5": (OPEN, {"consistent": {}, "violated": networks_on_another_scale(0.1)}),
    "lemma-2.6": (NOT_MET, {
        "holds (certified)": {
            "widths": (40, 60, 20, 1), "trials": 80, "storage": "stored", "constant": 0.5,
        },
        "consistent": {}, "uninformative": {"constant": 10.0}, "violated": {"constant": 1e-4},
    }),
    "claim-2.7": (NOT_MET, {
        "holds (certified)": {"trials": 80, "storage": "stored"},
        "consistent": {}, "violated": {"multiple": 0.0, "epsilon": 0.3},
    }),
    "lemma-2.8": (NOT_MET, {
        "holds (certified)": {
            "widths": (40, 60, 60, 1), "trials": 80, "storage": "stored", "constant": 10.0,
        },
        "consistent": {}, "uninformative": {"constant": 100.0},
        "violated": {"constant": 0.1, "radius": 0.3},
    }),
    # One layer is far from constant, and has both signs.
    "theorem-3.1": (NOT_MET, {
        "consistent": {}, "violated": {"depths": (1,), "constant": 10.0},
    }),
    "lemma-3.2": (MET, {"consistent": {}, "violated": another_map_of_angles}),
    "lemma-a.4": (MET, {
        "consistent": {"constant": 2.0},
        "uninformative": {}, "violated": {"constant": 0.05},
    }),
    # |f(x)| ≥ 0.04 has no constant.
    "theorem-b.1": (NOT_MET, {"consistent": {}, "violated": {"depths": (1,)}}),
    "eqs-9-12": (MET, {"consistent": {}, "violated": {"constant": 0.1}}),
    "fact-b.2": (MET, {"holds": {}, "consistent": {"points": 10}, "violated": {"divisor": 1.0}}),
    "lemma-c.1": (MET, {
        "holds": {}, "consistent": {"trials": 20}, "violated": {"constant": 0.5},
    }),
    "theorem-c.2": (MET, {"consistent": {}, "violated": {"widen": 0.1}}),
    "theorem-c.3": (MET, {"consistent": {}, "violated": {"lipschitz": 0.3}}),
    "corollary-c.4": (MET, {
        "holds": {}, "consistent": {"trials": 20}, "violated": {"widen": 0.2},
    }),
    "lemma-c.5": (MET, {"consistent": {}, "violated": {"widen": 0.05}}),
    "lemma-c.6": (MET, {
        # It is false for d = 1, where the paper does not claim it.
        "consistent": {}, "violated": {"dim": 1, "rows": 1, "trials": 100_000},
    }),
    "figure-1": (MET, {
        # Where the rows span the space, no law is tested.
        "holds": {"hidden": (50,), "method": "solve"}, "consistent": {},
        "violated": rows_that_repeat,
    }),
}  # fmt: skip
