"""All layers of the photograph, from the ground up."""

from __future__ import annotations

import numpy as np
import shapely

from mapsight.town.paint.brush import Sheet, Stain
from mapsight.town.paint.easel import Easel
from mapsight.town.paint.fields import paint_fields
from mapsight.town.paint.ground import light_slopes, paint_ground, paint_parcels, paint_water
from mapsight.town.paint.look import Look
from mapsight.town.paint.marks import paint_marks
from mapsight.town.paint.noise import make_noise
from mapsight.town.paint.planting import (
    Grove,
    grow_grove,
    join_groves,
    line_fields,
    line_streets,
    plant_orchards,
    plant_trees,
)
from mapsight.town.paint.roads import paint_motorway_bed, paint_roads, paint_verges
from mapsight.town.paint.roofs import find_shadows, paint_roofs
from mapsight.town.paint.squares import paint_squares
from mapsight.town.paint.strokes import stroke_roads
from mapsight.town.paint.traffic import paint_cargo, paint_cars, place_cars
from mapsight.town.paint.trees import paint_trees, shade_trees
from mapsight.town.paint.works import (
    paint_bridges,
    paint_islands,
    paint_portals,
    paint_rail_bed,
    paint_rails,
)
from mapsight.town.plan.layout import Plan
from mapsight.town.plan.warp import Dice

Masks = dict[str, np.ndarray]  # (H, W) uint8 by name


def paint_town(sheet: Sheet, plan: Plan, look: Look, dice: Dice) -> tuple[np.ndarray, Masks]:
    """(H, W, 3) float32 as it would look without a camera, and masks of what is on it."""
    noise = make_noise(sheet.shape, sheet.m_per_px, dice("noise"))
    easel = Easel(sheet, np.zeros((*sheet.shape, 3), dtype=np.float32), look, noise)
    masks = _paint_land(easel, plan, dice) | _paint_ways(easel, plan, dice("ways"))
    light_slopes(easel)
    thrown = find_shadows(easel, plan.plots.houses, plan.plots.height_m)
    easel.shade(thrown, look.shadow)
    masks["buildings"] = paint_roofs(easel, plan.plots, dice("roofs"))
    grove = _grow_trees(easel, plan, masks, dice)
    dark, lit = shade_trees(sheet, grove, look), 1 - thrown.mask(sheet)
    index = np.flatnonzero(dark & lit)
    easel.shade(Stain(index, np.full(len(index), 0.85, dtype=np.float32), np.empty(0)), look.shadow)
    masks["trees"] = paint_trees(easel, grove, dark)
    fallen = dark | ((1 - lit) & (1 - masks["buildings"]))
    masks["shadow"] = (fallen & (1 - masks["trees"])).astype(np.uint8)
    return easel.rgb, masks


def _paint_land(easel: Easel, plan: Plan, dice: Dice) -> Masks:
    paint_ground(easel, plan.blocks, plan.kinds, dice("ground"))
    field = paint_fields(easel, plan.fields, dice("fields"))
    paint_parcels(easel, plan.plots, dice("parcels"))
    return {"field": field, "water": paint_water(easel, plan.water)}


def _paint_ways(easel: Easel, plan: Plan, rng: np.random.Generator) -> Masks:
    """Everything flat that wheels roll on, and the wheels."""
    seen = plan.edges[plan.edges.visible]
    lanes, others = seen[seen.road_class == "motorway"], seen[seen.road_class != "motorway"]
    masks = {"railway": paint_rail_bed(easel, plan.rail)}
    paint_motorway_bed(easel, lanes)
    paint_verges(easel, seen)
    paint_bridges(easel, seen[~seen.road_class.isin(["track", "lane"])], plan.water, more_m=3.5)
    masks |= paint_squares(easel, plan.plots, rng)
    paint_roads(easel, lanes, rng)
    paint_marks(easel, lanes, rng)
    paint_bridges(
        easel, others, shapely.union_all(lanes.buffer(lanes.width_m / 2 + 3).to_numpy()), more_m=1.6
    )
    paint_roads(easel, plan.edges[plan.edges.road_class != "motorway"], rng)
    paint_islands(easel, plan.edges)
    paint_marks(easel, others, rng)
    paint_rails(easel, shapely.difference(plan.rail, shapely.union_all(lanes.buffer(8).to_numpy())))
    paint_portals(easel, plan.edges)
    paint_cargo(easel, plan.plots.yards.cargo, rng)
    return masks | {"cars": paint_cars(easel, place_cars(plan.edges, plan.plots, rng), rng)}


def _grow_trees(easel: Easel, plan: Plan, masks: Masks, dice: Dice) -> Grove:
    """Trees with their trunks off roads, roofs, water and open places; their crowns may hang
    over.
    """
    seen, biome, sheet = plan.edges[plan.edges.visible], easel.look.colours, easel.sheet
    blocked = easel.cover(stroke_roads(seen, more_m=0.6).rings).mask(sheet, 0.25)
    for name in ("buildings", "water", "railway", "car_park", "driveway", "pitch"):
        blocked |= masks[name]
    rng = dice("trees")
    scattered = plant_trees(sheet, plan.blocks, plan.kinds, biome, rng)
    lined = [line_streets(seen, biome, rng), line_fields(plan.fields, biome, rng)]
    trunks = np.concatenate([scattered, *lined])
    wild = grow_grove(trunks[sheet.look_up(blocked, trunks) == 0], biome, rng)
    rows = plant_orchards(sheet, plan.blocks, plan.kinds, biome, dice("orchards"))
    return join_groves(wild, rows.take(sheet.look_up(blocked, rows.xy) == 0))
