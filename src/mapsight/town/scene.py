"""Draw a town: a photograph from the air, its true roads, and masks of all that may fool a net."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.geo.network import write_lines
from mapsight.geo.raster import GeoBox, Raster, parse_crs, write_raster
from mapsight.town.paint.biomes import BIOMES
from mapsight.town.paint.brush import Sheet
from mapsight.town.paint.camera import take_photo
from mapsight.town.paint.layers import paint_town
from mapsight.town.paint.look import Look, choose_look
from mapsight.town.paint.sensors import look_abroad
from mapsight.town.plan.layout import Plan, draw_plan
from mapsight.town.plan.network import clip_edges
from mapsight.town.plan.warp import Dice, make_stream
from mapsight.town.world import DESERT, HOME, World
from mapsight.town.worlds import WORLDS

_SIZE_PX = (32, 16_384)
_M_PER_PX = (0.1, 5.0)
_COLUMNS = ["road_id", "road_class", "width_m", "name", "visible"]
_COLUMNS_ABROAD = [*_COLUMNS, "surface"]


@dataclass(frozen=True)
class TownSettings:
    """What to draw. `size_px` is a side or (height, width); what is None is left to the seed."""

    size_px: int | tuple[int, int] = 1024
    m_per_px: float = 0.5
    seed: int = 0
    biome: str | None = None  # one of BIOMES
    world: str | None = None  # one of WORLDS; None: a temperate town, as ever
    density: float | None = None  # 0: open country, 1: the middle of a city
    crs: str = "EPSG:32632"
    left_m: float = 691_000.0
    top_m: float = 5_336_000.0

    def __post_init__(self) -> None:
        _check("size_px", min(self.shape), _SIZE_PX)
        _check("size_px", max(self.shape), _SIZE_PX)
        _check("m_per_px", self.m_per_px, _M_PER_PX)
        _check("seed", self.seed, (0, 2**63))
        _check("density", 0.5 if self.density is None else self.density, (0, 1))
        if self.biome is not None and self.biome not in BIOMES:
            raise InputError(
                f"biome {self.biome!r}", "is not known", f"use one of {', '.join(BIOMES)}"
            )
        if self.world is not None and self.world not in WORLDS:
            raise InputError(
                f"world {self.world!r}", "is not known", f"use one of {', '.join(WORLDS)}"
            )
        if self.world is not None and self.biome is not None:
            raise InputError(
                f"biome {self.biome!r}", "is given with a world", "leave one of them out"
            )
        crs = parse_crs(self.crs)
        if not (crs.is_projected and crs.linear_units_factor[1] == 1.0):
            raise InputError(
                self.crs, "is not a projected CRS in metres", "use a UTM zone such as EPSG:32632"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (self.size_px, self.size_px) if isinstance(self.size_px, int) else self.size_px

    @property
    def geobox(self) -> GeoBox:
        transform = Affine(self.m_per_px, 0, self.left_m, 0, -self.m_per_px, self.top_m)
        return GeoBox(*self.shape, transform, parse_crs(self.crs))


@dataclass(frozen=True, eq=False)
class Town:
    """A town and the truth about it.

    image: (3, H, W) uint8 RGB. roads: geometry LineString, road_id, road_class, width_m, name,
    visible (False in the tunnel), in other worlds also surface, edge by edge from junction to
    junction. other_ways: geometry, road_class (railway, path). truth: (H, W) uint8, the surface of
    the visible roads, also under trees. layers: (H, W) uint8 by name: water, buildings, trees,
    canopy_over_road, car_park, shadow, railway, field, cars, driveway, footpath, pitch, track.
    """

    image: Raster
    roads: gpd.GeoDataFrame
    other_ways: gpd.GeoDataFrame
    truth: np.ndarray
    layers: dict[str, np.ndarray]


def draw_town(settings: TownSettings) -> Town:
    """Draw the town of `settings`; the same settings always give the same town."""
    dice = _make_dice(settings)
    sheet = Sheet(*settings.shape, settings.m_per_px)
    look, world = _choose_world(settings, dice)
    least, most = world.density
    drawn = least + (most - least) * float(dice("density").beta(1.1, 1.3))
    density = drawn if settings.density is None else settings.density
    plan = draw_plan(sheet.size_m, dice, density=density, world=world)
    box = settings.geobox
    roads = _place_roads(plan, sheet, box, _COLUMNS if settings.world is None else _COLUMNS_ABROAD)
    truth = burn_lines(roads[roads.visible], box)
    rgb, layers = paint_town(sheet, plan, look, dice)
    tracks = roads[roads.visible & (roads.road_class == "track")]
    layers |= {
        name: layers[name] & (1 - truth) for name in ("driveway", "footpath", "car_park")
    }  # roads lie above
    layers |= {"track": burn_lines(tracks, box), "canopy_over_road": layers["trees"] & truth}
    image = Raster(take_photo(rgb, look, dice("camera")), box.transform, box.crs)
    return Town(image, roads, _place_others(plan, sheet, box), truth, layers)


def _make_dice(settings: TownSettings) -> Dice:
    """Other chance in each world: equal seeds are not the same plan in other colours."""
    world = settings.world
    return lambda name: make_stream(settings.seed, f"{world} {name}" if world else name)


def _choose_world(settings: TownSettings, dice: Dice) -> tuple[Look, World]:
    """What a seed makes of a world, and the look of the photograph."""
    if settings.world is None:
        look = choose_look(dice("look"), settings.biome)
        return look, DESERT if look.biome == "desert" else HOME
    world, rng = WORLDS[settings.world], dice("look")
    look = choose_look(rng, str(rng.choice(world.biomes)))
    return look_abroad(look, world, settings.m_per_px, rng), world


def write_town(town: Town, out_dir: str | os.PathLike[str]) -> None:
    """Write `image.tif` and `true_roads.gpkg` into `out_dir`, which is made if need be."""
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    write_raster(folder / "image.tif", town.image, description="a town drawn by mapsight")
    write_lines(folder / "true_roads.gpkg", town.roads, layer="roads")


def _place_roads(plan: Plan, sheet: Sheet, box: GeoBox, columns: list[str]) -> gpd.GeoDataFrame:
    edges = clip_edges(plan.edges, shapely.box(0, 0, *sheet.size_m))
    return gpd.GeoDataFrame(edges[columns], geometry=_move(edges.geometry, box), crs=box.crs)


def _place_others(plan: Plan, sheet: Sheet, box: GeoBox) -> gpd.GeoDataFrame:
    """Railway and footpaths: what looks like a road and is none."""
    parts, classes = [], []
    for road_class, lines in (("railway", plan.rail), ("path", plan.plots.yards.paths)):
        clipped = shapely.intersection(
            np.array(lines, dtype=object), shapely.box(0, 0, *sheet.size_m)
        )
        found = [part for part in shapely.get_parts(clipped) if part.geom_type == "LineString"]
        parts += found
        classes += [road_class] * len(found)
    return gpd.GeoDataFrame(
        {"road_class": classes}, geometry=_move(gpd.GeoSeries(parts), box), crs=box.crs
    )


def _move(lines: gpd.GeoSeries, box: GeoBox) -> gpd.GeoSeries:
    left, bottom, _, _ = box.bounds
    return gpd.GeoSeries(
        shapely.transform(lines.to_numpy(), lambda xy: xy + [left, bottom]), index=lines.index
    )


def _check(name: str, value: float, allowed: tuple[float, float]) -> None:
    if not allowed[0] <= value <= allowed[1]:
        raise InputError(
            f"{name} {value}", f"is not between {allowed[0]} and {allowed[1]}", "choose another"
        )
