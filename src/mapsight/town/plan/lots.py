"""Building sites: how each kind of block is built on, and where along the streets there is room."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from mapsight.town.plan.follow import count_up, follow_lines, left_of, look_up_kind

Range = tuple[float, float]


@dataclass(frozen=True)
class Lot:
    """How one kind of block is built on. Lengths in metres as (least, most); shares in [0, 1]."""

    spacing_m: float
    front_m: Range
    deep_m: Range
    setback_m: Range
    height_m: Range
    flat: float  # share of flat roofs
    built: float
    parcel_m: float  # depth of the parcel
    drive: float = 0.0
    wing: float = 0.0
    shed: float = 0.0
    shed_m: Range = (3.0, 6.5)


LOTS = {
    "core": Lot(
        14.5,
        (13.5, 15.0),
        (11, 15),
        (3.4, 4.2),
        (9, 17),
        0.6,
        0.95,
        30,
        wing=0.35,
        shed=1.0,
        shed_m=(5, 13),
    ),
    "grid": Lot(11.5, (7.2, 8.8), (13, 18), (6, 7.5), (6, 9), 0.3, 0.95, 29, shed=0.75),
    "suburb": Lot(
        21, (11, 16), (8, 10.5), (7, 10.5), (4.5, 7), 0.06, 0.92, 31, drive=0.9, wing=0.5, shed=0.4
    ),
    "woods": Lot(
        40, (12, 18), (8, 11), (11, 24), (5, 7.5), 0.04, 0.75, 42, drive=1.0, wing=0.6, shed=0.4
    ),
    "industrial": Lot(
        56,
        (26, 52),
        (20, 46),
        (9, 18),
        (6, 11),
        0.96,
        0.85,
        74,
        drive=0.5,
        wing=0.4,
        shed=0.8,
        shed_m=(7, 22),
    ),
    "retail": Lot(
        48, (26, 44), (18, 32), (7, 14), (5, 8), 1.0, 0.85, 50, drive=0.4, shed=0.3, shed_m=(6, 12)
    ),
    "fields": Lot(
        95,
        (13, 26),
        (9, 13),
        (9, 22),
        (5, 9),
        0.05,
        0.22,
        45,
        drive=0.9,
        wing=0.5,
        shed=0.9,
        shed_m=(6, 22),
    ),
    "bare": Lot(60, (10, 18), (10, 16), (8, 20), (4, 7), 0.9, 0.25, 34, drive=0.5, shed=0.5),
    "compound": Lot(
        21, (6, 11), (5, 8), (2.5, 8), (2.6, 4), 0.08, 0.85, 27, wing=0.3, shed=0.9, shed_m=(2.5, 5)
    ),
    "hamlet": Lot(
        25, (6, 12), (5, 9), (2, 10), (2.8, 6), 0.25, 0.6, 26, drive=0.15, wing=0.3, shed=0.6
    ),
    "mudtown": Lot(15, (8, 14), (7, 11), (0.6, 2.5), (2.8, 4.5), 0.95, 0.9, 24, wing=0.5, shed=0.9),
    "rows": Lot(
        7.2, (6.6, 7.4), (11, 17), (2.0, 5), (5, 9), 0.1, 0.97, 21, shed=0.4, shed_m=(2, 4)
    ),
    "villa": Lot(
        26, (13, 20), (12, 19), (4, 7), (6, 9), 0.95, 0.8, 33, drive=0.4, wing=0.6, shed=0.6
    ),
    "tower": Lot(62, (24, 56), (12, 17), (8, 18), (12, 60), 1.0, 0.35, 40),
    "site": Lot(95, (20, 50), (10, 30), (10, 30), (5, 9), 1.0, 0.2, 60, drive=0.3),
    "strips": Lot(
        44, (9, 16), (8, 13), (7, 13), (5, 8), 0.05, 0.6, 42, drive=0.9, wing=0.4, shed=0.9
    ),
    "paddy": Lot(60, (8, 13), (7, 10), (2.5, 8), (3, 8), 0.45, 0.25, 22, shed=0.5),
    "terrace": Lot(32, (6, 10), (5, 8), (1.5, 6), (3, 6), 0.3, 0.3, 16, shed=0.4),
    "smallholding": Lot(
        48, (6, 10), (5, 8), (4, 14), (2.6, 4), 0.1, 0.4, 26, shed=0.9, shed_m=(2.5, 5)
    ),
}
_CLASSES = ("primary", "secondary", "residential")


@dataclass(frozen=True, eq=False)
class Fronts:
    """Building sites: foot points on the kerb (N, 2), unit tangents and outward normals, kinds,
    widths (N,).
    """

    kerb: np.ndarray
    tangent: np.ndarray  # turned so that the normal is to its left
    normal: np.ndarray
    kind: np.ndarray
    pitch_m: np.ndarray

    def draw(self, name: str, rng: np.random.Generator) -> np.ndarray:
        """(N,) values between the limits that `name` has in LOTS."""
        low, high = np.array([getattr(LOTS[kind], name) for kind in self.kind]).reshape(-1, 2).T
        drawn: np.ndarray = low + (high - low) * rng.random(len(self.kind))
        return drawn


def share_of(kinds: np.ndarray, name: str) -> np.ndarray:
    """(N,) the number `name` of each kind's entry in LOTS."""
    return np.array([getattr(LOTS[kind], name) for kind in kinds], dtype=float)


def walk_streets(
    edges: gpd.GeoDataFrame, blocks: np.ndarray, kinds: np.ndarray, rng: np.random.Generator
) -> Fronts:
    """Sites on both sides of all streets, evenly spaced between their corners, in random order."""
    fit = edges[edges.road_class.isin(_CLASSES) & edges.visible & ~edges.ring]
    lines, width = np.tile(fit.geometry.to_numpy(), 2), np.tile(fit.width_m.to_numpy(), 2)
    side = np.repeat([1.0, -1.0], len(fit))
    length = shapely.length(lines)
    middle, tangent = follow_lines(lines, length / 2)
    kind = look_up_kind(
        middle + left_of(tangent) * (side * (width / 2 + 12))[:, None], blocks, kinds
    )
    wanted = np.array([LOTS[k].spacing_m if k in LOTS else np.inf for k in kind])
    corner = np.minimum(6 + width, length * 0.2)
    count = np.maximum(np.floor((length - 2 * corner) / wanted), 0).astype(int)
    which, turn = count_up(count)
    pitch = ((length - 2 * corner) / np.maximum(count, 1))[which]
    place, tangent = follow_lines(lines[which], corner[which] + (turn + 0.5) * pitch)
    normal = left_of(tangent) * side[which, None]
    kerb = place + normal * (width[which] / 2)[:, None]
    found = look_up_kind(kerb + normal * 12, blocks, kinds)
    order = rng.permutation(np.flatnonzero(np.array([k in LOTS for k in found], dtype=bool)))
    pitch = np.minimum(pitch, wanted[which] * 1.6)
    return Fronts(kerb[order], -left_of(normal[order]), normal[order], found[order], pitch[order])
