"""Opening a raster that may be hostile: allowlisted drivers, budgets before allocation, one-line
refusals.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from mapsight.errors import InputError
from mapsight.geo.files import check_local_file
from mapsight.geo.memory import measure_available

# VRT, WMS, STACIT … read other files or the network from inside a file named .tif: never without
# this list.
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DRIVERS = {
    **dict.fromkeys(_TIFF_MAGIC, "GTiff"),
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"\0\0\0\x0cjP": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51": "JP2OpenJPEG",
}
_WARPED_OPAQUE = {"int16": 32767}  # what GDAL's warper writes for opaque; elsewhere 255
GRID_BUDGET_PX = 10**12  # a country at 0.3 m; larger headers are lies
BLOCK_BUDGET_BYTES = 2**30  # one block is the least that GDAL can read
WHOLE_BYTES_PER_PX = 8  # an image, what of it is valid, and a mask


def open_source(path: str | os.PathLike[str]) -> DatasetReader:
    """Open a local GeoTIFF, PNG, JPEG or JPEG 2000 file; InputError for all else, and for absurd
    sizes.
    """
    found = check_local_file(path)
    _check_siblings(found)
    driver = _name_driver(found)
    if driver == "PNG":
        _check_png_end(found)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(found, driver=driver)
    except RasterioError:
        raise InputError(
            path, f"is damaged: it cannot be opened as {driver}", "fetch or write it again"
        ) from None
    try:
        check_source(source, path)
    except BaseException:
        source.close()
        raise
    return source


def read_pixels(
    source: DatasetReader | WarpedVRT, bands: list[int], window: Window
) -> NDArray[Any]:
    """(bands, h, w) of a window inside the grid; InputError naming the damaged block."""
    try:
        pixels: NDArray[Any] = source.read(bands, window=window)
    except RasterioIOError as error:
        raise _damaged(source, error) from None
    return pixels


def read_valid(source: DatasetReader | WarpedVRT, window: Window) -> NDArray[np.bool_]:
    """(h, w) bool from the nodata value, alpha band or mask of the file; True where it declares
    nothing.
    """
    try:
        if isinstance(source, WarpedVRT) and source.dtypes[-1] not in ("uint8", "uint16"):
            alpha = source.count if source.colorinterp[-1] == ColorInterp.alpha else None
            if alpha is not None:  # GDAL makes no mask of it
                opaque = _WARPED_OPAQUE.get(source.dtypes[-1], 255)
                return np.asarray(source.read(alpha, window=window)) >= opaque / 2
        return np.asarray(source.dataset_mask(window=window)) >= 128
    except RasterioIOError as error:
        raise _damaged(source, error) from None


def check_whole(
    height: int, width: int, name: object, *, bytes_per_px: float = WHOLE_BYTES_PER_PX
) -> None:
    """InputError where a whole read, and what is to be done with it, would not fit the memory that
    this machine, or its container, has left.
    """
    wanted, left = height * width * bytes_per_px, measure_available()
    if left is not None and wanted > left:
        millions = height * width / 10**6
        raise InputError(
            name,
            f"{millions:,.0f} Mpx need some {wanted / 1e9:,.1f} GB of memory, and"
            f" {left / 1e9:,.1f} GB are left",
            f"cut it to {left / bytes_per_px / 1e6:,.0f} Mpx, ask for more metres a pixel, or use a"
            " larger machine",
        )


def _name_driver(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(8)
    for magic, driver in _DRIVERS.items():
        if head.startswith(magic):
            return driver
    raise InputError(
        path, "is not a GeoTIFF, PNG, JPEG or JPEG 2000 file", "convert it to a GeoTIFF"
    )


def _check_png_end(path: Path) -> None:
    """libpng reads a file that was cut off as black, without an error."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 4096))
        if b"IEND" not in stream.read():
            raise InputError(path, "is truncated (a PNG without its end)", "fetch it again")


def _damaged(source: DatasetReader | WarpedVRT, error: Exception) -> InputError:
    """The fault with the words of the library that tell the block, if any do."""
    chain: list[BaseException] = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    said = [str(link) for link in chain]
    place = next((words for words in said if "offset" in words), said[-1])
    opened = getattr(source, "src_dataset", source)
    name = opened.files[0] if opened.driver == "VRT" else opened.name  # a view over the file
    place = place.replace(name, "").split(" (")[0].strip(" :,")[:120]
    return InputError(name, f"is truncated or damaged ({place})", "fetch it again")


def _check_siblings(path: Path) -> None:
    """GDAL opens masks and overviews beside a file with *any* driver; only plain TIFFs may stand
    there.
    """
    for suffix in (".msk", ".ovr"):
        sibling = path.with_name(path.name + suffix)
        if sibling.is_file():
            with sibling.open("rb") as stream:
                if stream.read(4) not in _TIFF_MAGIC:
                    raise InputError(
                        sibling,
                        "is not a TIFF, as a mask or overview beside an image must be",
                        "remove it",
                    )


def check_source(source: DatasetReader, path: str | os.PathLike[str]) -> None:
    """InputError for an open file with external overviews, complex numbers, or sizes that cannot be
    read.
    """
    if source.tags(ns="OVERVIEWS").get("OVERVIEW_FILE"):
        raise InputError(
            path, "its metadata points to another file", "rewrite it without external overviews"
        )
    if source.count == 0 or source.width * source.height > GRID_BUDGET_PX:
        raise InputError(
            path,
            f"a raster of {source.count} × {source.height} × {source.width} cannot be read",
            "cut it",
        )
    if any("complex" in kind for kind in source.dtypes):
        raise InputError(path, "holds complex numbers, not an image", "export it as 8-bit RGB")
    rows, cols = source.block_shapes[0]
    if rows * cols * source.count * np.dtype(source.dtypes[0]).itemsize > BLOCK_BUDGET_BYTES:
        raise InputError(
            path,
            f"is stored in blocks of {rows} × {cols} px, too large to read",
            "rewrite it tiled",
        )
    if source.driver == "GTiff":  # the last block tells at once whether the file was cut off
        read_pixels(source, [1], Window(source.width - 1, source.height - 1, 1, 1))
