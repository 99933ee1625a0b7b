"""Images put together part by part: whole, resumable, and honest about what is missing."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, Raster
from mapsight.geo.raster import read_raster
from mapsight.geo.sources.mosaic import Piece, warp_onto, write_mosaic

BOX = GeoBox(1100, 1500, Affine(1, 0, 500_000, 0, -1, 5_000_000), CRS.from_epsg(32632))
PIXELS = np.random.default_rng(1).integers(0, 256, (3, *BOX.shape), dtype=np.uint8)
VALID = np.random.default_rng(2).random(BOX.shape) > 0.1
REQUEST = {"what": "noise"}


class Source:
    """Gives parts of noise; stops after some, or says that some are not whole."""

    def __init__(self, *, stop_after: int = 99, wanting: tuple[int, ...] = ()) -> None:
        self.calls, self.stop_after, self.wanting = 0, stop_after, wanting

    def read(self, block: GeoBox) -> Piece:
        self.calls += 1
        if self.calls > self.stop_after:
            raise KeyboardInterrupt
        row, col = round(5_000_000 - block.transform.f), round(block.transform.c - 500_000)
        part = (slice(row, row + block.height), slice(col, col + block.width))
        whole = self.calls not in self.wanting
        valid = VALID[part] if whole else np.zeros(block.shape, bool)
        return Piece(
            Raster(np.where(valid, PIXELS[:, *part], 0), block.transform, block.crs, valid), whole
        )


def check(path):
    """The file holds the noise, pixel by pixel, and its mask."""
    raster = read_raster(path)
    assert (raster.valid == VALID).all()
    assert (raster.array[:, VALID] == PIXELS[:, VALID]).all()
    assert (raster.transform, raster.crs) == (BOX.transform, BOX.crs)


def test_interrupted_and_taken_up(tmp_path):
    """Of four parts two were there: the rerun reads two, the image is that of an uninterrupted run,
    nothing is left.
    """
    path = tmp_path / "image.tif"
    with pytest.raises(KeyboardInterrupt):
        write_mosaic(path, BOX, Source(stop_after=2).read, request=REQUEST, title="t")
    assert not path.exists()
    source = Source()
    summary = write_mosaic(path, BOX, source.read, request=REQUEST, title="t")
    assert (source.calls, summary.parts_made, summary.parts_kept) == (2, 2, 2)
    assert summary.share_valid == pytest.approx(VALID.mean())
    check(path)
    assert [file.name for file in tmp_path.iterdir()] == ["image.tif"]


def test_another_request_starts_afresh(tmp_path):
    """Parts of another area or another source are not mixed in."""
    with pytest.raises(KeyboardInterrupt):
        write_mosaic(
            tmp_path / "image.tif",
            BOX,
            Source(stop_after=2).read,
            request={"what": "else"},
            title="t",
        )
    source = Source()
    write_mosaic(tmp_path / "image.tif", BOX, source.read, request=REQUEST, title="t")
    assert source.calls == 4
    check(tmp_path / "image.tif")


def test_wanting_parts_are_read_again(tmp_path):
    """A part with failures is in the image as no data, and is the only one that the next run
    reads.
    """
    path, first, second = tmp_path / "image.tif", Source(wanting=(2,)), Source()
    summary = write_mosaic(path, BOX, first.read, request=REQUEST, title="t")
    assert summary.parts_wanting == 1
    seen = read_raster(path)
    assert not seen.valid[:1024, 1024:].any()
    assert (seen.valid[:, :1024] == VALID[:, :1024]).all()
    summary = write_mosaic(path, BOX, second.read, request=REQUEST, title="t")
    assert (second.calls, summary.parts_wanting) == (1, 0)
    check(path)


def test_too_large_is_refused_before_reading(tmp_path):
    """A country at a decimetre is refused, not begun."""
    box, source = GeoBox(200_000, 200_000, BOX.transform, BOX.crs), Source()
    with pytest.raises(InputError, match="Gpx"):
        write_mosaic(tmp_path / "image.tif", box, source.read, request=REQUEST, title="t")
    assert source.calls == 0


def test_no_data_does_not_bleed():
    """Warping a bright picture with a dark hole that is not valid: no pixel gets darker, the hole
    stays a hole.
    """
    array, valid = np.full((3, 100, 100), 200, np.uint8), np.ones((100, 100), bool)
    valid[40:60, 40:60] = False
    array[:, ~valid] = 0
    source = Raster(array, Affine(1, 0, 500_000, 0, -1, 5_000_000), BOX.crs, valid)
    box = GeoBox(110, 110, Affine(0.7, 0.1, 500_010, 0.1, -0.7, 4_999_985), BOX.crs)
    warped = warp_onto(source, box)
    assert (warped.array[:, warped.valid] == 200).all()
    assert (warped.array[:, ~warped.valid] == 0).all()
    assert 0 < (~warped.valid).sum() < 3 * 400 / 0.5


def test_memory_is_bounded(tmp_path):
    """The image never stands in memory whole: GDAL is handed parts of 1024 px at most."""
    largest = 0

    def read(block: GeoBox) -> Piece:
        nonlocal largest
        largest = max(largest, block.height, block.width)
        return Piece(
            Raster(np.full((3, *block.shape), 7, np.uint8), block.transform, block.crs), True
        )

    write_mosaic(
        tmp_path / "image.tif",
        GeoBox(300, 5000, BOX.transform, BOX.crs),
        read,
        request=REQUEST,
        title="t",
    )
    assert largest == 1024
    with rasterio.open(tmp_path / "image.tif") as source:
        assert (source.height, source.width, source.block_shapes[0]) == (300, 5000, (512, 512))
