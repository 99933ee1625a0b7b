"""Claims about places: boxes, names of CRS, metric CRS."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, Raster, metric_crs, parse_crs, pixel_box

DEGREES = CRS.from_epsg(4326)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A local web server and the list of what was asked of it."""
    hits: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"EPSG:4326")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", hits
        running.shutdown()


def test_window_keeps_its_place() -> None:
    """The corner of a window is the corner of its pixel in the whole, over the edges too."""
    box = GeoBox(10, 20, Affine(0.5, 0, 100, 0, -0.5, 200), CRS.from_epsg(32633))
    window = box.window(4, -2, 3, 5)
    assert window.shape == (3, 5)
    assert window.bounds == (99.0, 196.5, 101.5, 198.0)
    assert window.m_per_px == 0.5


def test_pixel_box_has_y_up_and_its_own_unit() -> None:
    """Pixel coordinates start at the top left and fall."""
    assert pixel_box(10, 20, m_per_px=2.0).bounds == (0.0, -20.0, 40.0, 0.0)


def test_raster_without_mask_is_all_valid() -> None:
    """valid defaults to True everywhere, and the box is that of the array."""
    raster = Raster(np.zeros((3, 4, 5), np.uint8), Affine.identity())
    assert raster.valid.shape == (4, 5)
    assert raster.valid.all()
    assert raster.geobox.shape == (4, 5)


@pytest.mark.parametrize(
    ("name", "epsg"), [("EPSG:26986", 26986), ("epsg:4326", 4326), ("26986", 26986), (4326, 4326)]
)
def test_crs_names_are_read(name: str | int, epsg: int) -> None:
    """Authority codes and bare numbers are the CRS they name."""
    assert parse_crs(name).to_epsg() == epsg
    assert parse_crs(pyproj.CRS.from_epsg(epsg)).to_epsg() == epsg


@pytest.mark.parametrize(
    "name", ["EPSG:999999", "+proj=longlat +nadgrids=/etc/passwd", "a.prj", "", "WGS 84"]
)
def test_other_crs_text_is_refused(name: str) -> None:
    """Free text, files, PROJ strings and unknown numbers get one line."""
    with pytest.raises(InputError):
        parse_crs(name)


def test_crs_that_is_a_url_is_refused_without_a_connection(server: tuple[str, list[str]]) -> None:
    """A URL given as CRS is never fetched."""
    with pytest.raises(InputError, match="not the name of a CRS"):
        parse_crs(server[0] + "/4326")
    assert server[1] == []


@settings(max_examples=60)
@given(lon=st.floats(-180, 180), lat=st.floats(-89, 89))
def test_metric_crs_of_degrees_is_metric(lon: float, lat: float) -> None:
    """Anywhere on earth the chosen CRS has a point scale within 1 % (oracle: PROJ's own
    factors).
    """
    crs = metric_crs((lon, lat, lon, lat), DEGREES)
    factors = pyproj.Proj(crs.to_wkt()).get_factors(lon, lat)
    assert abs(factors.meridional_scale - 1) < 0.01
    assert abs(factors.parallel_scale - 1) < 0.01


def test_good_projected_crs_is_kept_and_poor_ones_replaced() -> None:
    """State plane metres stay; Web Mercator in the north, feet, a UTM zone far off give the local
    UTM.
    """
    boston = CRS.from_epsg(26986)
    assert metric_crs((231986, 902771, 232786, 904271), boston) == boston
    oslo = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(10.75, 59.9)
    assert metric_crs((*oslo, *oslo), CRS.from_epsg(3857)).to_epsg() == 32632
    feet = pyproj.Transformer.from_crs(4326, 2249, always_xy=True).transform(-71.1, 42.37)
    assert metric_crs((*feet, *feet), CRS.from_epsg(2249)).to_epsg() == 32619
    far = pyproj.Transformer.from_crs(4326, 32633, always_xy=True).transform(40.0, 10.0)
    assert metric_crs((*far, *far), CRS.from_epsg(32633)).to_epsg() == 32637


def test_web_mercator_at_the_equator_is_metric_enough() -> None:
    """The rule is the scale, not the name."""
    assert metric_crs((0, 0, 1000, 1000), CRS.from_epsg(3857)).to_epsg() == 3857


def test_bounds_off_the_earth_are_refused() -> None:
    """Latitude 120 or infinite metres are named, not projected."""
    with pytest.raises(InputError, match="no place on earth"):
        metric_crs((10, 120, 11, 121), DEGREES)
    with pytest.raises(InputError, match="no place on earth"):
        metric_crs((1e30, 1e30, 1e30, 1e30), CRS.from_epsg(32633))
