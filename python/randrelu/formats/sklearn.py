"""scikit-learn's multilayer perceptrons as the layers of a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from randrelu._support import extras
from randrelu.formats.chain import Chain, layered
from randrelu.formats.named import real


def chain_of_estimator(estimator: Any) -> Chain:
    """Return the layers of a fitted MLPRegressor or MLPClassifier with activation="relu".

    The outputs are what the function after the last layer takes. Of a regressor they are its
    predictions, or their logarithms with loss="poisson". A classifier has one for each of
    `classes_`, in that order; a single one for two classes, which is positive for the second; and
    one for each label where a point may have several: it has those whose outputs are positive,
    whichever is the largest.

    Parameters
    ----------
    estimator : sklearn.neural_network.MLPRegressor or MLPClassifier
        Its weights keep their dtype and their bits.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    TypeError
        If it is another estimator.
    ValueError
        If it is not fitted, has another activation, or a weight is not finite.
    """
    known = extras.module(
        "from_sklearn() needs scikit-learn", "sklearn.neural_network", "scikit-learn"
    )
    name = type(estimator).__name__
    if not isinstance(estimator, (known.MLPRegressor, known.MLPClassifier)):
        raise TypeError(
            f"estimator must be an MLPRegressor or an MLPClassifier, got {name}; of a Pipeline "
            "pass the last step, and the points as its other steps transform them"
        )
    if estimator.activation != "relu":
        raise ValueError(
            f"{name}: expected activation='relu', got {estimator.activation!r}; fit one with "
            "activation='relu'"
        )
    if not hasattr(estimator, "coefs_"):
        raise ValueError(f"{name}: expected a fitted estimator, got one without weights; call .fit")
    # scikit-learn's matrices are (fan_in, fan_out).
    return layered(
        (
            f"{name}: coefs_[{i}]",
            np.array(real(f"{name}: coefs_[{i}]", weights).T, order="C"),
            real(f"{name}: intercepts_[{i}]", bias).copy(),
        )
        for i, (weights, bias) in enumerate(
            zip(estimator.coefs_, estimator.intercepts_, strict=True)
        )
    )
