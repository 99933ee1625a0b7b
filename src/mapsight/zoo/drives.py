"""Recorded drives: frames with their steering angle and time, in the forms that small cars and
simulators write.

- `records.csv` with image, angle, timestamp_ms, pictures in `images/`;
- a Donkey car's tub: `catalog_*.catalog`, one JSON record a line, pictures in `images/`;
- Udacity's simulator: `driving_log.csv` without a head, the centre camera's picture first, the
  angle fourth.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mapsight.errors import InputError

_UDACITY_FRAME_S = 0.1  # its log states no time; it records about ten frames a second


class Frame(NamedTuple):
    """A picture, the angle of the wheel in [−1, 1], when it was."""

    path: Path
    angle: float
    time_s: float


def read_drive(folder: Path) -> list[Frame]:
    """The frames in their order; raises InputError where nothing known lies in the folder, or a row
    makes no sense.
    """
    if (folder / "records.csv").is_file():
        rows = _read_records(folder)
    elif list(folder.glob("catalog_*.catalog")):
        rows = _read_tub(folder)
    elif (folder / "driving_log.csv").is_file():
        rows = _read_udacity(folder)
    else:
        raise InputError(
            folder, "holds no recorded drive", "give records.csv, a Donkey tub or driving_log.csv"
        )
    frames = sorted((_check(frame, folder) for frame in rows), key=lambda frame: frame.time_s)
    if not frames:
        raise InputError(folder, "its drive has no frames", "give a longer drive")
    return frames


def _read_records(folder: Path) -> Iterator[Frame]:
    path = folder / "records.csv"
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            try:
                yield Frame(
                    _inside(folder / "images", row["image"]),
                    float(row["angle"]),
                    float(row["timestamp_ms"]) / 1e3,
                )
            except (KeyError, TypeError, ValueError):
                raise InputError(
                    path, f"cannot use the row {dict(row)}"[:200], "give image, angle, timestamp_ms"
                ) from None


def _read_tub(folder: Path) -> Iterator[Frame]:
    for path in sorted(folder.glob("catalog_*.catalog")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
                angle, time_s = float(record["user/angle"]), float(record["_timestamp_ms"]) / 1e3
                yield Frame(_inside(folder / "images", record["cam/image_array"]), angle, time_s)
            except (KeyError, TypeError, ValueError, RecursionError):
                raise InputError(
                    path,
                    f"cannot use the record {line[:100]}",
                    "give a tub of Donkey car 4 or newer",
                ) from None


def _read_udacity(folder: Path) -> Iterator[Frame]:
    path = folder / "driving_log.csv"
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        for at, row in enumerate(csv.reader(file)):
            if at == 0 and row[:1] == ["center"]:
                continue
            try:  # the log names the pictures where they lay on the machine that wrote it
                name = row[0].strip().replace("\\", "/").rpartition("/")[2]
                yield Frame(_inside(folder / "IMG", name), float(row[3]), at * _UDACITY_FRAME_S)
            except (IndexError, ValueError):
                raise InputError(
                    path,
                    f"cannot use the row {row}"[:200],
                    "give the log as the simulator wrote it",
                ) from None


def _inside(folder: Path, name: str) -> Path:
    """A picture of the drive; a name that leads elsewhere is none."""
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise ValueError(name)
    return folder / name


def _check(frame: Frame, folder: Path) -> Frame:
    if not (math.isfinite(frame.time_s) and -1 <= frame.angle <= 1):
        raise InputError(
            folder, f"angle {frame.angle} at {frame.time_s} s", "angles must lie between −1 and 1"
        )
    return frame
