"""Layers of a GeoPackage replaced where it stands, in one transaction: what else the file holds is
not touched.

GDAL rewrites a file whole, and with it what others keep in it (verdicts, styles). A person may be
judging findings while an audit ends, so the layers are exchanged inside the database instead:
readers and writers on other connections see the old file or the new one, and a power cut leaves the
old one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from mapsight.atomic import write_atomically
from mapsight.errors import InputError

_MAGIC = b"SQLite format 3\0"
_REGISTERS = ("gpkg_contents", "gpkg_geometry_columns", "gpkg_extensions", "gpkg_ogr_contents")
_WAIT_S = 30.0


def replace_layers(path: Path, fresh: Path, layers: Sequence[str]) -> None:
    """Those layers of `path` become what `fresh`, a GeoPackage by GDAL, has under these names (or
    nothing).

    InputError where `path` is no GeoPackage or another program holds it.
    """
    check_geopackage(path)
    with _open(path) as database, _transaction(path, database, fresh):
        for layer in layers:
            _drop_layer(database, layer)
        database.execute(
            "INSERT OR REPLACE INTO main.gpkg_spatial_ref_sys SELECT * FROM"
            " fresh.gpkg_spatial_ref_sys"
        )
        for layer in layers:
            if _has_table(database, "fresh", layer):
                _copy_layer(database, layer)


def copy_with_layers(path: Path, source: Path, fresh: Path, layers: Sequence[str]) -> None:
    """Writes `path` atomically: all that `source` holds at this moment, with layers replaced from
    `fresh`.
    """
    check_geopackage(source)
    with write_atomically(path) as temporary:
        with _open(source) as old, _open(temporary) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        replace_layers(temporary, fresh, layers)


def check_geopackage(path: Path) -> None:
    """InputError for what is not a GeoPackage, or one whose registers are views that would run what
    somebody wrote.
    """
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise InputError(path, "is not a GeoPackage", "move it away and run the command again")
    with _open(path) as database:
        try:
            rows = dict(
                database.execute(
                    "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"
                )
            )
        except sqlite3.DatabaseError as error:
            raise InputError(path, f"is a damaged GeoPackage ({error})", "move it away") from None
    if any(rows.get(name) != "table" for name in ("gpkg_spatial_ref_sys", *_REGISTERS[:2])):
        raise InputError(
            path, "is not a sound GeoPackage", "move it away and run the command again"
        )


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(
        sqlite3.connect(os.fspath(path), timeout=_WAIT_S, isolation_level=None)
    ) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        yield database


@contextmanager
def _transaction(path: Path, database: sqlite3.Connection, fresh: Path) -> Iterator[None]:
    try:
        database.execute("PRAGMA synchronous = FULL")
        database.execute("ATTACH ? AS fresh", (os.fspath(fresh),))
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
        database.execute("DETACH fresh")
    except sqlite3.OperationalError as error:
        raise InputError(
            path, f"cannot be written ({error})", "close the program that holds it, then run again"
        ) from None


def _drop_layer(database: sqlite3.Connection, layer: str) -> None:
    columns = database.execute(
        "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
    ).fetchall()
    for (column,) in columns:
        database.execute(f"DROP TABLE IF EXISTS main.{_quote(f'rtree_{layer}_{column}')}")
    database.execute(f"DROP TABLE IF EXISTS main.{_quote(layer)}")
    for register in _REGISTERS:
        if _has_table(database, "main", register):
            database.execute(
                f"DELETE FROM main.{register} WHERE lower(table_name) = lower(?)", (layer,)
            )


def _copy_layer(database: sqlite3.Connection, layer: str) -> None:
    """The table, its spatial index, its rows in the registers, and last its triggers, which call
    GDAL's functions.
    """
    indexes = f"rtree_{layer}_%"
    schema = database.execute(
        "SELECT name, sql FROM fresh.sqlite_master WHERE type = 'table' AND (name = ? OR name LIKE"
        " ? AND sql LIKE ?)",
        (layer, indexes, "CREATE VIRTUAL TABLE %"),
    ).fetchall()
    for name, sql in schema:
        database.execute(sql)
        database.execute(f"INSERT INTO main.{_quote(name)} SELECT * FROM fresh.{_quote(name)}")
    for register in _REGISTERS:
        _copy_register(database, register, layer)
    for (sql,) in database.execute(
        "SELECT sql FROM fresh.sqlite_master WHERE type IN ('trigger', 'index') AND tbl_name = ?"
        " AND sql NOT NULL",
        (layer,),
    ).fetchall():
        database.execute(sql)


def _copy_register(database: sqlite3.Connection, register: str, layer: str) -> None:
    if not _has_table(database, "fresh", register):
        return
    if not _has_table(database, "main", register):
        sql = "SELECT sql FROM fresh.sqlite_master WHERE type = 'table' AND name = ?"
        database.execute(database.execute(sql, (register,)).fetchone()[0])
    columns = ", ".join(
        _quote(row[1]) for row in database.execute(f"PRAGMA main.table_info({register})")
    )
    rows = f"SELECT {columns} FROM fresh.{register} WHERE lower(table_name) = lower(?)"
    database.execute(f"INSERT INTO main.{register} ({columns}) {rows}", (layer,))


def _has_table(database: sqlite3.Connection, schema: str, name: str) -> bool:
    sql = f"SELECT 1 FROM {schema}.sqlite_master WHERE type = 'table' AND lower(name) = lower(?)"
    return database.execute(sql, (name,)).fetchone() is not None


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
