"""What cuts a town in two: rivers, lakes, railways, motorways."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from mapsight.town.plan.street import Street, draw_street
from mapsight.town.plan.warp import (
    STEP_M,
    Warp,
    cross_line,
    diagonal_of,
    largest_of,
    longest_of,
    make_warp,
    pick_middle,
)
from mapsight.town.world import World


def lay_water(
    frame: Polygon,
    lines: list[BaseGeometry],
    heading: float,
    rng: np.random.Generator,
    *,
    world: World,
) -> BaseGeometry:
    """A river across the primary road, a lake beside all `lines`, canals, or nothing."""
    river, lake = rng.random(2) < world.river_lake
    parts: list[BaseGeometry] = []
    if river:
        warp = make_warp(rng, amplitude_m=60, wavelength_m=420)
        turn = heading + np.pi / 2 + rng.uniform(-0.6, 0.6)
        parts.append(
            _swell(cross_line(frame.buffer(80), warp, turn, pick_middle(frame, rng, 0.4)), rng)
        )
    if lake:
        warp = make_warp(rng, amplitude_m=40, wavelength_m=230)
        radius = rng.uniform(25, 40 + 0.13 * diagonal_of(frame))
        disk = Point(pick_middle(frame, rng, 0.5)).buffer(radius, quad_segs=24)
        blob = Polygon(warp(shapely.get_coordinates(disk))).buffer(0)
        parts.append(
            largest_of(blob.difference(shapely.union_all(lines).buffer(24)).buffer(-16).buffer(16))
        )
    parts += dig_canals(frame, heading, rng, world=world)
    return shapely.union_all(parts).intersection(frame) if parts else Polygon()


def dig_canals(
    frame: Polygon, heading: float, rng: np.random.Generator, *, world: World
) -> list[BaseGeometry]:
    """Straight water, nearly along or across the main roads."""
    least, most = world.canals
    if not most:
        return []
    warp, dug = make_warp(rng, amplitude_m=4, wavelength_m=600), []
    for _ in range(int(rng.integers(least, most + 1))):
        turn = heading + rng.choice([0, np.pi / 2]) + rng.normal(0, 0.04)
        line = cross_line(frame.buffer(40), warp, turn, pick_middle(frame, rng, 0.42))
        dug.append(line.buffer(rng.uniform(*world.canal_m) / 2, cap_style="flat"))
    return dug


def _swell(line: BaseGeometry, rng: np.random.Generator) -> BaseGeometry:
    """A band of changing width along a line."""
    width, points = rng.uniform(7, 24), shapely.get_coordinates(line)
    wave = 1 + 0.3 * np.sin(
        np.arange(len(points)) * STEP_M / rng.uniform(40, 110) + rng.uniform(0, 6)
    )
    rings = [
        shapely.get_coordinates(disk)
        for disk in shapely.buffer(shapely.points(points), width * wave)
    ]
    pairs = [np.concatenate(pair) for pair in zip(rings[:-1], rings[1:], strict=True)]
    return shapely.union_all(shapely.convex_hull([shapely.multipoints(pair) for pair in pairs]))


def lay_rail(
    frame: Polygon,
    warp: Warp,
    heading: float,
    rng: np.random.Generator,
    *,
    main: tuple[Street, ...],
    world: World,
) -> tuple[LineString, ...]:
    """No railway, a single track, or two; across the land, or beside one of the `main` roads."""
    if rng.random() > world.rail:
        return ()
    if world.rail_beside and rng.random() < world.rail_beside:
        road = main[int(rng.integers(len(main)))]
        aside = rng.choice([-1, 1]) * (road.width_m / 2 + rng.uniform(9, 18))
        line = longest_of(shapely.offset_curve(road.line, aside).intersection(frame))
    else:
        turn = heading + rng.uniform(-0.6, 0.6)
        line = cross_line(frame, warp.stretched(2), turn, pick_middle(frame, rng, 0.38))
    if rng.random() < 0.5:
        return (line,)
    return line, longest_of(shapely.offset_curve(line, 4.2).intersection(frame))


def lay_motorway(
    frame: Polygon, warp: Warp, heading: float, rng: np.random.Generator, *, world: World
) -> tuple[Street, ...]:
    """Now and then, and mostly in large towns, two carriageways at a slant to the arterial
    roads.
    """
    usual = np.clip(diagonal_of(frame) / 4500, 0.1, 0.6)
    if rng.random() > (usual if world.motorway is None else world.motorway):
        return ()
    turn = heading + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)
    middle = cross_line(frame, warp.stretched(1.7), turn, pick_middle(frame, rng, 0.4))
    lane = draw_street(middle, "motorway", rng, world)
    aside = lane.width_m / 2 + rng.uniform(2.5, 6)
    sides = [shapely.offset_curve(middle, side * aside).intersection(frame) for side in (-1, 1)]
    return tuple(lane.along(longest_of(line)) for line in sides)
