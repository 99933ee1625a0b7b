"""From probability to mask: the threshold, chosen on places that the net has not learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapsight.cnn.metrics import (
    Curves,
    Histogram,
    best_threshold,
    bootstrap_interval,
    count_pixels,
    measure_at,
    sum_counts,
    sweep_thresholds,
)
from mapsight.errors import InputError


@dataclass(frozen=True, eq=False)
class ThresholdChoice:
    """A threshold with its 95 % interval over the parts it was chosen on (0 … 1 for one part), its
    curve, and a note for people where it is not what was chosen ('' where it is).
    """

    value: float
    low: float
    high: float
    precision: float
    recall: float
    f1: float
    mode: str
    curves: Curves
    note: str = ""


def choose_threshold(
    parts: Sequence[Histogram], *, precision: float | None = None
) -> ThresholdChoice:
    """The threshold of the highest pooled F1, or the lowest one that reaches `precision`.

    `parts` are the counts of images or of blocks of one image; they are what the bootstrap draws.
    Raises InputError where there is none.
    """
    if not parts:
        raise InputError(
            "the threshold",
            "no valid pixel tells which one is right",
            "check the images' no-data values",
        )

    def choose(pooled: Histogram) -> float:
        return (
            best_threshold(pooled)
            if precision is None
            else _lowest_with(sweep_thresholds(pooled), precision)
        )

    total = sum_counts(parts)
    value = choose(total)
    low, high = (
        bootstrap_interval(list(parts), choose, resamples=300) if len(parts) > 1 else (0.0, 1.0)
    )
    at = measure_at(total, value)
    mode = "highest F1" if precision is None else f"precision ≥ {precision:g}"
    return ThresholdChoice(
        value, low, high, at.precision, at.recall, at.f1, mode, sweep_thresholds(total)
    )


def count_blocks(
    probability: np.ndarray, truth: np.ndarray, valid: np.ndarray, *, block_px: int
) -> list[Histogram]:
    """The counts of each block of about block_px² of one scene, (H, W) each; blocks of no valid
    pixel are left out.
    """
    rows, cols = (np.array_split(np.arange(n), max(round(n / block_px), 1)) for n in truth.shape)
    parts = [np.ix_(r, c) for r in rows for c in cols]
    return [
        count_pixels(probability[part], truth[part] > 0, valid[part])
        for part in parts
        if valid[part].any()
    ]


def _lowest_with(curves: Curves, precision: float) -> float:
    """The lowest threshold that reaches the precision; where none does, the most precise one."""
    some = curves.predicted > 0
    good = (curves.precision >= precision) & some
    if good.any():
        return float(curves.thresholds[good.argmax()])
    return float(curves.thresholds[np.where(some, curves.precision, -1).argmax()])
