"""Ways as they come out of any map file, and what is done about coordinates that cannot be
right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapsight.geo.geobox import Bounds

FloatArray = NDArray[np.float64]

_PROJECTED_LIMIT = 1e8  # no CRS puts a place on earth farther than this from its origin


class Way(NamedTuple):
    """A line of a map file: identity, tags (lower-case keys), coordinates (n, 2) as x, y in its
    CRS.
    """

    way_id: str
    tags: Mapping[str, str]
    coordinates: FloatArray


@dataclass
class Tally:
    """What was met: features in all, dropped ones by reason, those that would fit with x and y
    exchanged.
    """

    total: int = 0
    swapped: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def spell_value(value: Any) -> str:
    """A value of a table as a tag; tables with gaps hold whole numbers as floats, and an identity
    has no '.0'.
    """
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


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


def parse_lines(geometry: Any) -> list[FloatArray] | str:
    """Coordinates (n, 2) of a GeoJSON geometry's lines, or in words why there are none."""
    if not isinstance(geometry, dict):
        return "no geometry"
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("LineString", "MultiLineString"):
        return "not a line"
    try:
        lines = [coordinates] if kind == "LineString" else coordinates
        return [_parse_line(line) for line in lines or [[]]]
    except (TypeError, ValueError, IndexError, OverflowError):
        return "malformed geometry"


def _parse_line(points: Any) -> FloatArray:
    return np.array([(point[0], point[1]) for point in points], dtype=np.float64).reshape(-1, 2)


def _drop_repeats(coordinates: FloatArray) -> FloatArray:
    moved = np.ones(len(coordinates), bool)
    moved[1:] = (np.diff(coordinates, axis=0) != 0).any(axis=1)
    return coordinates[moved]
