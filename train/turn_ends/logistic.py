"""From scores to the probability, or the share, that they stand for (Platt scaling).

Platt 1999, "Probabilistic outputs for support vector machines", here for several scores at once.
"""

import numpy as np

from train.metrics import Floats

STEPS = 50
"""Of Newton's method; it has settled long before."""
RIDGE = 1e-3
"""Keeps the fit finite where the scores tell the cases apart without a mistake."""


def fitted_logistic(scores: Floats, shares: Floats) -> Floats:
    """Returns (K + 1,): the factors of the scores and the offset, of least cross-entropy.

    Args:
        scores: (N, K).
        shares: (N,) in [0, 1]: 1 where it was so, 0 where not, or how far it was.
    """
    inputs = np.concatenate([scores, np.ones((len(scores), 1))], axis=1)
    weights = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        chances = sigmoid(inputs @ weights)
        slope = inputs.T @ (chances - shares) + RIDGE * weights
        curvature = (inputs.T * np.maximum(chances * (1.0 - chances), 1e-9)) @ inputs
        weights -= np.linalg.solve(curvature + RIDGE * np.eye(len(weights)), slope)
    return weights


def sigmoid(values: Floats) -> Floats:
    """Returns probabilities of log-odds, however large."""
    return 0.5 + 0.5 * np.tanh(0.5 * values)
