"""The front door for pixels: all about rasters can be imported here; GeoTIFFs are written
atomically.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, Raster, metric_crs, parse_crs, pixel_box
from mapsight.geo.imagery import ImageReader, open_image, open_working_grid
from mapsight.geo.masks import read_mask
from mapsight.geo.placing import Placing, locate, place_image
from mapsight.geo.source import check_whole, open_source, read_pixels, read_valid

__all__ = [
    "GeoBox",
    "ImageReader",
    "Raster",
    "RasterWriter",
    "metric_crs",
    "open_image",
    "open_raster_writer",
    "parse_crs",
    "pixel_box",
    "read_mask",
    "read_raster",
    "write_raster",
]

_BLOCK_PX = 256


class RasterWriter:
    """A GeoTIFF being written: `write` windows, and leave the context to put it in place."""

    def __init__(self, target: DatasetWriter, geobox: GeoBox) -> None:
        self._target, self.geobox = target, geobox

    def write(self, row: int, col: int, array: NDArray[Any]) -> None:
        """Write (bands, h, w) at a window; what hangs over the edges is cut off."""
        top, left = max(row, 0), max(col, 0)
        bottom = min(row + array.shape[1], self.geobox.height)
        right = min(col + array.shape[2], self.geobox.width)
        if top < bottom and left < right:
            part = array[:, top - row : bottom - row, left - col : right - col]
            self._target.write(part, window=Window(left, top, right - left, bottom - top))

    def tag(self, **tags: str) -> None:
        """Say more of the file: what is known only when its pixels are."""
        self._target.update_tags(**tags)


@contextmanager
def open_raster_writer(
    path: str | os.PathLike[str],
    geobox: GeoBox,
    *,
    bands: int = 1,
    dtype: str = "uint8",
    nodata: float | None = None,
    scale: float = 1.0,
    tags: Mapping[str, str] | None = None,
) -> Iterator[RasterWriter]:
    """Write a GeoTIFF (tiled, deflate) window by window.

    It appears under its name only when all went well.

    Parameters
    ----------
    path
        Of the file.
    geobox
        Its grid, H × W pixels.
    bands
        How many.
    dtype
        Of a pixel, by its numpy name.
    nodata
        The value that stands for no data; None declares none.
    scale
        What one step of an integer band is worth (GDAL's band scale).
    tags
        Of the file, by name.
    """
    profile = {
        "driver": "GTiff",
        "height": geobox.height,
        "width": geobox.width,
        "count": bands,
        "dtype": dtype,
        "crs": geobox.crs,
        "transform": geobox.transform,
        "nodata": nodata,
        "tiled": True,
        "blockxsize": _BLOCK_PX,
        "blockysize": _BLOCK_PX,
        "compress": "deflate",
        "predictor": 3 if np.issubdtype(np.dtype(dtype), np.floating) else 2,
        "bigtiff": "if_safer",
    }
    with (
        write_atomically(path, check=check_raster) as temporary,
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(temporary, "w", **profile) as target,
    ):
        target.update_tags(**(tags or {}))
        if scale != 1.0:
            target.scales = (scale,) * bands
        yield RasterWriter(target, geobox)


def check_raster(path: Path) -> None:
    """Read a GeoTIFF back, block by block; RasterioError where a part of it is not there."""
    with rasterio.open(path) as written:
        for _, window in written.block_windows(1):
            written.read(window=window)
            written.dataset_mask(window=window)


def write_raster(
    path: str | os.PathLike[str],
    raster: Raster,
    *,
    nodata: float | None = None,
    description: str | None = None,
) -> None:
    """Write a raster whole as a GeoTIFF.

    Parameters
    ----------
    path
        Of the file.
    raster
        (bands, H, W) with its place; bool is written as 0 and 1.
    nodata
        What pixels become that are not valid; None writes a mask inside the file instead.
    description
        In words, kept in the file.
    """
    array, tags = raster.array, {"TIFFTAG_IMAGEDESCRIPTION": description} if description else None
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if nodata is not None:
        array = np.where(raster.valid, array, np.asarray(nodata, array.dtype))
    with open_raster_writer(
        path, raster.geobox, bands=array.shape[0], dtype=array.dtype.name, nodata=nodata, tags=tags
    ) as writer:
        writer.write(0, 0, array)
        if nodata is None and not raster.valid.all():
            writer._target.write_mask(raster.valid)


def read_raster(path: str | os.PathLike[str], *, on_working_grid: bool = False) -> Raster:
    """All bands of a file as they are, on its own north-up grid; valid is what it declares and is
    finite.

    Or on the working grid, as an image is read: north-up, square pixels, metres.
    """
    with open_source(path) as source:
        own = locate(source)
        placing = (
            place_image(source, crs=None, m_per_px=None)
            if on_working_grid
            else Placing(own, own, ())
        )
        box = placing.working
        check_whole(box.height, box.width * source.count, path)
        if not (box.transform.a > 0 > box.transform.e and box.transform.b == box.transform.d == 0):
            raise InputError(
                path, "its grid is rotated or south-up", "warp it to a north-up GeoTIFF first"
            )
        window = Window(0, 0, box.width, box.height)
        with open_working_grid(source, placing) as grid:
            array, valid = read_pixels(grid, list(source.indexes), window), read_valid(grid, window)
    if np.issubdtype(array.dtype, np.floating):
        valid &= np.isfinite(array).all(axis=0)
    return Raster(array, box.transform, box.crs, valid)
