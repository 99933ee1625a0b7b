"""A database that is only looked at: nothing about it changes, whatever journal lies beside it.

SQLite rewrites a file whose journal is not folded in, also for a reader, and makes files beside one
in WAL mode. So a GeoPackage with a journal is copied, with it, into a folder of our own; one
without is opened as immutable.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mapsight.errors import InputError

_JOURNALS = ("-wal", "-journal")
_TRIES = 3
_MAGIC = b"SQLite format 3\0"


@contextmanager
def borrow_file(path: Path, *, logged: bool = False) -> Iterator[Path]:
    """A path under which all rows of the file can be read without changing it or its folder.

    Parameters
    ----------
    path
        Any file; what is no SQLite database, or has no journal beside it, is handed back as it is.
    logged
        Whether a database in WAL mode is copied without a journal, too: for readers that cannot be
        told that it is immutable.

    Yields
    ------
    The path itself, or that of a private copy into which the journal is folded.

    Raises
    ------
    InputError
        For a journal that does not fit its database, or that another program keeps writing to.
    """
    if not _is_database(path) or not (_has_journal(path) or (logged and _is_logged(path))):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mapsight-") as folder:
        copy = Path(folder) / path.name
        _copy_at_rest(path, copy)
        _fold_journal(copy)
        yield copy


def _has_journal(path: Path) -> bool:
    beside = (path.with_name(path.name + ending) for ending in _JOURNALS)
    return any(journal.is_file() and journal.stat().st_size > 0 for journal in beside)


def _is_database(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _is_logged(path: Path) -> bool:
    """Whether a database is in WAL mode (SQLite's file format, 1.3.3)."""
    with path.open("rb") as stream:
        return stream.read(20)[18:] == b"\2\2"


def _copy_at_rest(path: Path, copy: Path) -> None:
    """File and journals as they were at one moment: copied again while somebody writes."""
    for _ in range(_TRIES):
        before = _stamp(path)
        for ending in ("", *_JOURNALS):
            source = path.with_name(path.name + ending)
            if source.is_file():
                shutil.copyfile(source, copy.with_name(copy.name + ending))
        if _stamp(path) == before:
            return
    raise InputError(
        path.name, "is being written by another program", "save and close it there, then run again"
    )


def _stamp(path: Path) -> list[tuple[int, int]]:
    files = (path.with_name(path.name + ending) for ending in ("", *_JOURNALS))
    return [(f.stat().st_size, f.stat().st_mtime_ns) if f.is_file() else (0, 0) for f in files]


def _fold_journal(copy: Path) -> None:
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise InputError(
            copy.name,
            f"has a journal beside it that does not fit ({error})",
            "open and save it in the program that wrote it",
        ) from None
