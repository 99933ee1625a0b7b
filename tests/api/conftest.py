"""A drawn town and a map of it with mistakes, as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapsight.geo.network import write_lines
from mapsight.roads.planting.plant import PlantSettings, write_planted
from mapsight.roads.planting.town import plant_town
from mapsight.town import TownSettings, draw_town, write_town

EAST_M = 4.0


@pytest.fixture(scope="session")
def town(tmp_path_factory) -> Path:
    """image.tif, true_roads.gpkg, planted.geojson, and map.gpkg in degrees, 4 m too far west."""
    folder = tmp_path_factory.mktemp("town")
    drawn = draw_town(TownSettings(size_px=500, m_per_px=1.0, seed=4))
    mapped, planted = plant_town(drawn, PlantSettings(deleted=2, added=2, shifted=2, seed=4))
    write_town(drawn, folder)
    west = mapped.lines.set_geometry(mapped.lines.geometry.translate(-EAST_M, 0))
    write_lines(folder / "map.gpkg", west.to_crs("EPSG:4326"), layer="roads")
    write_planted(folder / "planted.geojson", planted)
    return folder
