"""Gathered lines put in the CRS of an image: clipped to it, simple, each drawn once."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from mapsight.geo.geobox import Bounds, GeoBox
from mapsight.geo.maps.ways import FloatArray, Tally

MARGIN_M = 50.0
_LEAST_M = 0.01  # shorter pieces are left by clipping, and mean nothing


def find_near(box: GeoBox, source_crs: CRS | None) -> list[Bounds]:
    """Where in the file's CRS the box and its margin lie: one area, or two beside the
    antimeridian.
    """
    area = _pad(box.bounds, MARGIN_M)
    if box.crs is None or source_crs == box.crs:
        return [area]
    assert source_crs is not None
    try:
        left, bottom, right, top = _transformer(box.crs, source_crs).transform_bounds(
            *area, densify_pts=21
        )
    except pyproj.exceptions.ProjError:
        left = right = bottom = top = math.inf
    if not all(map(math.isfinite, (left, bottom, right, top))):
        return [(-math.inf, -math.inf, math.inf, math.inf)]  # the clip after reprojection decides
    if left > right and source_crs.is_geographic:
        return repeat_eastward([(left, bottom, 180.0, top), (-180.0, bottom, right, top)])
    area = _pad((left, bottom, right, top), 0.01 * max(right - left, top - bottom))
    return repeat_eastward([area]) if source_crs.is_geographic else [area]


def repeat_eastward(areas: list[Bounds]) -> list[Bounds]:
    """The areas, those west of Greenwich once more: as files have them whose longitudes run from 0
    to 360.
    """
    return areas + [
        (left + 360, bottom, right + 360, top) for left, bottom, right, top in areas if left < 0
    ]


def place_lines(
    table: dict[str, list[Any]], source_crs: CRS | None, box: GeoBox, tally: Tally
) -> gpd.GeoDataFrame:
    """The gathered lines in the CRS of the box: clipped, cut where they cross themselves, no line
    twice. A feature of which nothing is left is counted again, by what it was lost to.
    """
    numbers = np.array(table["feature"], dtype=np.int64)
    roles = dict(zip(table["feature"], table["role"], strict=True))
    rows, lines = _project(table.pop("line"), source_crs, box)
    placed = numbers[rows]
    lines = shapely.clip_by_rect(lines, *_pad(box.bounds, MARGIN_M))
    crossed = ~shapely.is_simple(lines) & ~shapely.is_empty(lines)
    if crossed.any():
        tally.remark(f"{int(crossed.sum())} lines cross themselves and are cut there")
    lines[crossed] = shapely.node(lines[crossed])
    parts, parents = shapely.get_parts(lines, return_index=True)
    long_enough = shapely.length(parts) > _LEAST_M
    parts, rows = parts[long_enough], rows[parents[long_enough]]
    columns = {name: [values[row] for row in rows] for name, values in table.items()}
    crs = None if box.crs is None else pyproj.CRS.from_wkt(box.crs.to_wkt())
    frame = gpd.GeoDataFrame(columns, geometry=parts, crs=crs)
    twice = frame.assign(key=[_key(line) for line in parts]).duplicated(["role", "key"])
    kept = frame[~twice]
    left = set(roles)
    for reason, there in (
        ("cannot be projected", set(placed.tolist())),
        ("elsewhere", set(numbers[rows].tolist())),
        ("drawn twice", set(kept["feature"])),
    ):
        for number in left - there:
            tally.lose(roles[number], reason)
        left &= there
    return kept


def _project(
    lines: list[FloatArray], source_crs: CRS | None, box: GeoBox
) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """(indices of lines that can be projected, their LineStrings in the CRS of the box)."""
    if not lines:
        return np.empty(0, np.intp), np.empty(0, object)
    owner = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    points = np.vstack(lines)
    if box.crs is not None and source_crs != box.crs:
        assert source_crs is not None
        points = np.column_stack(_transformer(source_crs, box.crs).transform(*points.T))
    lost = np.unique(owner[~np.isfinite(points).all(axis=1)])
    kept = ~np.isin(owner, lost)
    rows, compact = np.unique(owner[kept], return_inverse=True)
    return rows, shapely.linestrings(points[kept], indices=compact) if len(rows) else np.empty(
        0, object
    )


def _key(line: shapely.LineString) -> bytes:
    """The same for a line and its reverse, to a centimetre."""
    rounded: np.ndarray = np.round(shapely.get_coordinates(line), 2)
    return min(rounded.tobytes(), rounded[::-1].tobytes())


def _pad(bounds: Bounds, margin: float) -> Bounds:
    return bounds[0] - margin, bounds[1] - margin, bounds[2] + margin, bounds[3] + margin


def _transformer(source: CRS, target: CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source.to_wkt(), target.to_wkt(), always_xy=True)
