"""White and yellow paint on the roads: lane lines, zebra crossings."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from mapsight.town.paint.easel import Easel
from mapsight.town.plan.boxes import make_strips
from mapsight.town.plan.follow import count_up, follow_lines, left_of
from mapsight.town.plan.junctions import count_ends
from mapsight.town.world import PAVED

_WHITE, _AMBER = np.array((226.0, 226.0, 222.0)), np.array((206.0, 176.0, 96.0))


@dataclass(frozen=True)
class _Line:
    """A painted line: where across the road (share of the half width), dash, gap and width in
    metres.
    """

    across: float
    dash_m: float
    gap_m: float
    width_m: float = 0.22


_BROAD_M, _LANE_M = 14.6, 3.7  # broader carriageways are marked lane by lane
_LINES = {
    "motorway": (_Line(-0.33, 4, 8), _Line(0.33, 4, 8), _Line(-0.95, 6, 0), _Line(0.95, 6, 0)),
    "primary": (
        _Line(0.02, 6, 0, 0.4),
        _Line(-0.5, 3, 6),
        _Line(0.5, 3, 6),
        _Line(-0.93, 6, 0),
        _Line(0.93, 6, 0),
    ),
    "secondary": (_Line(0.0, 4, 4), _Line(-0.92, 6, 0, 0.18), _Line(0.92, 6, 0, 0.18)),
    "residential": (_Line(0.0, 3, 6, 0.16),),
}


def paint_marks(easel: Easel, edges: gpd.GeoDataFrame, rng: np.random.Generator) -> None:
    """All marks of the roads `edges`, worn in places."""
    ends, _, degree = count_ends(edges.geometry.to_numpy())
    junction = degree[ends] >= 3  # (edges, 2)
    paved = edges.surface.isin(PAVED).to_numpy()
    white, middle = [_cross_roads(edges, junction, rng)], [np.zeros((0, 4, 2))]
    broad = paved & ((edges.width_m > _BROAD_M) | edges.divided).to_numpy()
    white += _mark_lanes(edges[broad], junction[broad])
    for road_class, kinds in _LINES.items():
        chosen = (edges.road_class == road_class).to_numpy() & ~edges.ring.to_numpy()
        chosen &= paved & ~broad
        if road_class == "residential":
            chosen &= rng.random(len(edges)) < 0.25
        for kind in kinds:
            marks = _dash(edges[chosen], junction[chosen], kind)
            (middle if abs(kind.across) < 0.1 else white).append(marks)
    bright = easel.look.asphalt / 128
    paint_strips(
        easel, np.concatenate(middle), (_AMBER if rng.random() < 0.4 else _WHITE) * bright, 0.68
    )
    paint_strips(easel, np.concatenate(white), _WHITE * bright, 0.68)


def _mark_lanes(edges: gpd.GeoDataFrame, junction: np.ndarray) -> list[np.ndarray]:
    """Dashes between the lanes of broad carriageways, lines at their rims."""
    lanes = np.maximum(np.round(edges.width_m.to_numpy() / _LANE_M), 2).astype(int)
    marks = []
    for count in np.unique(lanes):
        rows, ends = edges[lanes == count], junction[lanes == count]
        between = [_Line(2 * turn / count - 1, 5, 8) for turn in range(1, count)]
        rims = [_Line(side * 0.95, 6, 0) for side in (-1, 1)]
        marks += [_dash(rows, ends, kind) for kind in (*between, *rims)]
    return marks


def paint_strips(easel: Easel, strips: np.ndarray, colour: np.ndarray, opacity: float) -> None:
    """Thin strips (N, 4, 2) of one colour; those thinner than a sub-pixel are drawn wider and
    fainter.
    """
    least_m = easel.sheet.fine.m_per_px
    middle = (strips[:, [0, 1]] + strips[:, [3, 2]]) / 2
    width = np.hypot(*(strips[:, 3] - strips[:, 0]).T)
    rings = make_strips(middle[:, 0], middle[:, 1], np.maximum(width, least_m))
    stain = easel.stain(rings, np.minimum(width / least_m, 1)[:, None])
    easel.blend(stain, colour, easel.patches(stain, 17, opacity, 0.2) * stain.value[:, 0])


def _dash(edges: gpd.GeoDataFrame, junction: np.ndarray, kind: _Line) -> np.ndarray:
    """Dashes (N, 4, 2) along the edges, which stop short of junctions."""
    lines = edges.geometry.to_numpy()
    length, trim = shapely.length(lines), np.where(junction, 9.0, 0.0)
    period = kind.dash_m + kind.gap_m
    which, turn = count_up(np.maximum(np.ceil((length - trim.sum(1)) / period), 0).astype(int))
    begin = trim[which, 0] + turn * period
    start, first = follow_lines(lines[which], begin)
    end, last = follow_lines(
        lines[which], np.minimum(begin + kind.dash_m, length[which] - trim[which, 1])
    )
    aside = (kind.across * edges.width_m.to_numpy()[which] / 2)[:, None]
    return make_strips(start + left_of(first) * aside, end + left_of(last) * aside, kind.width_m)


def _cross_roads(
    edges: gpd.GeoDataFrame, junction: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Zebra stripes (N, 4, 2) in front of junctions in town."""
    fit = (
        edges.kind.isin(["core", "grid", "retail", "tower", "rows"])
        & ~edges.ring
        & (edges.length > 40)
    )
    fit &= edges.road_class.isin(["primary", "secondary", "residential"])
    fit &= edges.surface.isin(PAVED)
    chance = np.where(edges.road_class == "residential", 0.2, 0.5)
    parts = []
    for end in (0, 1):
        chosen = edges[fit.to_numpy() & junction[:, end] & (rng.random(len(edges)) < chance)]
        lines = chosen.geometry.to_numpy()
        place, tangent = follow_lines(
            lines, np.full(len(lines), 9.5) if end == 0 else shapely.length(lines) - 9.5
        )
        count = np.floor(chosen.width_m.to_numpy() - 0.8).astype(int)
        which, turn = count_up(count)
        centre = place[which] + left_of(tangent[which]) * (turn - (count[which] - 1) / 2)[:, None]
        parts.append(make_strips(centre - tangent[which] * 1.4, centre + tangent[which] * 1.4, 0.5))
    return np.concatenate(parts)
