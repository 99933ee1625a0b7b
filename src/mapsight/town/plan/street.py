"""A street as it is laid out: line, class, width, name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from shapely.geometry.base import BaseGeometry

# road_class: narrowest and widest carriageway in metres, last word of the name
_CLASSES = {
    "motorway": (10.5, 11.5, "Motorway"),
    "primary": (11.0, 14.5, "Road"),
    "secondary": (8.2, 10.2, "Avenue"),
    "residential": (5.6, 7.6, "Street"),
    "service": (3.6, 4.6, "Alley"),
    "track": (2.5, 3.3, "Track"),
}
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

    def along(self, line: BaseGeometry) -> Street:
        """The same street on another line."""
        return Street(line, self.road_class, self.width_m, self.name)


def draw_street(line: BaseGeometry, road_class: str, rng: np.random.Generator) -> Street:
    """A street of a width (to the decimetre) and a name that suit its class."""
    least, most, kind = _CLASSES[road_class]
    return Street(
        line, road_class, round(float(rng.uniform(least, most)), 1), f"{rng.choice(_NAMES)} {kind}"
    )


def rank_class(road_class: str) -> int:
    """0 for the most important class."""
    return list(_CLASSES).index(road_class)
