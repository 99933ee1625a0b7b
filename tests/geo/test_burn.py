"""Claims about burnt lines: metres, not pixels or degrees."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from scipy import ndimage

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines, burn_numbers
from mapsight.geo.raster import GeoBox, pixel_box

UTM = "EPSG:32633"
points = st.tuples(st.floats(-10, 40), st.floats(-10, 30))


def make_box(m_per_px: float = 0.5, height: int = 40, width: int = 60) -> GeoBox:
    """A box whose lower left corner is (0, 0)."""
    return GeoBox(
        height, width, Affine(m_per_px, 0, 0, 0, -m_per_px, height * m_per_px), CRS.from_epsg(32633)
    )


def make_lines(*lines: list[tuple[float, float]], **columns: list[float]) -> gpd.GeoDataFrame:
    """Lines in the CRS of the box."""
    return gpd.GeoDataFrame(columns, geometry=[shapely.LineString(line) for line in lines], crs=UTM)


def measure_distance(box: GeoBox, line: shapely.LineString) -> np.ndarray:
    """(H, W) distance in metres of pixel centres to the line, by shapely."""
    rows, cols = np.indices(box.shape)
    t = box.transform
    return shapely.distance(
        shapely.points(t.c + t.a * (cols + 0.5), t.f + t.e * (rows + 0.5)), line
    )


@settings(max_examples=40)
@given(
    line=st.lists(points, min_size=2, max_size=5, unique=True),
    width_m=st.floats(1.0, 9.0),
    m_per_px=st.sampled_from([0.3, 0.5, 1.0]),
)
def test_on_is_what_lies_within_half_the_width(
    line: list[tuple[float, float]], width_m: float, m_per_px: float
) -> None:
    """Every pixel centre nearer than half the width is on, every farther one off (oracle: shapely's
    distance).
    """
    box = make_box(m_per_px)
    burnt = burn_lines(make_lines(line), box, width_m=width_m)
    distance = measure_distance(box, shapely.LineString(line))
    doubt = 0.01 * width_m + 1e-6
    # thin ones are drawn unbroken by GDAL, a pixel wide and at the border a little more
    reach = width_m / 2 if width_m >= m_per_px * 2**0.5 else 1.5 * m_per_px
    assert burnt.dtype == np.uint8
    assert (burnt[distance < width_m / 2 - doubt] == 1).all()
    assert (burnt[distance > reach + doubt] == 0).all()


def test_width_is_metres_at_any_resolution() -> None:
    """A straight road of 7 m covers 7 m² a metre, at 0.25, 0.5 and 1 m a pixel."""
    for m_per_px in (0.25, 0.5, 1.0):
        box = make_box(m_per_px, int(60 / m_per_px), int(60 / m_per_px))
        burnt = burn_lines(make_lines([(-10, 13.1), (70, 41.7)]), box, width_m=7.0)
        crossing = 60 * np.hypot(80, 28.6) / 80
        assert burnt.sum() * m_per_px**2 == pytest.approx(7.0 * crossing, rel=0.02)


def test_each_line_has_its_own_width() -> None:
    """The column width_m counts when no width is given, and a given width replaces it."""
    lines = make_lines([(-10, 5), (40, 5)], [(-10, 15), (40, 15)], width_m=[2.0, 6.0])
    burnt = burn_lines(lines, make_box())
    assert burnt.sum(axis=0).tolist() == [16] * 60
    assert burn_lines(lines, make_box(), width_m=4.0).sum(axis=0).tolist() == [16] * 60
    assert burn_lines(lines.geometry, make_box(), width_m=4.0).sum() == 16 * 60


@settings(max_examples=20)
@given(
    line=st.lists(
        st.tuples(st.floats(1, 29), st.floats(1, 19)), min_size=2, max_size=5, unique=True
    )
)
def test_thin_lines_are_unbroken(line: list[tuple[float, float]]) -> None:
    """However thin, a line is one connected trace, nowhere off by more than 1.5 pixels."""
    box = make_box()
    for width_m in (0.0, 0.1, 0.5, 0.7):
        burnt = burn_lines(make_lines(line), box, width_m=width_m)
        assert ndimage.label(burnt, np.ones((3, 3)))[1] == 1
        assert (
            measure_distance(box, shapely.LineString(line))[burnt == 1].max() <= 1.5 * box.m_per_px
        )


def test_all_touched_only_adds() -> None:
    """It holds the plain mask."""
    lines = make_lines([(3, 3), (25, 17)])
    plain, touched = (
        burn_lines(lines, make_box(), width_m=3.0, all_touched=flag) for flag in (False, True)
    )
    assert (touched >= plain).all()
    assert touched.sum() > plain.sum()


@given(row=st.integers(-10, 45), col=st.integers(-10, 65))
@settings(max_examples=25)
def test_windows_are_parts_of_the_whole(row: int, col: int) -> None:
    """Burning a window equals cutting it out."""
    lines = make_lines([(3, 3), (25, 17), (28, 2)], [(0, 19), (30, 0)], width_m=[3.0, 0.4])
    whole = np.pad(burn_lines(lines, make_box().window(-20, -20, 100, 120)), 0)
    part = burn_lines(lines, make_box().window(row, col, 10, 12))
    np.testing.assert_array_equal(part, whole[row + 20 : row + 30, col + 20 : col + 32])


def test_nothing_burns_nothing() -> None:
    """No lines, empty lines, lines elsewhere."""
    for lines in (make_lines(), make_lines([(900, 900), (950, 900)])):
        assert burn_lines(lines, make_box(), width_m=5.0).sum() == 0
    empty = gpd.GeoDataFrame(geometry=[shapely.LineString(), None], crs=UTM)
    assert burn_lines(empty, make_box(), width_m=5.0).sum() == 0


def test_pixel_coordinates_burn_in_pixels() -> None:
    """A box without CRS takes lines without CRS; metres are what its pixel is taken for."""
    lines = gpd.GeoSeries([shapely.LineString([(0, -5), (20, -5)])])
    burnt = burn_lines(lines, pixel_box(20, 40, m_per_px=0.5), width_m=2.0)
    assert burnt.sum(axis=0).tolist() == [4] * 40
    assert burnt[8:12].all()


def test_lines_in_another_crs_are_refused() -> None:
    """Degrees are never burnt as metres."""
    lines = make_lines([(3, 3), (25, 17)])
    for wrong in (
        lines.set_crs(None, allow_override=True),
        lines.set_crs("EPSG:4326", allow_override=True),
    ):
        with pytest.raises(InputError, match="CRS of the image"):
            burn_lines(wrong, make_box(), width_m=3.0)


@pytest.mark.parametrize("width_m", [-1.0, float("nan"), float("inf")])
def test_absurd_widths_are_refused(width_m: float) -> None:
    """Negative, not a number, infinite."""
    with pytest.raises(InputError, match="widths"):
        burn_lines(make_lines([(3, 3), (25, 17)]), make_box(), width_m=width_m)


def test_numbers_name_the_line() -> None:
    """Each pixel a line runs through holds its position plus one."""
    numbers = burn_numbers(make_lines([(0, 5.2), (30, 5.2)], [(0, 15.2), (30, 15.2)]), make_box())
    assert set(np.unique(numbers)) == {0, 1, 2}
    assert (numbers[29] == 1).all()
    assert (numbers[9] == 2).all()
