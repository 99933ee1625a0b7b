"""Ways as they come out of any map file, and what is done about coordinates that cannot be
right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapsight.geo.geobox import Bounds

FloatArray = NDArray[np.float64]

_MOST_COLUMNS = 4096
_MOST_NESTED = 16  # collections inside collections
_PROJECTED_LIMIT = 1e8  # no CRS puts a place on earth farther than this from its origin


class Way(NamedTuple):
    """A feature of a map file: identity, tags (lower-case keys), lines (n, 2) as x, y in its CRS,
    and in words why there is none.
    """

    way_id: str
    tags: Mapping[str, str]
    lines: Sequence[FloatArray]
    fault: str = ""


@dataclass
class Tally:
    """What became of the features of a file; each is counted once, so the counts add up to it.

    roads, others: those that are used. elsewhere: not near the image. dropped: by reason. unknown:
    by the value that nobody knows (they stand among the dropped). swapped: would be near with x and
    y exchanged. columns: names that occur, in lower case. remarks: sentences for the user.
    """

    roads: int = 0
    others: int = 0
    elsewhere: int = 0
    swapped: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    columns: dict[str, None] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    extent: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Features in the file."""
        return self.roads + self.others + self.elsewhere + self.dropped.total()

    def note_columns(self, names: Iterable[str]) -> None:
        """Remember columns, up to a number that no map reaches."""
        for name in names:
            if len(self.columns) < _MOST_COLUMNS:
                self.columns.setdefault(name)

    def lose(self, role: str, reason: str) -> None:
        """One feature of a role ('road' or 'other') turns out not to be used after all."""
        if role == "road":
            self.roads -= 1
        else:
            self.others -= 1
        if reason == "elsewhere":
            self.elsewhere += 1
        else:
            self.dropped[reason] += 1

    def remark(self, sentence: str) -> None:
        """A sentence for the user, once."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def note_extent(self, line: FloatArray) -> None:
        """Widen the extent (left, bottom, right, top) of all that was met, near or not."""
        if not len(line) or not np.isfinite(line).all():
            return
        low, high = line.min(axis=0).tolist(), line.max(axis=0).tolist()
        old = self.extent or [*low, *high]
        self.extent = [
            min(old[0], low[0]), min(old[1], low[1]), max(old[2], high[0]), max(old[3], high[1])
        ]  # fmt: skip


def clean_coordinates(coordinates: FloatArray, *, geographic: bool) -> tuple[list[FloatArray], str]:
    """Pieces of a line that can be drawn, and in words why there are none.

    Lines with a coordinate that is not finite or not on earth are dropped whole; repeated points
    go; lines over the antimeridian are split there.
    """
    if not np.isfinite(coordinates).all():
        return [], "coordinates not finite"
    limit = np.array([360.0, 90.0]) if geographic else np.full(2, _PROJECTED_LIMIT)
    if (np.abs(coordinates) > limit).any():
        return [], "coordinates not on earth"
    pieces = split_antimeridian(coordinates) if geographic else [coordinates]
    pieces = [piece for piece in map(_drop_repeats, pieces) if len(piece) > 1]
    return pieces, "" if pieces else "no length"


def split_antimeridian(coordinates: FloatArray) -> list[FloatArray]:
    """Pieces within ±180° of a line in degrees; a step above 180° means that it went the other way
    round.
    """
    lon = np.unwrap(coordinates[:, 0], period=360)
    sheet = np.floor((lon + 180) / 360).astype(int)  # which turn of the globe a point is on
    points = np.column_stack([lon, coordinates[:, 1]])
    if (sheet == 0).all():
        return [points]
    last = np.flatnonzero(np.diff(sheet))  # last points before a crossing
    edge = 360.0 * np.maximum(sheet[last], sheet[last + 1]) - 180
    share = (edge - lon[last]) / (lon[last + 1] - lon[last])
    crossings = points[last] + share[:, None] * (points[last + 1] - points[last])
    pieces = np.split(points, last + 1)
    for i, crossing in enumerate(crossings):
        pieces[i] = np.vstack([pieces[i], crossing])
        pieces[i + 1] = np.vstack([crossing, pieces[i + 1]])
    turns = sheet[np.append(last, len(sheet) - 1)]
    return [piece - np.array([360.0 * turn, 0]) for piece, turn in zip(pieces, turns, strict=True)]


def reaches(coordinates: FloatArray, areas: Sequence[Bounds]) -> bool:
    """Whether the bounds of a line touch one of the areas (left, bottom, right, top)."""
    (left, bottom), (right, top) = coordinates.min(axis=0), coordinates.max(axis=0)
    return any(left <= a[2] and right >= a[0] and bottom <= a[3] and top >= a[1] for a in areas)


def parse_lines(geometry: Any) -> tuple[list[FloatArray], str]:
    """Lines (n, 2) of a GeoJSON geometry, those inside collections too, and in words why there are
    none.
    """
    if not isinstance(geometry, dict):
        return [], "no geometry"
    lines: list[FloatArray] = []
    for part in _iterate_parts(geometry, _MOST_NESTED):
        kind, coordinates = part.get("type"), part.get("coordinates")
        try:
            if kind == "LineString":
                lines.append(_parse_line(coordinates))
            elif kind == "MultiLineString":
                lines += [_parse_line(line) for line in coordinates or ()]
        except (TypeError, ValueError, LookupError, OverflowError):
            return [], "malformed geometry"
    lines = [line for line in lines if len(line)]
    if lines:
        return lines, ""
    empty = geometry.get("type") in ("LineString", "MultiLineString")
    return [], "no geometry" if empty else "not a line"


def _iterate_parts(geometry: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    parts = geometry.get("geometries")
    if geometry.get("type") != "GeometryCollection" or not isinstance(parts, list) or not depth:
        yield geometry
        return
    for part in parts:
        if isinstance(part, dict):
            yield from _iterate_parts(part, depth - 1)


def _parse_line(points: Any) -> FloatArray:
    if not isinstance(points, list):
        raise TypeError(points)
    return np.array([(point[0], point[1]) for point in points], dtype=np.float64).reshape(-1, 2)


def _drop_repeats(coordinates: FloatArray) -> FloatArray:
    moved = np.ones(len(coordinates), bool)
    moved[1:] = (np.diff(coordinates, axis=0) != 0).any(axis=1)
    return coordinates[moved]
