"""How near colours come to the true ones, all pixels alike or all colours alike (Zhang et al. 2016,
section 3.1).

An answer is (3, h, w): a, b, and the number of the likeliest bin. The truth is (2, h, w): a, b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsight.cnn.bootstrap import bootstrap_interval
from mapsight.cnn.counts import sum_counts
from mapsight.zoo.colours import find_bins, find_nearest_bins, weigh_bins

MEASURES = ("auc", "auc_rebalanced", "top1", "top1_rebalanced")
FARTHEST = 150  # of the distances in ab over which the share of pixels is integrated


@dataclass(frozen=True, eq=False)
class ColourCounts:
    """One photograph's pixels by their true bin, (313,), and what several answers made of them,
    (answers · 313,).

    near: sum of 1 − min(distance, 150) / 150, which is the area under the share of pixels within a
    distance, 0 … 150. hits: pixels whose likeliest bin is the true one. chroma: (1 + answers,) sums
    of the chroma of truth and answers.
    """

    pixels: np.ndarray
    near: np.ndarray
    hits: np.ndarray
    chroma: np.ndarray


def count_colours(answers: Sequence[np.ndarray], truth: np.ndarray) -> ColourCounts:
    """Counts of one photograph; answers (3, h, w) each, truth (2, h, w)."""
    bins, known = find_nearest_bins(truth).ravel(), len(find_bins())
    near = [
        1 - np.minimum(find_distance(answer, truth), FARTHEST).ravel() / FARTHEST
        for answer in answers
    ]
    hits = [answer[2].ravel() == bins for answer in answers]
    chroma = [np.hypot(*ab[:2]).sum() for ab in (truth, *answers)]
    return ColourCounts(
        np.bincount(bins, minlength=known).astype(float),
        np.concatenate([np.bincount(bins, each, known) for each in near]),
        np.concatenate([np.bincount(bins, each, known) for each in hits]),
        np.array(chroma, float),
    )


def find_distance(answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(h, w) distance in ab."""
    distance: np.ndarray = np.hypot(*(answer[:2].astype(float) - truth[:2]))
    return distance


def make_grey(truth: np.ndarray) -> np.ndarray:
    """The answer of who paints nothing."""
    grey = find_nearest_bins(np.zeros((2, 1)))[0]
    return np.stack(
        [np.zeros(truth.shape[1:]), np.zeros(truth.shape[1:]), np.full(truth.shape[1:], grey)]
    )


def rate_colours(counts: ColourCounts, weights: np.ndarray) -> np.ndarray:
    """(answers, 4): `MEASURES`; rebalanced, a pixel counts by the weight of its bin, (313,)."""
    rows = []
    for near, hits in zip(
        *(x.reshape(-1, len(weights)) for x in (counts.near, counts.hits)), strict=True
    ):
        rows.append(
            [
                (x @ w) / (counts.pixels @ w)
                for x in (near, hits)
                for w in (np.ones_like(weights), weights)
            ]
        )
    return np.array(rows)


def compare_colours(counts: Sequence[ColourCounts]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rates (answers, 4), their bounds (2, answers, 4), bounds of first answer − the others (2,
    answers − 1, 4)).

    The weights are by eq. 4 with λ = 0 and the colours of all photographs. 95 %, photographs drawn
    with replacement, the same for all answers; NaN for a single photograph.
    """
    whole = sum_counts(counts)
    weights = weigh_bins(whole.pixels, uniform=0)
    rates = rate_colours(whole, weights)

    def put_together(pooled: ColourCounts) -> np.ndarray:
        each = rate_colours(pooled, weights)
        return np.concatenate([each, each[0] - each[1:]])

    low, high = bootstrap_interval(counts, put_together)
    bounds = np.stack([np.broadcast_to(x, (2 * len(rates) - 1, 4)) for x in (low, high)])
    return rates, bounds[:, : len(rates)], bounds[:, len(rates) :]


def measure_answers(answers: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """The measures of answers (N, 3, h, w) beside those of grey, with 95 % intervals over
    photographs.
    """
    counts = [
        count_colours((answer, make_grey(known)), known)
        for answer, known in zip(answers, truth, strict=True)
    ]
    rates, bounds, over = compare_colours(counts)
    chroma = sum_counts(counts).chroma
    told: dict[str, Any] = {}
    for at, name in enumerate(MEASURES):
        told[name] = float(rates[0, at])
        told[f"{name}_95"] = tell_bounds(bounds[:, 0, at])
    return told | {
        "grey": {name: float(rates[1, at]) for at, name in enumerate(MEASURES)},
        "over_grey_95": {name: tell_bounds(over[:, 0, at]) for at, name in enumerate(MEASURES)},
        "chroma": float(chroma[1] / chroma[0]) if chroma[0] else 0.0,
        "photos": len(counts),
    }


def tell_bounds(bounds: np.ndarray) -> tuple[float, float] | None:
    """(low, high), or None where there is no interval."""
    return (float(bounds[0]), float(bounds[1])) if np.isfinite(bounds).all() else None


def find_curves(answers: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2, 151) share of pixels within a distance of 0 … 150: all pixels alike, and rebalanced; the
    distances (151,).
    """
    distance = np.concatenate(
        [find_distance(*pair).ravel() for pair in zip(answers, truth, strict=True)]
    )
    bins = np.concatenate([find_nearest_bins(known).ravel() for known in truth])
    weights = weigh_bins(np.bincount(bins, minlength=len(find_bins())), uniform=0)[bins]
    steps = np.arange(FARTHEST + 1)
    at = np.ceil(distance).clip(0, FARTHEST + 1).astype(int)
    curves = [
        np.bincount(at, w, FARTHEST + 2).cumsum()[:-1] / w.sum()
        for w in (np.ones(len(at)), weights)
    ]
    return np.stack(curves), steps
