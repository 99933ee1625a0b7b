"""What might be an error of the map: pieces of roads where imagery and map disagree, with the
features of a score.

Generous on purpose: what is too faint or short to be believed is sorted out by the ranking
(`findings.py`). All this happens in one metric CRS, with the map already moved onto the imagery;
the probability must be out of sample (no net judges a label that it has learnt from).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely.geometry import LineString
from shapely.ops import substring

from mapsight.geo.burn import burn_lines
from mapsight.geo.network import RoadMap
from mapsight.geo.profile import place_stations, sample_points
from mapsight.roads.finding.coverage import share_beyond
from mapsight.roads.finding.evidence import Evidence, add_traits
from mapsight.roads.finding.overlap import MatchSettings
from mapsight.roads.finding.stations import (
    BESIDE,
    SEEN,
    UNKNOWN,
    UNSEEN,
    Run,
    Walk,
    WalkSettings,
    find_runs,
    split_lines,
    walk_map,
)
from mapsight.roads.prediction.extract import ExtractSettings, extract_lines

_MEETS_M = 5.0  # ends this near to a road meet it


@dataclass(frozen=True)
class FindingSettings:
    """What is worth a person's look; distances in metres."""

    min_length_m: float = 16.0
    bridge_m: float = 12.0
    candidate_share: float = (
        0.55  # of the threshold: what is seen so faintly is still looked at, and ranked low
    )
    around_m: float = 200.0  # how far a piece's offset is compared with that of other roads
    clearance_m: float = 9.0  # a road seen nearer than this to the map's is the map's
    hidden_share: float = 0.8  # more of a piece under canopy or in shadow: not judged
    min_score: float = 0.02
    same: MatchSettings = MatchSettings()  # what counts as one place
    most_for_absence: float = 0.6  # the highest threshold by which a mapped road is called unseen
    walk: WalkSettings = WalkSettings()
    extract: ExtractSettings = ExtractSettings()


class Candidates(NamedTuple):
    """All that might be an error, unscored: rows as of the table, the walk along the visible roads,
    the roads seen.

    within (N,) bool: which of the N roads seen lie within the map's reach.
    """

    rows: list[dict[str, Any]]
    walk: Walk
    visible: gpd.GeoDataFrame
    seen: gpd.GeoDataFrame
    within: np.ndarray


def find_candidates(
    evidence: Evidence, roads: RoadMap, settings: FindingSettings = FindingSettings()
) -> Candidates:
    """What might be an error, with its features and without a score; generous: the ranking sorts it
    out.
    """
    visible = roads.lines[roads.lines["visible"]].reset_index(drop=True)
    # a threshold made strict for what is seen must not make it easier to call something unseen
    absence = min(evidence.threshold, settings.most_for_absence)
    walk = walk_map(
        evidence.probability,
        evidence.hidden,
        visible,
        settings.candidate_share * absence,
        settings.walk,
    )
    seen = _extract_seen(evidence, settings)
    rows = [
        *_find_misaligned(walk, visible, settings),
        *_find_phantom(walk, visible, settings),
        *_find_missing(evidence, seen, roads, settings),
    ]
    return Candidates(
        add_traits(rows, evidence, visible), walk, visible, seen, _find_within(evidence, seen)
    )


def _find_phantom(
    walk: Walk, lines: gpd.GeoDataFrame, settings: FindingSettings
) -> Iterator[dict[str, Any]]:
    """Pieces of the map where nothing is seen on the line or beside it."""
    wanted = walk.state == UNSEEN
    rank = np.argsort(np.argsort(walk.on)) / max(len(walk.on), 1)
    tree = shapely.STRtree(lines.geometry.to_numpy())
    for run in list_runs(walk, wanted, lines, settings):
        at = run.stations
        hidden = float(walk.hidden[at].mean())
        if hidden > settings.hidden_share:
            continue
        on, line = walk.on[at], cut_line(lines, run)
        ends = [shapely.Point(line.coords[k]) for k in (0, -1)]
        free = sum(len(tree.query(end, predicate="dwithin", distance=_MEETS_M)) < 2 for end in ends)
        features = {
            "length": _log_length(run),
            "free_ends": float(free),
            "rarity": 1 - 4 * float(rank[at].mean()),
            "hidden": hidden,
            "width": _width(lines, run),
        }
        sentence = (
            f"no road is seen along {run.end_m - run.start_m:.0f} m of the map's line: "
            f"mean probability {on.mean():.2f}"
        )
        yield _make_row("phantom", line, features, sentence, _of_map(lines, run, float(on.mean())))


def _find_misaligned(
    walk: Walk, lines: gpd.GeoDataFrame, settings: FindingSettings
) -> Iterator[dict[str, Any]]:
    """Pieces of the map beside which, always on the same side, a road is seen that no other line
    explains.
    """
    offset = np.nan_to_num(walk.offset_m)
    around = _median_around(walk, settings.around_m)
    for side in (1, -1):
        wanted = (walk.state == BESIDE) & (np.sign(offset) == side)
        for run in list_runs(walk, wanted, lines, settings):
            at = slice(run.stations.start, run.stations.stop)
            kept = np.flatnonzero(wanted[at]) + at.start
            if len(kept) < 3:
                continue
            median = float(np.median(offset[kept]))
            line = cut_line(lines, run)
            seen = _draw_seen(walk, kept, line)
            features = {
                "length": _log_length(run),
                "offset": float(np.clip((abs(median) - 7) / 4, -1, 2)),
                "residual": float(np.clip(abs(median - around[run.line]) / 4 - 1, -1, 3)),
                "unsteady": float(np.clip(np.std(offset[kept]) / 2, 0, 2)),
                "steady_share": float(wanted[at].mean()),
                "hidden": float(walk.hidden[at].mean()),
            }
            sentence = (
                f"the road is seen {abs(median):.1f} m to the {'left' if side > 0 else 'right'} of"
                f" the map's line along {line.length:.0f} m (imagery may itself be off)"
            )
            about = _of_map(lines, run, float(walk.on[at].mean()))
            about |= {"offset_m": abs(median), "seen_wkt": seen.wkt, "map_distance_m": abs(median)}
            yield _make_row("misaligned", line, features, sentence, about)


def _find_missing(
    evidence: Evidence, seen: gpd.GeoDataFrame, roads: RoadMap, settings: FindingSettings
) -> Iterator[dict[str, Any]]:
    """Pieces of the roads seen that lie away from everything the map knows there."""
    if seen.empty:
        return
    box = evidence.probability.geobox
    known = [*roads.lines.geometry, *roads.other_ways.geometry]
    distance = _measure_distance(known, box)
    stations = place_stations(seen, step_m=settings.walk.step_m)
    away = sample_points(distance, box.transform, stations.xy, outside=0.0)
    probability = sample_points(
        evidence.probability.array[0], box.transform, stations.xy, outside=0.0
    )
    hidden = sample_points(
        evidence.hidden.astype(np.float32), box.transform, stations.xy, outside=0.0
    )
    covered = (
        sample_points(evidence.covered.astype(np.float32), box.transform, stations.xy, outside=0.0)
        >= 0.5
    )
    unmapped = (evidence.probability.array[0] >= _find_faintest(evidence, settings)) & (
        distance > settings.clearance_m
    )
    beyond = ndimage.maximum_filter(
        share_beyond(unmapped, evidence.covered), 5
    )  # lines are smoothed
    beyond = sample_points(beyond, box.transform, stations.xy, outside=0.0)
    state = np.where((away > settings.clearance_m) & covered, UNSEEN, SEEN)
    walk = Walk(stations, probability, away, hidden, state)
    for run in list_runs(walk, state == UNSEEN, seen, settings):
        at = run.stations
        line = cut_line(seen, run)
        near = away[at]
        ends = sum(
            float(_at(distance, box, end)) <= settings.clearance_m + 6
            for end in (line.coords[0], line.coords[-1])
        )
        parallel = bool(np.quantile(near, 0.9) < 22 and near.std() < 3.5)
        p, width_m = probability[at], float(seen["width_m"].iloc[run.line])
        chord = shapely.Point(line.coords[0]).distance(shapely.Point(line.coords[-1]))
        features = {
            "length": _log_length(run),
            "ends": float(ends),
            "parallel": float(parallel),
            "away": float(np.clip(np.log2(near.mean() / 20), -1.5, 3)),
            "hidden": float(hidden[at].mean()),
            "width": _width(seen, run),
            "straight": chord / line.length,
            "beyond": float(beyond[at].mean()),
        }
        sentence = (
            f"a road is seen for {line.length:.0f} m, mean probability {p.mean():.2f}, "
            f"{near.mean():.0f} m from the nearest mapped way; {ends} of its ends meet the map"
        )
        if features["beyond"] > 0.5:
            sentence += (
                f"; {features['beyond']:.0%} of what it is connected with lies beyond the map's"
                " reach"
            )
        about = {
            "mean_probability": float(p.mean()),
            "map_distance_m": float(near.mean()),
            "road_class": "",
            "road_id": "",
            "offset_m": np.nan,
            "seen_wkt": "",
            "width_m": width_m,
        }
        yield _make_row("missing", line, features, sentence, about)


def _median_around(walk: Walk, around_m: float) -> np.ndarray:
    """For each line the median offset (metres to the left of it) at which *other* roads within
    around_m are seen.

    In the line's own frame: offsets are turned into a displacement of the map and back. 0 where
    nothing is seen.
    """
    known = np.isfinite(walk.offset_m) & (walk.state != UNKNOWN)
    moved = np.nan_to_num(walk.offset_m)[:, None] * walk.stations.normal
    count = int(walk.stations.line.max()) + 1 if len(walk.stations) else 0
    median = np.zeros(count)
    if not count:
        return median
    tree = cKDTree(walk.stations.xy)
    for at in split_lines(walk.stations):
        line = int(walk.stations.line[at.start])
        middle, normal = walk.stations.xy[at].mean(axis=0), walk.stations.normal[at].mean(axis=0)
        near = np.array(tree.query_ball_point(middle, around_m, return_sorted=True), int)
        near = near[known[near] & (walk.stations.line[near] != line)]
        near = near[np.abs(walk.stations.normal[near] @ normal) > 0.7]
        if len(near) >= 5:
            median[line] = float(np.median(moved[near] @ normal))
    return median


def _extract_seen(evidence: Evidence, settings: FindingSettings) -> gpd.GeoDataFrame:
    return extract_lines(
        evidence.probability,
        threshold=_find_faintest(evidence, settings),
        settings=settings.extract,
    )


def _find_within(evidence: Evidence, seen: gpd.GeoDataFrame) -> np.ndarray:
    """(N,) bool: the middle of the road lies within the map's reach."""
    if seen.empty:
        return np.zeros(0, bool)
    middle = shapely.get_coordinates(seen.geometry.interpolate(0.5, normalized=True))
    covered = evidence.covered.astype(np.float32)
    return sample_points(covered, evidence.probability.transform, middle, outside=0.0) >= 0.5


def _find_faintest(evidence: Evidence, settings: FindingSettings) -> float:
    return max(settings.candidate_share * evidence.threshold, 0.01)


def _make_row(
    kind: str, line: LineString, features: dict[str, float], evidence: str, about: dict[str, Any]
) -> dict[str, Any]:
    row = {"finding_id": identify(kind, line), "kind": kind}
    return {
        **row,
        "length_m": line.length,
        **about,
        "evidence": evidence,
        "features": features,
        "geometry": line,
    }


def identify(kind: str, line: LineString) -> str:
    """An id that stays the same as long as kind and place (to 10 m) do."""
    middle = line.interpolate(0.5, normalized=True)
    ends = sorted((round(x, -1), round(y, -1)) for x, y in (line.coords[0], line.coords[-1]))
    return make_id(f"{kind} {round(middle.x, -1):.0f} {round(middle.y, -1):.0f} {ends}")


def make_id(text: str) -> str:
    """An `f` and nine hexadecimal digits of the text's SHA-256.

    The letter in front keeps spreadsheets from taking an id for a number (`12345e6789`), and
    MapRoulette from taking it for a way of OpenStreetMap (ten digits).
    """
    return "f" + hashlib.sha256(text.encode()).hexdigest()[:9]


def _of_map(lines: gpd.GeoDataFrame, run: Run, mean_probability: float) -> dict[str, Any]:
    row = lines.iloc[run.line]
    return {
        "mean_probability": mean_probability,
        "map_distance_m": 0.0,
        "road_class": row["road_class"],
        "road_id": row["road_id"],
        "offset_m": np.nan,
        "seen_wkt": "",
        "width_m": row["width_m"],
    }


def cut_line(lines: gpd.GeoDataFrame, run: Run) -> LineString:
    return substring(lines.geometry.iloc[run.line], run.start_m, run.end_m)


def list_runs(
    walk: Walk, wanted: np.ndarray, lines: gpd.GeoDataFrame, settings: FindingSettings
) -> Iterator[Run]:
    lengths = lines.length.to_numpy()
    return find_runs(
        walk, wanted, lengths, min_length_m=settings.min_length_m, bridge_m=settings.bridge_m
    )


def _draw_seen(walk: Walk, kept: np.ndarray, line: LineString) -> LineString:
    """The road as it is seen: the stations moved sideways by their smoothed offsets."""
    offset = ndimage.median_filter(walk.offset_m[kept], size=5, mode="nearest")
    points = walk.stations.xy[kept] + offset[:, None] * walk.stations.normal[kept]
    return LineString(points).simplify(0.5)


def _measure_distance(known: list[Any], box: Any) -> np.ndarray:
    """(H, W) metres to the nearest of the lines."""
    if not known:
        return np.full(box.shape, 1e6, np.float32)
    burnt = burn_lines(gpd.GeoSeries(known, crs=box.crs), box, width_m=1.5 * box.m_per_px)
    if not burnt.any():
        return np.full(box.shape, 1e6, np.float32)
    return (ndimage.distance_transform_edt(burnt == 0) * box.m_per_px).astype(np.float32)


def _at(array: np.ndarray, box: Any, xy: tuple[float, ...]) -> float:
    return float(sample_points(array, box.transform, np.array(xy[:2]), outside=1e6))


def _log_length(run: Run) -> float:
    return float(np.clip(np.log2((run.end_m - run.start_m) / 60), -1.5, 2))


def _width(lines: pd.DataFrame, run: Run) -> float:
    return float(np.clip((lines["width_m"].iloc[run.line] - 8) / 8, -1, 2))
