"""Plausible mistakes of a map: a road left out, a road that is not there, a road drawn beside its
place.

Each function draws one proposal from the generator and checks it against the survey; None where the
draw did not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import shapely
from shapely import LineString
from shapely.ops import substring

from mapsight.roads.planting.shapes import bend_line, shift_sideways
from mapsight.roads.planting.survey import (
    STEP_M,
    Span,
    Survey,
    is_seen,
    measure_distance,
    sample_line,
)

_STUB_M = 20.0  # what a cut leaves of a road is at least this long, or nothing
_RAYS = 12
_OPEN_SIDES = 4  # of twelve rays: beside the map's outer edge five or six meet nothing
_REACH = 4.0  # how far a ray looks for a road, in greatest lengths


DELETED, ADDED, SHIFTED = "deleted", "added", "shifted"


class Mistake(NamedTuple):
    """A mistake as it was drawn.

    Parameters
    ----------
    how : str
        A key of PROPOSALS.
    road : int
        Number of the road; −1: a new one.
    start, end : float
        The stretch of it, in metres.
    line : LineString
        What is cut out, what is added, or the road as moved.
    true_line : LineString or None
        Where a road is that was moved.
    offset_m : float
        By how much it was moved; else NaN.
    road_class, width_m : str, float
        Of the road.
    """

    how: str
    road: int
    start: float
    end: float
    line: LineString
    true_line: LineString | None
    offset_m: float
    road_class: str
    width_m: float


@dataclass(frozen=True)
class Lengths:
    """Least and greatest length of a mistake, and by how much a road is shifted, in metres."""

    min_m: float
    max_m: float
    shift_m: tuple[float, float]


def propose_deleted(survey: Survey, lengths: Lengths, rng: np.random.Generator) -> Mistake | None:
    """A road, a stretch between junctions or a piece left out; not where a second line maps the
    road, too.
    """
    span = _choose_stretch(survey.spans + survey.whole, lengths, rng)
    if span is None:
        return None
    line = substring(survey.lines[span.road], span.start, span.end)
    if not _is_mapped_once(line, span.road, survey):
        return None
    return _describe(DELETED, survey, span, line)


def propose_shifted(survey: Survey, lengths: Lengths, rng: np.random.Generator) -> Mistake | None:
    """A stretch drawn sideways of its place, led back at ends that are not free; near no other
    road.
    """
    span = _choose_stretch(survey.spans, lengths, rng)
    low, high = lengths.shift_m
    if span is None or (high := min(high, span.length / 8)) < low:
        return None
    line = substring(survey.lines[span.road], span.start, span.end)
    offset = float(rng.uniform(low, high)) * rng.choice([-1.0, 1.0])
    moved = shift_sideways(
        line, offset, taper_start=not span.free_start, taper_end=not span.free_end
    )
    if moved is None or not (
        _is_mapped_once(line, span.road, survey) and _is_mapped_once(moved, span.road, survey)
    ):
        return None
    if not is_seen(sample_line(moved)[1], survey.box, survey.valid).all():
        return None
    return _describe(SHIFTED, survey, span, moved)._replace(true_line=line, offset_m=abs(offset))


def propose_added(
    survey: Survey, lengths: Lengths, rng: np.random.Generator, *, enclosed: bool = True
) -> Mistake | None:
    """A road that is not there: leaves a road or prolongs a dead end, ends in the open or on the
    next road.

    It keeps two widths and 8 m from every mapped road but those it meets. enclosed: only among
    mapped roads, for beyond the map's outer edge a road may be real and not yet mapped.
    """
    start, bearing = _choose_departure(survey, rng)
    if start is None:
        return None
    road_class, width_m = _choose_class(survey, rng)
    clear_m = 2 * width_m + 8
    wanted = _draw_length(lengths.min_m, lengths.max_m, rng)
    hit = _cast_ray(start, bearing, lengths.max_m + clear_m, survey)
    through = hit is not None and lengths.min_m <= hit[0] <= lengths.max_m and rng.random() < 0.7
    if hit is not None and through:
        end = hit[1]
    elif hit is not None and hit[0] < wanted + clear_m:
        return None
    else:
        end = shapely.Point(start.x + wanted * np.cos(bearing), start.y + wanted * np.sin(bearing))
    line = bend_line(start, end, float(rng.normal(0, 0.07)) if rng.random() < 0.6 else 0.0)
    if not lengths.min_m <= line.length <= lengths.max_m or not _is_open_ground(
        line, clear_m, through, survey
    ):
        return None
    if enclosed and not _is_enclosed(line, _REACH * lengths.max_m, survey):
        return None
    return Mistake(ADDED, -1, 0.0, line.length, line, None, np.nan, road_class, width_m)


Proposal = Callable[[Survey, Lengths, np.random.Generator], Mistake | None]

# how a mistake is made (`kinds.Kind.planted`) → its proposals, each tried when the one before finds
# no place any more; a sparse map encloses nothing
PROPOSALS: Mapping[str, tuple[Proposal, ...]] = MappingProxyType(
    {
        DELETED: (propose_deleted,),
        ADDED: (propose_added, partial(propose_added, enclosed=False)),
        SHIFTED: (propose_shifted,),
    }
)


def _choose_stretch(
    spans: tuple[Span, ...], lengths: Lengths, rng: np.random.Generator
) -> Span | None:
    """A span, long ones more often; mostly whole if short enough, else a piece that leaves no
    stubs.
    """
    if not spans:
        return None
    weight = np.minimum([span.length for span in spans], lengths.max_m)
    span = spans[rng.choice(len(spans), p=weight / weight.sum())]
    if span.length <= lengths.max_m and rng.random() < 0.7:
        return span
    length = _draw_length(lengths.min_m, min(lengths.max_m, span.length), rng)
    slack = span.length - length
    before = float(rng.choice([0.0, slack, rng.uniform(0, slack)], p=[0.25, 0.25, 0.5]))
    after = slack - before
    if 0 < before < _STUB_M or 0 < after < _STUB_M:
        return None
    start, end = span.start + before, span.end - after
    return Span(
        span.road, start, end, span.free_start and before == 0, span.free_end and after == 0
    )


def _describe(how: str, survey: Survey, span: Span, line: LineString) -> Mistake:
    road_class, width = str(survey.road_class[span.road]), float(survey.width_m[span.road])
    return Mistake(how, span.road, span.start, span.end, line, None, np.nan, road_class, width)


def _is_mapped_once(line: LineString, road: int, survey: Survey) -> bool:
    """Whether hardly any other mapped road runs along the line, its ends (junctions) aside."""
    along, points = sample_line(line)
    rim = min(20.0, 0.25 * line.length)
    inner = points[(along >= rim) & (along <= line.length - rim)]
    near = measure_distance(
        inner, survey.tree, within_m=max(10.0, 1.2 * survey.width_m[road]), skip=road
    )
    return float(np.mean(np.isfinite(near))) <= 0.1


def _choose_departure(
    survey: Survey, rng: np.random.Generator
) -> tuple[shapely.Point | None, float]:
    """Where an invented road leaves the network, and its bearing (radians): across a road, or on
    from a dead end.
    """
    if not survey.spans:
        return None, 0.0
    weight = np.array([span.length for span in survey.spans])
    span = survey.spans[rng.choice(len(survey.spans), p=weight / weight.sum())]
    line = survey.lines[span.road]
    if (span.free_start or span.free_end) and rng.random() < 0.3:
        at, back = (0.0, 10.0) if span.free_start else (line.length, line.length - 10)
        start, inner = line.interpolate(at), line.interpolate(back)
        return start, float(np.arctan2(start.y - inner.y, start.x - inner.x) + rng.normal(0, 0.2))
    room = min(_STUB_M, 0.4 * span.length)
    at = float(rng.uniform(span.start + room, span.end - room))
    one, two = line.interpolate(max(at - 5, 0)), line.interpolate(min(at + 5, line.length))
    across = rng.choice([-1.0, 1.0]) * np.pi / 2 + rng.normal(0, 0.12)
    return line.interpolate(at), float(np.arctan2(two.y - one.y, two.x - one.x) + across)


def _choose_class(survey: Survey, rng: np.random.Generator) -> tuple[str, float]:
    """Class and width of a mapped road, of the narrower half: nobody invents a motorway."""
    narrow = np.flatnonzero(survey.width_m <= np.median(survey.width_m))
    road = rng.choice(narrow)
    return str(survey.road_class[road]), float(survey.width_m[road])


def _draw_length(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(max(low, high)))))


def _cast_ray(
    start: shapely.Point, bearing: float, reach_m: float, survey: Survey
) -> tuple[float, shapely.Point] | None:
    """(metres, point) of the first mapped road along a ray, the road underfoot aside; None within
    reach_m.
    """
    step = np.array([np.cos(bearing), np.sin(bearing)])
    origin = np.array([start.x, start.y])
    ray = LineString([origin + step, origin + reach_m * step])
    crossed = shapely.intersection(
        survey.tree.geometries[survey.tree.query(ray, predicate="intersects")], ray
    )
    xy = shapely.get_coordinates(crossed)
    if not len(xy):
        return None
    away = np.hypot(*(xy - origin).T)
    nearest = int(np.argmin(away))
    return float(away[nearest]), shapely.Point(xy[nearest])


def _is_open_ground(line: LineString, clear_m: float, through: bool, survey: Survey) -> bool:
    """Seen all along; clear of mapped roads but where it meets them; not along another way."""
    along, points = sample_line(line)
    if not is_seen(points, survey.box, survey.valid).all():
        return False
    meets = 1.3 * clear_m
    open_air = (along > meets) & ((along < line.length - meets) | (not through))
    if (
        not open_air.any()
        or np.isfinite(measure_distance(points[open_air], survey.tree, within_m=clear_m)).any()
    ):
        return False
    return (
        float(np.mean(np.isfinite(measure_distance(points, survey.avoid, within_m=10.0)))) <= 0.25
    )


def _is_enclosed(line: LineString, reach_m: float, survey: Survey) -> bool:
    """Whether mapped roads surround the line: most rays from its middle and its far end meet
    one.
    """
    bearings = np.arange(_RAYS) * 2 * np.pi / _RAYS
    steps = np.column_stack([np.cos(bearings), np.sin(bearings)])
    for at in (0.6 * line.length, line.length - 2 * STEP_M):
        origin = shapely.get_coordinates(line.interpolate(at))
        rays = shapely.linestrings(np.stack([origin + steps, origin + reach_m * steps], axis=1))
        met = np.unique(survey.tree.query(rays, predicate="intersects")[0])
        if _RAYS - len(met) > _OPEN_SIDES:
            return False
    return True
