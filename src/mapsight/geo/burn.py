"""Lines → mask, in metres."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox

_ARC_SEGMENTS = 16  # a quarter circle; off by 0.2 % of the radius


def burn_lines(
    lines: gpd.GeoDataFrame | gpd.GeoSeries,
    box: GeoBox,
    *,
    width_m: float | None = None,
    all_touched: bool = False,
) -> NDArray[np.uint8]:
    """The surface of roads: 1 where a pixel's centre lies within half the width of a line.

    Line ends and joins are round. Lines thinner than a pixel's diagonal are drawn unbroken.

    Parameters
    ----------
    lines
        Lines in the CRS of the box.
    box
        The grid to draw on, H × W pixels.
    width_m
        One width for all lines, in metres; None takes the column `width_m`.
    all_touched
        Take every pixel that is touched.

    Returns
    -------
    ndarray
        (H, W) uint8 of 0 and 1.

    Raises
    ------
    InputError
        Where the lines lie in another CRS, or a width is no length.
    """
    _check_crs(lines, box)
    geometry = np.asarray(lines.geometry.to_numpy(), dtype=object)
    widths = np.broadcast_to(
        np.asarray(lines["width_m"] if width_m is None else width_m, dtype=float), geometry.shape
    )
    if not (np.isfinite(widths).all() and (widths >= 0).all()):
        raise InputError(
            "width_m", "widths must be metres, zero or more", "mend the column or give one width"
        )
    near = _find_near(geometry, widths, box)
    geometry, widths = geometry[near], widths[near]
    thin = widths < box.m_per_px * math.sqrt(2)
    shapes = shapely.buffer(
        geometry, np.maximum(widths, box.m_per_px * 1e-3) / 2, quad_segs=_ARC_SEGMENTS
    )
    drawn = [*shapes, *geometry[thin]]
    if not drawn:
        return np.zeros(box.shape, np.uint8)
    mask: NDArray[np.uint8] = rasterize(
        drawn, out_shape=box.shape, transform=box.transform, all_touched=all_touched, dtype="uint8"
    )
    return mask


def burn_numbers(lines: gpd.GeoDataFrame | gpd.GeoSeries, box: GeoBox) -> NDArray[np.int32]:
    """(H, W): 1 + the position of the line through a pixel (the last of several), 0 where none
    is.
    """
    _check_crs(lines, box)
    shapes = list(zip(lines.geometry, range(1, len(lines) + 1), strict=True))
    if not shapes:
        return np.zeros(box.shape, np.int32)
    numbers: NDArray[np.int32] = rasterize(
        shapes, out_shape=box.shape, transform=box.transform, all_touched=True, dtype="int32"
    )
    return numbers


def _find_near(
    geometry: NDArray[np.object_], widths: NDArray[np.float64], box: GeoBox
) -> NDArray[np.bool_]:
    """Which lines can reach the box at all; empty ones (bounds NaN) cannot."""
    if not len(geometry):
        return np.zeros(0, bool)
    left, bottom, right, top = box.bounds
    bounds, reach = shapely.bounds(geometry), widths / 2 + 2 * box.m_per_px
    beside: NDArray[np.bool_] = (bounds[:, 0] - reach <= right) & (bounds[:, 2] + reach >= left)
    level: NDArray[np.bool_] = (bounds[:, 1] - reach <= top) & (bounds[:, 3] + reach >= bottom)
    return beside & level


def _check_crs(lines: gpd.GeoDataFrame | gpd.GeoSeries, box: GeoBox) -> None:
    if (lines.crs is None) != (box.crs is None) or (
        box.crs is not None
        and not lines.crs.equals(pyproj.CRS.from_wkt(box.crs.to_wkt()), ignore_axis_order=True)
    ):
        name = "no CRS" if lines.crs is None else lines.crs.name
        raise InputError(
            f"lines in {name}", "expected the CRS of the image", "reproject them with to_crs"
        )
