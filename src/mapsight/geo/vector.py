"""GeoPackages and shapefiles through GDAL, after a look whether they are what they seem."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FieldError
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, parse_crs
from mapsight.geo.roadclass import COLUMNS, identify_way, spread_other_tags
from mapsight.geo.ways import Tally, Way, spell_value

_FAULTS = (
    DataSourceError,
    DataLayerError,
    FieldError,
    shapely.errors.GEOSException,
    UnicodeDecodeError,
)
_SHAPE_MAGIC = b"\x00\x00\x27\x0a"
_LINE_TYPES = ("LINESTRING", "MULTILINESTRING", "CURVE", "MULTICURVE", "GEOMETRY", "COMPOUNDCURVE")


def read_vector_crs(path: Path, layer: str | None = None) -> CRS | None:
    """The CRS of a layer, or None where none is named; InputError for files that are not what they
    seem.
    """
    layer = _settle_layer(path, layer)
    crs = _read_info(path, layer)["crs"]
    try:
        return parse_crs(pyproj.CRS.from_user_input(crs)) if crs and not _is_url(crs) else None
    except pyproj.exceptions.CRSError:
        return None


def iterate_vector_ways(
    path: Path, layer: str | None, near: list[Bounds], tally: Tally, *, all_columns: bool = False
) -> Iterator[Way]:
    """Lines of a layer that reach into `near`, found through the file's spatial index where it has
    one.

    Their tags are the columns that tell what a road is, or all columns.
    """
    layer = _settle_layer(path, layer)
    info = _read_info(path, layer)
    tally.total += info["features"]
    columns = [name for name in info["fields"] if all_columns or name.lower() in COLUMNS]
    found: set[Any] = set()  # a way that reaches into two areas is one
    for area in near:
        frame = _read_area(path, layer, area, columns=columns)
        frame = frame[~frame.index.isin(found)]
        found.update(frame.index)
        tables = frame.drop(columns="geometry").to_dict("records") if "geometry" in frame else []
        for number, (row, geometry) in enumerate(
            zip(tables, frame.get("geometry", []), strict=True)
        ):
            yield from _split_row(row, geometry, str(frame.index[number]), tally)
    if not found:
        for left, bottom, right, top in near:
            tally.swapped += len(_read_area(path, layer, (bottom, left, top, right), columns=[]))


def _split_row(
    row: dict[Any, Any], geometry: shapely.Geometry | None, number: str, tally: Tally
) -> Iterator[Way]:
    if geometry is None or geometry.is_empty:
        tally.dropped["no geometry"] += 1
    elif geometry.geom_type not in ("LineString", "MultiLineString"):
        tally.dropped["not a line"] += 1
    else:
        said = {
            str(key).lower(): spell_value(value) for key, value in row.items() if _is_said(value)
        }
        tags = spread_other_tags(said)
        for part in shapely.get_parts(geometry):
            yield Way(identify_way(tags, number), tags, shapely.get_coordinates(part))


def _is_said(value: Any) -> bool:
    return (
        value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))
    )


def _is_url(crs: str) -> bool:
    return "://" in crs[:40]


def _read_area(path: Path, layer: str | None, area: Bounds, *, columns: list[str]) -> Any:
    box = area if all(map(math.isfinite, area)) else None
    try:
        return pyogrio.read_dataframe(
            path, layer=layer, bbox=box, columns=columns, on_invalid="ignore", fid_as_index=True
        )
    except _FAULTS as error:
        raise _damaged(path, error) from None


def _read_info(path: Path, layer: str | None) -> dict[str, Any]:
    try:
        return pyogrio.read_info(path, layer=layer, force_feature_count=True)
    except _FAULTS as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    if path.suffix == ".shp" and not path.with_suffix(".shx").is_file():
        return InputError(
            path.name, "its .shx file is missing", "put all files of the shapefile side by side"
        )
    reason = str(error).split("\n")[0].replace(str(path), path.name)[:120]
    return InputError(path.name, f"is damaged ({reason})", "export it again")


def _settle_layer(path: Path, layer: str | None) -> str | None:
    """The layer to read, once the file is known to be what its name says."""
    if path.suffix.lower() == ".gpkg":
        return _check_geopackage(path, layer)
    with path.open("rb") as stream:
        if stream.read(4) != _SHAPE_MAGIC:
            raise InputError(
                path.name, "is not a shapefile", "export it again, or give it its right suffix"
            )
    return layer


def _check_geopackage(path: Path, layer: str | None) -> str:
    """Read-only, without trust: a view or a computed column would run what its author wrote."""
    with path.open("rb") as stream:
        if stream.read(16) != b"SQLite format 3\0":
            raise InputError(
                path.name, "is not a GeoPackage", "export it again, or give it its right suffix"
            )
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        ) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            kinds = dict(
                database.execute(
                    "SELECT lower(name), type || ' ' || coalesce(sql, '') FROM sqlite_master"
                )
            )
            _check_tables(
                path, kinds, ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")
            )
            chosen = _choose_layer(path, layer, database)
            _check_tables(path, kinds, (chosen.lower(),))
            name = chosen.replace('"', '""')
            computed = [
                row for row in database.execute(f'PRAGMA table_xinfo("{name}")') if row[6] in (2, 3)
            ]
    except sqlite3.Error as error:
        raise InputError(
            path.name, f"is a damaged GeoPackage ({error})", "export it again"
        ) from None
    if computed:
        raise InputError(
            path.name, f"column {computed[0][1]} is computed", "export the layer as plain values"
        )
    return chosen


def _check_tables(path: Path, kinds: dict[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in kinds:
            raise InputError(
                path.name, f"has no table {name}, so is no sound GeoPackage", "export it again"
            )
        if not kinds[name].lower().startswith("table create table"):
            raise InputError(
                path.name, f"{name} is a view, not a table", "export the layer as a plain table"
            )


def _choose_layer(path: Path, layer: str | None, database: sqlite3.Connection) -> str:
    rows = database.execute(
        "SELECT table_name, upper(geometry_type_name) FROM gpkg_geometry_columns"
    ).fetchall()
    layers = [str(name) for name, kind in rows if kind in _LINE_TYPES]
    if layer is not None and layer in [name for name, _ in rows]:
        return layer
    if layer is None and len(layers) == 1:
        return layers[0]
    if not layers:
        raise InputError(path.name, "has no layer of lines", "give a map with road centre lines")
    problem = "has several layers of lines" if layer is None else f"has no layer {layer!r}"
    raise InputError(
        path.name, problem, f"choose one with --layer: {', '.join(sorted(layers)[:8])}"
    )
