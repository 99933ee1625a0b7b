"""Does a probability of .8 come true in 8 cases of 10? Reliability, expected calibration error,
Brier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsight.cnn.counts import STEPS, Histogram


@dataclass(frozen=True, eq=False)
class Calibration:
    """A reliability curve in bins of equal width; empty bins are NaN.

    edges (B+1,), counts (B,), mean_probability (B,) what was said, true_share (B,) what came true;
    ece = Σ counts/N · |said − true| (Naeini 2015; Guo 2017, eq. 3); brier = mean (p − truth)².
    """

    edges: np.ndarray
    counts: np.ndarray
    mean_probability: np.ndarray
    true_share: np.ndarray
    ece: float
    brier: float

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; empty bins are left out."""
        full = np.flatnonzero(self.counts)
        curve = [
            {
                "from": float(self.edges[b]),
                "to": float(self.edges[b + 1]),
                "count": int(self.counts[b]),
                "mean_probability": float(self.mean_probability[b]),
                "true_share": float(self.true_share[b]),
            }
            for b in full
        ]
        return {"expected_calibration_error": self.ece, "brier": self.brier, "reliability": curve}


def calibrate_pixels(histogram: Histogram, *, bins: int = 10) -> Calibration:
    """Calibration of pixel probabilities, exact (the histogram carries the sums); `bins` must
    divide 1000.
    """
    if STEPS % bins:
        raise ValueError(f"{bins} bins: a divisor of {STEPS} is needed")
    counts = _merge(histogram.positives + histogram.negatives, bins)
    return _summarise(
        counts,
        _merge(histogram.positives, bins),
        _merge(histogram.probability_sum, bins),
        float(histogram.squared_error.sum()),
    )


def calibrate_scores(scores: np.ndarray, came_true: np.ndarray, *, bins: int = 10) -> Calibration:
    """Calibration of N scores in [0, 1] against what came true (N,) bool."""
    scores, came_true = np.asarray(scores, float), np.asarray(came_true, bool)
    which = np.minimum((scores * bins).astype(int), bins - 1)
    counts = np.bincount(which, minlength=bins)
    hits = np.bincount(which[came_true], minlength=bins)
    said = np.bincount(which, scores, minlength=bins)
    return _summarise(counts, hits, said, float(((scores - came_true) ** 2).sum()))


def _merge(fine: np.ndarray, bins: int) -> np.ndarray:
    """(1001,) → (bins,); the last fine bin holds only p = 1 and joins the last coarse one."""
    coarse: np.ndarray = fine[:STEPS].reshape(bins, -1).sum(axis=1)
    coarse[-1] += fine[STEPS]
    return coarse


def _summarise(
    counts: np.ndarray, hits: np.ndarray, said: np.ndarray, squared_error: float
) -> Calibration:
    total = float(counts.sum())
    share = np.full(len(counts), np.nan)
    mean = share.copy()
    np.divide(hits, counts, out=share, where=counts > 0)
    np.divide(said, counts, out=mean, where=counts > 0)
    ece = float(np.abs(said - hits).sum() / total) if total else 0.0
    brier = squared_error / total if total else 0.0
    return Calibration(np.linspace(0, 1, len(counts) + 1), counts, mean, share, ece, brier)
