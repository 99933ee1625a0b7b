"""Planted mistakes on disk: GeoJSON (RFC 7946), so that any tool can show where they are."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from pyproj import Transformer

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.geo.files import check_local_file
from mapsight.roads.kinds import KINDS, say_kinds

COLUMNS = ("planted_id", "kind", "length_m", "offset_m", "road_class", "true_wkt")
_PIXELS = (
    "pixel_coordinates"  # a foreign member (RFC 7946, section 6.1): the image has no georeference
)
_DIGITS = 7  # of a degree: a centimetre


def write_planted(path: Path | str, planted: gpd.GeoDataFrame) -> None:
    """Write planted mistakes (COLUMNS and geometry) as EPSG:4326; without a CRS, as pixels, marked
    so.

    geometry is the piece left out, the piece added, or the road as the map now has it, shifted;
    then true_wkt says where it is, in the same coordinates. Whole or not at all.
    """
    placed = reproject_planted(planted, "EPSG:4326") if planted.crs is not None else planted
    body: dict[str, Any] = {"type": "FeatureCollection"} | (
        {_PIXELS: True} if planted.crs is None else {}
    )
    body["features"] = [
        _make_feature(row, _DIGITS if planted.crs is not None else 3) for row in placed.itertuples()
    ]
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(body, allow_nan=False), encoding="utf-8")


def read_planted(path: Path | str, *, crs: Any = None) -> gpd.GeoDataFrame:
    """Planted mistakes (COLUMNS and geometry) in `crs`; None: as they stand, degrees or pixels.

    InputError for what is not such a file, and for pixels where a CRS is asked for.
    """
    body = _load(path)
    pixels = body.get(_PIXELS) is True
    if pixels and crs is not None:
        raise InputError(
            path,
            "holds pixel coordinates",
            "score it with findings of the same image without georeference",
        )
    rows = [_read_feature(path, feature) for feature in body["features"]]
    columns = {name: [row[name] for row in rows] for name in (*COLUMNS, "geometry")}
    planted = gpd.GeoDataFrame(columns, geometry="geometry", crs=None if pixels else "EPSG:4326")
    planted = planted.astype({"length_m": float, "offset_m": float})
    return planted if pixels or crs is None else reproject_planted(planted, crs)


def reproject_planted(planted: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """Planted mistakes in another CRS: every line that the table holds goes along."""
    moved = planted.to_crs(crs)
    way = Transformer.from_crs(planted.crs, moved.crs, always_xy=True)
    true_lines = [_move_wkt(text, way) for text in planted["true_wkt"]]
    return moved.assign(true_wkt=true_lines)


def _move_wkt(text: str, way: Transformer) -> str:
    if not text:
        return ""
    moved = shapely.transform(shapely.from_wkt(text), way.transform, interleaved=False)
    return str(shapely.to_wkt(moved, rounding_precision=9))


def _make_feature(row: Any, digits: int) -> dict[str, Any]:
    xy = [
        [round(float(x), digits), round(float(y), digits)]
        for x, y in shapely.get_coordinates(row.geometry)
    ]
    true_line = (
        shapely.to_wkt(shapely.from_wkt(row.true_wkt), rounding_precision=digits)
        if row.true_wkt
        else None
    )
    properties = {
        "planted_id": row.planted_id,
        "kind": row.kind,
        "length_m": round(float(row.length_m), 2),
        "offset_m": None if math.isnan(row.offset_m) else round(float(row.offset_m), 2),
        "road_class": row.road_class,
    } | ({"true_wkt": true_line} if true_line else {})
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "LineString", "coordinates": xy},
    }


def _load(path: Path | str) -> dict[str, Any]:
    found = check_local_file(os.fspath(path))
    remedy = "give the planted.geojson that `mapsight plant` or `mapsight town` wrote"
    try:
        body = json.loads(found.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise InputError(path, "is not JSON", remedy) from None
    if not isinstance(body, dict) or not isinstance(body.get("features"), list):
        raise InputError(path, "is not a GeoJSON FeatureCollection", remedy)
    return body


def _read_feature(path: Path | str, feature: Any) -> dict[str, Any]:
    try:
        said = feature["properties"]
        line = shapely.LineString(feature["geometry"]["coordinates"])
        true_wkt = str(said.get("true_wkt") or "")
        offset = said.get("offset_m")
        row = {
            "planted_id": str(said["planted_id"]),
            "kind": str(said["kind"]),
            "length_m": float(said["length_m"]),
            "offset_m": math.nan if offset is None else float(offset),
            "road_class": str(said.get("road_class", "")),
            "true_wkt": true_wkt,
            "geometry": line,
        }
        whole = row["kind"] in KINDS and line.length > 0 and all(map(math.isfinite, line.bounds))
        if true_wkt:
            shapely.from_wkt(true_wkt)
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError):
        whole = False
    if not whole:
        raise InputError(
            path,
            "has a feature that is no planted mistake",
            f"each needs a line, an id and a kind: {say_kinds()}",
        )
    return row
