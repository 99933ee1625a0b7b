"""The rules that find candidates: a function a rule, and the table of them.

A rule compares imagery and map and yields what it finds, under the name of the kind that
asks for it (`kinds.Kind.rule`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely.geometry import LineString

from mapsight.roads.finding.candidates import (
    Candidate,
    cut_line,
    list_stretches,
)
from mapsight.roads.finding.comparison import Comparison, log_length, scale_width
from mapsight.roads.finding.stations import (
    BESIDE,
    UNKNOWN,
    UNSEEN,
    Sightings,
    Stretch,
    split_lines,
)
from mapsight.roads.finding.unmapped import find_unmapped

# features are about 0 at a usual value and 1 a step beyond; the fit of ranking.json knows them so
_USUAL_OFFSET_M, _OFFSET_STEP_M = 7.0, 4.0  # a road's width, and half of it
_MEETS_M = 5.0  # ends this near to a road meet it
_LEAST_STATIONS = 3  # of a median that one station cannot turn
_LEAST_AROUND = 5  # the same for the roads around
_SAME_WAY = 0.7  # cosine: roads within 45° of each other are moved alike

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
                "length": log_length(stretch),
                "free_ends": float(free),
                "rarity": 1 - 4 * float(rank[at].mean()),
                "hidden": hidden,
                "width": scale_width(lines, stretch),
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
                    "length": log_length(stretch),
                    "offset": float(
                        np.clip((abs(median) - _USUAL_OFFSET_M) / _OFFSET_STEP_M, -1, 2)
                    ),
                    "residual": float(
                        np.clip(abs(median - around[stretch.line]) / _OFFSET_STEP_M - 1, -1, 3)
                    ),
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


# the rules that kinds name (`kinds.Kind.rule`)
RULES: Mapping[str, Rule] = MappingProxyType(
    {"unmapped": find_unmapped, "unseen": find_unseen, "beside": find_beside}
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
