"""A threshold that suits one picture, where no map tells which one is right.

Abroad a net sees roads as well as before but says so less loudly: its best threshold falls by an
order of magnitude. How loud it is can be told from the picture's own probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.counts import STEPS, THRESHOLDS, Histogram, count_above

# in a card's measures: what was home when it was judged
SURENESS, SEPARATION = "sureness_validation", "separation_validation"
_EDGE = 0.5 / STEPS  # half a step of the grid: no logit is infinite


@dataclass(frozen=True)
class SuitSettings:
    """How a picture moves a model's threshold; chosen on validation splits of four sets.

    Parameters
    ----------
    slack : the sureness may lie so much below that at home before anything moves.
    span : over so much more the model's threshold gives way to the picture's.
    road_m2 : of so much road, by its probabilities, a picture's own word is half.
    """

    slack: float = 0.01
    span: float = 0.05
    road_m2: float = 5_000.0


@dataclass(frozen=True)
class SuitedThreshold:
    """From which probability on it is road in one picture, and how far it has given way.

    Parameters
    ----------
    value : the threshold.
    own : the model's, chosen at home.
    stranger : 0 where the picture is like home, up to 1 where it is altogether strange.
    """

    value: float
    own: float
    stranger: float


def suit_threshold(
    seen: Histogram, card: ModelCard, *, m_per_px: float, settings: SuitSettings = SuitSettings()
) -> SuitedThreshold:
    """Move a model's threshold towards the picture's own, as far as the net is less sure than at
    home.

    Parameters
    ----------
    seen : counts of the picture's probabilities; what is true is not looked at.
    card : whose threshold is moved; without a sureness in its measures it stays.
    m_per_px : of the pixels counted.
    """
    home = card.measures.get(SURENESS)
    if home is None:
        return SuitedThreshold(card.threshold, card.threshold, 0.0)
    lacking = (home - settings.slack - measure_sureness(seen)) / settings.span
    road_m2 = float(seen.probability_sum.sum()) * m_per_px**2
    enough = road_m2 / (road_m2 + settings.road_m2)
    share = float(np.clip(lacking, 0, 1)) * enough
    if share == 0:
        return SuitedThreshold(card.threshold, card.threshold, 0.0)
    between = (1 - share) * _logit(card.threshold) + share * _logit(split_logits(seen))
    return SuitedThreshold(float(1 / (1 + np.exp(-between))), card.threshold, share)


def measure_sureness(seen: Histogram) -> float:
    """The highest F1 that a net expects of itself, if its probabilities are what they say (Lipton,
    Elkan & Naryanaswamy 2014); 0 of nothing.
    """
    predicted = count_above(seen.positives + seen.negatives)
    right = count_above(seen.probability_sum)
    whole = predicted + right[0]
    return float(np.max(np.divide(2 * right, whole, out=np.zeros(len(right)), where=whole > 0)))


def measure_separation(counts: Histogram) -> float:
    """By how many logits a net parts roads from what is none: the median of the ones less that of
    the others. Both must be there.
    """
    road, none = (
        _logit(THRESHOLDS[np.searchsorted(np.cumsum(n), n.sum() / 2)] + _EDGE)
        for n in (counts.positives, counts.negatives)
    )
    return float(road - none)


def split_logits(seen: Histogram) -> float:
    """The threshold that parts a picture's logits into the two classes that differ most (Otsu
    1979); .5 where all are alike.
    """
    counts = (seen.positives + seen.negatives).astype(float)
    logits = _logit(THRESHOLDS + _EDGE)
    below = np.cumsum(counts)[:-1] / max(counts.sum(), 1)
    mass = np.cumsum(counts * logits) / max(counts.sum(), 1)
    spread = below * (1 - below)
    between = np.divide(
        (mass[-1] * below - mass[:-1]) ** 2, spread, out=np.zeros(STEPS), where=spread > 1e-12
    )
    return float(THRESHOLDS[between.argmax() + 1]) if between.any() else 0.5


def _logit(probability: float | np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, _EDGE, 1 - _EDGE)
    logit: np.ndarray = np.log(clipped / (1 - clipped))
    return logit
