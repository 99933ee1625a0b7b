"""Counting out a judged ranking: detection, precision at the top, false alarms, calibration."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np

from mapsight.cnn.bootstrap import draw_weights
from mapsight.cnn.calibration import Calibration, calibrate_scores
from mapsight.roads.finding.overlap import Answers, OverlapSettings
from mapsight.roads.planting.planted import KINDS


@dataclass(frozen=True)
class ScoreSettings:
    """How findings are matched, where the ranking is cut, and how intervals are drawn.

    ks: precision is given among the first k findings shown, recall_ks: recall; recall_aim: the
    recall at whose score threshold false alarms are counted; per_km2: findings a km² that a
    reviewer looks at; size_edges_m: bounds of the size classes.
    """

    match: OverlapSettings = field(default_factory=OverlapSettings)
    ks: tuple[int, ...] = (5, 10, 20, 50, 100)
    recall_ks: tuple[int, ...] = (20, 60)
    recall_aim: float = 0.7
    per_km2: float = 20.0
    size_edges_m: tuple[float, ...] = (75.0, 150.0)
    resamples: int = 1000
    seed: int = 0


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
        interval = [_plain(self.low), _plain(self.high)]
        return {
            "value": _plain(self.value),
            "hits": self.hits,
            "of": self.total,
            "interval": interval,
        }


@dataclass(frozen=True)
class FalseAlarms:
    """False alarms among findings from a score up (None: all), per area and per length of road.

    about_mapped_roads: how many of them call a road of the map a phantom or misaligned; the rest
    propose a missing one. The 95 % intervals of both counts are given at a recall: another draw of
    mistakes would cut the list elsewhere.
    """

    score: float | None
    count: int
    about_mapped_roads: int
    per_km2: float | None
    per_road_km: float | None
    count_interval: tuple[float, float] | None = None
    about_mapped_interval: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Tally:
    """One way of counting (kind-aware or kind-blind); a figure that cannot be given is None."""

    hits: int
    duplicates: int
    false_alarms: FalseAlarms
    false_alarms_at_recall: FalseAlarms | None
    detection: Rate
    detection_by_kind: dict[str, Rate]
    detection_by_size: dict[str, Rate]
    recall_at: dict[int, Rate]
    precision_at: dict[int, Rate]
    precision_per_km2: tuple[int, Rate]
    average_precision: float | None
    average_precision_interval: tuple[float, float]
    calibration: Calibration

    def to_json(self) -> dict[str, Any]:
        first, rate = self.precision_per_km2
        at_recall = self.false_alarms_at_recall
        return {
            "hits": self.hits,
            "duplicates": self.duplicates,
            "false_alarms": asdict(self.false_alarms),
            "false_alarms_at_recall_aim": asdict(at_recall) if at_recall else None,
            "detection_rate": self.detection.to_json(),
            "detection_rate_by_kind": {
                kind: rate.to_json() for kind, rate in self.detection_by_kind.items()
            },
            "detection_rate_by_size": {
                size: rate.to_json() for size, rate in self.detection_by_size.items()
            },
            "recall_at": {str(k): rate.to_json() for k, rate in self.recall_at.items()},
            "precision_at": {str(k): rate.to_json() for k, rate in self.precision_at.items()},
            "precision_among_first_per_km2": {"findings": first} | rate.to_json(),
            "average_precision": self.average_precision,
            "average_precision_interval": [
                _plain(bound) for bound in self.average_precision_interval
            ],
            "scores": self.calibration.to_json(),
        }


def average_precision(answers: Answers) -> float | None:
    """Σ over planted mistakes of the precision at the rank that found each, over their number; or
    None.
    """
    once = np.ones((1, len(answers.found_by)))
    return _plain(_weighted_precision(answers, once, _count_alarms_between(answers)[None])[0])


def tally_answers(
    ranked: gpd.GeoDataFrame,
    planted: gpd.GeoDataFrame,
    answers: Answers,
    ground: tuple[float, float],
    settings: ScoreSettings,
) -> Tally:
    """Count out findings `ranked` best first and judged; ground: (km² of image, km of road)."""
    outcome, found = answers.outcome, answers.found_by >= 0
    scores, mapped = ranked["score"].to_numpy(float), (ranked["kind"] != "missing").to_numpy()
    rng = np.random.default_rng(settings.seed)
    first = min(len(ranked), max(1, round(settings.per_km2 * ground[0])))
    kinds = planted["kind"].to_numpy()
    sizes = _name_sizes(planted["length_m"].to_numpy(float), settings.size_edges_m)

    def rate(hits: np.ndarray) -> Rate:
        return _rate(hits, settings.resamples, rng)

    return Tally(
        hits=int((outcome == "hit").sum()),
        duplicates=int((outcome == "duplicate").sum()),
        false_alarms=_count_false(outcome, mapped, scores, None, ground),
        detection=rate(found),
        detection_by_kind={kind: rate(found[kinds == kind]) for kind in KINDS},
        detection_by_size={
            size: rate(found[sizes == size]) for size in _list_sizes(settings.size_edges_m)
        },
        recall_at={k: rate(found & (answers.found_by < k)) for k in settings.recall_ks},
        precision_at={k: rate(_judged(outcome[:k])) for k in settings.ks if k <= len(ranked)},
        precision_per_km2=(first, rate(_judged(outcome[:first]))),
        average_precision=average_precision(answers),
        average_precision_interval=_bootstrap_precision(answers, settings.resamples, rng),
        calibration=calibrate_scores(scores, outcome != "false"),
        false_alarms_at_recall=_count_at_recall(answers, mapped, scores, ground, settings, rng),
    )


def _judged(outcome: np.ndarray) -> np.ndarray:
    """(n,) bool of hits among the findings that are hit or false; duplicates leave the ratio."""
    return outcome[outcome != "duplicate"] == "hit"


def _rate(hits: np.ndarray, resamples: int, rng: np.random.Generator) -> Rate:
    n, k = len(hits), int(hits.sum())
    if n == 0:
        return Rate(0, 0, math.nan, math.nan)
    if k in (0, n):
        rim = 1.96**2 / (n + 1.96**2)
        return Rate(k, n, 0.0 if k == 0 else 1 - rim, rim if k == 0 else 1.0)
    drawn = rng.binomial(n, k / n, resamples) / n  # what drawing n of them with replacement gives
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Rate(k, n, float(low), float(high))


def _count_false(
    outcome: np.ndarray,
    mapped: np.ndarray,
    scores: np.ndarray,
    least: float | None,
    ground: tuple[float, float],
) -> FalseAlarms:
    false = (outcome == "false") & (scores >= (-math.inf if least is None else least))
    count = int(false.sum())
    per_km2, per_road_km = (count / size if size else None for size in ground)
    return FalseAlarms(least, count, int((false & mapped).sum()), per_km2, per_road_km)


def _count_at_recall(
    answers: Answers,
    mapped: np.ndarray,
    scores: np.ndarray,
    ground: tuple[float, float],
    settings: ScoreSettings,
    rng: np.random.Generator,
) -> FalseAlarms | None:
    """At the highest score whose findings reach the recall, with intervals; None where all of them
    do not.
    """
    ranks = np.sort(answers.found_by[answers.found_by >= 0])
    needed = math.ceil(settings.recall_aim * len(answers.found_by) - 1e-9)
    if not needed or len(ranks) < needed:
        return None
    alarms = _count_false(answers.outcome, mapped, scores, float(scores[ranks[needed - 1]]), ground)
    every, about_mapped = _bootstrap_alarms(answers, mapped, scores, settings, rng)
    return replace(alarms, count_interval=every, about_mapped_interval=about_mapped)


def _bootstrap_alarms(
    answers: Answers,
    mapped: np.ndarray,
    scores: np.ndarray,
    settings: ScoreSettings,
    rng: np.random.Generator,
) -> list[tuple[float, float]]:
    """Low and high of the false alarms at the recall: of all, and of those about roads of the map.

    Planted mistakes are drawn with replacement, which moves the cut; false alarms come about by
    chance (Poisson).
    """
    order = np.argsort(answers.found_by, kind="stable")
    order = order[answers.found_by[order] >= 0]
    drawn = draw_weights(len(answers.found_by), settings.resamples, rng)[:, order]
    reached = np.cumsum(drawn, axis=1) >= settings.recall_aim * len(answers.found_by) - 1e-9
    last = np.where(
        reached.any(axis=1), reached.argmax(axis=1), len(order) - 1
    )  # else: all that are found
    shown = np.searchsorted(
        -scores, -scores[answers.found_by[order[last]]], side="right"
    )  # equal scores together
    false = answers.outcome == "false"
    expected = np.cumsum(np.stack([false, false & mapped]), axis=1)[:, shown - 1]
    bounds = np.percentile(rng.poisson(expected), [2.5, 97.5], axis=1)
    return [(float(low), float(high)) for low, high in bounds.T]


def _count_alarms_between(answers: Answers) -> np.ndarray:
    """(h + 1,) false alarms ranked before the first hit, between hits, and after the last of h."""
    hits, alarms = (np.flatnonzero(answers.outcome == outcome) for outcome in ("hit", "false"))
    return np.bincount(np.searchsorted(hits, alarms), minlength=len(hits) + 1)


def _weighted_precision(answers: Answers, mistakes: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    """(R,) average precisions: planted mistakes counted so often (R, P), so many false alarms (R, h
    + 1).

    A finding that answers several mistakes at once is one hit for precision, all of them for
    recall.
    """
    found = answers.found_by >= 0
    finder = answers.found_by[found, None] == np.flatnonzero(answers.outcome == "hit")  # (found, h)
    gained = mistakes[:, found] @ finder.astype(float)
    hits = np.cumsum(gained / finder.sum(axis=0), axis=1)
    shown = hits + np.cumsum(alarms[:, :-1], axis=1)
    precision = np.divide(hits, shown, out=np.zeros_like(hits), where=shown > 0)
    total = mistakes.sum(axis=1)
    gains = (precision * gained).sum(axis=1)
    return np.divide(gains, total, out=np.full(len(total), np.nan), where=total > 0)


def _bootstrap_precision(
    answers: Answers, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Planted mistakes are drawn with replacement, and so are the false alarms."""
    between = _count_alarms_between(answers)
    if len(answers.found_by) < 2:
        return math.nan, math.nan
    mistakes = draw_weights(len(answers.found_by), resamples, rng)
    # drawing alarms one by one, and counting between which hits they fall, is this multinomial
    alarms = rng.multinomial(between.sum(), between / max(between.sum(), 1), resamples)
    low, high = np.percentile(_weighted_precision(answers, mistakes, alarms), [2.5, 97.5])
    return float(low), float(high)


def _list_sizes(edges_m: tuple[float, ...]) -> list[str]:
    inner = [f"{low:g} to {high:g} m" for low, high in pairwise(edges_m)]
    return [f"under {edges_m[0]:g} m", *inner, f"from {edges_m[-1]:g} m"]


def _name_sizes(length_m: np.ndarray, edges_m: tuple[float, ...]) -> np.ndarray:
    return np.array(_list_sizes(edges_m), object)[np.searchsorted(edges_m, length_m, side="right")]


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
