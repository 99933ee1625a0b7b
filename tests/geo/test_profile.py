"""Stations stand on their lines, and profiles see what lies beside them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from mapsight.geo.profile import place_stations, profile_offsets, sample_points, sample_profiles

coordinate = st.floats(-500, 500, allow_nan=False).map(lambda v: round(v, 2))
lines = st.lists(
    st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=6, unique=True).map(
        LineString
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60)
@given(lines, st.floats(1, 30))
def test_stations_lie_on_their_lines_and_share_their_length(geometries, step_m):
    """Every station is on its line, normals are perpendicular unit vectors, and the steps add up to
    the length.
    """
    table = gpd.GeoDataFrame(geometry=geometries)
    stations = place_stations(table, step_m=step_m)
    on = shapely.distance(shapely.points(stations.xy), table.geometry.to_numpy()[stations.line])
    assert on.max() < 1e-6
    assert np.allclose(
        np.bincount(stations.line, stations.step_m, minlength=len(table)), table.length
    )
    length = np.linalg.norm(stations.normal, axis=1)
    assert ((np.abs(length - 1) < 1e-6) | (length < 1e-6)).all()  # 0 at the tip of a hairpin


def test_left_is_left():
    """Going east, the profile's positive side is north."""
    stations = place_stations(
        gpd.GeoDataFrame(geometry=[LineString([(10, 50), (90, 50)])]), step_m=10
    )
    array = np.zeros((100, 100), np.float32)
    array[:45] = 1.0  # north of y = 55
    offsets = profile_offsets(10, 1)
    profiles = sample_profiles(array, Affine(1, 0, 0, 0, -1, 100), stations, offsets)
    assert (profiles[:, offsets >= 6] == 1).all()
    assert (profiles[:, offsets <= 4] == 0).all()


def test_samples_are_bilinear_in_pixel_centres():
    """A ramp is read off exactly, anywhere between pixel centres; outside is what was asked for."""
    array = np.add.outer(np.arange(20.0) * 2, np.arange(30.0))
    transform = Affine(0.5, 0, 100, 0, -0.5, 200)
    rng = np.random.default_rng(0)
    cols, rows = rng.uniform(0.5, 29.4, 50), rng.uniform(0.5, 19.4, 50)
    x, y = transform @ (cols, rows)
    got = sample_points(array, transform, np.column_stack([x, y]))
    assert np.allclose(got, 2 * (rows - 0.5) + cols - 0.5, atol=1e-4)
    assert np.isnan(sample_points(array, transform, np.array([0.0, 0.0])))
