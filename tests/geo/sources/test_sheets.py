"""Several sheets are one image: pixels, order, and a word for each that is left out."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from mapsight.errors import InputError
from mapsight.geo.geobox import Raster
from mapsight.geo.imagery import open_image
from mapsight.geo.raster import write_raster
from mapsight.geo.sources.sheets import open_images
from mapsight.geo.warp import warp_raster

UTM = CRS.from_epsg(32632)


def draw(height, width, *, x=500_000.0, y=5_000_000.0, m_per_px=0.5, seed=0):
    """Smooth noise as an image; equal places of a seed have equal pixels."""
    rng = np.random.default_rng(seed)
    array = ndimage.gaussian_filter(rng.normal(size=(3, height, width)), (0, 4, 4))
    array = (10 + (array - array.min()) / np.ptp(array) * 230).astype(np.uint8)
    return Raster(array, Affine(m_per_px, 0, x, 0, -m_per_px, y), UTM)


def cut(raster, rows, cols):
    """A window of a raster, placed."""
    transform = raster.transform @ Affine.translation(cols.start, rows.start)
    return Raster(raster.array[:, rows, cols], transform, raster.crs)


@pytest.fixture
def whole():
    return draw(300, 400)


@pytest.fixture
def sheets(tmp_path, whole):
    """Four quarters with an overlap of 20 px, as files."""
    folder = tmp_path / "sheets"
    folder.mkdir()
    for row, rows in enumerate((slice(0, 160), slice(140, 300))):
        for col, cols in enumerate((slice(0, 210), slice(190, 400))):
            write_raster(folder / f"s{row}{col}.tif", cut(whole, rows, cols))
    return folder


def test_quarters_are_the_whole_again(sheets, whole):
    """Sheets on one grid come out pixel by pixel as the image that they were cut from."""
    with open_images([sheets]) as reader:
        seen = reader.read_all()
        assert reader.geobox == whole.geobox
    assert np.array_equal(seen.array, whole.array) and seen.valid.all()


def test_files_folders_and_patterns_are_one(sheets):
    """However sheets are named, each counts once."""
    given = [sheets / "s00.tif", sheets, str(sheets / "s*.tif")]
    with open_images(given) as reader:
        assert len(reader.sheets) == 4


def test_one_file_is_an_image(sheets):
    """A single file is read as ever."""
    with open_images([sheets / "s00.tif"]) as one, open_image(sheets / "s00.tif") as same:
        assert type(one) is type(same) and one.geobox == same.geobox


def test_another_crs_and_resolution_fit_in(sheets, whole, tmp_path):
    """A coarser sheet in degrees fills what the finer ones leave open, in its place."""
    (sheets / "s11.tif").unlink()
    write_raster(tmp_path / "all.tif", whole)
    west, north, size = 9.0, 45.1535, 1e-5
    with open_image(tmp_path / "all.tif") as reader:
        degrees = type(reader.geobox)(
            300, 500, Affine(size, 0, west, 0, -size, north), CRS.from_epsg(4326)
        )
    warp_raster(tmp_path / "all.tif", sheets / "degrees.tif", degrees)
    with open_images([sheets]) as reader:
        assert reader.geobox.crs == UTM and reader.geobox.m_per_px == 0.5
        row = round((reader.geobox.bounds[3] - whole.geobox.bounds[3]) / 0.5)
        col = round((whole.geobox.bounds[0] - reader.geobox.bounds[0]) / 0.5)
        seen = reader.read(row, col, 300, 400)
        x, y = whole.transform @ (50, 50)
        assert reader.find_sheet(x, y).path.name == "s00.tif"
        x, y = whole.transform @ (390, 290)
        sheet = reader.find_sheet(x, y)
        assert sheet is None or sheet.path.name == "degrees.tif"
    assert np.array_equal(seen.array[:, :140, :190], whole.array[:, :140, :190])
    corner = np.s_[200:260, 250:350]
    there = seen.valid[corner]
    assert there.mean() > 0.9
    apart = np.abs(seen.array[0][corner].astype(float) - whole.array[0][corner])[there]
    assert apart.mean() < 6


def test_what_cannot_be_used_is_named(sheets, whole, tmp_path):
    """A damaged, an empty and an unplaced sheet do not stop the others, and each has a word."""
    broken = (sheets / "s00.tif").read_bytes()
    (sheets / "broken.tif").write_bytes(broken[: len(broken) // 3])
    write_raster(sheets / "unplaced.tif", Raster(whole.array, Affine.identity()))
    (sheets / "text.tif").write_text("no image")
    empty = cut(whole, slice(0, 100), slice(0, 100))
    nothing = Raster(np.zeros_like(empty.array), empty.transform, UTM, np.zeros((100, 100), bool))
    write_raster(sheets / "empty.tif", nothing)
    with open_images([sheets]) as reader:
        seen = reader.read_all()
        notes = "\n".join(reader.notes)
    assert seen.valid.all() and np.array_equal(seen.array, whole.array)
    assert "unplaced.tif: no georeference" in notes and "text.tif" in notes


@pytest.mark.parametrize("prefer", ["sharpest", "newest"])
def test_the_preferred_sheet_counts(tmp_path, prefer):
    """Of two sheets of a place the sharpest counts, or the newest, as is asked."""
    import rasterio

    sharp, new = draw(200, 200, seed=1), draw(100, 100, m_per_px=1.0, seed=2)
    for name, raster, date in (
        ("sharp.tif", sharp, "2015:01:01 00:00:00"),
        ("new.tif", new, "2024:06:01 00:00:00"),
    ):
        write_raster(tmp_path / name, raster)
        with rasterio.open(tmp_path / name, "r+") as file:
            file.update_tags(TIFFTAG_DATETIME=date)
    with open_images([tmp_path], prefer=prefer) as reader:
        chosen = reader.find_sheet(500_050.0, 4_999_950.0)
    assert chosen.path.name == {"sharpest": "sharp.tif", "newest": "new.tif"}[prefer]


def test_nothing_usable_is_refused(tmp_path, whole):
    """One line with the reason: no match, no georeference, no such preference."""
    with pytest.raises(InputError, match="matches no file"):
        open_images([str(tmp_path / "*.tif")])
    for name in ("a.tif", "b.tif"):
        write_raster(tmp_path / name, Raster(whole.array, Affine.identity()))
    with pytest.raises(InputError, match="no georeference"):
        open_images([tmp_path])
    with pytest.raises(InputError, match="sharpest or newest"):
        open_images([tmp_path], prefer="prettiest")
