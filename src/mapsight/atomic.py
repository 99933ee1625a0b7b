"""How a finished file takes its place: whole or not at all.

A file is written under a hidden name beside its own, closed, checked, synced and only then renamed.
The hidden name says which process writes it, so that the next run removes what a killed one left.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mapsight.errors import InputError, MapsightError
from mapsight.faults import is_of_library, say_first_line

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DISK = _FULL | {errno.EIO, errno.EROFS}
_HIDDEN = re.compile(r"\..*\.(?P<host>[0-9a-f]{6})-(?P<pid>\d+)-[0-9a-f]{6}([.-].*)?", re.DOTALL)
_OTHERS_S = 7 * 86400.0  # what another host or container left is removed after a week
_swept: set[Path] = set()


@contextmanager
def write_atomically(
    path: str | os.PathLike[str], *, check: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on a clean exit it takes its name, else it is removed.

    Parameters
    ----------
    check : reads the closed file back and raises where it is not whole. Libraries that write when
        they close (GDAL) do not always say that the disk was full.

    Raises
    ------
    InputError
        where `path` is not the name of a file, or the disk or a library says that it cannot be
        written.
    """
    final = check_target(path)
    sweep(final.parent)
    temporary = name_hidden(final)
    try:
        with explain_writing(final):
            yield temporary
            if check is not None:
                check(temporary)
            os.chmod(temporary, 0o666 & ~_read_umask())  # some libraries write for the owner alone
            _sync(temporary)
            os.replace(temporary, final)
    finally:
        _remove_hidden(temporary)
    _sync(final.parent)


@contextmanager
def hidden_folder(beside: Path) -> Iterator[Path]:
    """A hidden folder for what is needed until `beside` is written; removed in the end, or by the
    next run.
    """
    sweep(beside.parent)
    folder = name_hidden(beside)
    with explain_writing(beside):
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_target(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a file that may be written; InputError for folders, devices, fifos and
    names in no folder.
    """
    final = Path(os.path.abspath(os.fspath(path)))
    if not final.parent.is_dir():
        raise InputError(final.parent, "there is no such folder to write into", "create it first")
    if final.is_dir():
        raise InputError(final, "is a folder", "give the name of a file")
    if final.exists() and not final.is_file():
        raise InputError(
            final, "is a device, a pipe or a socket, not a file", "give the name of a file"
        )
    return final


def name_hidden(final: Path) -> Path:
    """A hidden name beside `final` that says who writes it. The suffix stays last: GDAL judges
    formats by it.
    """
    stem = final.stem[:50]  # names have an end
    tag = f"{_name_host()}-{os.getpid()}-{secrets.token_hex(3)}"
    return final.with_name(f".{stem}.{tag}{final.suffix}")


def sweep(folder: Path) -> None:
    """Remove what runs that are dead left in a folder under hidden names; once a process."""
    if folder in _swept:
        return
    _swept.add(folder)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _HIDDEN.fullmatch(entry.name)
            if found and _is_dead(entry, found["host"], int(found["pid"])):
                _remove(Path(entry.path))


@contextmanager
def explain_writing(final: Path) -> Iterator[None]:
    """What disks and libraries raise while a file is written becomes one InputError about it."""
    try:
        yield
    except MapsightError:
        raise
    except Exception as error:
        number = getattr(error, "errno", None)
        if number not in _DISK and not is_of_library(error):
            raise
        reason = os.strerror(number) if number in _DISK else say_first_line(error)
        if number in _FULL or _is_full(final.parent):
            reason = f"the disk is full: {reason}"
        raise InputError(
            final, f"cannot be written ({reason})", "make room, or give another place with --out"
        ) from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; InputError where another one holds it. Nothing is written.

    A lock dies with its process. Where the system or the file system has none, nothing is held.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                folder,
                "another mapsight is writing there",
                "wait for its end, or give another --out",
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def _is_dead(entry: os.DirEntry[str], host: str, pid: int) -> bool:
    if host != _name_host():
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _OTHERS_S
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _name_host() -> str:
    """This machine and, in a container, the space in which its process numbers mean something."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:6]


def _remove_hidden(temporary: Path) -> None:
    """The file and what libraries put beside it (`.aux.xml`, `-journal`)."""
    _remove(temporary)
    for ending in (".aux.xml", "-journal", "-wal", "-shm"):
        _remove(temporary.with_name(temporary.name + ending))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 1 << 16
    except OSError:
        return False


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
