"""Which findings lie over which planted mistakes.

A finding lies over a line where it runs within `match_m` of it and in about its direction: a road
that only crosses it does not. It *answers* a planted mistake when it covers 30 % of it, or lies
over it with half of its own length.

Two ways of counting. Kind-aware: the finding must name the planted kind. Kind-blind: any kind will
do, and a shifted road is answered at its true place, too (an auditor that calls it 'none here, one
there' has seen it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely import STRtree

_STEP_M = 1.0
_CHORD_M = 6.0  # directions are those of chords this long: a traced line's jags are shorter


@dataclass(frozen=True)
class OverlapSettings:
    """match_m: how near is over it, max_angle_deg between directions; the shares that make it an
    answer.

    min_cover: of the planted line, covered by the finding; min_within: of the finding, over the
    planted line.
    """

    match_m: float = 10.0
    min_cover: float = 0.3
    min_within: float = 0.5
    max_angle_deg: float = 40.0


@dataclass(frozen=True, eq=False)
class Answers:
    """What a ranking answers.

    outcome (F,): 'hit' (the first to answer some mistake), 'duplicate' (answers only answered
    ones), 'false'. found_by (P,): the rank (from 0) of the finding that first answered each
    mistake, −1 for none.
    """

    outcome: np.ndarray
    found_by: np.ndarray


def answer_planted(
    findings: gpd.GeoDataFrame,
    planted: gpd.GeoDataFrame,
    *,
    kind_aware: bool,
    settings: OverlapSettings | None = None,
) -> Answers:
    """Which planted mistakes findings answer.

    Parameters
    ----------
    findings : GeoDataFrame
        `kind` and lines, the best first.
    planted : GeoDataFrame
        `kind`, `true_wkt` and lines, in the same CRS.
    kind_aware : bool
        A finding answers only mistakes of its kind, and only where the map is wrong.
    """
    pairs = _pair(findings, planted, kind_aware, settings or OverlapSettings())
    outcome = np.full(len(findings), "false", dtype=object)
    found_by = np.full(len(planted), -1)
    for rank in range(len(findings)):
        answered = pairs.get(rank, [])
        new = [k for k in answered if found_by[k] < 0]
        found_by[new] = rank
        if answered:
            outcome[rank] = "hit" if new else "duplicate"
    return Answers(outcome, found_by)


def measure_overlap(line: Any, other: Any, settings: OverlapSettings) -> float:
    """The share of `line` that lies over `other`: within match_m, in its direction give or take the
    angle.
    """
    points, direction = _sample(line)
    if not len(points):
        return 0.0
    near = np.zeros(len(points), bool)
    for part in shapely.get_parts(other):
        near |= _lies_over(points, direction, part, settings)
    return float(near.mean())


def _pair(
    findings: gpd.GeoDataFrame,
    planted: gpd.GeoDataFrame,
    kind_aware: bool,
    settings: OverlapSettings,
) -> dict[int, list[int]]:
    """Rank of a finding → numbers of the planted mistakes that it answers."""
    pairs: dict[int, list[int]] = {}
    lines, kinds = findings.geometry.to_numpy(), findings["kind"].to_numpy()
    tree = STRtree(lines)
    rows = zip(planted.geometry, planted["kind"], planted["true_wkt"], strict=True)
    for number, (line, kind, true_wkt) in enumerate(rows):
        places = [line]
        if not kind_aware and true_wkt:
            places.append(shapely.from_wkt(true_wkt))
        for rank in np.unique(
            tree.query(places, predicate="dwithin", distance=settings.match_m)[1]
        ):
            if kind_aware and kinds[rank] != kind:
                continue
            if any(_answers(lines[rank], place, settings) for place in places):
                pairs.setdefault(int(rank), []).append(number)
    return pairs


def _answers(finding: Any, place: Any, settings: OverlapSettings) -> bool:
    if measure_overlap(place, finding, settings) >= settings.min_cover:
        return True
    return measure_overlap(finding, place, settings) >= settings.min_within


def _lies_over(
    points: np.ndarray, direction: np.ndarray, line: Any, settings: OverlapSettings
) -> np.ndarray:
    if line.length == 0:
        return np.zeros(len(points), bool)
    along = shapely.line_locate_point(line, points)
    near = shapely.distance(points, line) <= settings.match_m
    cosine = np.abs(np.sum(direction * _directions(line, along), axis=1))
    overlaps: np.ndarray = near & (cosine >= np.cos(np.radians(settings.max_angle_deg)))
    return overlaps


def _sample(lines: Any) -> tuple[np.ndarray, np.ndarray]:
    """(n,) points at the middles of about a metre of line each, and (n, 2) unit directions
    there.
    """
    points, directions = [np.empty(0, object)], [np.empty((0, 2))]
    for line in shapely.get_parts(lines):
        if line.length > 0:
            count = max(4, int(np.ceil(line.length / _STEP_M)))
            along = (np.arange(count) + 0.5) * line.length / count
            points.append(shapely.line_interpolate_point(line, along))
            directions.append(_directions(line, along))
    return np.concatenate(points), np.concatenate(directions)


def _directions(line: Any, along: np.ndarray) -> np.ndarray:
    half = min(_CHORD_M, line.length) / 2
    middle = np.clip(along, half, line.length - half)
    back, front = (shapely.line_interpolate_point(line, middle + side) for side in (-half, half))
    chord = shapely.get_coordinates(front) - shapely.get_coordinates(back)
    directions: np.ndarray = chord / np.maximum(np.hypot(*chord.T), 1e-9)[:, None]
    return directions
