"""Claims about masks: two values, whatever they are called in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from mapsight.errors import InputError, OverlapError
from mapsight.geo.masks import read_mask
from mapsight.geo.raster import GeoBox, pixel_box

UTM = CRS.from_epsg(32633)
BOX = GeoBox(60, 80, Affine(1, 0, 500_000, 0, -1, 5_000_000), UTM)


def drawing() -> np.ndarray:
    """A cross on (60, 80), bool."""
    mask = np.zeros((60, 80), bool)
    mask[25:32] = mask[:, 40:47] = True
    return mask


def write(path: Path, array: np.ndarray, box: GeoBox | None = BOX, **options: object) -> Path:
    """The array as a one-band GeoTIFF, placed where the box says."""
    place = {} if box is None else {"crs": box.crs, "transform": box.transform}
    profile = {
        "driver": "GTiff",
        "count": 1,
        "height": array.shape[0],
        "width": array.shape[1],
        "dtype": array.dtype.name,
    }
    with rasterio.open(path, "w", **(profile | place | options)) as target:
        target.write(array, 1)
    return path


@pytest.mark.parametrize("high", [1, 200, 255])
def test_on_is_what_is_high(tmp_path: Path, high: int) -> None:
    """0/1, 0/200 and 0/255 are one mask."""
    read = read_mask(write(tmp_path / "m.tif", (drawing() * high).astype(np.uint8)))
    assert read.array.dtype == np.uint8
    np.testing.assert_array_equal(read.array[0], drawing())
    assert read.geobox == BOX
    assert read.valid.all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA"])
def test_pictures_of_masks_are_masks(tmp_path: Path, mode: str) -> None:
    """1-bit, grey, palette, grey-as-RGB and grey-with-alpha PNGs are one mask in pixels."""
    Image.fromarray(drawing().astype(np.uint8) * 255).convert(mode).save(tmp_path / "m.png")
    read = read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(read.array[0], drawing())
    assert read.geobox == pixel_box(60, 80)


def test_jpeg_noise_around_the_values_is_taken(tmp_path: Path) -> None:
    """A mask saved as JPEG is thresholded at 128."""
    Image.fromarray(drawing().astype(np.uint8) * 255).save(tmp_path / "m.jpg", quality=60)
    assert (read_mask(tmp_path / "m.jpg").array[0] != drawing()).mean() < 0.01


def test_nodata_zero_means_off(tmp_path: Path) -> None:
    """Masks often declare 0 as no data: their background counts all the same."""
    read = read_mask(write(tmp_path / "m.tif", drawing().astype(np.uint8), nodata=0))
    assert read.valid.all()


def test_other_nodata_is_not_valid(tmp_path: Path) -> None:
    """A value that means 'unknown' is neither on nor off."""
    array = drawing().astype(np.uint8)
    array[:5] = 9
    read = read_mask(write(tmp_path / "m.tif", array * 20, nodata=180))
    assert not read.valid[:5].any()
    assert read.array[0, :5].sum() == 0


def test_no_picture_or_measurement_passes_for_a_mask(tmp_path: Path) -> None:
    """Colours, class numbers and probabilities are refused."""
    colour = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    Image.fromarray(colour).save(tmp_path / "c.png")
    for path in (
        tmp_path / "c.png",
        write(tmp_path / "n.tif", (drawing() * 12).astype(np.uint8)),
        write(tmp_path / "p.tif", drawing().astype(np.float32) * 0.7),
    ):
        with pytest.raises(InputError):
            read_mask(path)


def test_mask_comes_on_the_grid_of_the_image(tmp_path: Path) -> None:
    """A mask in another CRS and resolution lands where it lies on earth; beyond it nothing is
    known.
    """
    fine = GeoBox(120, 160, Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000), UTM)
    path = write(tmp_path / "m.tif", drawing().astype(np.uint8) * 255)
    read = read_mask(path, geobox=fine)
    np.testing.assert_array_equal(read.array[0], drawing().repeat(2, 0).repeat(2, 1))
    shifted = GeoBox(60, 80, BOX.transform * Affine.translation(30, -20), UTM)
    moved = read_mask(path, geobox=shifted)
    np.testing.assert_array_equal(moved.array[0, 20:, :50], drawing()[:40, 30:])
    assert moved.valid[20:, :50].all()
    assert not moved.valid[:20].any()
    assert not moved.valid[:, 50:].any()


def test_mask_in_degrees_lands_within_a_pixel(tmp_path: Path) -> None:
    """Reprojected there and back a mask differs at its edges only."""
    from rasterio.warp import calculate_default_transform, reproject

    transform, width, height = calculate_default_transform(
        UTM, CRS.from_epsg(4326), 80, 60, *BOX.bounds
    )
    degrees = np.zeros((height, width), np.uint8)
    reproject(
        drawing().astype(np.uint8),
        degrees,
        src_transform=BOX.transform,
        src_crs=UTM,
        dst_transform=transform,
        dst_crs=CRS.from_epsg(4326),
    )
    path = write(tmp_path / "m.tif", degrees, GeoBox(height, width, transform, CRS.from_epsg(4326)))
    assert (read_mask(path, geobox=BOX).array[0] != drawing()).mean() < 0.05


def test_mask_of_another_place_is_refused(tmp_path: Path) -> None:
    """Disjoint places are an overlap error, not an empty mask."""
    path = write(tmp_path / "m.tif", drawing().astype(np.uint8))
    with pytest.raises(OverlapError):
        read_mask(path, geobox=GeoBox(60, 80, Affine(1, 0, 600_000, 0, -1, 5_000_000), UTM))


def test_mask_without_a_place_needs_the_same_size(tmp_path: Path) -> None:
    """It takes the place of an image of its size, and is refused for another."""
    path = write(tmp_path / "m.tif", drawing().astype(np.uint8), None)
    assert read_mask(path, geobox=BOX).geobox == BOX
    with pytest.raises(InputError, match="same size"):
        read_mask(path, geobox=BOX.window(0, 0, 59, 80))
