"""Worlds: where on earth a town lies, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mapsight.town.world import HOME, Range, Shares, Way, World

_ASPHALT: Shares = (("asphalt", 1.0),)


def _ways(**changed: tuple[Range, Shares]) -> Mapping[str, Way]:
    """The ways of home, some with other widths and surfaces."""
    new = {name: Way(width, HOME.ways[name].word, made) for name, (width, made) in changed.items()}
    return MappingProxyType({**HOME.ways, **new})


_EARTH: Shares = (("earth", 1.0),)
_ROUGH: Shares = (("earth", 0.75), ("gravel", 0.25))
_MIXED: Shares = (("asphalt", 0.45), ("earth", 0.4), ("gravel", 0.15))
_TROPIC: Shares = (("asphalt", 0.6), ("concrete", 0.2), ("gravel", 0.2))
_SANDY: Shares = (("sand", 0.8), ("gravel", 0.2))
_PALE: Shares = (("asphalt", 0.5), ("concrete", 0.5))
_AERIAL = ("aerial", "sharp", "dull", "cool", "hazy")
_ORBITS = ("sharp", "hazy", "vivid", "warm", "cool", "stretched", "dull", "pale")

# fmt: off
WORLDS: Mapping[str, World] = MappingProxyType({
    # a town of the wet savanna: earth roads between compounds under tin, mango trees
    "red_earth": World(
        districts={
            "compound": (0.14, 0.50, 0.60, 0.45), "hamlet": (0.30, 0.18, 0.02, 0.0),
            "informal": (0.0, 0.08, 0.14, 0.10), "bazaar": (0.0, 0.0, 0.08, 0.35),
            "smallholding": (0.34, 0.14, 0.04, 0.0), "bare": (0.18, 0.08, 0.04, 0.0),
            "forest": (0.06, 0.0, 0.0, 0.0),
        },
        ways=_ways(
            primary=((7, 11), (("asphalt", 0.6), ("earth", 0.4))), secondary=((6, 9.5), _ROUGH),
            residential=((4.2, 7.5), _EARTH), service=((2.6, 4.2), _EARTH),
            track=((1.8, 3.2), _EARTH), lane=((2.0, 4.0), _EARTH),
        ),
        biomes=("laterite", "laterite_dry"), density=(0.15, 0.9), spacing_m=(220, 480),
        sweep_m=(15, 80), motorway=0.02, divided=0.05, roundabouts=0.1, rail=0.08,
        river_lake=(0.15, 0.1), tunnels=False, sensors=_ORBITS, sun_height=(35, 78), lean=0.3,
        relief=0.1, dust=0.35,
    ),
    # the dry edge of the desert: pale earth, walled yards, flat mud roofs among tin
    "white_earth": World(
        districts={
            "compound": (0.16, 0.42, 0.45, 0.25), "mudtown": (0.10, 0.28, 0.40, 0.55),
            "hamlet": (0.26, 0.10, 0.0, 0.0), "smallholding": (0.22, 0.08, 0.0, 0.0),
            "bare": (0.26, 0.12, 0.05, 0.05), "bazaar": (0.0, 0.0, 0.10, 0.15),
        },
        ways=_ways(
            primary=((7, 12), (("asphalt", 0.7), ("gravel", 0.3))), secondary=((7, 13), _SANDY),
            residential=((4.5, 9.5), _SANDY), service=((2.4, 4.0), _SANDY),
            track=((2.0, 3.4), _SANDY), lane=((2.0, 4.0), _SANDY),
        ),
        biomes=("sahel", "sahel_pale"), density=(0.15, 0.95), spacing_m=(240, 520),
        motorway=0.02, roundabouts=0.08, rail=0.05, river_lake=(0.1, 0.05), tunnels=False,
        sensors=_ORBITS, sun_height=(40, 78), lean=0.25, dust=0.5,
    ),
    # informal settlements: lanes of 2–4 m, houses wall to wall
    "informal": World(
        districts={
            "informal": (0.55, 0.75, 0.80, 0.80), "bazaar": (0.0, 0.05, 0.10, 0.15),
            "bare": (0.30, 0.12, 0.03, 0.0), "compound": (0.10, 0.05, 0.03, 0.0),
            "industrial": (0.02, 0.03, 0.04, 0.04),
        },
        ways=_ways(
            primary=((8, 14), (("asphalt", 0.85), ("earth", 0.15))), secondary=((5, 9), _MIXED),
            residential=((3.2, 5.5), _MIXED), service=((2.0, 3.4), _ROUGH),
            lane=((2.0, 4.0), (("earth", 0.85), ("concrete", 0.15))),
        ),
        biomes=("laterite", "tropics", "dust"), density=(0.35, 1.0), spacing_m=(180, 420),
        sweep_m=(25, 80), motorway=0.08, divided=0.15, rail=0.35, rail_beside=0.3,
        canals=(0, 1), river_lake=(0.3, 0.05), tunnels=False, sensors=_ORBITS,
        sun_height=(35, 75), lean=0.3, dust=0.4, relief=0.15,
    ),
    # an old city of flat roofs and narrow streets
    "flat_roofs": World(
        districts={
            "bazaar": (0.20, 0.45, 0.62, 0.70), "grid": (0.0, 0.06, 0.06, 0.04),
            "rows": (0.10, 0.30, 0.24, 0.14), "bare": (0.40, 0.10, 0.02, 0.0),
            "park": (0.0, 0.05, 0.06, 0.06), "smallholding": (0.30, 0.04, 0.0, 0.0),
            "industrial": (0.0, 0.04, 0.05, 0.02),
        },
        ways=_ways(
            primary=((9, 15), _ASPHALT), secondary=((6.5, 10), _ASPHALT),
            residential=((4.0, 7.5), (("asphalt", 0.75), ("concrete", 0.15), ("earth", 0.1))),
            service=((2.6, 4.0), _PALE), lane=((2.2, 4.0), (("concrete", 0.7), ("earth", 0.3))),
        ),
        biomes=("dust", "monsoon", "dry"), density=(0.4, 1.0), spacing_m=(240, 520),
        motorway=0.05, divided=0.3, median_m=(1, 4), roundabouts=0.15, rail=0.35,
        rail_beside=0.4, sensors=_ORBITS, sun_height=(30, 72), lean=0.35, dust=0.25,
    ),
    # tiled roofs close together, under trees: terraces of houses in the tropics
    "tile_rows": World(
        districts={
            "rows": (0.15, 0.55, 0.60, 0.50), "suburb": (0.12, 0.15, 0.10, 0.02),
            "bazaar": (0.0, 0.03, 0.10, 0.25), "palms": (0.35, 0.08, 0.0, 0.0),
            "forest": (0.25, 0.08, 0.02, 0.0), "tower": (0.0, 0.03, 0.10, 0.20),
            "industrial": (0.05, 0.08, 0.10, 0.05), "park": (0.0, 0.04, 0.05, 0.05),
        },
        ways=_ways(
            primary=((8, 15), _ASPHALT), secondary=((7, 10), _ASPHALT),
            residential=((4.5, 7.0), _TROPIC), service=((2.8, 4.2), _PALE),
            track=((2.2, 3.4), (("earth", 0.6), ("gravel", 0.4))),
        ),
        biomes=("tropics",), density=(0.25, 1.0), motorway=0.15, divided=0.35, roundabouts=0.12,
        rail=0.2, rail_beside=0.5, canals=(0, 1), sensors=_ORBITS, sun_height=(45, 80), lean=0.4,
    ),
    # plantations of palms, straight pale tracks, villages along the road
    "palms": World(
        districts={
            "palms": (0.62, 0.42, 0.10, 0.0), "hamlet": (0.10, 0.20, 0.25, 0.20),
            "forest": (0.14, 0.08, 0.02, 0.0), "rows": (0.0, 0.12, 0.40, 0.60),
            "smallholding": (0.12, 0.12, 0.10, 0.0), "bare": (0.02, 0.06, 0.05, 0.0),
        },
        ways=_ways(
            primary=((6.5, 10), _ASPHALT), secondary=((5, 8), _MIXED),
            residential=((3.6, 6), _TROPIC), track=((2.6, 4.5), _ROUGH),
        ),
        biomes=("tropics", "laterite_wet"), density=(0.0, 0.6), spacing_m=(300, 700),
        motorway=0.05, rail=0.1, canals=(0, 2), canal_m=(3, 9), tunnels=False,
        sensors=_ORBITS, sun_height=(45, 80), lean=0.2, dust=0.15,
    ),
    # rice fields, canals with a road on the dyke, villages in rows
    "rice": World(
        districts={
            "paddy": (0.78, 0.45, 0.10, 0.0), "hamlet": (0.14, 0.25, 0.25, 0.1),
            "rows": (0.0, 0.22, 0.50, 0.60), "bazaar": (0.0, 0.0, 0.1, 0.25),
            "industrial": (0.0, 0.06, 0.06, 0.05), "bare": (0.04, 0.03, 0.0, 0.0),
        },
        ways=_ways(
            primary=((7, 11), _ASPHALT), secondary=((5, 8), _TROPIC),
            residential=((3.2, 5.5), _TROPIC), service=((2.4, 3.6), _PALE),
            track=((2.0, 3.4), (("earth", 0.5), ("concrete", 0.3), ("gravel", 0.2))),
        ),
        biomes=("paddy", "paddy_ripe", "monsoon"), density=(0.0, 0.6), spacing_m=(260, 600),
        bends_m=(0, 6), sweep_m=(5, 40), motorway=0.12, rail=0.25, rail_beside=0.4,
        canals=(1, 4), canal_m=(3, 22), river_lake=(0.2, 0.2), tunnels=False, sensors=_ORBITS,
        sun_height=(35, 75), lean=0.25,
    ),
    # steps of narrow fields on slopes, roads that wind along them
    "terraces": World(
        districts={
            "terrace": (0.70, 0.60, 0.35, 0.0), "hamlet": (0.12, 0.22, 0.32, 0.30),
            "forest": (0.16, 0.08, 0.0, 0.0), "bazaar": (0.0, 0.04, 0.25, 0.60),
            "bare": (0.06, 0.08, 0.04, 0.0),
        },
        ways=_ways(
            primary=((5, 8), (("asphalt", 0.7), ("gravel", 0.3))), secondary=((4, 6.5), _MIXED),
            residential=((3, 5), (("earth", 0.7), ("gravel", 0.2), ("concrete", 0.1))),
            track=((1.8, 3.2), _EARTH), lane=((2.0, 3.0), _EARTH),
        ),
        biomes=("hills", "hills_dry", "laterite_wet"), density=(0.0, 0.75), spacing_m=(200, 460),
        bends_m=(12, 26), sweep_m=(60, 130), motorway=0.0, roundabouts=0.0, rail=0.0,
        river_lake=(0.3, 0.05), sensors=_ORBITS, sun_height=(30, 65), lean=0.3, relief=0.5,
        dust=0.2,
    ),
    # sand: villas behind walls, wide new roads, tracks across the dunes
    "sand": World(
        districts={
            "dunes": (0.56, 0.26, 0.04, 0.0), "villa": (0.14, 0.42, 0.55, 0.30),
            "site": (0.20, 0.16, 0.08, 0.05), "tower": (0.0, 0.02, 0.12, 0.35),
            "industrial": (0.06, 0.08, 0.10, 0.10), "mudtown": (0.04, 0.06, 0.08, 0.10),
            "palms": (0.04, 0.04, 0.03, 0.0),
        },
        ways=_ways(
            motorway=((12, 19), _ASPHALT), primary=((10, 16), _ASPHALT),
            secondary=((8, 13), _ASPHALT),
            residential=((6, 10), (("asphalt", 0.75), ("sand", 0.25))),
            service=((4, 6), (("asphalt", 0.6), ("sand", 0.4))),
            track=((2.4, 4.5), (("sand", 1.0),)),
        ),
        biomes=("dunes", "dunes_white", "desert"), density=(0.05, 0.9), spacing_m=(300, 640),
        motorway=0.3, divided=0.5, median_m=(3, 14), roundabouts=0.35, rail=0.05,
        river_lake=(0.05, 0.2), tunnels=False, sensors=_ORBITS, sun_height=(35, 78), lean=0.4,
        relief=0.15, dust=0.3,
    ),
    # the same suburbs as at home under snow
    "snow": World(
        ways=_ways(
            primary=((10, 13.5), (("asphalt", 0.85), ("snow", 0.15))),
            secondary=((7.5, 10), (("asphalt", 0.6), ("snow", 0.4))),
            residential=((5, 7.4), (("asphalt", 0.35), ("snow", 0.65))),
            service=((3.2, 4.4), (("snow", 1.0),)), track=((2.4, 3.4), (("snow", 1.0),)),
        ),
        biomes=("snow", "thaw"), sensors=("aerial", "sharp", "cool", "pale"),
        sun_height=(20, 42), lean=0.15, tunnels=False,
    ),
    # summer, autumn and spring of the north, through other cameras than at home
    "seasons": World(
        biomes=("autumn", "spring", "green", "winter", "dry"), sensors=(*_AERIAL, "vivid", "warm"),
        sun_height=(22, 66), lean=0.25, divided=0.2, rail_beside=0.3,
    ),
    # new cities: motorways of 8–12 lanes, dual carriageways, towers, building land
    "megacity": World(
        districts={
            "tower": (0.05, 0.22, 0.55, 0.70), "site": (0.42, 0.34, 0.10, 0.03),
            "industrial": (0.12, 0.18, 0.12, 0.06), "rows": (0.0, 0.05, 0.10, 0.10),
            "park": (0.05, 0.05, 0.08, 0.10), "paddy": (0.26, 0.08, 0.0, 0.0),
            "bare": (0.10, 0.08, 0.02, 0.0),
        },
        ways=_ways(
            motorway=((15, 22), _ASPHALT), primary=((10.5, 18), _ASPHALT),
            secondary=((8, 13), (("asphalt", 0.9), ("concrete", 0.1))),
            residential=((5.5, 9), _PALE), service=((3.6, 6), _PALE),
            track=((2.5, 4.5), (("earth", 1.0),)),
        ),
        biomes=("loess", "loess_green", "winter"), density=(0.1, 1.0), spacing_m=(260, 560),
        bends_m=(0, 5), sweep_m=(0, 40), motorway=0.4, divided=0.7, median_m=(2, 9),
        roundabouts=0.05, rail=0.3, rail_beside=0.6, canals=(0, 2), canal_m=(8, 30),
        sensors=_ORBITS, sun_height=(32, 66), lean=0.6,
    ),
    # low land: canals, roads and railways side by side, roundabouts
    "canals": World(
        districts={
            "strips": (0.62, 0.22, 0.02, 0.0), "rows": (0.04, 0.30, 0.50, 0.55),
            "suburb": (0.10, 0.22, 0.12, 0.02), "industrial": (0.06, 0.10, 0.12, 0.10),
            "core": (0.0, 0.0, 0.12, 0.28), "park": (0.04, 0.08, 0.08, 0.05),
            "fields": (0.14, 0.06, 0.0, 0.0),
        },
        ways=_ways(
            primary=((7, 12), _ASPHALT), residential=((4, 6.5), (("asphalt", 0.6),
            ("concrete", 0.4))), track=((2.2, 3.2), (("earth", 0.5), ("concrete", 0.5))),
        ),
        biomes=("green", "spring", "polder"), density=(0.0, 1.0), bends_m=(0, 5), sweep_m=(0, 30),
        motorway=0.3, divided=0.35, roundabouts=0.45, rail=0.6, rail_beside=0.7, canals=(2, 6),
        canal_m=(4, 26), sensors=_AERIAL, sun_height=(24, 62), lean=0.15,
    ),
    # high dry grass: many tracks, earth roads, small houses
    "steppe": World(
        districts={
            "dunes": (0.50, 0.25, 0.05, 0.0), "mudtown": (0.08, 0.30, 0.45, 0.50),
            "compound": (0.06, 0.25, 0.40, 0.40), "fields": (0.20, 0.06, 0.0, 0.0),
            "bare": (0.16, 0.10, 0.04, 0.0), "industrial": (0.0, 0.04, 0.06, 0.10),
        },
        ways=_ways(
            primary=((6.5, 9), (("asphalt", 0.6), ("gravel", 0.4))), secondary=((5, 8), _ROUGH),
            residential=((4, 8), _ROUGH), service=((2.4, 4), _EARTH), track=((1.8, 3.4), _EARTH),
        ),
        biomes=("steppe", "sahel"), density=(0.0, 0.7), sweep_m=(30, 110), motorway=0.0,
        roundabouts=0.0, rail=0.25, rail_beside=0.5, river_lake=(0.2, 0.05), tunnels=False,
        sensors=_ORBITS, sun_height=(25, 62), lean=0.15, relief=0.3, dust=0.3,
    ),
})
# fmt: on
