"""Whether the files of a shapefile are all there and agree, before GDAL reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mapsight.errors import InputError

_MAGIC = b"\x00\x00\x27\x0a"
_HEADER = 100  # bytes of .shp and .shx
_WORD = 2  # lengths are told in 16-bit words


def check_shapefile(path: Path) -> None:
    """InputError where a part of the shapefile is missing, cut off, or knows fewer shapes.

    Source: ESRI Shapefile Technical Description, 1998.
    """
    with path.open("rb") as stream:
        if stream.read(4) != _MAGIC:
            raise InputError(
                path.name, "is not a shapefile", "export it again, or give it its right suffix"
            )
        stream.seek(24)
        stated = int.from_bytes(stream.read(4), "big") * _WORD
    index = _find_beside(path, ".shx")
    _find_beside(path, ".dbf")
    records = np.frombuffer(index.read_bytes()[_HEADER:], ">i4")
    records = records[: len(records) // 2 * 2].reshape(-1, 2).astype(np.int64)
    if (index.stat().st_size - _HEADER) % 8:
        raise InputError(index.name, "is cut off", "export the shapefile again")
    ends = (records[:, 0] + records[:, 1]) * _WORD + 8
    last, size = int(ends.max(initial=_HEADER)), path.stat().st_size
    if last > size:
        raise InputError(path.name, f"is cut off: {size} of {last} bytes", "fetch it again")
    if last + 12 <= min(size, stated):
        raise InputError(
            path.name,
            f"holds more shapes than the {len(records)} that its .shx lists",
            "export it again, or rebuild the .shx",
        )


def count_deleted(path: Path) -> int:
    """Rows of a shapefile's table that are marked as deleted: nobody reads those."""
    content = _find_beside(path, ".dbf").read_bytes()
    rows, head, width = (
        int.from_bytes(content[at : at + size], "little") for at, size in ((4, 4), (8, 2), (10, 2))
    )
    return content[head : head + rows * width : width].count(b"*") if width else 0


def find_encoding(path: Path) -> str | None:
    """What the .cpg beside a shapefile says of its letters, or None where there is none."""
    for beside in path.parent.glob(f"{_escape(path.stem)}.*"):
        if beside.suffix.lower() == ".cpg":
            return beside.read_bytes()[:40].decode("ascii", "replace").strip()
    return None


def _find_beside(path: Path, suffix: str) -> Path:
    for beside in path.parent.glob(f"{_escape(path.stem)}.*"):
        if beside.suffix.lower() == suffix:
            return beside
    raise InputError(
        path.name,
        f"its {suffix} file is missing",
        "put all files of the shapefile side by side",
    )


def _escape(stem: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in stem)
