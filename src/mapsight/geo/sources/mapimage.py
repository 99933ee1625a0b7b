"""Pictures of maps: read as they are (a warp would mix their colours), put in their place, their
roads traced.
"""

from __future__ import annotations

import math
import os

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, Raster, pixel_box
from mapsight.geo.placing import locate
from mapsight.geo.source import open_source, read_pixels, read_valid
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.rendered import MAX_PX
from mapsight.geo.trace import trace_mask

_MERCATOR = CRS.from_epsg(3857)
_SQUARE = 0.03


def read_map_image(path: str | os.PathLike[str], *, area: Area | None = None) -> Raster:
    """A picture of a map as RGB uint8 (3, H, W) on its own grid, palettes looked up.

    `area` places a picture that says nothing of its place: what a web map (EPSG:3857) shows of that
    area. Raises InputError for what is no picture of 8 bits, is too large, or does not have the
    shape of the area.
    """
    with open_source(path) as source:
        if source.width * source.height > MAX_PX:
            raise InputError(
                path,
                f"{source.width} × {source.height} px are too many at once",
                "cut it into parts",
            )
        if source.dtypes[0] != "uint8":
            raise InputError(
                path, f"holds {source.dtypes[0]}, a picture of a map has 8 bits", "export it as PNG"
            )
        box = locate(source)
        window = Window(0, 0, source.width, source.height)
        array, valid = _read_colours(source, window), read_valid(source, window)
    if area is not None:
        if box.crs is not None:
            raise InputError(path, "is already georeferenced", "omit --bbox")
        box = _place(box.shape, area, str(path))
    return Raster(array, box.transform, box.crs, valid)


def trace_roads(mask: NDArray[np.bool_], box: GeoBox, *, bridge_m: float = 0.0) -> gpd.GeoDataFrame:
    """Centre lines of a mask in the CRS of its grid, which need not be metric, with length_m and
    width_m on the ground.

    A grid without a place counts a pixel as a metre.
    """
    ground_m = measure_pixel_m(box)
    flat = pixel_box(*box.shape, m_per_px=ground_m)
    lines = trace_mask(mask, flat, bridge_m=bridge_m)
    t = box.transform
    matrix = [t.a / ground_m, -t.b / ground_m, t.d / ground_m, -t.e / ground_m, t.c, t.f]
    placed = [shapely.affinity.affine_transform(line, matrix) for line in lines.geometry]
    columns = lines.drop(columns="geometry")
    return gpd.GeoDataFrame(
        columns, geometry=placed, crs=None if box.crs is None else box.crs.to_wkt()
    )


def measure_pixel_m(box: GeoBox) -> float:
    """Side in metres on the ground of the pixel in the middle of a grid."""
    if box.crs is None:
        return box.m_per_px
    col, row = box.width / 2, box.height / 2
    x, y = zip(
        *(box.transform @ point for point in ((col, row), (col + 1, row), (col, row + 1))),
        strict=True,
    )
    to_degrees = pyproj.Transformer.from_crs(box.crs.to_wkt(), "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(x, y)
    _, _, metres = pyproj.Geod(ellps="WGS84").inv([lon[0]] * 2, [lat[0]] * 2, lon[1:], lat[1:])
    return math.sqrt(metres[0] * metres[1])


def _read_colours(source: DatasetReader, window: Window) -> NDArray[np.uint8]:
    if source.count == 1 and source.colorinterp[0] == ColorInterp.palette:
        table = np.zeros((256, 3), np.uint8)
        for index, colour in source.colormap(1).items():
            table[index] = colour[:3]
        return np.ascontiguousarray(table[read_pixels(source, [1], window)[0]].transpose(2, 0, 1))
    if source.count in (1, 2):
        return np.repeat(read_pixels(source, [1], window), 3, axis=0)
    return read_pixels(source, [1, 2, 3], window)


def _place(shape: tuple[int, int], area: Area, name: str) -> GeoBox:
    left, bottom, right, top = area.bounds_in(_MERCATOR)
    height, width = shape
    across, down = (right - left) / width, (top - bottom) / height
    if abs(across / down - 1) > _SQUARE:
        wanted = (right - left) / (top - bottom)
        raise InputError(
            name,
            f"is {width / height:.3f} times as wide as high, the area {wanted:.3f} times",
            "give the bbox that the picture shows",
        )
    return GeoBox(height, width, Affine(across, 0, left, 0, -down, top), _MERCATOR)
