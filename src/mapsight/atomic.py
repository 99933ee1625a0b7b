"""How a finished file takes its place: whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapsight.errors import InputError


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on a clean exit it is synced and takes its name, else
    removed.
    """
    final = Path(os.path.abspath(os.fspath(path)))
    if not final.parent.is_dir():
        raise InputError(final.parent, "there is no such folder to write into", "create it first")
    if final.is_dir():
        raise InputError(final, "is a folder", "give the name of a file")
    # The suffix stays last: GDAL judges formats by it.
    temporary = final.with_name(f".{final.stem}.{secrets.token_hex(4)}{final.suffix}")
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_read_umask())  # some libraries write for the owner alone
        _sync(temporary)
        os.replace(temporary, final)
    finally:
        for leftover in (temporary, temporary.with_name(temporary.name + ".aux.xml")):
            leftover.unlink(missing_ok=True)
    _sync(final.parent)


def _read_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
