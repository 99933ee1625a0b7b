"""Local files: what may be opened."""

from __future__ import annotations

import os
from pathlib import Path

from mapsight.errors import InputError
from mapsight.faults import note_file


def check_local_file(path: str | os.PathLike[str]) -> Path:
    """The absolute path of an ordinary local file; InputError for virtual paths, URLs, inline XML,
    folders.

    GDAL and libosmium open `/vsicurl/…` and `http:` names as gladly as files: those must never
    reach them.
    """
    text = os.fspath(path)
    if text.startswith("/vsi") or "://" in text or text.lstrip().startswith("<") or "\0" in text:
        raise InputError(
            repr(text[:80]), "expected the path of a local file", "download or unpack it first"
        )
    found = Path(os.path.abspath(text))
    if not found.is_file():
        what = "is a folder" if found.is_dir() else "there is no such file"
        raise InputError(text, what, "give the path of a file")
    if found.stat().st_size == 0:
        raise InputError(text, "the file is empty", "fetch or write it again")
    note_file(found)
    return found
