"""Measures of classification: accuracy, recall of each class, confusion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def confuse(truth: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) counts: row = truth, column = what was said; truth and said (N,) int."""
    return np.bincount(
        truth.astype(int) * classes + said.astype(int), minlength=classes**2
    ).reshape(classes, classes)


def find_recalls(confusion: np.ndarray) -> np.ndarray:
    """(classes,) share of each class that was recognised; NaN for a class that did not occur."""
    total = confusion.sum(axis=1)
    recalls = np.full(len(confusion), np.nan)
    np.divide(np.diag(confusion), total, out=recalls, where=total > 0)
    return recalls


def find_wilson_interval(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): right also near 0 and 1."""
    if not of:
        return math.nan, math.nan
    share, slack = hits / of, z * z / of
    middle = (share + slack / 2) / (1 + slack)
    reach = z * math.sqrt(share * (1 - share) / of + slack / (4 * of)) / (1 + slack)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def measure_classes(truth: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
    """Accuracy (the score) with its interval, and mean recall over the classes that occur."""
    said = logits.argmax(axis=1)
    hits = int((said == truth).sum())
    recalls = find_recalls(confuse(truth, said, logits.shape[1]))
    return {
        "score": hits / len(truth),
        "accuracy": hits / len(truth),
        "accuracy_95": find_wilson_interval(hits, len(truth)),
        "mean_recall": float(np.nanmean(recalls)),
        "items": len(truth),
    }


def soften(logits: np.ndarray) -> np.ndarray:
    """Logits (…, classes) → probabilities."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probability: np.ndarray = shifted / shifted.sum(axis=-1, keepdims=True)
    return probability


def tell_class(output: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """The likeliest class and the probabilities of the best three."""
    probability = soften(output)
    best = np.argsort(-probability)[:3]
    return {
        "answer": labels[best[0]],
        "probability": {labels[i]: round(float(probability[i]), 4) for i in best},
    }
