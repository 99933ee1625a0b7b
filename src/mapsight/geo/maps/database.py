"""A GeoPackage looked at with SQLite, read-only and without trust, before GDAL opens it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from mapsight.errors import InputError

_LINES = ("LINESTRING", "MULTILINESTRING", "CURVE", "MULTICURVE", "COMPOUNDCURVE", "CIRCULARSTRING")
_MIXED = ("GEOMETRY", "GEOMETRYCOLLECTION", "GEOMCOLLECTION")


class Layer(NamedTuple):
    """A layer of lines: its name, and whether its spatial index knows every row."""

    name: str
    indexed: bool


def check_geopackage(path: Path, layer: str | None) -> Layer:
    """The layer of lines to read.

    Raises
    ------
    InputError
        For what is no GeoPackage, for views and computed columns (they would run what their author
        wrote), and where the layer is not clear.
    """
    with path.open("rb") as stream:
        if stream.read(16) != b"SQLite format 3\0":
            raise InputError(
                path.name, "is not a GeoPackage", "export it again, or give it its right suffix"
            )
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        ) as database:
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            database.execute("PRAGMA trusted_schema = OFF")
            return _look(path, layer, database)
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise InputError(
            path.name, f"is a damaged GeoPackage ({error})", "export it again"
        ) from None


def _look(path: Path, layer: str | None, database: sqlite3.Connection) -> Layer:
    kinds = dict(
        database.execute("SELECT lower(name), type || ' ' || coalesce(sql, '') FROM sqlite_master")
    )
    _check_tables(path, kinds, ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys"))
    chosen = _choose_layer(path, layer, database)
    _check_tables(path, kinds, (chosen.lower(),))
    computed = [
        row for row in database.execute(f"PRAGMA table_xinfo({_quote(chosen)})") if row[6] in (2, 3)
    ]
    if computed:
        raise InputError(
            path.name, f"column {computed[0][1]} is computed", "export the layer as plain values"
        )
    return Layer(chosen, _is_indexed(chosen, kinds, database))


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
    layers = [str(name) for name, kind in rows if kind in _LINES]
    layers = layers or [str(name) for name, kind in rows if kind in _MIXED]
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


def _is_indexed(layer: str, kinds: dict[str, str], database: sqlite3.Connection) -> bool:
    """Whether the spatial index holds as many rows as the layer has geometries.

    A program that writes without GDAL's triggers leaves rows out of it; a search through such an
    index would lose them without a word.
    """
    row = database.execute(
        "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
    ).fetchone()
    if row is None or f"rtree_{layer}_{row[0]}_rowid".lower() not in kinds:
        return False
    rowids, column = _quote(f"rtree_{layer}_{row[0]}_rowid"), _quote(str(row[0]))
    known = database.execute(f"SELECT count(*) FROM {rowids}").fetchone()[0]
    held = database.execute(f"SELECT count({column}) FROM {_quote(layer)}").fetchone()[0]
    return bool(known == held)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
