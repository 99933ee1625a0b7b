"""What is known of a place before mistakes are planted there: roads, where they meet, what can be
seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from shapely import LineString, STRtree

if TYPE_CHECKING:
    from mapsight.geo.raster import GeoBox

STEP_M = 2.0  # lines are looked at every so many metres
_SNAP_M = 1.0  # line ends this near to a line meet it
_EDGE_M = 8.0  # a road nearer to the image's edge is only half seen


class Span(NamedTuple):
    """A visible stretch of road number `road`, metres from start to end; a free end meets no other
    road.
    """

    road: int
    start: float
    end: float
    free_start: bool
    free_end: bool

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, eq=False)
class Survey:
    """lines, width_m, road_class (N,): all mapped roads; spans between junctions; whole roads of
    several.

    avoid: other ways (railways, paths …) that no invented road may follow. valid: (H, W) bool or
    None.
    """

    lines: np.ndarray
    width_m: np.ndarray
    road_class: np.ndarray
    tree: STRtree
    spans: tuple[Span, ...]
    whole: tuple[Span, ...]
    avoid: STRtree
    box: GeoBox
    valid: np.ndarray | None


def survey_map(
    roads: gpd.GeoDataFrame,
    box: GeoBox,
    *,
    min_length_m: float,
    valid: np.ndarray | None = None,
    avoid: gpd.GeoDataFrame | None = None,
) -> Survey:
    """What planting needs of a map (RoadMap.lines, CRS of the box); only visible roads have
    spans.
    """
    lines = roads.geometry.to_numpy()
    tree, shown = STRtree(lines), roads["visible"].to_numpy(bool)
    spans, whole = [], []
    for road, cuts in _find_cuts(lines, tree).items():
        if not shown[road]:
            continue
        found = [
            _trim_to_view(span, lines[road], box, valid)
            for span in _split(road, lines[road], cuts, tree)
        ]
        spans += [span for span in found if span.length >= min_length_m]
        length = lines[road].length
        if (
            len(found) > 1
            and length >= min_length_m
            and sum(span.length for span in found) > length - STEP_M
        ):
            whole.append(Span(road, 0.0, length, found[0].free_start, found[-1].free_end))
    return Survey(
        lines=lines,
        width_m=roads["width_m"].to_numpy(float),
        road_class=roads["road_class"].to_numpy(),
        tree=tree,
        spans=tuple(spans),
        whole=tuple(whole),
        avoid=STRtree([] if avoid is None else avoid.geometry.to_numpy()),
        box=box,
        valid=valid,
    )


def sample_line(line: LineString, step_m: float = STEP_M) -> tuple[np.ndarray, np.ndarray]:
    """(along (n,) metres, points (n,)) about every step_m, both ends included."""
    along = np.linspace(0, line.length, max(2, int(np.ceil(line.length / step_m)) + 1))
    return along, shapely.line_interpolate_point(line, along)


def is_seen(points: np.ndarray, box: GeoBox, valid: np.ndarray | None) -> np.ndarray:
    """(n,) bool: whether points lie well inside the image, on valid pixels."""
    xy = shapely.get_coordinates(points)
    back = ~box.transform
    col = back.a * xy[:, 0] + back.b * xy[:, 1] + back.c
    row = back.d * xy[:, 0] + back.e * xy[:, 1] + back.f
    edge = min(_EDGE_M / abs(box.transform.a), min(box.shape) / 8)
    inside: np.ndarray = (
        (row >= edge) & (col >= edge) & (row < box.height - edge) & (col < box.width - edge)
    )
    if valid is not None:
        inside[inside] = valid[row[inside].astype(int), col[inside].astype(int)]
    return inside


def measure_distance(
    points: np.ndarray, tree: STRtree, *, within_m: float, skip: int = -1
) -> np.ndarray:
    """(n,) metres from points to the nearest geometry of the tree but number `skip`; inf beyond
    within_m.
    """
    which, other = tree.query(points, predicate="dwithin", distance=within_m)
    kept = other != skip
    which, other = which[kept], other[kept]
    nearest = np.full(len(points), np.inf)
    np.minimum.at(nearest, which, shapely.distance(points[which], tree.geometries[other]))
    return nearest


def _find_cuts(lines: np.ndarray, tree: STRtree) -> dict[int, np.ndarray]:
    """Road number → where others meet or cross it, in metres along it (unsorted, its ends
    included).
    """
    one, other = tree.query(lines, predicate="intersects")
    one, other = one[one != other], other[one != other]
    crossing = shapely.intersection(lines[one], lines[other])
    crossed, index = shapely.get_coordinates(crossing, return_index=True)
    ends = shapely.points(
        np.concatenate([shapely.get_coordinates(shapely.get_point(lines, k)) for k in (0, -1)])
    )
    end, touched = tree.query(ends, predicate="dwithin", distance=_SNAP_M)
    foreign = end % len(lines) != touched
    road = np.concatenate([one[index], touched[foreign]])
    point = np.concatenate([shapely.points(crossed), ends[end[foreign]]])
    along = shapely.line_locate_point(lines[road], point)
    order = np.argsort(road, kind="stable")
    groups = np.split(along[order], np.searchsorted(road[order], np.arange(1, len(lines))))
    return {i: np.concatenate([[0.0, lines[i].length], groups[i]]) for i in range(len(lines))}


def _split(road: int, line: LineString, cuts: np.ndarray, tree: STRtree) -> list[Span]:
    """The road's spans between neighbouring cuts; cuts closer than a snap are one."""
    where = np.sort(cuts)
    where = where[np.append(True, np.diff(where) > _SNAP_M)]
    ends = np.array([shapely.get_point(line, 0), shapely.get_point(line, -1)])
    free = ~np.isfinite(measure_distance(ends, tree, within_m=_SNAP_M, skip=road))
    last = len(where) - 2
    return [
        Span(road, where[k], where[k + 1], bool(free[0] and k == 0), bool(free[1] and k == last))
        for k in range(last + 1)
    ]


def _trim_to_view(span: Span, line: LineString, box: GeoBox, valid: np.ndarray | None) -> Span:
    """The longest stretch of the span that is seen without a break; where it was cut, the end is
    not free.
    """
    along = np.linspace(span.start, span.end, max(2, int(np.ceil(span.length / STEP_M)) + 1))
    seen = is_seen(shapely.line_interpolate_point(line, along), box, valid)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], seen.astype(int), [0]])))
    if not len(edges):
        return span._replace(end=span.start)
    starts, stops = edges[::2], edges[1::2] - 1
    k = int(np.argmax(along[stops] - along[starts]))
    first, last = starts[k], stops[k]
    return Span(
        span.road,
        float(along[first]),
        float(along[last]),
        span.free_start and first == 0,
        span.free_end and last == len(along) - 1,
    )
