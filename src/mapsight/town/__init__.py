"""A drawn town: the oracle of the tests, the data of the demo, a teacher for the shipped net."""

from mapsight.town.scene import Town, TownSettings, draw_town, write_town

__all__ = ["Town", "TownSettings", "draw_town", "write_town"]
