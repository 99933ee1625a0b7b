"""GeoJSON as a stream of features, and Overpass JSON; other JSON is refused by its name.

Ours, because GDAL's reader fetches a CRS that is named by a URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, parse_crs
from mapsight.geo.maps.elements import iterate_elements
from mapsight.geo.maps.jsontext import END, iterate_members
from mapsight.geo.maps.roadclass import KEYS, identify_way
from mapsight.geo.maps.tags import spread_tags
from mapsight.geo.maps.ways import Tally, Way, parse_lines

_URN = re.compile(r"^urn:(?:x-)?ogc:def:crs:(?P<authority>\w+):[\w.]*:(?P<code>\w+)$", re.I)
_CONVERT = "convert it: ogr2ogr roads.gpkg {name}"
_GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")


def read_geojson_crs(path: Path, layer: str | None = None) -> CRS | None:
    """The CRS that the file names in the old `crs` member, or None; names are looked up, never
    fetched.

    Raises
    ------
    InputError
        For a layer, for a CRS that is elsewhere, for records that name different ones.
    """
    if layer is not None:
        raise InputError(f"layer {layer!r}", "a GeoJSON file has no layers", "omit --layer")
    found: CRS | None = None
    for key, value in iterate_members(path):
        if key != "crs" or value is None:
            continue
        named = _parse_crs_member(value)
        if found is not None and named != found:
            raise InputError(
                path.name, "its records are in different CRS", "write each into a file of its own"
            )
        found = named
    return found


def iterate_geojson_ways(
    path: Path, layer: str | None, near: list[Bounds], tally: Tally
) -> Iterator[Way]:
    """All features of all records in order, `near` or not.

    Raises
    ------
    InputError
        For text that is not sound, for TopoJSON, Esri JSON and JSON of any other kind, and for an
        answer of Overpass that says it is not complete.
    """
    number = 0
    record: dict[str, Any] = {}
    elements: list[Any] = []
    for key, value in iterate_members(path):
        if key == "elements[]":
            elements.append(value)
        elif key == "features[]":
            number += 1
            _refuse_esri(value, path)
            yield _read_feature(value, number)
        elif key != END:
            record[key] = value if key != "arcs" else None
        else:
            _refuse_others(record, path)
            if "elements" in record:
                tally.note_columns(KEYS)
                yield from iterate_elements(elements, record, path.name)
            elif "features" not in record:
                number += 1
                yield _read_feature(_as_feature(record, path), number)
            record, elements = {}, []


def _read_feature(feature: Any, number: int) -> Way:
    tags = _read_tags(feature) if isinstance(feature, dict) else {}
    lines, fault = parse_lines(feature.get("geometry") if isinstance(feature, dict) else None)
    return Way(identify_way(tags, str(number)), tags, lines, fault)


def _read_tags(feature: dict[str, Any]) -> dict[str, str]:
    properties = feature.get("properties")
    own = {"id": str(feature["id"])} if isinstance(feature.get("id"), (str, int)) else {}
    return {**own, **(spread_tags(properties) if isinstance(properties, dict) else {})}


def _as_feature(record: dict[str, Any], path: Path) -> dict[str, Any]:
    """A record that is one feature or one geometry."""
    if record.get("type") == "Feature" or isinstance(record.get("geometry"), dict):
        return record
    if record.get("type") in _GEOMETRIES and "coordinates" in record:
        return {"geometry": record}
    if record.get("type") == "GeometryCollection" and "geometries" in record:
        return {"geometry": record}
    keys = ", ".join(map(repr, list(record)[:4])) or "nothing"
    raise InputError(
        path.name, f"is JSON, but no GeoJSON: a record holds {keys}", "export it as GeoJSON"
    )


def _refuse_others(record: dict[str, Any], path: Path) -> None:
    kind = record.get("type")
    if kind == "Topology" or ("arcs" in record and "objects" in record):
        raise InputError(path.name, "is TopoJSON, not GeoJSON", _CONVERT.format(name=path.name))
    if "geometryType" in record or "spatialReference" in record or "paths" in record:
        raise _esri(path)
    if "error" in record and "features" not in record:
        raise InputError(
            path.name, f"is the error of a service: {str(record['error'])[:100]}", "fetch it again"
        )
    if record.get("exceededTransferLimit") is True:
        raise InputError(
            path.name, "says that the service left features away", "fetch the rest page by page"
        )


def _refuse_esri(feature: Any, path: Path) -> None:
    if isinstance(feature, dict) and isinstance(geometry := feature.get("geometry"), dict):
        esri = {"paths", "rings", "curvePaths"} & geometry.keys()
        if esri and "coordinates" not in geometry:
            raise _esri(path)


def _esri(path: Path) -> InputError:
    return InputError(
        path.name,
        "is Esri JSON, not GeoJSON",
        f"ask the service for f=geojson, or {_CONVERT.format(name=path.name)}",
    )


def _parse_crs_member(value: Any) -> CRS:
    properties = value.get("properties") if isinstance(value, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or value.get("type") != "name":
        raise InputError(
            "crs member", "refers to a CRS elsewhere, not fetched", "give the CRS as EPSG:<number>"
        )
    urn = _URN.match(name)
    return parse_crs(f"{urn['authority']}:{urn['code']}" if urn else name)
