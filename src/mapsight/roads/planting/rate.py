"""Shares with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rate:
    """hits of total, and the 95 % interval of the share.

    Percentile bootstrap; where all or none are hits it has no spread, and Wilson's bound (1927)
    stands in.
    """

    hits: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else math.nan

    def to_json(self) -> dict[str, Any]:
        interval = [plain(self.low), plain(self.high)]
        return {
            "value": plain(self.value),
            "hits": self.hits,
            "of": self.total,
            "interval": interval,
        }


def rate_hits(hits: np.ndarray, resamples: int, rng: np.random.Generator) -> Rate:
    """The share of hits (n,) bool, with its interval."""
    n, k = len(hits), int(hits.sum())
    if n == 0:
        return Rate(0, 0, math.nan, math.nan)
    if k in (0, n):
        rim = 1.96**2 / (n + 1.96**2)
        return Rate(k, n, 0.0 if k == 0 else 1 - rim, rim if k == 0 else 1.0)
    drawn = rng.binomial(n, k / n, resamples) / n  # what drawing n of them with replacement gives
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Rate(k, n, float(low), float(high))


def plain(value: float) -> float | None:
    """The number as JSON can hold it: None for NaN."""
    return None if math.isnan(value) else float(value)
