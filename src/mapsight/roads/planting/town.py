"""Mistakes in the map of a drawn town."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from mapsight.geo.network import RoadMap, wrap_lines
from mapsight.roads.planting.plant import PlantSettings, plant_errors
from mapsight.town import Town


def plant_town(town: Town, settings: PlantSettings) -> tuple[RoadMap, gpd.GeoDataFrame]:
    """A map of the town with mistakes, and the mistakes.

    An audit does not check tracks, so no mistake is made on one.
    """
    is_track = town.roads["road_class"] == "track"
    tracks = town.roads[is_track]
    lines, planted = plant_errors(
        town.roads[~is_track],
        town.image.geobox,
        settings=settings,
        avoid=pd.concat([town.other_ways, tracks], ignore_index=True),
    )
    lines = pd.concat([lines, tracks], ignore_index=True)
    return wrap_lines(lines, source_crs=town.image.crs, other_ways=town.other_ways), planted
