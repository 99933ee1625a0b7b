"""Counting out a ranking: detection, precision at the top, false alarms, calibration."""

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
from mapsight.roads.kinds import KINDS, ON_MAP
from mapsight.roads.planting.rate import Rate, plain, rate_hits


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
class FalseAlarms:
    """False alarms among findings from a score up (None: all), per area and per length of road.

    about_mapped_roads: how many of them are about a road of the map; the rest propose one that it
    lacks. The 95 % intervals of both counts are given at a recall: another draw of
    mistakes would cut the list elsewhere.
    """

    score: float | None
    count: int
    about_mapped_roads: int
    per_km2: float | None
    per_road_km: float | None
    count_interval: tuple[float, float] | None = None
    about_mapped_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Extent:
    """What was looked at: the area of the image, and the length of mapped road in it."""

    area_km2: float
    road_km: float


@dataclass(frozen=True, eq=False)
class Ranking:
    """F findings, the best first, held against planted mistakes.

    Parameters
    ----------
    answers : Answers
        Which finding answers which mistake.
    scores : ndarray
        (F,) by falling score.
    on_map : ndarray
        (F,) bool: the finding is about a road of the map.
    """

    answers: Answers
    scores: np.ndarray
    on_map: np.ndarray


@dataclass(frozen=True, eq=False)
class Counts:
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
                plain(bound) for bound in self.average_precision_interval
            ],
            "scores": self.calibration.to_json(),
        }


def average_precision(answers: Answers) -> float | None:
    """Σ over planted mistakes of the precision at the rank that found each, over their number; or
    None.
    """
    once = np.ones((1, len(answers.found_by)))
    return plain(_weighted_precision(answers, once, _count_alarms_between(answers)[None])[0])


def count_answers(
    ranked: gpd.GeoDataFrame,
    planted: gpd.GeoDataFrame,
    answers: Answers,
    extent: Extent,
    settings: ScoreSettings,
) -> Counts:
    """Count out findings, `ranked` best first, that were held against planted mistakes."""
    outcome, found = answers.outcome, answers.found_by >= 0
    ranking = Ranking(
        answers, ranked["score"].to_numpy(float), ranked["kind"].isin(ON_MAP).to_numpy()
    )
    rng = np.random.default_rng(settings.seed)
    first = min(len(ranked), max(1, round(settings.per_km2 * extent.area_km2)))
    kinds = planted["kind"].to_numpy()
    sizes = _name_sizes(planted["length_m"].to_numpy(float), settings.size_edges_m)

    def rate(hits: np.ndarray) -> Rate:
        return rate_hits(hits, settings.resamples, rng)

    return Counts(
        hits=int((outcome == "hit").sum()),
        duplicates=int((outcome == "duplicate").sum()),
        false_alarms=_count_false(ranking, None, extent),
        detection=rate(found),
        detection_by_kind={kind: rate(found[kinds == kind]) for kind in KINDS},
        detection_by_size={
            size: rate(found[sizes == size]) for size in _list_sizes(settings.size_edges_m)
        },
        recall_at={k: rate(found & (answers.found_by < k)) for k in settings.recall_ks},
        precision_at={k: rate(_is_hit(outcome[:k])) for k in settings.ks if k <= len(ranked)},
        precision_per_km2=(first, rate(_is_hit(outcome[:first]))),
        average_precision=average_precision(answers),
        average_precision_interval=_bootstrap_precision(answers, settings.resamples, rng),
        calibration=calibrate_scores(ranking.scores, outcome != "false"),
        false_alarms_at_recall=_count_at_recall(ranking, extent, settings, rng),
    )


def _is_hit(outcome: np.ndarray) -> np.ndarray:
    """(n,) bool of hits among the findings that are hit or false; duplicates leave the ratio."""
    hit: np.ndarray = outcome[outcome != "duplicate"] == "hit"
    return hit


def _count_false(ranking: Ranking, least: float | None, extent: Extent) -> FalseAlarms:
    shown = ranking.scores >= (-math.inf if least is None else least)
    false = (ranking.answers.outcome == "false") & shown
    count = int(false.sum())
    return FalseAlarms(
        score=least,
        count=count,
        about_mapped_roads=int((false & ranking.on_map).sum()),
        per_km2=count / extent.area_km2 if extent.area_km2 else None,
        per_road_km=count / extent.road_km if extent.road_km else None,
    )


def _count_at_recall(
    ranking: Ranking, extent: Extent, settings: ScoreSettings, rng: np.random.Generator
) -> FalseAlarms | None:
    """At the highest score whose findings reach the recall, with intervals; None where all of them
    do not.
    """
    found_by = ranking.answers.found_by
    ranks = np.sort(found_by[found_by >= 0])
    needed = math.ceil(settings.recall_aim * len(found_by) - 1e-9)
    if not needed or len(ranks) < needed:
        return None
    alarms = _count_false(ranking, float(ranking.scores[ranks[needed - 1]]), extent)
    every, about_mapped = _bootstrap_alarms(ranking, settings, rng)
    return replace(alarms, count_interval=every, about_mapped_interval=about_mapped)


def _bootstrap_alarms(
    ranking: Ranking, settings: ScoreSettings, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Low and high of the false alarms at the recall: of all, and of those about roads of the map.

    Planted mistakes are drawn with replacement, which moves the cut; false alarms come about by
    chance (Poisson).
    """
    answers, scores = ranking.answers, ranking.scores
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
    expected = np.cumsum(np.stack([false, false & ranking.on_map]), axis=1)[:, shown - 1]
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
    shares = np.full(len(total), np.nan)
    np.divide(gains, total, out=shares, where=total > 0)
    return shares


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
