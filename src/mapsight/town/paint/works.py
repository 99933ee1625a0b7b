"""Works of the engineers: railways, bridges, tunnel mouths, roundabouts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from mapsight.town.paint.easel import Easel
from mapsight.town.paint.strokes import stroke_lines
from mapsight.town.plan.boxes import make_strips, spread_boxes
from mapsight.town.plan.follow import follow_lines

_STONE = np.array((136, 126, 118), dtype=np.float32)
_STEEL = np.array((176, 168, 160), dtype=np.float32)


def paint_rail_bed(easel: Easel, rail: np.ndarray) -> np.ndarray:
    """Ballast; returns its mask (H, W) uint8. The rails come after the roads."""
    shoulder, bed, sleepers = (
        easel.cover(stroke_lines(rail, width_m).rings) for width_m in (10.0, 5.8, 2.4)
    )
    easel.blend(
        shoulder, easel.look.material("soil") * 0.9 * easel.rough(shoulder, 15, fine=0.1), 0.6
    )
    easel.blend(
        bed, _STONE * easel.look.asphalt / 128 * easel.rough(bed, 16, grain=0.06, fine=0.06)
    )
    easel.shade(sleepers, 0.84)
    return bed.mask(easel.sheet)


def paint_rails(easel: Easel, rail: np.ndarray) -> None:
    """Two bright lines a track, also across level crossings."""
    for side in (-0.72, 0.72):
        easel.blend(easel.cover(stroke_lines(rail, 0.28, aside_m=side).rings), _STEEL, 0.7)


def paint_bridges(
    easel: Easel, edges: gpd.GeoDataFrame, below: BaseGeometry, *, more_m: float
) -> None:
    """Decks over `below`, wider than the roads by `more_m` a side, and their shadows; to be painted
    before roads.
    """
    over = shapely.intersection(edges.geometry.to_numpy(), below.buffer(5))
    seen = ~shapely.is_empty(over)
    half = edges.width_m.to_numpy()[seen] / 2 + more_m
    decks, inner = (shapely.buffer(over[seen], half - rim, cap_style="flat") for rim in (0.0, 0.5))
    step = easel.look.cast(4.0)
    shadows = [affinity.translate(deck, *step).intersection(below) for deck in decks]
    easel.shade(easel.cover_shapes(shadows), easel.look.shadow)
    easel.blend(easel.cover_shapes(decks), np.full(3, easel.look.asphalt * 1.28))
    easel.blend(easel.cover_shapes(inner), np.full(3, easel.look.asphalt * 1.08))


def paint_portals(easel: Easel, edges: gpd.GeoDataFrame) -> None:
    """The two mouths of each tunnel: a concrete head wall, and darkness in front of it."""
    hidden = edges[~edges.visible]
    lines, width = hidden.geometry.to_numpy(), hidden.width_m.to_numpy()
    for end, inward in ((np.full(len(lines), 0.5), 1.0), (shapely.length(lines) - 0.5, -1.0)):
        here, tangent = follow_lines(lines, end)
        tangent = tangent * inward
        mouth = make_strips(here - tangent * 3.5, here + tangent * 0.5, width)
        wall = spread_boxes(
            here + tangent * 0.4,
            tangent,
            np.stack([np.full(len(width), 0.6), width / 2 + 1.5], axis=1),
        )
        easel.shade(easel.cover(mouth), 0.35)
        easel.blend(easel.cover(wall.corners()), np.full(3, easel.look.asphalt * 1.35))


def paint_islands(easel: Easel, edges: gpd.GeoDataFrame) -> None:
    """The green middle of roundabouts, with a kerb."""
    rings = edges.geometry[edges.ring].to_numpy()
    inner = (
        [ring.buffer(-4.2) for ring in shapely.get_parts(shapely.polygonize(rings))]
        if len(rings)
        else []
    )
    easel.blend(
        easel.cover_shapes([shape.buffer(0.5) for shape in inner]),
        np.full(3, easel.look.asphalt * 1.25),
    )
    green = easel.cover_shapes(inner)
    easel.blend(green, easel.look.material("lawn") * easel.rough(green, 24, fine=0.06, patchy=0.06))
