"""findings.gpkg as an SQLite file that may come from anybody: opened without trust, migrated,
brought to rest.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from mapsight.errors import InputError

TABLE, _VERSIONS = "verdicts", "mapsight_schema"
_WRITTEN = {TABLE, _VERSIONS, "gpkg_contents"}

# One entry a version of the table; only ever added to. GeoPackage keeps user_version for its own
# number.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"""CREATE TABLE {TABLE} (
            fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
            finding_id TEXT NOT NULL,
            verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject', 'unsure', 'none')),
            note TEXT NOT NULL,
            geometry_wkt TEXT NOT NULL,
            reviewer TEXT NOT NULL,
            time_utc DATETIME NOT NULL,
            revision INTEGER NOT NULL,
            UNIQUE (finding_id, revision))""",
        f"""INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)
            VALUES ('{TABLE}', 'attributes', '{TABLE}',
                    'what people said of the findings; the last revision counts',
                    strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))""",
    ),
)


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Nothing inside the file is trusted: no function of a schema, no attached file, damaged cells
    are noticed.
    """
    with path.open("rb") as stream:
        if stream.read(16) != b"SQLite format 3\0":
            raise InputError(path, "is no GeoPackage", "give findings.gpkg of an audit")
    base = f"file:{quote(str(path))}?mode={'rw' if writable else 'ro'}"
    try:
        return _open(base)
    except sqlite3.OperationalError:
        if writable or os.path.exists(f"{path}-wal"):
            raise
    return _open(f"{base}&immutable=1")  # a folder that cannot be written, and nobody who writes


def refuse_traps(path: Path, database: sqlite3.Connection) -> None:
    """A view in a table's place, or a trigger on what is written, would do what the file's author
    wants.
    """
    objects = database.execute(
        "SELECT type, lower(name), lower(tbl_name) FROM sqlite_master"
    ).fetchall()
    kinds = {name: kind for kind, name, _ in objects if kind in ("table", "view")}
    for name in ("gpkg_contents", "findings"):
        if kinds.get(name) != "table":
            raise InputError(path, f"has no table {name}", "give findings.gpkg of an audit")
    for kind, name, table in objects:
        if (kind == "view" and name in _WRITTEN) or (kind == "trigger" and table in _WRITTEN):
            raise InputError(
                path,
                f"holds a {kind} {name[:40]!r} that mapsight has not made",
                "run the audit again",
            )


def has_verdicts(database: sqlite3.Connection) -> bool:
    """Whether anybody has opened a review of these findings yet."""
    return _has_table(database, TABLE)


def migrate(
    path: Path, database: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS
) -> None:
    """Bring the table to the last version, in one transaction; InputError for one from a newer
    mapsight.
    """
    if _read_version(database) == len(migrations):
        return
    with transact(database):
        version = _read_version(database)
        if version > len(migrations):
            raise InputError(path, "holds verdicts of a newer mapsight", "update mapsight")
        database.execute(
            f"CREATE TABLE IF NOT EXISTS {_VERSIONS} (component TEXT PRIMARY KEY NOT NULL, version"
            " INTEGER NOT NULL)"
        )
        for statement in (line for step in migrations[version:] for line in step):
            database.execute(statement)
        database.execute(
            f"INSERT OR REPLACE INTO {_VERSIONS} VALUES (?, ?)", (TABLE, len(migrations))
        )


def identify(path: Path) -> tuple[int, int]:
    """Which file stands under that name now."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_dev, stat.st_ino


@contextlib.contextmanager
def transact(database: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """All of it or nothing; DEFERRED for a look at one moment."""
    database.execute(f"BEGIN {kind}")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explain(path: Path) -> Iterator[None]:
    """SQLite's faults as one line."""
    try:
        yield
    except sqlite3.Error as error:
        reason = str(error)
        if "readonly" in reason or "unable to open" in reason:
            raise InputError(
                path, "cannot be written", "copy the audit to a folder of your own"
            ) from None
        if "locked" in reason or "busy" in reason:
            raise InputError(
                path, "is held by another program", "end what writes to it, and try again"
            ) from None
        raise InputError(
            path, f"cannot be used as a findings file ({reason[:120]})", "run the audit again"
        ) from None


def _open(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        name, uri=True, timeout=10.0, isolation_level=None, check_same_thread=False
    )
    try:
        database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        database.close()
        raise
    return database


def _has_table(database: sqlite3.Connection, name: str) -> bool:
    return bool(
        database.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
        ).fetchone()
    )


def _read_version(database: sqlite3.Connection) -> int:
    if not _has_table(database, _VERSIONS):
        return 0
    row = database.execute(
        f"SELECT version FROM {_VERSIONS} WHERE component = ?", (TABLE,)
    ).fetchone()
    return int(row[0]) if row else 0
