"""A street as it is laid out: line, class, width, name."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from shapely.geometry.base import BaseGeometry

from mapsight.town.world import CLASSES, HOME, World

_NAMES = """
    Alder Ash Beacon Birch Bridge Brook Canal Cedar Chapel Chestnut Church Clay Court Dover Elm
    Farm Forge Garden Glen Grove Harbour Hazel Heath Hill Holly Ivy Juniper Kiln Lake Larch
    Laurel Lime Linden Maple Market Meadow Mill Moor Oak Orchard Park Pine Poplar Quarry River
    Rose Rowan School Spring Station Stone Sycamore Thorn Union Valley Vine Walnut Water Well
    Willow Wood
""".split()  # noqa: SIM905


@dataclass(frozen=True, eq=False)
class Street:
    """A road before it is split at junctions."""

    line: BaseGeometry
    road_class: str
    width_m: float
    name: str
    surface: str = "asphalt"
    divided: bool = False  # one of two carriageways

    def along(self, line: BaseGeometry) -> Street:
        """The same street on another line."""
        return replace(self, line=line)


def draw_street(
    line: BaseGeometry, road_class: str, rng: np.random.Generator, world: World = HOME
) -> Street:
    """A street of a width (to the decimetre), a name and a surface that suit its class."""
    way = world.ways[road_class]
    width_m = round(float(rng.uniform(*way.width_m)), 1)
    name = f"{rng.choice(_NAMES)} {way.word}"
    surface = way.surfaces[0][0]
    if len(way.surfaces) > 1:
        names, shares = zip(*way.surfaces, strict=True)
        surface = str(rng.choice(names, p=shares))
    return Street(line, road_class, width_m, name, surface)


def rank_class(road_class: str) -> int:
    """0 for the most important class."""
    return CLASSES.index(road_class)
