"""Streets that fill a district: a warped grid, alleys, dead ends; field borders and tracks in the
country.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from mapsight.town.plan.land import District
from mapsight.town.plan.street import Street, draw_street
from mapsight.town.plan.warp import Warp, make_warp
from mapsight.town.world import World

_STEP_M = 6.0  # cross streets start on the long streets' own vertices, so that they meet exactly


@dataclass(frozen=True)
class Pattern:
    """How streets fill a district. Lengths in metres, shares in [0, 1]."""

    along_m: float  # between cross streets
    across_m: float  # between long streets
    jitter: float
    warp_m: float
    wavelength_m: float
    gap: float  # share of cross streets left out
    stub: float  # share of those left out that are dead ends instead
    alley: float = 0.0  # chance of alleys between the long streets
    road_class: str = "residential"


_PATTERNS = {
    "core": Pattern(100, 74, 0.2, 8, 300, 0.12, 0.1, 0.15),
    "grid": Pattern(165, 68, 0.06, 2, 420, 0.06, 0.0, 0.7),
    "suburb": Pattern(150, 74, 0.2, 32, 310, 0.35, 0.45),
    "woods": Pattern(280, 160, 0.3, 46, 370, 0.5, 0.4),
    "industrial": Pattern(190, 140, 0.18, 5, 500, 0.25, 0.4),
    "forest": Pattern(900, 260, 0.4, 36, 380, 0.5, 0.0, road_class="track"),
    "bare": Pattern(800, 300, 0.4, 30, 420, 0.4, 0.0, road_class="track"),
    "informal": Pattern(38, 23, 0.5, 12, 62, 0.25, 0.4, road_class="lane"),
    "bazaar": Pattern(74, 36, 0.35, 9, 140, 0.2, 0.3, 0.25),
    "mudtown": Pattern(90, 52, 0.2, 6, 200, 0.12, 0.2),
    "compound": Pattern(105, 62, 0.25, 11, 240, 0.18, 0.3),
    "hamlet": Pattern(200, 105, 0.4, 30, 200, 0.45, 0.4),
    "rows": Pattern(130, 46, 0.12, 5, 320, 0.08, 0.1, 0.25),
    "villa": Pattern(150, 78, 0.1, 5, 420, 0.1, 0.1),
    "tower": Pattern(230, 180, 0.2, 6, 500, 0.25, 0.2, 0.4),
    "site": Pattern(280, 210, 0.3, 12, 400, 0.4, 0.3),
    "palms": Pattern(330, 150, 0.2, 8, 400, 0.35, 0.0, road_class="track"),
    "dunes": Pattern(600, 130, 0.6, 60, 420, 0.4, 0.0, road_class="track"),
}


@dataclass(frozen=True)
class Farm:
    """How land is split into fields: their sides in metres (least, most), how bent, how often a
    track runs at a border; `along` puts tracks on the fields' longer sides.
    """

    long_m: tuple[float, float]
    broad_m: tuple[float, float]
    warp_m: float
    wavelength_m: float
    track: float
    along: bool = False
    steps: int = 1  # pieces of a field's longer side, more where it is bent


FARMS = {
    "fields": Farm((110, 260), (60, 170), 5, 240, 0.45),
    "paddy": Farm((34, 90), (14, 40), 4, 170, 0.2),
    "terrace": Farm((60, 190), (8, 17), 24, 170, 0.12, along=True, steps=10),
    "smallholding": Farm((28, 80), (16, 48), 9, 150, 0.3),
    "strips": Farm((190, 420), (14, 44), 3, 420, 0.2),
}


@dataclass(frozen=True, eq=False)
class _Frame:
    """A turned and warped coordinate frame along a district's longer side: (N, 2) local metres to
    town metres.
    """

    centre: np.ndarray
    turn: float
    reach: float  # metres from the centre to what is farthest away
    warp: Warp

    def __call__(self, uv: np.ndarray) -> np.ndarray:
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return self.warp(uv @ np.array([[cos, sin], [-sin, cos]]) + self.centre)


def fill_district(district: District, rng: np.random.Generator, *, world: World) -> list[Street]:
    """The streets of one district, clipped to it; parks and fields get none here."""
    pattern = _PATTERNS.get(district.kind)
    if pattern is None:
        return []
    warp = make_warp(rng, amplitude_m=pattern.warp_m, wavelength_m=pattern.wavelength_m)
    frame = _lay_frame(
        district.polygon, rng.choice([0, np.pi / 2]) + rng.normal(0, 0.06), warp, 2 * pattern.warp_m
    )
    streets = list(_lay_streets(frame, pattern, rng, world))
    clipped = shapely.intersection([street.line for street in streets], district.polygon)
    return [
        street.along(part)
        for street, pieces in zip(streets, clipped, strict=True)
        for part in shapely.get_parts(pieces)
        if part.geom_type == "LineString" and part.length > 8
    ]


def split_fields(
    district: District, rng: np.random.Generator, *, world: World
) -> tuple[list[Polygon], list[Street]]:
    """Fields of a rural district, and the tracks along some of their borders."""
    farm = FARMS[district.kind]
    warp = make_warp(rng, amplitude_m=farm.warp_m, wavelength_m=farm.wavelength_m)
    frame = _lay_frame(district.polygon, rng.normal(0, 0.1), warp, 3 * farm.warp_m)
    fields, tracks = [], []
    rest = np.linspace(-frame.reach, frame.reach, 60)
    for left, right in pairwise(_breaks(frame.reach, rng.uniform(*farm.long_m), 0.35, rng)):
        rows = pairwise(_breaks(frame.reach, rng.uniform(*farm.broad_m), 0.4, rng))
        fields += [Polygon(frame(_outline(left, right, row, farm.steps))) for row in rows]
        if rng.random() < farm.track:
            border = np.full(60, left)
            across = (rest, border) if farm.along else (border, rest)
            line = LineString(frame(np.stack(across, axis=1)))
            tracks.append(draw_street(line, "track", rng, world))
    clipped = shapely.get_parts(shapely.intersection(fields, district.polygon))
    pieces = [
        track.along(part)
        for track in tracks
        for part in shapely.get_parts(track.line.intersection(district.polygon))
    ]
    return (
        [field for field in clipped if field.geom_type == "Polygon" and field.area > 150],
        [track for track in pieces if track.line.length > 25],
    )


def _outline(left: float, right: float, row: tuple[float, float], steps: int) -> np.ndarray:
    u, (low, high) = np.linspace(left, right, steps + 1), row
    there, back = np.stack([u, np.full_like(u, low)], 1), np.stack([u, np.full_like(u, high)], 1)
    return np.concatenate([there, back[::-1]])


def _lay_frame(polygon: Polygon, turn: float, warp: Warp, more_m: float) -> _Frame:
    shell = shapely.get_coordinates(polygon.minimum_rotated_rectangle)
    sides = np.diff(shell[:3], axis=0)
    longer = sides[np.argmax(np.hypot(*sides.T))]
    reach = 0.5 * np.hypot(*np.ptp(shell, axis=0)) + more_m
    return _Frame(shell[:4].mean(0), float(np.arctan2(longer[1], longer[0]) + turn), reach, warp)


def _breaks(reach: float, spacing: float, jitter: float, rng: np.random.Generator) -> np.ndarray:
    steps = spacing * rng.uniform(1 - jitter, 1 + jitter, int(2 * reach / spacing) + 3)
    return -reach - rng.uniform(0, spacing) + np.cumsum(steps)


def _lay_streets(
    frame: _Frame, pattern: Pattern, rng: np.random.Generator, world: World
) -> Iterator[Street]:
    rows = _breaks(frame.reach, pattern.across_m, pattern.jitter, rng)
    u = np.arange(-frame.reach, frame.reach + _STEP_M, _STEP_M)
    alleys = rng.random() < pattern.alley
    for low, high in pairwise(rows):
        yield draw_street(_bend(frame, u, np.full_like(u, low)), pattern.road_class, rng, world)
        if alleys:
            middle = _bend(frame, u, np.full_like(u, (low + high) / 2))
            yield draw_street(middle, "service", rng, world)
        for at in _breaks(frame.reach, pattern.along_m, pattern.jitter, rng):
            at = u[np.clip(np.searchsorted(u, at), 0, len(u) - 1)]
            left_out = rng.random() < pattern.gap
            if left_out and rng.random() > pattern.stub:
                continue
            v = np.linspace(low, high, 12)[: 7 if left_out else 12]
            line = _bend(frame, np.full_like(v, at), v)
            yield draw_street(line, pattern.road_class, rng, world)


def _bend(frame: _Frame, u: np.ndarray, v: np.ndarray) -> LineString:
    return LineString(frame(np.stack([u, v], axis=1)))
