"""Which window is looked at: pixels keep their place, small images fill up, sheets are cut between
their images.
"""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.raster import open_image
from mapsight.roads.prediction.windows import cut_windows, find_pixel, read_view


def write_tif(path, array, *, m_per_px=0.5, crs="EPSG:26986"):
    """A GeoTIFF at (230000, 900000)."""
    transform = Affine(m_per_px, 0, 230_000, 0, -m_per_px, 900_000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=array.shape[1],
        width=array.shape[2],
        count=3,
        dtype="uint8",
        crs=CRS.from_string(crs),
        transform=transform,
    ) as file:
        file.write(array)
    return path


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(1, 255, (3, 120, 200), dtype=np.uint8)


def test_pixel_and_place_are_one(tmp_path, noise):
    """A pixel of the file, and its centre in the file's CRS, are the same place on a working grid
    half as fine.
    """
    with open_image(write_tif(tmp_path / "a.tif", noise), m_per_px=1.0) as reader:
        assert reader.geobox.shape == (60, 100)
        assert find_pixel(reader, pixel=(41, 121)) == (20, 60)
        assert find_pixel(reader, at=(230_000 + 121.5 * 0.5, 900_000 - 41.5 * 0.5)) == (20, 60)
        assert find_pixel(reader) is None


def test_places_outside_or_nowhere_are_refused(tmp_path, noise):
    """Outside the image, in two ways at once, or a place in an image without one: one line each."""
    with open_image(write_tif(tmp_path / "a.tif", noise)) as reader:
        with pytest.raises(InputError, match="rows 0 to 119, columns 0 to 199"):
            find_pixel(reader, pixel=(120, 0))
        with pytest.raises(InputError, match="x 230000 to 230100"):
            find_pixel(reader, at=(0.0, 0.0))
        with pytest.raises(InputError, match="give one"):
            find_pixel(reader, pixel=(1, 1), at=(0.0, 0.0))
    Image.fromarray(np.moveaxis(noise, 0, -1)).save(tmp_path / "a.png")
    with open_image(tmp_path / "a.png", m_per_px=1.0) as reader:
        assert find_pixel(reader, pixel=(119, 199)) == (119, 199)
        with pytest.raises(InputError, match="--pixel"):
            find_pixel(reader, at=(3.0, 4.0))


def test_window_lies_around_the_place(tmp_path, noise):
    """The window holds the place, stays inside the image, and its pixels are the image's."""
    with open_image(write_tif(tmp_path / "a.tif", noise)) as reader:
        for place in ((0, 0), (60, 100), (119, 199)):
            view = read_view(reader, 64, place)
            assert view.row <= place[0] < view.row + 64 and view.col <= place[1] < view.col + 64
            assert np.array_equal(
                view.pixels, noise[:, view.row : view.row + 64, view.col : view.col + 64]
            )


def test_without_a_place_it_is_the_whole_window_nearest_the_middle(tmp_path, noise):
    """No data in the middle is passed by; an image of nothing else is refused in one line."""
    noise[:, :, 60:140] = 255  # uniform white: no data
    with open_image(write_tif(tmp_path / "a.tif", noise)) as reader:
        view = read_view(reader, 48)
        assert view.valid.all()
        with pytest.raises(InputError, match="no data"):
            read_view(reader, 48, (60, 100))
        windows = cut_windows(reader, 48, most=50)
        assert len(windows) >= 6 and all((w != 255).any(axis=0).all() for w in windows)
        assert len(cut_windows(reader, 48, most=3)) == 3
    with (
        open_image(write_tif(tmp_path / "b.tif", np.full_like(noise, 255))) as reader,
        pytest.raises(InputError, match="valid"),
    ):
        read_view(reader, 48)


def test_small_images_are_mirrored(tmp_path, noise):
    """An image smaller than the window stands at its top left and is mirrored outwards."""
    with open_image(write_tif(tmp_path / "a.tif", noise[:, :40, :50])) as reader:
        view = read_view(reader, 64)
        assert np.array_equal(
            view.pixels, np.pad(noise[:, :40, :50], ((0, 0), (0, 24), (0, 14)), mode="symmetric")
        )


def test_sheets_are_cut_between_their_images(tmp_path, noise):
    """Windows of a sheet of 20 px images start at multiples of 20, and each image comes once."""
    with open_image(write_tif(tmp_path / "a.tif", noise)) as reader:
        view = read_view(reader, 20, (59, 61), sheet=True)
        assert (view.row, view.col) == (40, 60)
        assert len(cut_windows(reader, 20, most=1000, sheet=True)) == 6 * 10
