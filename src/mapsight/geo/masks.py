"""Masks (truth, or a map that was drawn as a raster): two values, whatever they are called in the
file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader
from rasterio.warp import reproject
from rasterio.windows import Window

from mapsight.errors import InputError, OverlapError
from mapsight.geo.geobox import GeoBox, Raster
from mapsight.geo.placing import locate, outline_bounds
from mapsight.geo.source import check_whole, open_source, read_pixels, read_valid

_MARGIN_PX = 2


def read_mask(
    path: str | os.PathLike[str], *, geobox: GeoBox | None = None, image_box: GeoBox | None = None
) -> Raster:
    """A mask as uint8 0/1 (1, H, W): on from 128, or above 0 where nothing exceeds 1; nodata 0
    means 'off'.

    With `geobox` it comes on that grid: resampled (nearest) when both have a place, else of the
    same size. A mask without a place lies on `image_box`, the own grid of its image's file, where
    it has that size. Raises InputError for colour pictures and fractions, OverlapError for a mask
    of another place.
    """
    with open_source(path) as source:
        own = locate(source)
        if image_box is not None and own.crs is None and own.shape == image_box.shape:
            own = image_box
        if geobox is None or geobox == own:
            return _read_window(source, own, Window(0, 0, own.width, own.height))
        if geobox.crs is not None and own.crs is not None:
            return _warp_mask(
                _read_window(source, own, _find_window(own, geobox, source.name)),
                geobox,
                source.name,
            )
        if own.shape != geobox.shape:
            sizes = (
                f"is {own.height} × {own.width} px and the image {geobox.height} × {geobox.width}"
            )
            raise InputError(path, sizes, "give a mask of the same size, or georeference both")
        read = _read_window(source, own, Window(0, 0, own.width, own.height))
        return Raster(read.array, geobox.transform, geobox.crs, read.valid)


def _read_window(source: DatasetReader, own: GeoBox, window: Window) -> Raster:
    check_whole(window.height, window.width, source.name)
    box = own.window(window.row_off, window.col_off, window.height, window.width)
    values = read_pixels(source, list(source.indexes), window)
    valid = np.ones(box.shape, bool) if source.nodata == 0 else read_valid(source, window)
    if source.count == 1 and source.colorinterp[0] == ColorInterp.palette:
        values = _look_up(values, source.colormap(1))
    mask = _threshold(values, source.name)
    mask[:, ~valid] = 0
    return Raster(mask, box.transform, box.crs, valid)


def _find_window(own: GeoBox, box: GeoBox, name: str) -> Window:
    """The window of the mask file that covers the box."""
    assert own.crs is not None
    left, bottom, right, top = outline_bounds(box, own.crs)
    corners = [
        ~own.transform @ corner
        for corner in ((left, bottom), (left, top), (right, bottom), (right, top))
    ]
    cols, rows = zip(*corners, strict=True)
    col, row = (
        max(math.floor(min(cols)) - _MARGIN_PX, 0),
        max(math.floor(min(rows)) - _MARGIN_PX, 0),
    )
    width = min(math.ceil(max(cols)) + _MARGIN_PX, own.width) - col
    height = min(math.ceil(max(rows)) + _MARGIN_PX, own.height) - row
    if width <= 0 or height <= 0:
        raise OverlapError(name, "mask and image do not overlap", "check the CRS of both")
    return Window(col, row, width, height)


def _warp_mask(mask: Raster, box: GeoBox, name: str) -> Raster:
    check_whole(*box.shape, name)
    warped = np.zeros((2, *box.shape), np.uint8)
    reproject(
        np.concatenate([mask.array, mask.valid[None].astype(np.uint8)]),
        warped,
        src_transform=mask.transform,
        src_crs=mask.crs,
        dst_transform=box.transform,
        dst_crs=box.crs,
        resampling=Resampling.nearest,
    )
    if not warped[1].any():
        raise OverlapError(name, "mask and image do not overlap", "check the CRS of both")
    return Raster(warped[:1], box.transform, box.crs, warped[1].astype(bool))


def _look_up(values: NDArray[Any], levels: Mapping[int, tuple[int, ...]]) -> NDArray[np.uint8]:
    """Palette indices as the brightest channel of their colour."""
    table = np.zeros(np.iinfo(values.dtype).max + 1, np.uint8)
    for index, colour in levels.items():
        table[index] = max(colour[:3])
    brightest: NDArray[np.uint8] = table[values]
    return brightest


def _threshold(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """uint8 0/1 (1, h, w) of the first band; an alpha band is no colour."""
    band = values[:1]
    if values.shape[0] >= 3 and (values[1:3] != band).any():
        raise InputError(name, "is a colour picture, not a mask", "give one band with 0 and 255")
    if np.issubdtype(band.dtype, np.floating) and (band != np.round(band)).any():
        raise InputError(name, "holds fractions or gaps, not a mask", "threshold it first")
    highest = band.max(initial=0)
    if 1 < highest < 128:
        raise InputError(
            name,
            f"its highest value is {highest:g}: neither 0/1 nor 0/255",
            "give a mask of two values",
        )
    return (band > 0 if highest <= 1 else band >= 128).astype(np.uint8)
