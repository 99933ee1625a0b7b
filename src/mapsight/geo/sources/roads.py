"""Road sources that are files: OpenStreetMap extracts and any vector file, cut to an area, all tags
kept.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
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
from mapsight.geo.maps.classes import RoadChoice
from mapsight.geo.maps.crs import WGS84, explain_nothing, settle_map_crs
from mapsight.geo.maps.formats import OSM_SUFFIXES, open_map
from mapsight.geo.maps.gather import LINE_COLUMNS, describe_gathered, gather_ways
from mapsight.geo.maps.ways import Tally, Way, reaches
from mapsight.geo.sources.area import Area

OSM_TERMS = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
_M_PER_DEGREE = 111_000.0
_TAG_BUDGET = 100_000  # characters of one way's tags; a value of OpenStreetMap has at most 255


def read_roads(
    area: Area,
    path: str | os.PathLike[str],
    *,
    layer: str | None = None,
    crs: str | None = None,
    choice: RoadChoice = RoadChoice(),
) -> gpd.GeoDataFrame:
    """Roads of a map file in an area, and what else explains a prediction: tracks, paths, railways,
    waters.

    Reads OpenStreetMap (.osm, .pbf), GeoPackage, GeoJSON and shapefiles; the file and its folder
    stay as they are.

    Parameters
    ----------
    area
        The place, in degrees.
    path
        An ordinary local file.
    layer
        Of a file that has several.
    crs
        Overrides what the file says.
    choice
        Which column and which of its values tell roads, where the user says so.

    Returns
    -------
    Lines in EPSG:4326 that reach up to 50 m over the area, with the columns road_id, road_class,
    width_m, visible, name, and `tags`: all that the file says of a way, as JSON with lower-case
    keys. `attrs` holds the attribution and `notes`, what must be said of the reading.

    Raises
    ------
    InputError
        For a file that cannot be read or placed, or holds no roads.
    OverlapError
        Where none of its ways lies in the area.
    """
    found = check_local_file(path)
    tally = Tally()
    with open_map(found) as (reader, readable):
        stated = parse_crs(crs) if crs is not None else reader.read_crs(readable, layer)
        stated = settle_map_crs(stated, found, tally)
        near = [_bounds_in(area, stated)]
        near = repeat_eastward(near) if stated.is_geographic else near
        ways = reader.iterate(readable, layer, near, tally)
        roads = _frame(ways, area, tally, crs=stated, near=near, choice=choice, name=found.name)
    if not (roads["role"] == "road").any():
        raise _explain(found, area, tally, stated)
    roads = roads.drop(columns="role")
    roads.attrs["attribution"] = OSM_TERMS if found.suffix.lower() in OSM_SUFFIXES else ""
    return roads


def frame_roads(
    ways: Iterable[Way], area: Area, tally: Tally, *, crs: CRS = WGS84
) -> gpd.GeoDataFrame:
    """Ways as lines in EPSG:4326, cut to the area and 50 m around it, in the order of the
    source.
    """
    near = [(-math.inf, -math.inf, math.inf, math.inf)]
    return _frame(ways, area, tally, crs=crs, near=near).drop(columns="role")


def _frame(
    ways: Iterable[Way],
    area: Area,
    tally: Tally,
    *,
    crs: CRS,
    near: list[Bounds],
    choice: RoadChoice = RoadChoice(),
    name: str = "the map",
) -> gpd.GeoDataFrame:
    gathered = gather_ways(
        ways, near, tally, geographic=bool(crs.is_geographic), choice=choice, name=name
    )
    rows = gathered.rows
    columns = {key: rows[key] for key in ("role", *LINE_COLUMNS)}
    columns["tags"] = [_dump(tags) for tags in rows["tags"]]
    lines = [shapely.linestrings(piece) for piece in rows["line"]]
    frame = gpd.GeoDataFrame(columns, geometry=lines, crs=pyproj.CRS.from_wkt(crs.to_wkt()))
    cut = _cut(frame, area, tally)
    cut.attrs["notes"] = describe_gathered(tally, gathered.classes)
    return cut


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


def _explain(path: Path, area: Area, tally: Tally, crs: CRS) -> InputError | OverlapError:
    if tally.others or tally.dropped["not a road"]:
        return InputError(
            path.name,
            f"has no road in the area {area}, only other ways",
            "give a map with roads, or another area",
        )
    return explain_nothing(path, tally, crs, place=f"area {area}")
