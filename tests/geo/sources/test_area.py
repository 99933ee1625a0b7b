"""The place that is asked for."""

from __future__ import annotations

import math

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.sources.area import Area


@pytest.mark.parametrize(
    ("bbox", "word"),
    [
        ((11.6, 48.1, 11.5, 48.2), "west must lie left"),
        ((11.5, 48.2, 11.6, 48.1), "south must lie below"),
        ((48.1, 111.5, 48.2, 111.6), "swapped"),
        ((11.5, 48.1, 11.5, 48.2), "west must lie left"),
        ((179.9, -17, -179.9, -16.9), "179.9 -17 180 -16.9 and -180 -17 -179.9 -16.9"),
        ((0, 0, 181, 1), "-180 to 180"),
        ((0, 0, math.nan, 1), "four numbers"),
        ((0, 0, math.inf, 1), "four numbers"),
        ((0, 0, 10, 10), "above the limit"),
        ((0, 0, 1e-7, 1e-7), "too small"),
        ((-180, -90, 180, 90), "above the limit"),
    ],
)
def test_impossible_boxes_are_refused(bbox, word):
    """Order, range, antimeridian, size: one line that says what to write instead."""
    with pytest.raises(InputError, match=word):
        Area(*bbox)


def test_size_in_kilometres():
    """A degree of the equator is 111.32 km, a degree of the meridian there 110.57 km (WGS 84)."""
    area = Area(0, 0, 0.1, 0.1)
    assert area.width_m == pytest.approx(11131.95, abs=0.1)
    assert area.height_m == pytest.approx(11057.4, abs=0.1)
    assert area.km2 == pytest.approx(123.09, abs=0.01)


@given(
    st.floats(-179, 178),
    st.floats(-79, 78),
    st.floats(0.001, 0.5),
    st.floats(0.001, 0.2),
    st.floats(0.3, 30),
)
def test_grid_covers_the_area(west, south, width, height, m_per_px):
    """Every corner and edge point of the box lies in the grid, which is hardly larger, in metres,
    and snapped.
    """
    area = Area(west, south, west + width, south + height)
    box = area.choose_grid(m_per_px)
    assert box.transform.a == pytest.approx(m_per_px)
    assert (box.transform.c / m_per_px) % 1 == pytest.approx(0, abs=1e-3) or (
        box.transform.c / m_per_px
    ) % 1 == pytest.approx(1, abs=1e-3)
    to_grid = pyproj.Transformer.from_crs(
        "EPSG:4326", pyproj.CRS.from_wkt(box.crs.to_wkt()), always_xy=True
    )
    left, bottom, right, top = box.bounds
    for along in (0, 0.25, 0.5, 1):
        for lon, lat in ((west + along * width, south), (west, south + along * height)):
            x, y = to_grid.transform(lon, lat)
            assert left - m_per_px <= x <= right + m_per_px
            assert bottom - m_per_px <= y <= top + m_per_px


def test_bounds_hold_curved_edges():
    """A parallel bulges in UTM: the middle of an edge reaches beyond its corners."""
    area = Area(9.5, 60, 11.5, 60.1)
    left, bottom, right, top = area.bounds_in(CRS.from_epsg(32632))
    to_utm = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)
    for lon in (9.5, 10, 10.5, 11, 11.5):
        x, y = to_utm.transform(lon, 60)
        assert left - 1 <= x <= right + 1
        assert bottom - 1 <= y <= top
