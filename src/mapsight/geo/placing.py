"""Where an image lies, and the grid on which everything is measured: north-up, square pixels,
metres.
"""

from __future__ import annotations

import math
import os
from typing import NamedTuple

import numpy as np
import pyproj
from affine import Affine
from rasterio.crs import CRS
from rasterio.io import DatasetReader
from rasterio.warp import transform as transform_points

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, metric_crs, parse_crs, pixel_box
from mapsight.geo.source import GRID_BUDGET_PX

_SAME_RESOLUTION = 0.05
_SQUARE = 0.01
_LEAST_M = 1e-6  # no camera on an aircraft resolves a micrometre: such a grid is a damaged one
# Roads are 3 to 12 m wide. From this many metres a pixel they are a hint, then nothing at all.
_HARDLY_M, _NEVER_M = 2.5, 5.0


class Placing(NamedTuple):
    """The file's own grid, the working grid, and in words what lies between them."""

    source: GeoBox
    working: GeoBox
    notes: tuple[str, ...]
    coarsening: float = 1.0  # working metres a pixel over those on the ground in the file


def place_image(
    source: DatasetReader, *, crs: CRS | pyproj.CRS | str | int | None, m_per_px: float | None
) -> Placing:
    """Choose the working grid of an open file; InputError where its place on earth is not known."""
    if m_per_px is not None and not (math.isfinite(m_per_px) and m_per_px > 0):
        raise InputError(
            m_per_px, "metres a pixel must be a positive number", "write for example 1.0"
        )
    own = locate(source, crs=crs)
    if own.crs is None:
        return _place_pixels(own, m_per_px)
    target = metric_crs(outline_bounds(own, own.crs), own.crs)
    ground = ground_resolution(own, target)
    wanted = m_per_px or ground
    seeing = _judge_resolution(ground, wanted, os.path.basename(source.name))
    if (
        target == own.crs
        and _is_north_up(own)
        and abs(wanted / own.m_per_px - 1) <= _SAME_RESOLUTION
    ):
        return Placing(own, own, seeing)
    working = snap_box(outline_bounds(own, target), wanted, target)
    if working.height * working.width > GRID_BUDGET_PX:
        raise InputError(
            source.name,
            f"at {wanted:g} m/px it would be too large to read",
            "ask for a lower resolution",
        )
    notes = (*_describe(own, working, ground), *seeing)
    return Placing(own, working, notes, working.m_per_px / ground)


def _judge_resolution(ground_m: float, wanted_m: float, name: str) -> tuple[str, ...]:
    """A note where the imagery hardly shows roads; InputError where a net that was made for finer
    imagery would look for them in what shows none.
    """
    if ground_m >= _NEVER_M and wanted_m <= ground_m / 2:
        raise InputError(
            name,
            f"pixels of {ground_m:.3g} m cannot show roads to a model made for {wanted_m:.3g} m",
            f"use imagery of {_HARDLY_M:g} m or finer",
        )
    if ground_m >= _HARDLY_M:
        return (f"{ground_m:.3g} m a pixel hardly shows roads: most are narrower than two pixels",)
    return ()


def locate(source: DatasetReader, *, crs: CRS | pyproj.CRS | str | int | None = None) -> GeoBox:
    """The file's own grid; crs None in it when the file has no place and none is given."""
    stated = parse_crs(crs) if crs is not None else source.crs
    transform, name = source.transform, os.path.basename(source.name)
    if not all(map(math.isfinite, transform)) or abs(transform.determinant) < 1e-24:
        raise InputError(name, "its geotransform is degenerate", "georeference it again")
    if source.gcps[0] and transform.is_identity:
        raise InputError(
            name, "is placed by ground control points only", "warp it to a north-up GeoTIFF first"
        )
    if stated is None:
        return _locate_in_pixels(source, name)
    if transform.is_identity:
        raise InputError(
            name,
            "has a CRS but no position in it",
            "georeference it, or omit --crs to work in pixels",
        )
    _check_units(source, stated, name)
    if not (stated.is_projected or stated.is_geographic):
        raise InputError(
            name, "its CRS is not tied to the earth", "give the right one as EPSG:<number>"
        )
    return GeoBox(source.height, source.width, transform, stated)


def _check_units(source: DatasetReader, stated: CRS, name: str) -> None:
    """InputError where the numbers of the position are not those of the CRS: metres in degrees, or
    degrees in metres.
    """
    left, bottom, right, top = source.bounds
    farthest = max(abs(left), abs(right)), max(abs(bottom), abs(top))
    at = f"its position is {left:.7g} {bottom:.7g}"
    if stated.is_geographic and (farthest[0] > 540 or farthest[1] > 95):
        raise InputError(
            name,
            f"{at}: no place on earth in degrees, as its CRS {stated.to_string()[:40]} is",
            "give the right one with --crs EPSG:<number>",
        )
    metres = abs(source.transform.determinant) ** 0.5
    if stated.is_projected and farthest[0] <= 360 and farthest[1] <= 90 and metres < 1e-3:
        raise InputError(
            name,
            f"{at}: degrees, it seems, but its CRS {stated.to_string()[:40]} is in metres",
            "give the right one with --crs, such as EPSG:4326",
        )


def _locate_in_pixels(source: DatasetReader, name: str) -> GeoBox:
    """No georeference at all, or the pixel coordinates that we write ourselves."""
    transform = source.transform
    if transform.is_identity:
        return pixel_box(source.height, source.width)
    box = pixel_box(source.height, source.width, m_per_px=transform.a)
    if transform.a > 0 and transform == box.transform:
        return box
    raise InputError(name, "has a position but no CRS", "give the CRS as EPSG:<number>")


def _place_pixels(own: GeoBox, m_per_px: float | None) -> Placing:
    """Pixels stay as they are: a resolution given for them is believed, of the file's grid too, not
    resampled to.
    """
    size = m_per_px or own.m_per_px
    box = pixel_box(own.height, own.width, m_per_px=size)
    return Placing(box, box, (f"no georeference: pixels, taken as {size:g} m/px",))


def _is_north_up(box: GeoBox) -> bool:
    a, b, _, d, e, _ = box.transform[:6]
    return bool(a > 0 > e and b == d == 0 and abs(a / -e - 1) <= _SQUARE)


def ground_resolution(box: GeoBox, crs: CRS) -> float:
    """Side in metres of a square as large as the pixel in the middle of the box; InputError where
    it has none.
    """
    assert box.crs is not None
    row, col = box.height / 2, box.width / 2
    x, y = zip(
        *(box.transform @ point for point in ((col, row), (col + 1, row), (col, row + 1))),
        strict=True,
    )
    (x0, x1, x2), (y0, y1, y2) = transform_points(box.crs, crs, list(x), list(y))
    side = math.sqrt(abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)))
    if not (math.isfinite(side) and side >= _LEAST_M):
        raise InputError(
            "the image", f"a pixel of it measures {side:g} m on the ground", "georeference it again"
        )
    return side


def outline_bounds(box: GeoBox, crs: CRS) -> tuple[float, float, float, float]:
    """Bounds in `crs` of the outline of a box that may be rotated or curved there."""
    assert box.crs is not None
    along = np.linspace(0, 1, 22)
    col = np.concatenate([along, along, np.zeros(22), np.ones(22)]) * box.width
    row = np.concatenate([np.zeros(22), np.ones(22), along, along]) * box.height
    a, b, c, d, e, f = box.transform[:6]
    x, y = a * col + b * row + c, d * col + e * row + f
    xs, ys = (x, y) if crs == box.crs else transform_points(box.crs, crs, x, y)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise InputError(f"bounds {box.bounds}", "reach beyond the earth", "check the CRS")
    return float(np.min(xs)), float(np.min(ys)), float(np.max(xs)), float(np.max(ys))


def snap_box(bounds: tuple[float, float, float, float], m_per_px: float, crs: CRS) -> GeoBox:
    """The smallest box over the bounds whose corner is a multiple of its pixel: neighbours share
    one grid.
    """
    left, bottom, right, top = (edge / m_per_px for edge in bounds)
    col, row = math.floor(left + 1e-6), math.ceil(top - 1e-6)
    width, height = math.ceil(right - 1e-6) - col, row - math.floor(bottom + 1e-6)
    transform = Affine(m_per_px, 0, col * m_per_px, 0, -m_per_px, row * m_per_px)
    return GeoBox(max(height, 1), max(width, 1), transform, crs)


def _describe(own: GeoBox, working: GeoBox, ground_m: float) -> tuple[str, ...]:
    assert own.crs is not None
    assert working.crs is not None
    notes = []
    if abs(working.m_per_px / ground_m - 1) > 1e-6:
        notes.append(f"resampled {ground_m:.2f} → {working.m_per_px:.2f} m/px")
    if own.crs != working.crs:
        names = own.crs.to_string()[:40], working.crs.to_string()[:40]
        notes.append(f"reprojected {names[0]} → {names[1]} at {working.m_per_px:.2f} m/px")
    elif not _is_north_up(own):
        notes.append("turned to a north-up grid of square pixels")
    return tuple(notes)
