"""How sure a figure is: percentile bootstrap over images (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mapsight.cnn.counts import CountsT, weigh_counts

_BATCH = 100  # resamples pooled at once: 100 × 4 × 1001 doubles are 3 MB


def bootstrap_interval(
    counts: Sequence[CountsT],
    statistic: Callable[[CountsT], Any],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Any, Any]:
    """How sure a statistic of the pooled counts is (Efron 1979).

    Images, not pixels, are drawn with replacement: neighbouring pixels are no independent
    witnesses. A number that is not defined (NaN) for some draws is bounded by the others, unless
    they are over a twentieth.

    Parameters
    ----------
    counts
        Of each image.
    statistic
        From pooled counts to a number, or to an array that is bounded element by element.
    resamples
        How often all images are drawn.
    seed
        Of the draws.
    level
        Share of the draws between the bounds.

    Returns
    -------
    tuple
        (low, high); NaN, NaN below two images.
    """
    if len(counts) < 2:
        return np.nan, np.nan
    values = np.array(
        [statistic(pooled) for pooled in _resample(list(counts), resamples, seed)], float
    )
    return _percentiles(values, level)


def bootstrap_mean(
    values: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """How sure a mean over images is.

    Parameters
    ----------
    values
        (N,), one an image.
    resamples
        How often all images are drawn.
    seed
        Of the draws.
    level
        Share of the draws between the bounds.

    Returns
    -------
    tuple
        (low, high); NaN, NaN below two images.
    """
    if len(values) < 2:
        return np.nan, np.nan
    drawn = draw_weights(len(values), resamples, np.random.default_rng(seed))
    return _percentiles(drawn @ np.asarray(values, float) / len(values), level)


def draw_weights(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """(resamples, n): how often each of n things is drawn when n are drawn with replacement."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def _resample(counts: list[CountsT], resamples: int, seed: int) -> Iterator[CountsT]:
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _BATCH):
        yield from weigh_counts(
            counts, draw_weights(len(counts), min(_BATCH, resamples - start), rng)
        )


def _percentiles(values: np.ndarray, level: float) -> tuple[Any, Any]:
    if values.ndim == 1 and np.isnan(values).mean() <= 0.05:
        values = values[~np.isnan(values)]
    low, high = np.percentile(values, [50 * (1 - level), 50 * (1 + level)], axis=0)
    return (float(low), float(high)) if np.ndim(low) == 0 else (low, high)
