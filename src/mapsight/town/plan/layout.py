"""The plan of a town, all in metres from the lower left corner: what is where, before anything is
painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from mapsight.town.plan.crowds import add_crowds
from mapsight.town.plan.follow import follow_lines, left_of, look_up_kind
from mapsight.town.plan.land import Land, lay_land
from mapsight.town.plan.network import cut_blocks, dig_tunnel, join_streets
from mapsight.town.plan.plots import Plots, build_plots
from mapsight.town.plan.streets import FARMS, fill_district, split_fields
from mapsight.town.plan.warp import Dice
from mapsight.town.world import World

# of the two kinds beside a road the one that marks it more
_MARKING = (
    "retail",
    "core",
    "grid",
    "tower",
    "bazaar",
    "rows",
    "villa",
    "informal",
    "industrial",
    "suburb",
    "mudtown",
    "compound",
    "hamlet",
    "woods",
    "park",
    "site",
    "bare",
    "strips",
    "smallholding",
    "paddy",
    "terrace",
    "palms",
    "dunes",
    "fields",
    "forest",
    "median",
    "",
)
_GREEN = ("park", "forest", "woods", "fields", "bare")
# kind of district: what some of its blocks are instead
_EXCEPTIONS = {
    "core": (("retail", 0.12), ("park", 0.08)),
    "grid": (("retail", 0.08), ("park", 0.07)),
    "suburb": (("retail", 0.06), ("park", 0.08), ("forest", 0.07)),
    "woods": (("forest", 0.2),),
    "industrial": (("retail", 0.25), ("bare", 0.08)),
    "park": (("forest", 0.25),),
    "forest": (("park", 0.12),),
    "tower": (("retail", 0.08), ("park", 0.08)),
    "rows": (("retail", 0.05), ("park", 0.05)),
    "villa": (("site", 0.25), ("park", 0.04)),
    "compound": (("bare", 0.06),),
    "informal": (("bare", 0.03),),
    "site": (("bare", 0.4),),
}


@dataclass(frozen=True, eq=False)
class Plan:
    """A town on paper.

    `edges` reach beyond the image: geometry, road_class, width_m, name, ring, visible, kind (of
    what lies beside). `blocks` are the polygons between them, `kinds` their use.
    """

    edges: gpd.GeoDataFrame
    rail: np.ndarray  # LineStrings
    water: BaseGeometry
    blocks: np.ndarray
    kinds: np.ndarray
    fields: list[Polygon]
    plots: Plots


def draw_plan(size_m: tuple[float, float], dice: Dice, *, density: float, world: World) -> Plan:
    """Lay out a town on `size_m` (width, height); `dice` gives each stage a generator of its
    own.
    """
    land = lay_land(size_m, dice("land"), density=density, world=world)
    rng = dice("streets")
    local = [
        street
        for district in land.districts
        for street in fill_district(district, rng, world=world)
    ]
    farmed = [
        split_fields(district, rng, world=world)
        for district in land.districts
        if district.kind in FARMS
    ]
    fields = [field for some, _ in farmed for field in some]
    edges = join_streets(land, local + [track for _, tracks in farmed for track in tracks], rng)
    green = shapely.STRtree(
        [district.polygon for district in land.districts if district.kind in _GREEN]
    )
    inside = shapely.box(0, 0, *size_m)
    if world.tunnels:
        edges = dig_tunnel(edges, inside, land.water, green, dice("tunnel"))
    else:
        edges = edges.assign(visible=True)
    blocks = cut_blocks(edges, land.frame)
    kinds = _name_medians(blocks, _name_blocks(blocks, land, dice("blocks")), edges)
    edges = edges.assign(kind=_look_beside(edges, blocks, kinds))
    closed = shapely.union_all([land.water.buffer(3), *(line.buffer(7) for line in land.rail)])
    plots = build_plots(edges, blocks, kinds, closed, dice("plots"))
    built_off = np.array([*edges.buffer(edges.width_m / 2 + 0.1), closed], dtype=object)
    plots = add_crowds(plots, blocks, kinds, built_off, dice("crowds"))
    rail = np.array(land.rail, dtype=object)
    return Plan(edges, rail, land.water, blocks, kinds, _free_fields(fields, blocks, kinds), plots)


def _name_blocks(blocks: np.ndarray, land: Land, rng: np.random.Generator) -> np.ndarray:
    """Kind of each block: its district's, or an exception; beside a river or a railway the nearest
    district's.
    """
    inner = shapely.point_on_surface(blocks)
    kinds = np.array([district.kind for district in land.districts], dtype=object)
    if not len(kinds):
        return np.full(len(blocks), "park", dtype=object)
    nearest = shapely.STRtree([district.polygon for district in land.districts]).nearest(inner)
    slim = 2 * shapely.area(blocks) < 38 * shapely.length(
        blocks
    )  # no room for shops and their car parks
    return np.array(
        [_except(kind, bool(thin), rng) for kind, thin in zip(kinds[nearest], slim, strict=True)],
        dtype=object,
    )


def _name_medians(blocks: np.ndarray, kinds: np.ndarray, edges: gpd.GeoDataFrame) -> np.ndarray:
    """The kinds, with what lies between two carriageways as median."""
    halves = edges[edges.divided]
    if halves.empty:
        return kinds
    beside = shapely.union_all(halves.buffer(halves.width_m / 2 + 11).to_numpy())
    slim = shapely.is_empty(shapely.buffer(blocks, -16))
    return np.where(slim & shapely.covered_by(blocks, beside), "median", kinds).astype(object)


def _except(kind: str, slim: bool, rng: np.random.Generator) -> str:
    draw = rng.random()
    for other, share in _EXCEPTIONS.get(kind, ()):
        if draw < share:
            return kind if slim and other == "retail" else other
        draw -= share
    return kind


def _look_beside(edges: gpd.GeoDataFrame, blocks: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    lines = edges.geometry.to_numpy()
    middle, tangent = follow_lines(lines, shapely.length(lines) / 2)
    sides = [look_up_kind(middle + side * left_of(tangent), blocks, kinds) for side in (9, -9)]
    return np.array(
        [min(pair, key=_MARKING.index) for pair in zip(*sides, strict=True)], dtype=object
    )


def _free_fields(fields: list[Polygon], blocks: np.ndarray, kinds: np.ndarray) -> list[Polygon]:
    """Fields whose middle still lies in a rural block."""
    if not fields:
        return []
    kind = look_up_kind(shapely.get_coordinates(shapely.point_on_surface(fields)), blocks, kinds)
    return [field for field, k in zip(fields, kind, strict=True) if k in FARMS or not k]
