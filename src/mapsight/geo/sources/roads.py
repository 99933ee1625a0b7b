"""Road sources that are files: OpenStreetMap extracts and any vector file, cut to an area, all tags
kept.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from rasterio.crs import CRS

from mapsight.errors import InputError, OverlapError
from mapsight.geo.clip import MARGIN_M, repeat_eastward
from mapsight.geo.files import check_local_file
from mapsight.geo.geobox import Bounds, parse_crs
from mapsight.geo.network import LINE_COLUMNS, READERS
from mapsight.geo.roadclass import classify_way, name_way, read_width
from mapsight.geo.sources.area import Area
from mapsight.geo.vector import iterate_vector_ways
from mapsight.geo.ways import Tally, Way, clean_coordinates, reaches

WGS84 = CRS.from_epsg(4326)
OSM_TERMS = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
_OSM = (".osm", ".pbf")
_M_PER_DEGREE = 111_000.0
_TAG_BUDGET = 100_000  # characters of one way's tags; a value of OpenStreetMap has at most 255


def read_roads(
    area: Area, path: str | os.PathLike[str], *, layer: str | None = None, crs: str | None = None
) -> gpd.GeoDataFrame:
    """Roads of a map file in an area, and what else explains a prediction: tracks, paths, railways,
    waters.

    Lines in EPSG:4326 that reach up to 50 m over the area, with the columns road_id, road_class,
    width_m, visible, name, and `tags`: all that the file says of a way, as JSON with lower-case
    keys. Reads OpenStreetMap (.osm, .pbf), GeoPackage, GeoJSON and shapefiles; `crs` overrides what
    the file says. Raises InputError for a file that cannot be read, OverlapError where none of its
    ways lies in the area.
    """
    found = check_local_file(path)
    suffix = found.suffix.lower()
    if suffix not in READERS:
        raise InputError(
            path, f"roads are read from {', '.join(READERS)}", "convert it to GeoPackage"
        )
    read_crs, iterate = READERS[suffix]
    if iterate is iterate_vector_ways:
        iterate = partial(iterate_vector_ways, all_columns=True)
    stated = parse_crs(crs) if crs is not None else read_crs(found, layer)
    if stated is None and suffix not in (".geojson", ".json"):
        raise InputError(found.name, "does not say its CRS", "give it as EPSG:<number>")
    stated = stated or WGS84
    tally, near = Tally(), [_bounds_in(area, stated)]
    near = repeat_eastward(near) if stated.is_geographic else near
    roads = frame_roads(iterate(found, layer, near, tally), area, tally, crs=stated)
    if roads.empty:
        raise _explain_nothing(found.name, area, tally)
    roads.attrs["attribution"] = OSM_TERMS if suffix in _OSM else ""
    return roads


def frame_roads(
    ways: Iterable[Way], area: Area, tally: Tally, *, crs: CRS = WGS84
) -> gpd.GeoDataFrame:
    """Ways as lines in EPSG:4326, cut to the area and 50 m around it, in the order of the
    source.
    """
    rows: dict[str, list[Any]] = {name: [] for name in (*LINE_COLUMNS, "tags")}
    lines: list[Any] = []
    for way in ways:
        pieces, fault = clean_coordinates(way.coordinates, geographic=bool(crs.is_geographic))
        role, road_class, visible = classify_way(way.tags)
        if fault or not role:
            tally.dropped[fault or "not a road"] += 1
            continue
        row = (
            way.way_id,
            road_class,
            read_width(way.tags, road_class),
            visible,
            name_way(way.tags),
            _dump(way.tags),
        )
        for piece in pieces:
            lines.append(shapely.linestrings(piece))
            for name, value in zip(rows, row, strict=True):
                rows[name].append(value)
    return _cut(
        gpd.GeoDataFrame(rows, geometry=lines, crs=pyproj.CRS.from_wkt(crs.to_wkt())), area, tally
    )


def pad_area(area: Area) -> Bounds:
    """West, south, east, north of the area and 50 m around it."""
    west, south, east, north = area.bbox
    up = MARGIN_M / _M_PER_DEGREE
    aside = up / max(math.cos(math.radians(max(abs(south), abs(north)))), 0.01)
    return west - aside, south - up, east + aside, north + up


def _cut(frame: gpd.GeoDataFrame, area: Area, tally: Tally) -> gpd.GeoDataFrame:
    degrees = frame.to_crs("EPSG:4326")
    near = pad_area(area)
    finite = np.isfinite(shapely.bounds(degrees.geometry.to_numpy())).all(axis=1)
    clipped = shapely.clip_by_rect(np.where(finite, degrees.geometry.to_numpy(), None), *near)
    parts, rows = shapely.get_parts(clipped, return_index=True)
    kept = (shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING) & (
        shapely.length(parts) > 0
    )
    if not kept.any():
        tally.swapped += sum(
            reaches(shapely.get_coordinates(line)[:, ::-1], [near]) for line in degrees.geometry
        )
    columns = degrees.drop(columns="geometry").iloc[rows[kept]].reset_index(drop=True)
    return gpd.GeoDataFrame(columns, geometry=parts[kept], crs="EPSG:4326")


def _bounds_in(area: Area, crs: CRS) -> Bounds:
    """The padded area in the CRS of a file; all of it where that has no place there (the cut
    decides).
    """
    if crs == WGS84:
        return pad_area(area)
    try:
        left, bottom, right, top = area.bounds_in(crs)
    except InputError:
        return -math.inf, -math.inf, math.inf, math.inf
    aside, up = 0.05 * (right - left), 0.05 * (top - bottom)
    return left - aside, bottom - up, right + aside, top + up


def _dump(tags: Any) -> str:
    text = json.dumps(dict(tags), ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _TAG_BUDGET else "{}"


def _explain_nothing(name: str, area: Area, tally: Tally) -> InputError | OverlapError:
    if tally.total == 0:
        return InputError(name, "the map is empty", "give one with roads in it")
    if tally.swapped:
        return OverlapError(
            name, "no overlap of map and area; its axes look swapped", "exchange x and y"
        )
    return OverlapError(
        name, f"none of its {tally.total} ways lies in the area {area}", "is it the right region?"
    )
