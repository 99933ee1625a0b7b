"""A drawn town: the oracle of the tests, the data of the demo, a teacher for the shipped net."""

from mapsight.town.atlas import AtlasScene, draw_atlas
from mapsight.town.scene import Town, TownSettings, draw_town, write_town
from mapsight.town.worlds import WORLDS

__all__ = [
    "WORLDS",
    "AtlasScene",
    "Town",
    "TownSettings",
    "draw_atlas",
    "draw_town",
    "write_town",
]
