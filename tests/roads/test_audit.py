"""The audit keeps places straight: the shift goes out and comes back, and every file says where it lies."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from mapsight.geo.shift import ShiftField
from mapsight.roads.audit import back_to_map
from mapsight.roads.export.findings_files import reproject_findings
from mapsight.roads.findings import COLUMNS

from .conftest import BOX, make_lines


def table():
    """Two findings, one of them with the road seen beside it."""
    lines = make_lines([(100, 100), (200, 100)], [(300, 50), (300, 250)])
    seen = ["", shapely.LineString([(500_310, 5_000_050), (500_310, 5_000_250)]).wkt]
    columns = {name: ["x", "y"] for name in COLUMNS if name not in ("seen_wkt",)}
    return gpd.GeoDataFrame({**columns, "seen_wkt": seen}, geometry=lines.geometry, crs=lines.crs)


def test_findings_go_back_to_the_map():
    """What was moved onto the imagery by (3, −4) lies 5 m from there afterwards, the seen road with it."""
    found = table()
    back = back_to_map(found, ShiftField(dx_m=3.0, dy_m=-4.0))
    assert np.allclose(shapely.get_coordinates(back.geometry) - shapely.get_coordinates(found.geometry), [-3, 4])
    seen = shapely.from_wkt(back["seen_wkt"][1])
    assert np.allclose(shapely.get_coordinates(seen)[0], [500_307, 5_000_054])
    assert back["seen_wkt"][0] == ""


def test_seen_road_is_in_the_files_crs():
    """In degrees the seen road still lies 10 m beside its finding."""
    back = reproject_findings(table(), "EPSG:4326")
    assert back.crs.to_epsg() == 4326
    seen = gpd.GeoSeries.from_wkt(back["seen_wkt"][[1]], crs=4326).to_crs(BOX.crs.to_wkt())
    line = back.geometry[[1]].to_crs(BOX.crs.to_wkt())
    assert seen.distance(line).iloc[0] == pytest.approx(10, abs=0.1)
    assert back["seen_wkt"][0] == ""


def test_empty_table_passes():
    """No findings are a table, too."""
    none = table().iloc[:0]
    assert len(reproject_findings(back_to_map(none, ShiftField(dx_m=1.0)), "EPSG:4326")) == 0
