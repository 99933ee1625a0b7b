"""Where the imagery and the map disagree: missing, phantom and misaligned roads, each with its evidence.

Everything here happens in one metric CRS, with the map already moved onto the imagery; `probability` must be out of
sample (no net judges a label that it has learnt from).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import ndimage
from shapely.geometry import LineString
from shapely.ops import substring

from mapsight.geo.burn import burn_lines
from mapsight.geo.network import RoadMap
from mapsight.geo.profile import place_stations, sample_points
from mapsight.geo.raster import Raster
from mapsight.roads.extract import ExtractSettings, extract_lines
from mapsight.roads.ranking import score_evidence
from mapsight.roads.walk import BESIDE, SEEN, UNKNOWN, UNSEEN, Run, Walk, WalkSettings, find_runs, walk_map

COLUMNS = (
    "finding_id", "kind", "score", "length_m", "mean_probability", "map_distance_m", "road_class", "road_id",
    "offset_m", "evidence", "seen_wkt",
)  # fmt: skip


BEYOND = "roads seen beyond the map's reach"


@dataclass(frozen=True)
class FindingSettings:
    """What is worth a person's look; distances in metres."""

    min_length_m: float = 25.0
    bridge_m: float = 12.0
    clearance_m: float = 9.0  # a road seen nearer than this to the map's is the map's
    hidden_share: float = 0.65  # more of a piece under canopy or in shadow: not judged
    min_score: float = 0.05
    most_for_absence: float = 0.6  # the highest threshold by which a mapped road is called unseen
    walk: WalkSettings = WalkSettings()
    extract: ExtractSettings = ExtractSettings()


@dataclass(frozen=True, eq=False)
class Evidence:
    """What findings are drawn from: probability (1, H, W); hidden and covered (H, W) bool; the threshold."""

    probability: Raster
    hidden: np.ndarray
    covered: np.ndarray  # where the map claims to know the roads
    threshold: float


@dataclass(frozen=True, eq=False)
class Findings:
    """The ranked table, and what could not be judged: pieces of the map with a `reason`."""

    table: gpd.GeoDataFrame
    not_judged: gpd.GeoDataFrame
    seen_lines: gpd.GeoDataFrame = field(default_factory=gpd.GeoDataFrame)


def find_errors(evidence: Evidence, roads: RoadMap, settings: FindingSettings = FindingSettings()) -> Findings:
    """All findings of a scene, by falling score, and the pieces of the map that could not be judged."""
    lines, crs = roads.lines, evidence.probability.crs
    visible = lines[lines["visible"]].reset_index(drop=True)
    # a threshold made strict for what is seen must not make it easier to call something unseen
    absence = min(evidence.threshold, settings.most_for_absence)
    walk = walk_map(evidence.probability, evidence.hidden, visible, absence, settings.walk)
    seen_lines = _extract_seen(evidence, settings)
    rows = [
        *_find_misaligned(walk, visible, settings),
        *_find_phantom(walk, visible, settings),
    ]
    beside = [shapely.from_wkt(row["seen_wkt"]) for row in rows if row["kind"] == "misaligned"]
    rows += _find_missing(evidence, seen_lines, roads, beside, settings)
    rows = [row for row in rows if row["score"] >= settings.min_score]
    table = gpd.GeoDataFrame(rows, columns=[*COLUMNS, "features", "geometry"], geometry="geometry", crs=crs)
    table = table.sort_values(["score", "finding_id"], ascending=[False, True], ignore_index=True)
    not_judged = _list_not_judged(walk, visible, lines, settings, crs)
    beyond = _list_beyond(evidence, seen_lines, crs)
    return Findings(table, gpd.GeoDataFrame(pd.concat([not_judged, beyond], ignore_index=True), crs=crs), seen_lines)


def _find_phantom(walk: Walk, lines: gpd.GeoDataFrame, settings: FindingSettings) -> Iterator[dict[str, Any]]:
    """Pieces of the map where nothing is seen on the line or beside it."""
    wanted = walk.state == UNSEEN
    rank = np.argsort(np.argsort(walk.on)) / max(len(walk.on), 1)
    for run in _runs(walk, wanted, lines, settings):
        at = run.stations
        hidden = float(walk.hidden[at].mean())
        if hidden > settings.hidden_share:
            continue
        on = walk.on[at]
        features = {
            "absence": 1 - 4 * float(on.mean()), "strongest": 2 * float(np.quantile(on, 0.9)),
            "length": _log_length(run), "hidden": hidden, "rarity": 1 - 4 * float(rank[at].mean()),
            "width": _width(lines, run),
        }  # fmt: skip
        sentence = (f"no road is seen along {run.end_m - run.start_m:.0f} m of the map's line: "
                    f"mean probability {on.mean():.2f}")  # fmt: skip
        yield _make_row("phantom", _cut(lines, run), features, sentence, _of_map(lines, run, float(on.mean())))


def _find_misaligned(walk: Walk, lines: gpd.GeoDataFrame, settings: FindingSettings) -> Iterator[dict[str, Any]]:
    """Pieces of the map beside which, always on the same side, a road is seen that no other line explains."""
    offset = np.nan_to_num(walk.offset_m)
    for side in (1, -1):
        wanted = (walk.state == BESIDE) & (np.sign(offset) == side)
        for run in _runs(walk, wanted, lines, settings):
            at = slice(run.stations.start, run.stations.stop)
            kept = np.flatnonzero(wanted[at]) + at.start
            if len(kept) < 3:
                continue
            median = float(np.median(offset[kept]))
            line = _cut(lines, run)
            seen = _draw_seen(walk, kept, line)
            features = {
                "strength": 2 * float(walk.strength[kept].mean()) - 1, "absence": 1 - 2 * float(walk.on[kept].mean()),
                "length": _log_length(run), "offset": float(np.clip((abs(median) - 7) / 4, -1, 2)),
                "unsteady": float(np.clip(np.std(offset[kept]) / 2, 0, 2)), "hidden": float(walk.hidden[at].mean()),
            }  # fmt: skip
            sentence = (f"the road is seen {abs(median):.1f} m to the {'left' if side > 0 else 'right'} of the map's "
                        f"line along {line.length:.0f} m (imagery may itself be off)")  # fmt: skip
            about = _of_map(lines, run, float(walk.on[at].mean()))
            about |= {"offset_m": abs(median), "seen_wkt": seen.wkt, "map_distance_m": abs(median)}
            yield _make_row("misaligned", line, features, sentence, about)


def _find_missing(
    evidence: Evidence, seen: gpd.GeoDataFrame, roads: RoadMap, beside: list[LineString], settings: FindingSettings
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Pieces of the roads seen that lie away from everything the map knows there."""
    if seen.empty:
        return
    box = evidence.probability.geobox
    known = [*roads.lines.geometry, *roads.other_ways.geometry, *beside]
    distance = _measure_distance(known, box)
    stations = place_stations(seen, step_m=settings.walk.step_m)
    away = sample_points(distance, box.transform, stations.xy, outside=0.0)
    probability = sample_points(evidence.probability.array[0], box.transform, stations.xy, outside=0.0)
    hidden = sample_points(evidence.hidden.astype(np.float32), box.transform, stations.xy, outside=0.0)
    side = _sample_sides(evidence, stations, seen["width_m"].to_numpy())
    covered = sample_points(evidence.covered.astype(np.float32), box.transform, stations.xy, outside=0.0) >= 0.5
    state = np.where((away > settings.clearance_m) & covered, UNSEEN, SEEN)
    walk = Walk(stations, probability, away, probability, hidden, state)
    for run in _runs(walk, state == UNSEEN, seen, settings):
        at = run.stations
        line = _cut(seen, run)
        near = away[at]
        ends = sum(
            float(_at(distance, box, end)) <= settings.clearance_m + 6 for end in (line.coords[0], line.coords[-1])
        )
        parallel = bool(np.quantile(near, 0.9) < 22 and near.std() < 3.5)
        p, width = probability[at], float(seen["width_m"].iloc[run.line])
        features = {
            "strength": 4 * float(p.mean()) - 2, "weakest": 4 * float(np.quantile(p, 0.1)) - 1.5,
            "length": _log_length(run), "ends": ends - 1.0, "parallel": float(parallel),
            "hidden": float(hidden[at].mean()), "contrast": 2 * float((p - side[at]).mean()),
            "width": float(np.clip((width - 8) / 8, -1, 2)),
        }  # fmt: skip
        sentence = (f"a road is seen for {line.length:.0f} m, mean probability {p.mean():.2f}, "
                    f"{near.mean():.0f} m from the nearest mapped way; {ends} of its ends meet the map")  # fmt: skip
        about = {"mean_probability": float(p.mean()), "map_distance_m": float(near.mean()), "road_class": "",
                 "road_id": "", "offset_m": np.nan, "seen_wkt": ""}  # fmt: skip
        yield _make_row("missing", line, features, sentence, about)


def _extract_seen(evidence: Evidence, settings: FindingSettings) -> gpd.GeoDataFrame:
    return extract_lines(evidence.probability, threshold=max(evidence.threshold, 0.01), settings=settings.extract)


def _list_not_judged(
    walk: Walk, visible: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, settings: FindingSettings, crs: Any
) -> gpd.GeoDataFrame:  # fmt: skip
    """Pieces of the map that imagery cannot confirm or deny, with the reason."""
    rows = [(line, "tunnel, planned or indoor: not expected to be seen") for line in lines.geometry[~lines["visible"]]]
    unseen = (walk.state == UNSEEN) & (walk.hidden > settings.hidden_share)
    for wanted, reason in ((unseen, "under trees or in deep shadow"), (walk.state == UNKNOWN, "no imagery here")):
        rows += [(_cut(visible, run), reason) for run in _runs(walk, wanted, visible, settings)]
    return gpd.GeoDataFrame(  # lines of the map
        {"reason": [r for _, r in rows], "length_m": [g.length for g, _ in rows]},
        geometry=[g for g, _ in rows],
        crs=crs,
    )


def _list_beyond(evidence: Evidence, seen: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """Roads seen where the map does not reach."""
    box = evidence.probability.geobox
    middle = shapely.get_coordinates(seen.geometry.interpolate(0.5, normalized=True)) if len(seen) else np.zeros((0, 2))
    beyond = seen[sample_points(evidence.covered.astype(np.float32), box.transform, middle, outside=0.0) < 0.5]
    reason = [BEYOND] * len(beyond)
    return gpd.GeoDataFrame(
        {"reason": reason, "length_m": list(beyond.length)}, geometry=list(beyond.geometry), crs=crs
    )


def _runs(walk: Walk, wanted: np.ndarray, lines: gpd.GeoDataFrame, settings: FindingSettings) -> Iterator[Run]:
    lengths = lines.length.to_numpy()
    return find_runs(walk, wanted, lengths, min_length_m=settings.min_length_m, bridge_m=settings.bridge_m)


def _make_row(
    kind: str, line: LineString, features: dict[str, float], evidence: str, about: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    row = {"finding_id": identify(kind, line), "kind": kind, "score": score_evidence(kind, features)}
    return {**row, "length_m": line.length, **about, "evidence": evidence, "features": features, "geometry": line}


def identify(kind: str, line: LineString) -> str:
    """Ten hexadecimal digits that stay the same as long as kind and place (to 10 m) do."""
    middle = line.interpolate(0.5, normalized=True)
    ends = sorted((round(x, -1), round(y, -1)) for x, y in (line.coords[0], line.coords[-1]))
    text = f"{kind} {round(middle.x, -1):.0f} {round(middle.y, -1):.0f} {ends}"
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _of_map(lines: gpd.GeoDataFrame, run: Run, mean_probability: float) -> dict[str, Any]:
    row = lines.iloc[run.line]
    return {"mean_probability": mean_probability, "map_distance_m": 0.0, "road_class": row["road_class"],
            "road_id": row["road_id"], "offset_m": np.nan, "seen_wkt": ""}  # fmt: skip


def _cut(lines: gpd.GeoDataFrame, run: Run) -> LineString:
    return substring(lines.geometry.iloc[run.line], run.start_m, run.end_m)


def _draw_seen(walk: Walk, kept: np.ndarray, line: LineString) -> LineString:
    """The road as it is seen: the stations moved sideways by their smoothed offsets."""
    offset = ndimage.median_filter(walk.offset_m[kept], size=5, mode="nearest")
    points = walk.stations.xy[kept] + offset[:, None] * walk.stations.normal[kept]
    return LineString(points).simplify(0.5)


def _sample_sides(evidence: Evidence, stations: Any, width_m: np.ndarray) -> np.ndarray:
    """Mean probability (N,) just left and right of the road."""
    apart = (width_m[stations.line] / 2 + 5)[:, None] * stations.normal
    array, transform = evidence.probability.array[0], evidence.probability.transform
    return np.mean([sample_points(array, transform, stations.xy + s * apart, outside=0.0) for s in (1, -1)], axis=0)


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
