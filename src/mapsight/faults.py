"""What libraries raise, said in one line with the file that it was about.

Readers refuse what they know by name. This is what is left: the last word of the command line and
of the server, so that no damaged file ends in a traceback.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

# roots of the modules whose exceptions tell of a file or a host, never of a fault of ours
_LIBRARIES = {
    "PIL",
    "_csv",
    "fiona",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "json",
    "lxml",
    "onnx",
    "onnxruntime",
    "osmium",
    "pyarrow",
    "pyexpat",
    "pyogrio",
    "pyproj",
    "pystac",
    "pystac_client",
    "rasterio",
    "rio_tiler",
    "safetensors",
    "safetensors_rust",
    "shapely",
    "sqlite3",
    "xml",
    "zlib",
}
_LONGEST = 200

_file: ContextVar[str] = ContextVar("file that was opened last", default="")


def note_file(path: str | os.PathLike[str]) -> None:
    """Remember which file is being read, for the line that tells of a fault in it."""
    _file.set(os.fspath(path))


def is_of_library(error: BaseException) -> bool:
    """Whether an exception tells of what a library could not read or write."""
    modules = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    return bool(modules & _LIBRARIES) or isinstance(error, UnicodeError)


def explain_fault(error: BaseException) -> str:
    """One line: the file, what was wrong, and what to do."""
    path = getattr(error, "filename", None) or _file.get()
    where = f"{path}: " if path else ""
    if isinstance(error, MemoryError):
        return f"{where}not enough memory; close other programs or use a smaller image"
    if isinstance(error, OSError) and error.strerror:
        return f"{where}{error.strerror}; check path, permissions and free space"
    if is_of_library(error) or isinstance(error, OSError):
        return f"{where}cannot be read ({say_first_line(error)}); is the file damaged?"
    kind = type(error).__name__
    return (
        f"{where}something is in it that mapsight did not expect ({kind}:"
        f" {say_first_line(error)}); run again with --debug and report it"
    )


def say_first_line(error: BaseException) -> str:
    """The first line of what an exception says, without control characters, not too long."""
    lines = str(error).splitlines() or [type(error).__name__]
    text = " ".join("".join(c if c.isprintable() else " " for c in lines[0]).split())
    return text[:_LONGEST] or type(error).__name__
