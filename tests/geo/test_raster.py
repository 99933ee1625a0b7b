"""Claims about GeoTIFFs that we write: they come back equal, or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.raster import (
    GeoBox,
    Raster,
    open_image,
    open_raster_writer,
    pixel_box,
    read_raster,
    write_raster,
)

BOX = GeoBox(300, 410, Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000), CRS.from_epsg(32633))


def values(dtype: str, bands: int = 2) -> np.ndarray:
    """Some numbers of the type, (bands, 300, 410)."""
    return np.random.default_rng(0).uniform(1, 200, (bands, *BOX.shape)).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("box", [BOX, pixel_box(300, 410), pixel_box(300, 410, m_per_px=0.25)])
def test_rasters_come_back(tmp_path: Path, dtype: str, box: GeoBox) -> None:
    """Values, place (pixel coordinates too) and what is valid survive a file."""
    valid = np.ones(BOX.shape, bool)
    valid[:50, :70] = False
    raster = Raster(values(dtype), box.transform, box.crs, valid)
    for nodata in (None, 0):
        write_raster(tmp_path / "a.tif", raster, nodata=nodata, description="two bands")
        back = read_raster(tmp_path / "a.tif")
        assert back.geobox == box
        np.testing.assert_array_equal(back.valid, valid)
        np.testing.assert_array_equal(back.array[:, valid], raster.array[:, valid])
    with rasterio.open(tmp_path / "a.tif") as source:
        assert source.tags()["TIFFTAG_IMAGEDESCRIPTION"] == "two bands"
        assert source.profile["compress"] == "deflate"
        assert source.profile["tiled"]


def test_bools_are_written_as_zero_and_one(tmp_path: Path) -> None:
    """A mask needs no conversion by the caller."""
    mask = values("float32", 1) > 100
    write_raster(tmp_path / "a.tif", Raster(mask, BOX.transform, BOX.crs))
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").array, mask)


def test_written_images_are_opened_as_they_are(tmp_path: Path) -> None:
    """What we write is a working grid of its own, placed or in pixels."""
    for box in (BOX, pixel_box(300, 410, m_per_px=0.3)):
        array = values("uint8", 3)
        write_raster(tmp_path / "a.tif", Raster(array, box.transform, box.crs))
        with open_image(tmp_path / "a.tif") as reader:
            assert reader.geobox == box
            np.testing.assert_array_equal(reader.read_all().array, array)


def test_windows_write_the_whole(tmp_path: Path) -> None:
    """Windows that hang over the edges add up to the array; tags and nodata are kept."""
    array = values("float32", 1)
    padded = np.pad(array, ((0, 0), (0, 200), (0, 200)))
    with open_raster_writer(
        tmp_path / "a.tif", BOX, dtype="float32", nodata=float("nan"), tags={"model": "x"}
    ) as writer:
        for row in range(0, 300, 130):
            for col in range(0, 410, 130):
                writer.write(row, col, padded[:, row : row + 130, col : col + 130])
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").array, array)
    with rasterio.open(tmp_path / "a.tif") as source:
        assert source.tags()["model"] == "x"
        assert np.isnan(source.nodata)


def test_nothing_is_left_of_a_failed_write(tmp_path: Path) -> None:
    """An error between windows leaves neither the file nor a temporary one, and an older file as it
    was.
    """
    for old in (None, b"old"):
        if old:
            (tmp_path / "a.tif").write_bytes(old)
        with (
            pytest.raises(ZeroDivisionError),
            open_raster_writer(tmp_path / "a.tif", BOX) as writer,
        ):
            writer.write(0, 0, values("uint8", 1)[:, : 1 // 0])
        assert [path.read_bytes() for path in tmp_path.iterdir()] == ([old] if old else [])


def test_full_disk_is_an_input_error_and_leaves_nothing(tmp_path: Path) -> None:
    """A write that fails half-way (a limit on file sizes stands for the full disk) leaves no
    file.
    """
    code = f"""
import resource, signal, numpy as np
from affine import Affine
from mapsight.errors import InputError
from mapsight.geo.raster import Raster, write_raster
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
noise = np.random.default_rng(0).integers(0, 255, (3, 600, 600)).astype(np.uint8)
try:
    write_raster({str(tmp_path / "a.tif")!r}, Raster(noise, Affine(1, 0, 0, 0, -1, 0)))
except InputError as error:
    assert "cannot be written" in str(error), error
else:
    raise SystemExit("written?")
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_turned_rasters_are_not_read_raw(tmp_path: Path) -> None:
    """Raw reading keeps the file's grid, so that grid must be north-up."""
    path = tmp_path / "a.tif"
    profile = {
        "driver": "GTiff",
        "height": 9,
        "width": 9,
        "count": 1,
        "dtype": "uint8",
        "crs": BOX.crs,
    }
    with rasterio.open(path, "w", transform=BOX.transform * Affine.rotation(10), **profile):
        pass
    with pytest.raises(InputError, match="turned"):
        read_raster(path)


def test_the_room_does_not_load_torch() -> None:
    """`mapsight.geo.raster`, `.network` and `.burn` are importable without torch."""
    code = (
        "import sys, mapsight.geo.raster, mapsight.geo.network, mapsight.geo.burn\n"
        "assert 'torch' not in sys.modules\n"
        "assert not any(name.startswith('mapsight.cnn') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
