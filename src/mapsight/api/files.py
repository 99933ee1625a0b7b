"""Paths as people give them."""

from __future__ import annotations

import os
from pathlib import Path

from mapsight.atomic import check_target
from mapsight.errors import InputError

PathLike = str | os.PathLike[str]


def make_dir(path: Path) -> Path:
    """The folder, made if needed; InputError where a file stands in its place."""
    if path.exists() and not path.is_dir():
        raise InputError(path, "is a file", "give a folder")
    path.mkdir(parents=True, exist_ok=True)
    return path


def make_place(path: Path) -> Path:
    """The path of a file that can be written, its folder made if needed: asked before work begins.

    InputError where the name is that of a folder, a device or a pipe.
    """
    make_dir(path.parent)
    check_target(path)
    return path


def name_beside(path: Path, folder: Path) -> str:
    """The path of a file as seen from a folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return str(path.absolute())
