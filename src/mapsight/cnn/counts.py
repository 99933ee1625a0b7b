"""Pixels → counts that add up: an image becomes a few histograms, memory stays flat however many
follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, dataclass, fields, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from scipy import ndimage

STEPS = 1000
THRESHOLDS: np.ndarray = (
    np.arange(STEPS + 1) / STEPS
)  # (1001,) 0, .001 … 1; a pixel is road where probability >= threshold


class Additive(Protocol):
    """A frozen dataclass whose array fields may be added up over images."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


CountsT = TypeVar("CountsT", bound=Additive)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Valid pixels of an image by probability; bin k holds THRESHOLDS[k] <= p < THRESHOLDS[k + 1].

    positives, negatives: (1001,) road and other pixels. probability_sum: (1001,) sum of p.
    squared_error: (1001,) sum of (p − truth)².
    """

    positives: np.ndarray
    negatives: np.ndarray
    probability_sum: np.ndarray
    squared_error: np.ndarray


@dataclass(frozen=True, eq=False)
class RelaxedCounts:
    """What relaxed precision and recall need, by probability (Mnih 2013, section 6.1: a slack of ρ
    pixels).

    predicted: (1001,) pixels by p; predicted_near: those within rho_px of truth; truth_found:
    (1001,) truth pixels by the highest p within rho_px.
    """

    predicted: np.ndarray
    predicted_near: np.ndarray
    truth_found: np.ndarray
    rho_px: int = 3


def count_pixels(
    probability: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None
) -> Histogram:
    """Histogram of an image's valid pixels: probability (H, W) in [0, 1], truth and valid (H, W)
    bool.
    """
    kept = _check_valid(probability, truth, valid)
    p, road = probability[kept].astype(np.float64), truth[kept].astype(bool)
    bins = _bin(p)
    return Histogram(
        positives=_fill(bins[road]),
        negatives=_fill(bins[~road]),
        probability_sum=_fill(bins, p),
        squared_error=_fill(bins, (p - road) ** 2),
    )


def count_relaxed(
    probability: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None, *, rho_px: int = 3
) -> RelaxedCounts:
    """Relaxed counts of one image, exact at every threshold at once.

    Truth is found at threshold t exactly where the highest probability in its window is ≥ t. So one
    maximum filter stands for a dilation per threshold. Invalid pixels neither count nor help their
    neighbours.

    Parameters
    ----------
    probability
        (H, W) of road, 0 … 1.
    truth
        (H, W), not 0 where a road is.
    valid
        (H, W) bool of the pixels that count; None counts all.
    rho_px
        The slack ρ: a square window of 2ρ + 1 pixels a side.
    """
    kept = _check_valid(probability, truth, valid)
    road = (truth.astype(bool) & kept).astype(np.uint8)
    side = 2 * rho_px + 1
    near = ndimage.maximum_filter(road, size=side, mode="constant", cval=0).astype(bool)
    highest = ndimage.maximum_filter(
        np.where(kept, probability, -1.0), size=side, mode="constant", cval=-1.0
    )
    return RelaxedCounts(
        predicted=_fill(_bin(probability[kept])),
        predicted_near=_fill(_bin(probability[kept & near])),
        truth_found=_fill(_bin(highest[road.astype(bool)])),
        rho_px=rho_px,
    )


def sum_counts(counts: Iterable[CountsT]) -> CountsT:
    """All images as one: the arrays added up. At least one image is needed."""
    items = iter(counts)
    total = next(items, None)
    if total is None:
        raise ValueError("sum_counts needs at least one image")
    for item in items:
        total = replace(
            total,
            **{name: getattr(total, name) + getattr(item, name) for name in _array_names(total)},
        )
    return total


def weigh_counts(counts: list[CountsT], weights: np.ndarray) -> list[CountsT]:
    """Weighted sums over images: weights (R, N) for N images → R pooled counts (bootstrap
    resamples).
    """
    pooled = {
        name: weights @ np.stack([getattr(item, name) for item in counts])
        for name in _array_names(counts[0])
    }
    return [
        replace(counts[0], **{name: rows[r] for name, rows in pooled.items()})
        for r in range(len(weights))
    ]


def count_above(histogram: np.ndarray) -> np.ndarray:
    """(1001,) counts by bin → (1001,) counts at or above each threshold."""
    return np.cumsum(histogram[::-1])[::-1]


def _array_names(item: Additive) -> list[str]:
    return [
        field.name for field in fields(item) if isinstance(getattr(item, field.name), np.ndarray)
    ]


def _check_valid(
    probability: np.ndarray, truth: np.ndarray, valid: np.ndarray | None
) -> np.ndarray:
    kept = np.ones(probability.shape, bool) if valid is None else valid.astype(bool)
    if not probability.shape == truth.shape == kept.shape:
        raise ValueError(
            f"shapes differ: probability {probability.shape}, truth {truth.shape}, valid"
            f" {kept.shape}"
        )
    # NaN fails both comparisons, and so is caught with what lies outside
    if not np.all((probability >= 0) & (probability <= 1) | ~kept):
        raise ValueError("probability must lie in [0, 1] at every valid pixel")
    return kept


def _bin(p: np.ndarray) -> np.ndarray:
    return np.searchsorted(THRESHOLDS, p, side="right") - 1


def _fill(bins: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    return np.bincount(bins, weights, minlength=STEPS + 1)
