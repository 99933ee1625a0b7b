"""Pixel measures: what a probability is worth against a truth, at one threshold and at all of them.

Averaging is part of every name: `_pooled` counts all pixels of all images together, `_mean`
measures each image and takes the mean. A ratio of nothing to nothing (precision where nothing is
predicted, recall where there is no road) is 0, as in scikit-learn's `zero_division=0`; images
without roads are left out of the means of precision, recall, F1 and IoU, and named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsight.cnn.bootstrap import bootstrap_interval, bootstrap_mean
from mapsight.cnn.calibration import Calibration, calibrate_pixels
from mapsight.cnn.counts import (
    STEPS,
    THRESHOLDS,
    Histogram,
    RelaxedCounts,
    count_above,
    count_pixels,
    count_relaxed,
    sum_counts,
)

__all__ = [
    "THRESHOLDS",
    "Curves",
    "Histogram",
    "ImageMeans",
    "Measures",
    "PixelReport",
    "RelaxedCounts",
    "RelaxedCurves",
    "average_precision",
    "best_threshold",
    "bootstrap_interval",
    "calibrate_pixels",
    "count_pixels",
    "count_relaxed",
    "find_breakeven",
    "mean_over_images",
    "measure_at",
    "report_pixels",
    "sum_counts",
    "sweep_relaxed",
    "sweep_thresholds",
]


@dataclass(frozen=True)
class Measures:
    """Pooled measures at one threshold; base_accuracy is the accuracy of saying 'no road'
    everywhere.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    iou: float
    accuracy: float
    base_accuracy: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


@dataclass(frozen=True, eq=False)
class Curves:
    """Pooled measures at all thresholds: arrays (1001,); `predicted` counts the pixels taken for
    road.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    iou: np.ndarray
    accuracy: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True, eq=False)
class RelaxedCurves:
    """Relaxed precision and recall at all thresholds: arrays (1001,); `predicted` as in Curves."""

    precision: np.ndarray
    recall: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class ImageMeans:
    """Means over images at one threshold; the ratios over those with roads, the accuracies over
    all.
    """

    precision: float
    recall: float
    f1: float
    iou: float
    accuracy: float
    base_accuracy: float
    images: int
    road_free: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PixelReport:
    """Everything `evaluate` says of pixels; `to_json` names each figure with its averaging."""

    threshold: float
    pooled: Measures
    means: ImageMeans
    average_precision: float
    best: Measures
    calibration: Calibration
    relaxed: dict[str, Any]
    intervals: dict[str, tuple[float, float]]
    per_image: dict[str, Measures]

    def to_json(self) -> dict[str, Any]:
        """Plain types only; NaN (too few images for an interval, no crossing) becomes null."""
        names = ("precision", "recall", "f1", "iou", "accuracy", "base_accuracy")
        flat: dict[str, Any] = {
            "threshold": self.threshold,
            "images": self.means.images,
            "pixels": _pixels(self.pooled),
        }
        flat |= {f"{name}_pooled": getattr(self.pooled, name) for name in names}
        flat |= {f"{name}_mean": getattr(self.means, name) for name in names}
        flat |= {
            "road_free_images": list(self.means.road_free),
            "average_precision_pooled": self.average_precision,
        }
        # chosen on the very images it is measured on: an upper bound, not a result
        flat |= {
            "best_threshold_here": self.best.threshold,
            "f1_pooled_at_best_threshold_here": self.best.f1,
        }
        flat |= self.relaxed
        flat |= {
            f"{name}_interval": [_plain(low), _plain(high)]
            for name, (low, high) in self.intervals.items()
        }
        flat |= self.calibration.to_json()
        flat["per_image"] = {
            key: {name: getattr(m, name) for name in names} for key, m in self.per_image.items()
        }
        return flat


def sweep_thresholds(histogram: Histogram) -> Curves:
    """Pooled measures at every threshold of the grid."""
    tp, fp = count_above(histogram.positives), count_above(histogram.negatives)
    road, total = tp[0], tp[0] + fp[0]
    return Curves(
        thresholds=THRESHOLDS,
        precision=_ratio(tp, tp + fp),
        recall=_ratio(tp, road),
        f1=_ratio(2 * tp, tp + fp + road),
        iou=_ratio(tp, fp + road),
        accuracy=_ratio(total - road - fp + tp, total),
        predicted=tp + fp,
    )


def measure_at(histogram: Histogram, threshold: float) -> Measures:
    """Pooled measures where road is probability >= threshold; the threshold is rounded to the
    grid's .001.
    """
    k = round(threshold * STEPS)
    if not 0 <= k <= STEPS:
        raise ValueError(f"threshold {threshold} lies outside [0, 1]")
    tp, fp = float(histogram.positives[k:].sum()), float(histogram.negatives[k:].sum())
    fn, tn = float(histogram.positives[:k].sum()), float(histogram.negatives[:k].sum())
    total = tp + fp + fn + tn
    f1, iou = _divide(2 * tp, 2 * tp + fp + fn), _divide(tp, tp + fp + fn)
    assert math.isclose(f1, 2 * iou / (1 + iou), abs_tol=1e-12)
    return Measures(
        threshold=float(THRESHOLDS[k]),
        precision=_divide(tp, tp + fp),
        recall=_divide(tp, tp + fn),
        f1=f1,
        iou=iou,
        accuracy=_divide(tp + tn, total),
        base_accuracy=_divide(fp + tn, total),
        true_positives=int(tp),
        false_positives=int(fp),
        false_negatives=int(fn),
        true_negatives=int(tn),
    )


def best_threshold(histogram: Histogram) -> float:
    """The threshold of the highest pooled F1; among equals the one nearest to .5."""
    f1 = sweep_thresholds(histogram).f1
    best = THRESHOLDS[f1 >= f1.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])


def average_precision(histogram: Histogram) -> float:
    """Σ (R_n − R_{n−1}) · P_n over falling thresholds: scikit-learn's, of probabilities floored to
    .001.
    """
    curves = sweep_thresholds(histogram)
    steps = curves.recall - np.append(curves.recall[1:], 0.0)
    return float(np.sum(steps * curves.precision))


def mean_over_images(images: Mapping[str, Histogram], threshold: float) -> ImageMeans:
    """Each image measured, then the mean (the lecture's way); those without roads leave the ratios'
    means.
    """
    measures = {name: measure_at(histogram, threshold) for name, histogram in images.items()}
    with_road = [m for name, m in measures.items() if images[name].positives.sum()]
    return ImageMeans(
        **{
            key: _mean([getattr(m, key) for m in with_road])
            for key in ("precision", "recall", "f1", "iou")
        },
        **{
            key: _mean([getattr(m, key) for m in measures.values()])
            for key in ("accuracy", "base_accuracy")
        },
        images=len(measures),
        road_free=tuple(name for name in measures if not images[name].positives.sum()),
    )


def sweep_relaxed(counts: RelaxedCounts) -> RelaxedCurves:
    """Relaxed (Mnih 2013): precision = predicted within ρ of truth, recall = truth within ρ of
    predicted.
    """
    predicted, found = count_above(counts.predicted), count_above(counts.truth_found)
    return RelaxedCurves(
        _ratio(count_above(counts.predicted_near), predicted), _ratio(found, found[0]), predicted
    )


def find_breakeven(precision: np.ndarray, recall: np.ndarray, predicted: np.ndarray) -> float:
    """Where precision and recall are equal, on the straight line between the thresholds around the
    crossing.

    Thresholds that predict nothing have no precision and take no part. NaN where the curves do not
    cross.
    """
    p, r = precision[predicted > 0], recall[predicted > 0]
    gap = p - r
    for k in np.flatnonzero(gap >= 0)[:1]:
        if k == 0:  # even with every pixel taken for road: only where all pixels are
            return float(p[0]) if gap[0] == 0 else math.nan
        share = -gap[k - 1] / (gap[k] - gap[k - 1])
        return float(p[k - 1] + share * (p[k] - p[k - 1]))
    return math.nan


def report_pixels(
    images: Mapping[str, Histogram],
    *,
    threshold: float,
    relaxed: Mapping[str, RelaxedCounts] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> PixelReport:
    """All measures of images, with 95 % intervals over images.

    Parameters
    ----------
    images
        Histograms of probability, by image.
    threshold
        0 … 1, chosen elsewhere.
    relaxed
        Relaxed counts, by image; None leaves those measures out.
    resamples, seed
        Of the bootstrap.
    """
    histograms = list(images.values())
    total = sum_counts(histograms)
    per_image = {name: measure_at(histogram, threshold) for name, histogram in images.items()}
    with_road = [name for name in images if images[name].positives.sum()]
    options = {"resamples": resamples, "seed": seed}
    intervals = {
        "f1_pooled": bootstrap_interval(
            histograms, lambda h: measure_at(h, threshold).f1, **options
        ),
        "f1_mean": bootstrap_mean(np.array([per_image[name].f1 for name in with_road]), **options),
        "best_threshold_here": bootstrap_interval(histograms, best_threshold, **options),
    }
    figures: dict[str, Any] = {}
    if relaxed:
        figures, interval = _report_relaxed(list(relaxed.values()), threshold, options)
        intervals |= interval
    return PixelReport(
        threshold=measure_at(total, threshold).threshold,
        pooled=measure_at(total, threshold),
        means=mean_over_images(images, threshold),
        average_precision=average_precision(total),
        best=measure_at(total, best_threshold(total)),
        calibration=calibrate_pixels(total),
        relaxed=figures,
        intervals=intervals,
        per_image=per_image,
    )


def _report_relaxed(
    counts: list[RelaxedCounts], threshold: float, options: dict[str, int]
) -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
    def crossing(pooled: RelaxedCounts) -> float:
        curves = sweep_relaxed(pooled)
        return find_breakeven(curves.precision, curves.recall, curves.predicted)

    total, k = sum_counts(counts), round(threshold * STEPS)
    curves, px = sweep_relaxed(total), f"{total.rho_px}px_pooled"
    figures = {
        f"relaxed_precision_{px}": float(curves.precision[k]),
        f"relaxed_recall_{px}": float(curves.recall[k]),
        f"relaxed_breakeven_{px}": _plain(crossing(total)),
    }
    return figures, {f"relaxed_breakeven_{px}": bootstrap_interval(counts, crossing, **options)}


def _ratio(part: np.ndarray, whole: Any) -> np.ndarray:
    whole = np.broadcast_to(np.asarray(whole, float), np.shape(part))
    shares = np.zeros(np.shape(part))
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _divide(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _pixels(m: Measures) -> int:
    return m.true_positives + m.false_positives + m.false_negatives + m.true_negatives


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
