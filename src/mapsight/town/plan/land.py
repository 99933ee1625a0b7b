"""The lie of the land: arterial roads, and the districts that they leave between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import split

from mapsight.town.plan.street import Street, draw_street
from mapsight.town.plan.trunk import lay_motorway, lay_rail, lay_water
from mapsight.town.plan.warp import Warp, cross_line, diagonal_of, make_warp, pick_middle
from mapsight.town.world import World

MARGIN_M = 45.0  # the plan goes on beyond the image, so that nothing ends at its edge


@dataclass(frozen=True, eq=False)
class District:
    """A piece of land between arterial roads, of one kind of use."""

    polygon: Polygon
    kind: str


@dataclass(frozen=True, eq=False)
class Land:
    """What is there before the streets are."""

    frame: Polygon
    water: BaseGeometry
    rail: tuple[LineString, ...]
    arterials: tuple[Street, ...]
    motorway: tuple[Street, ...]  # both carriageways; the arterials cross them on bridges
    districts: tuple[District, ...]
    world: World


def lay_land(
    size_m: tuple[float, float], rng: np.random.Generator, *, density: float, world: World
) -> Land:
    """Water, railway, main roads and districts for ground of `size_m` (width, height); density in
    [0, 1].
    """
    frame = shapely.box(-MARGIN_M, -MARGIN_M, size_m[0] + MARGIN_M, size_m[1] + MARGIN_M)
    bends = make_warp(rng, amplitude_m=rng.uniform(*world.bends_m), wavelength_m=190)
    sweep = make_warp(rng, amplitude_m=rng.uniform(*world.sweep_m), wavelength_m=520)
    warp, heading = Warp(np.concatenate([sweep.waves, bends.waves])), rng.uniform(0, np.pi)
    arterials = _lay_arterials(frame, warp, heading, rng, world=world)
    rail = lay_rail(frame, warp, heading, rng, main=arterials, world=world)
    motorway = lay_motorway(frame, warp, heading, rng, world=world)
    lines = [*(street.line for street in (*arterials, *motorway)), *rail]
    water = lay_water(frame, lines, heading, rng, world=world)
    closed = [
        water.buffer(10),
        *(line.buffer(13) for line in rail),
        *(lane.line.buffer(22) for lane in motorway),
    ]
    polygons = _cut_districts(
        frame, [*(street.line for street in arterials), *rail[:1]], shapely.union_all(closed)
    )
    centre, reach = np.array(size_m) * rng.uniform(0.2, 0.8, 2), 500 + 500 * density
    away = shapely.distance(polygons, Point(centre)) / reach
    kinds = [_choose_kind(density * 1.15 * np.exp(-(x**2)), rng, world=world) for x in away]
    districts = tuple(
        District(polygon, kind) for polygon, kind in zip(polygons, kinds, strict=True)
    )
    return Land(frame, water, rail, arterials, motorway, districts, world)


def _lay_arterials(
    frame: Polygon, warp: Warp, heading: float, rng: np.random.Generator, *, world: World
) -> tuple[Street, ...]:
    """A coarse, bent grid with gaps; the primary road passes near the middle of the image, whatever
    its size.
    """
    through = pick_middle(frame.buffer(-MARGIN_M, join_style="mitre"), rng, 0.12)
    streets = [draw_street(cross_line(frame, warp, heading, through), "primary", rng, world)]
    for turn in (0.0, np.pi / 2 + rng.uniform(-0.25, 0.25)):
        normal = np.array([-np.sin(heading + turn), np.cos(heading + turn)])
        for offset_m in _space_out(diagonal_of(frame), world.spacing_m, rng, first=not turn):
            if rng.random() < 0.2:
                continue
            line = cross_line(frame, warp, heading + turn, through + offset_m * normal)
            if line.length > 60:
                road_class = "primary" if rng.random() < 0.15 else "secondary"
                streets.append(draw_street(line, road_class, rng, world))
    return tuple(_leave_gaps(streets, rng))


def _space_out(
    reach: float, spacing_m: tuple[float, float], rng: np.random.Generator, *, first: bool
) -> list[float]:
    """Offsets in metres to both sides, some hundred metres apart; the `first` family has its middle
    line already.
    """
    steps = rng.uniform(*spacing_m, (2, int(reach / spacing_m[0]) + 1))
    up, down = np.cumsum(steps, axis=1)
    start = rng.uniform(-60, 60) if first else rng.uniform(-120, 120)
    middle = [] if first else [start]
    return [float(x) for x in (*middle, *(start + up), *(start - down)) if abs(x) < reach / 2]


def _leave_gaps(streets: list[Street], rng: np.random.Generator) -> list[Street]:
    """Without some pieces of secondary roads between two crossings."""
    left = []
    for street in streets:
        others = shapely.union_all([other.line for other in streets if other is not street])
        pieces = (
            shapely.get_parts(split(street.line, others)) if len(streets) > 1 else [street.line]
        )
        inner = [
            0 < i < len(pieces) - 1 and street.road_class == "secondary" for i in range(len(pieces))
        ]
        left += [
            street.along(piece)
            for piece, loose in zip(pieces, inner, strict=True)
            if not (loose and rng.random() < 0.2)
        ]
    return left


def _cut_districts(
    frame: Polygon, lines: list[BaseGeometry], closed: BaseGeometry
) -> list[Polygon]:
    noded = shapely.get_parts(shapely.unary_union([*lines, frame.exterior], grid_size=0.01))
    pieces = shapely.get_parts(
        shapely.difference(shapely.get_parts(shapely.polygonize(noded)), closed)
    )
    return [piece for piece in pieces if piece.geom_type == "Polygon" and piece.area > 300]


def _choose_kind(townly: float, rng: np.random.Generator, *, world: World) -> str:
    place = 3 * np.clip(townly + rng.normal(0, 0.08), 0, 1)
    weights = np.array([np.interp(place, range(4), row) for row in world.districts.values()])
    kind = str(rng.choice(list(world.districts), p=weights / weights.sum()))
    other, share = world.instead.get(kind, (kind, 0.0))
    return other if world.instead and rng.random() < share else kind
