"""Parameters of every statement that keep its check quick."""

from randrelu.checks import STATEMENTS

_NETWORK = (100, 150, 60, 150, 40, 1)  # bottlenecks 4, 2 and 0
SMALL = {
    "theorem-1.1": {"widths": (100, 150, 150, 1), "trials": 40},
    "theorem-1.1-scaling": {"dims": (16, 32), "depths": (1, 2), "trials": 20},
    "eq-1": {"widths": (30, 40, 40, 1), "trials": 10},
    "lemma-2.1": {"trials": 300},
    "lemma-2.2": {"widths": (100, 150, 150, 1), "trials": 40},
    "gd-decomp": {"widths": (30, 40, 40, 1), "trials": 10},
    "nn-decomp": {"widths": (30, 40, 40, 1), "narrow": (3, 9), "trials": 5},
    "lemma-2.3": {"widths": _NETWORK, "trials": 20},
    "claim-2.4": {"widths": _NETWORK, "trials": 20},
    "lemma-2.5": {"widths": _NETWORK, "trials": 40},
    "lemma-2.6": {"widths": _NETWORK, "trials": 20},
    "claim-2.7": {"widths": (30, 60, 20, 1), "trials": 10},
    "lemma-2.8": {"widths": _NETWORK, "trials": 20},
    "theorem-3.1": {"depths": (1, 64), "width": 200, "trials": 12},
    "lemma-3.2": {"trials": 20_000, "width": 100, "depth": 3},
    "lemma-a.4": {"trials": 300},
    "theorem-b.1": {"depths": (1, 64), "width": 200, "trials": 12},
    "eqs-9-12": {"width": 100, "trials": 100},
    "fact-b.2": {},
    "lemma-c.1": {"rows": 30, "cols": 40, "trials": 200},
    "theorem-c.2": {"trials": 5000},
    "theorem-c.3": {"trials": 50_000},
    "corollary-c.4": {"rows": 40, "cols": 20, "trials": 1000},
    "lemma-c.5": {"trials": 100_000},
    "lemma-c.6": {"trials": 20_000},
    "figure-1": {"dim": 40, "hidden": (3, 10, 50), "runs": 20, "method": ("solve", "law", "solve")},
}
assert list(SMALL) == list(STATEMENTS), "every statement needs its parameters here"
