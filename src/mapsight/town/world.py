"""What makes a world: what is built there, of what the roads are, how it is seen.

A world is data. It says which districts there are, how wide the roads are and of what, how they
run, and the ranges from which light and camera are drawn. `HOME` is the town that has always been
drawn; equal seeds give it to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Range = tuple[float, float]
Shares = tuple[tuple[str, float], ...]
PAVED = ("asphalt", "concrete")
_ASPHALT: Shares = (("asphalt", 1.0),)


@dataclass(frozen=True)
class Way:
    """Roads of one class: width of the carriageway in metres (least, most), last word of their
    names, and of what they are made, by share.
    """

    width_m: Range
    word: str
    surfaces: Shares = _ASPHALT


# the class that matters most comes first; the order also decides who lies above whom
_WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "motorway": Way((10.5, 11.5), "Motorway"),
        "primary": Way((11.0, 14.5), "Road"),
        "secondary": Way((8.2, 10.2), "Avenue"),
        "residential": Way((5.6, 7.6), "Street"),
        "service": Way((3.6, 4.6), "Alley"),
        "track": Way((2.5, 3.3), "Track", (("earth", 1.0),)),
        "lane": Way((2.0, 4.0), "Lane", (("earth", 0.6), ("concrete", 0.4))),
    }
)
CLASSES = tuple(_WAYS)

# kind of district: its weight in open country, outskirts, town, centre
Districts = Mapping[str, tuple[float, float, float, float]]
_AT_HOME: Districts = MappingProxyType(
    {
        "core": (0.0, 0.0, 0.20, 0.55),
        "grid": (0.0, 0.12, 0.30, 0.20),
        "suburb": (0.10, 0.34, 0.24, 0.05),
        "woods": (0.14, 0.16, 0.02, 0.0),
        "industrial": (0.04, 0.10, 0.14, 0.10),
        "park": (0.0, 0.06, 0.10, 0.10),
        "bare": (0.08, 0.08, 0.02, 0.0),
        "forest": (0.32, 0.14, 0.0, 0.0),
        "fields": (0.38, 0.12, 0.0, 0.0),
    }
)


@dataclass(frozen=True)
class World:
    """One kind of place. Lengths in metres, angles in degrees, ranges as (least, most), shares and
    chances in [0, 1].
    """

    districts: Districts = field(default_factory=lambda: _AT_HOME)
    ways: Mapping[str, Way] = field(default_factory=lambda: _WAYS)
    biomes: tuple[str, ...] = ()  # none: drawn as at home
    density: Range = (0.0, 1.0)
    spacing_m: Range = (330, 620)  # between main roads
    bends_m: Range = (1, 12)
    sweep_m: Range = (15, 65)
    motorway: float | None = None  # chance; None: by the size of the picture
    divided: float = 0.0  # share of the main roads with two carriageways
    median_m: Range = (2.0, 8.0)
    roundabouts: float = 0.14  # share of the crossings of main roads
    rail: float = 0.5
    rail_beside: float = 0.0  # chance that the railway keeps beside a main road
    canals: tuple[int, int] = (0, 0)
    canal_m: Range = (5, 20)
    river_lake: tuple[float, float] = (0.38, 0.45)
    tunnels: bool = True
    sensors: tuple[str, ...] = ()  # none: the camera of home
    sun_height: Range = (36, 62)
    lean: float = 0.0  # most metres that a roof is seen aside for each metre of height
    relief: float = 0.0  # how much slopes are lit or shaded
    dust: float = 0.0  # how much of the soil's colour lies on paved roads
    instead: Mapping[str, tuple[str, float]] = field(default_factory=dict)


HOME = World()
DESERT = World(
    river_lake=(0.12, 0.25),
    instead=MappingProxyType(
        {"forest": ("bare", 1.0), "woods": ("suburb", 1.0), "fields": ("bare", 0.7)}
    ),
)
