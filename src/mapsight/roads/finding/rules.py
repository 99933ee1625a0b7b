"""The rules that find candidates: a function a rule, and the table of them.

A rule compares imagery and map and yields what it finds, under the name of the kind that
asks for it (`kinds.Kind.rule`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely.geometry import LineString

from mapsight.geo.burn import burn_lines
from mapsight.geo.network import RoadMap
from mapsight.geo.profile import place_stations, sample_points
from mapsight.roads.finding.candidates import (
    Candidate,
    FindingSettings,
    cut_line,
    list_stretches,
)
from mapsight.roads.finding.coverage import share_beyond
from mapsight.roads.finding.evidence import Evidence, find_faintest
from mapsight.roads.finding.stations import (
    BESIDE,
    SEEN,
    UNKNOWN,
    UNSEEN,
    Sightings,
    Stretch,
    split_lines,
)

_MEETS_M = 5.0  # ends this near to a road meet it
_LEAST_STATIONS = 3  # of a median that one station cannot turn
_LEAST_AROUND = 5  # the same for the roads around
_SAME_WAY = 0.7  # cosine: roads within 45° of each other are moved alike
_PARALLEL_M, _STEADY_M = 22.0, 3.5  # runs beside a mapped way: nearer, and so evenly
_ENDS_EARLY_M = 6.0  # a traced line stops half a road's width before the one that it meets
_SMOOTHED_PX = 5  # so far a smoothed line may leave the pixels that it was traced from


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """What rules look at.

    Parameters
    ----------
    evidence : Evidence
        Probability, image, and where neither can tell.
    roads : RoadMap
        The map, on the imagery.
    visible : GeoDataFrame
        Its roads that imagery should show.
    along : Sightings
        What their stations see.
    seen : GeoDataFrame
        The roads seen, faint ones too.
    settings : FindingSettings
        What is worth a look.
    """

    evidence: Evidence
    roads: RoadMap
    visible: gpd.GeoDataFrame
    along: Sightings
    seen: gpd.GeoDataFrame
    settings: FindingSettings


Rule = Callable[[Comparison, str], Iterator[Candidate]]  # and name of the kind → what it finds


def find_unseen(compared: Comparison, kind: str) -> Iterator[Candidate]:
    """Pieces of the map where nothing is seen on the line or beside it."""
    along, lines = compared.along, compared.visible
    wanted = along.state == UNSEEN
    rank = np.argsort(np.argsort(along.on)) / max(len(along.on), 1)
    tree = shapely.STRtree(lines.geometry.to_numpy())
    for stretch in list_stretches(along, wanted, lines, compared.settings):
        at = stretch.stations
        hidden = float(along.hidden[at].mean())
        if hidden > compared.settings.hidden_share:
            continue
        on, line = along.on[at], cut_line(lines, stretch)
        ends = [shapely.Point(line.coords[k]) for k in (0, -1)]
        free = sum(len(tree.query(end, predicate="dwithin", distance=_MEETS_M)) < 2 for end in ends)
        yield Candidate(
            kind=kind,
            line=line,
            features={
                "length": _log_length(stretch),
                "free_ends": float(free),
                "rarity": 1 - 4 * float(rank[at].mean()),
                "hidden": hidden,
                "width": _width(lines, stretch),
            },
            evidence=(
                f"no road is seen along {stretch.end_m - stretch.start_m:.0f} m of the map's line: "
                f"mean probability {on.mean():.2f}"
            ),
            mean_probability=float(on.mean()),
            map_distance_m=0.0,
            **_describe_road(lines, stretch),
        )


def find_beside(compared: Comparison, kind: str) -> Iterator[Candidate]:
    """Pieces of the map beside which, always on the same side, a road is seen that no other line
    explains.
    """
    along, lines = compared.along, compared.visible
    offset = np.nan_to_num(along.offset_m)
    around = _median_around(along, compared.settings.around_m)
    for side in (1, -1):
        wanted = (along.state == BESIDE) & (np.sign(offset) == side)
        for stretch in list_stretches(along, wanted, lines, compared.settings):
            at = slice(stretch.stations.start, stretch.stations.stop)
            kept = np.flatnonzero(wanted[at]) + at.start
            if len(kept) < _LEAST_STATIONS:
                continue
            median = float(np.median(offset[kept]))
            line = cut_line(lines, stretch)
            yield Candidate(
                kind=kind,
                line=line,
                features={
                    "length": _log_length(stretch),
                    "offset": float(np.clip((abs(median) - 7) / 4, -1, 2)),
                    "residual": float(np.clip(abs(median - around[stretch.line]) / 4 - 1, -1, 3)),
                    "unsteady": float(np.clip(np.std(offset[kept]) / 2, 0, 2)),
                    "steady_share": float(wanted[at].mean()),
                    "hidden": float(along.hidden[at].mean()),
                },
                evidence=(
                    f"the road is seen {abs(median):.1f} m to the"
                    f" {'left' if side > 0 else 'right'} of the map's line along"
                    f" {line.length:.0f} m (imagery may itself be off)"
                ),
                mean_probability=float(along.on[at].mean()),
                map_distance_m=abs(median),
                offset_m=abs(median),
                seen=_draw_seen(along, kept),
                **_describe_road(lines, stretch),
            )


def find_unmapped(compared: Comparison, kind: str) -> Iterator[Candidate]:
    """Pieces of the roads seen that lie away from everything the map knows there."""
    seen, evidence, settings = compared.seen, compared.evidence, compared.settings
    if seen.empty:
        return
    box = evidence.probability.geobox
    distance = _measure_distance(
        [*compared.roads.lines.geometry, *compared.roads.other_ways.geometry], box
    )
    along = _look_away(seen, distance, evidence, settings)
    unmapped = (evidence.probability.array[0] >= find_faintest(evidence, settings)) & (
        distance > settings.clearance_m
    )
    beyond = ndimage.maximum_filter(share_beyond(unmapped, evidence.covered), _SMOOTHED_PX)
    beyond = sample_points(beyond, box.transform, along.stations.xy, outside=0.0)
    for stretch in list_stretches(along, along.state == UNSEEN, seen, settings):
        at = stretch.stations
        line, near, p = cut_line(seen, stretch), along.offset_m[at], along.on[at]
        tips = shapely.get_coordinates(line)[[0, -1]]
        far_m = sample_points(distance, box.transform, tips, outside=1e6)
        ends = int((far_m <= settings.clearance_m + _ENDS_EARLY_M).sum())
        parallel = bool(np.quantile(near, 0.9) < _PARALLEL_M and near.std() < _STEADY_M)
        chord = shapely.Point(tips[0]).distance(shapely.Point(tips[1]))
        features = {
            "length": _log_length(stretch),
            "ends": float(ends),
            "parallel": float(parallel),
            "away": float(np.clip(np.log2(near.mean() / 20), -1.5, 3)),
            "hidden": float(along.hidden[at].mean()),
            "width": _width(seen, stretch),
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
        yield Candidate(
            kind=kind,
            line=line,
            features=features,
            evidence=sentence,
            mean_probability=float(p.mean()),
            map_distance_m=float(near.mean()),
            width_m=float(seen["width_m"].iloc[stretch.line]),
        )


# the rules that kinds name (`kinds.Kind.rule`)
RULES: Mapping[str, Rule] = MappingProxyType(
    {"unmapped": find_unmapped, "unseen": find_unseen, "beside": find_beside}
)


def _look_away(
    seen: gpd.GeoDataFrame, distance: np.ndarray, evidence: Evidence, settings: FindingSettings
) -> Sightings:
    """What the stations of the roads seen see of the map: `offset_m` is how far it is; UNSEEN where
    that is far, though the map reaches there.
    """
    transform = evidence.probability.transform
    stations = place_stations(seen, step_m=settings.stations.step_m)

    def sample(layer: np.ndarray) -> np.ndarray:
        return sample_points(layer, transform, stations.xy, outside=0.0)

    away = sample(distance)
    covered = sample(evidence.covered.astype(np.float32)) >= 0.5
    state = np.where((away > settings.clearance_m) & covered, UNSEEN, SEEN)
    return Sightings(
        stations,
        sample(evidence.probability.array[0]),
        away,
        sample(evidence.hidden.astype(np.float32)),
        state,
    )


def _median_around(along: Sightings, around_m: float) -> np.ndarray:
    """For each line the median offset (metres to the left of it) at which *other* roads within
    around_m are seen.

    In the line's own frame: offsets are turned into a displacement of the map and back. 0 where
    nothing is seen.
    """
    stations = along.stations
    known = np.isfinite(along.offset_m) & (along.state != UNKNOWN)
    moved = np.nan_to_num(along.offset_m)[:, None] * stations.normal
    count = int(stations.line.max()) + 1 if len(stations) else 0
    median = np.zeros(count)
    if not count:
        return median
    tree = cKDTree(stations.xy)
    for at in split_lines(stations):
        line = int(stations.line[at.start])
        middle, normal = stations.xy[at].mean(axis=0), stations.normal[at].mean(axis=0)
        near = np.array(tree.query_ball_point(middle, around_m, return_sorted=True), int)
        near = near[known[near] & (stations.line[near] != line)]
        near = near[np.abs(stations.normal[near] @ normal) > _SAME_WAY]
        if len(near) >= _LEAST_AROUND:
            median[line] = float(np.median(moved[near] @ normal))
    return median


def _describe_road(lines: gpd.GeoDataFrame, stretch: Stretch) -> dict[str, Any]:
    """What the map says of the road that a stretch lies on."""
    row = lines.iloc[stretch.line]
    return {name: row[name] for name in ("road_class", "road_id", "width_m")}


def _draw_seen(along: Sightings, kept: np.ndarray) -> LineString:
    """The road as it is seen: the stations moved sideways by their smoothed offsets."""
    offset = ndimage.median_filter(along.offset_m[kept], size=5, mode="nearest")
    points = along.stations.xy[kept] + offset[:, None] * along.stations.normal[kept]
    return LineString(points).simplify(0.5)


def _measure_distance(known: list[Any], box: Any) -> np.ndarray:
    """(H, W) metres to the nearest of the lines."""
    if not known:
        return np.full(box.shape, 1e6, np.float32)
    burnt = burn_lines(gpd.GeoSeries(known, crs=box.crs), box, width_m=1.5 * box.m_per_px)
    if not burnt.any():
        return np.full(box.shape, 1e6, np.float32)
    far: np.ndarray = ndimage.distance_transform_edt(burnt == 0)
    return np.asarray(far * box.m_per_px, np.float32)


def _log_length(stretch: Stretch) -> float:
    """Doublings of 60 m, a usual street between two junctions."""
    return float(np.clip(np.log2((stretch.end_m - stretch.start_m) / 60), -1.5, 2))


def _width(lines: pd.DataFrame, stretch: Stretch) -> float:
    """Multiples of 8 m, a usual street, from there."""
    return float(np.clip((lines["width_m"].iloc[stretch.line] - 8) / 8, -1, 2))
