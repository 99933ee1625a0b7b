"""The colours a rendered map is drawn in: areas, roads, the casings of roads, and what lies over
all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import lab2rgb, rgb2lab

from mapsight.errors import InputError

_EIGHT = np.ones((3, 3), bool)
ByteImage = NDArray[np.uint8]  # (H, W, 3)
Lab = NDArray[np.float32]  # (n, 3) CIELAB (D65)

# ΔE*ab (CIE 1976) within which two colours are one; 2.3 is just noticeable, JPEG adds its own
_SAME = 4.0
_OWN, _OWN_SHARE, _SNAP = 2.0, 0.0005, 5.0
_WIDE_PX = 60  # pixels amid a road colour that show it to be drawn some pixels wide
_AREA_PX, _WIDE_SIDE_PX = (
    3,
    5,
)  # houses are small: what is even over 3 × 3 px fills areas; wide roads over 5 × 5
_FLAT_RANGE = 10  # 0–255 in any channel
_AREA_SHARE, _MAX_AREAS = 0.004, 16
_RING_PX, _CASING_SHARE, _MAX_CASINGS, _STRANGE = 3, 0.05, 3, 4.0
_EXPLAINED = (
    9.0  # ΔE from a mixture of two colours of the palette; what lies farther is drawn over the map
)


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours as CIELAB (n, 3): of the roads, of everything that is no road, the casings of roads
    among it.

    `wide` (n of roads) says which road colours fill stretches some pixels wide somewhere on the
    map.
    """

    roads: Lab
    others: Lab
    wide: NDArray[np.bool_]


class Explained(NamedTuple):
    """Every pixel (H, W) as a mixture: share of road 0–1, which road colour, and the ΔE that the
    mixture leaves.
    """

    road: NDArray[np.float32]
    which: NDArray[np.int8]
    left: NDArray[np.float32]

    @property
    def strange(self) -> NDArray[np.bool_]:
        """What no mixture of the palette explains is drawn over the map."""
        return self.left > _EXPLAINED


class Codes(NamedTuple):
    """The distinct colours of an image as CIELAB (n, 3), which of them each pixel has (H, W), and
    how often.
    """

    lab: Lab
    of_pixel: NDArray[np.int32]
    counts: NDArray[np.int64]


def parse_colour(text: str) -> tuple[int, int, int]:
    """'#ffe0a0', 'ffe0a0' or '255,224,160' → (255, 224, 160)."""
    short = text.strip().lstrip("#")
    if re.fullmatch(r"[0-9a-fA-F]{6}", short):
        return int(short[:2], 16), int(short[2:4], 16), int(short[4:], 16)
    numbers = re.fullmatch(r"(\d{1,3}),(\d{1,3}),(\d{1,3})", short)
    if numbers is None or max(map(int, numbers.groups())) > 255:
        raise InputError(
            repr(text[:40]),
            "is no colour",
            "write it as #rrggbb or as red,green,blue from 0 to 255",
        )
    red, green, blue = map(int, numbers.groups())
    return red, green, blue


def to_lab(colours: object) -> Lab:
    """RGB 0–255 (n, 3) → CIELAB (n, 3)."""
    rgb = np.asarray(colours, dtype=np.float32).reshape(-1, 1, 3) / 255
    lab: NDArray[np.floating] = rgb2lab(rgb).reshape(-1, 3)
    return lab.astype(np.float32)


def to_hex(lab: Lab) -> str:
    """One colour as #rrggbb."""
    rgb = np.clip(np.round(lab2rgb(lab.reshape(1, 1, 3)).ravel() * 255), 0, 255).astype(int)
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def count_colours(image: ByteImage) -> Codes:
    """The distinct colours of an image; all later work is done on them instead of on pixels."""
    packed = (image.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)).ravel()
    values, index, counts = np.unique(packed, return_inverse=True, return_counts=True)
    rgb = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)
    return Codes(to_lab(rgb), index.reshape(image.shape[:2]).astype(np.int32), counts)


def learn_colour(image: ByteImage, col: int, row: int) -> tuple[int, int, int]:
    """The colour under a click: the median of those pixels within 3 of it that look the same as it
    does.

    Raises InputError for a place outside.
    """
    height, width = image.shape[:2]
    if not (0 <= col < width and 0 <= row < height):
        raise InputError(
            f"({col}, {row})", f"lies outside the image of {width} × {height} px", "give column,row"
        )
    around = image[max(row - 3, 0) : row + 4, max(col - 3, 0) : col + 4].reshape(-1, 3)
    distance = np.linalg.norm(to_lab(around) - to_lab(image[row, col]), axis=1)
    red, green, blue = np.median(around[distance <= 2 * _SAME], axis=0).round().astype(int)
    return int(red), int(green), int(blue)


def find_areas(image: ByteImage, codes: Codes) -> list[tuple[Lab, float]]:
    """Colours that fill areas (land, water, parks, wide roads), with their share of the image, the
    largest first.
    """
    flat = find_flat(image, _AREA_PX)
    counts = np.bincount(codes.of_pixel[flat], minlength=len(codes.lab))
    clusters = cluster_colours(
        codes.lab, counts, at_least=_AREA_SHARE * image.shape[0] * image.shape[1]
    )
    return [(colour, count / flat.size) for colour, count in clusters[:_MAX_AREAS]]


def find_flat(image: ByteImage, side_px: int) -> NDArray[np.bool_]:
    """Pixels (H, W) whose square of side_px hardly varies."""
    size = (side_px, side_px, 1)
    spread = ndimage.maximum_filter(image, size) - ndimage.minimum_filter(image, size)
    flat: NDArray[np.bool_] = (spread <= _FLAT_RANGE).all(axis=2)
    return flat


def cluster_colours(
    lab: Lab, counts: NDArray[np.int64], *, at_least: float, same: float = _SAME
) -> list[tuple[Lab, int]]:
    """Modes of a table of colours: the commonest takes all within ΔE `same` of it, then the
    commonest of the rest …
    """
    found, left = [], counts.astype(np.int64).copy()
    while left.any():
        top = int(left.argmax())
        near = (np.linalg.norm(lab - lab[top], axis=1) <= same) & (left > 0)
        total = int(left[near].sum())
        if left[top] * 40 < at_least:
            break
        if total >= at_least:
            found.append(
                (np.average(lab[near], axis=0, weights=left[near]).astype(np.float32), total)
            )
        left[near] = 0
    return sorted(found, key=lambda pair: -pair[1])


def make_palette(image: ByteImage, codes: Codes, colours: list[tuple[int, int, int]]) -> Palette:
    """The palette of a map whose road colours are known: they are moved onto the colours that the
    map really has.
    """
    areas = [colour for colour, _ in find_areas(image, codes)]
    roads = np.stack([_snap(colour, areas, codes) for colour in to_lab(colours)])
    flat = codes.lab[codes.of_pixel[find_flat(image, _WIDE_SIDE_PX)]]
    wide = np.array(
        [(np.linalg.norm(flat - road, axis=1) <= _SAME).sum() >= _WIDE_PX for road in roads]
    )
    others = [c for c in areas if np.linalg.norm(roads - c, axis=1).min() > _SAME]
    if not others:
        raise InputError(
            "the map", "shows no area of another colour than the roads", "is it a rendered map?"
        )
    plain = Palette(roads, np.stack(others), wide)
    return Palette(roads, np.concatenate([plain.others, _find_casings(plain, codes)]), wide)


def explain_pixels(palette: Palette, codes: Codes) -> Explained:
    """Anti-aliasing mixes two neighbours: each colour is taken for the mixture of two of the
    palette next to it.
    """
    ends = np.concatenate([palette.roads, palette.others])
    count = len(palette.roads)
    best = np.full(len(codes.lab), np.inf, np.float32)
    road, which = np.zeros(len(codes.lab), np.float32), np.zeros(len(codes.lab), np.int8)
    for i, start in enumerate(ends):
        for j in range(i, len(ends)):
            along = ends[j] - start
            length2 = float(along @ along)
            share = (
                np.clip((codes.lab - start) @ along / length2, 0, 1)
                if length2
                else np.zeros(len(best), np.float32)
            )
            distance = np.linalg.norm(codes.lab - start - share[:, None] * along, axis=1)
            closer = distance < best - 1e-3
            best[closer] = distance[closer]
            road[closer] = ((i < count) * (1 - share) + (j < count) * share)[closer]
            which[closer] = (
                np.where(share < 0.5, i, j if j < count else i)[closer] if i < count else 0
            )
    return Explained(road[codes.of_pixel], which[codes.of_pixel], best[codes.of_pixel])


def _snap(colour: Lab, areas: list[Lab], codes: Codes) -> Lab:
    """The colour as the map has it: its own pixels' mean, or where it has none the nearest colour
    of an area.
    """
    near = np.linalg.norm(codes.lab - colour, axis=1) <= _OWN
    if codes.counts[near].sum() >= _OWN_SHARE * codes.of_pixel.size:
        return np.average(codes.lab[near], axis=0, weights=codes.counts[near]).astype(np.float32)
    distance = [float(np.linalg.norm(colour - area)) for area in areas]
    return areas[int(np.argmin(distance))] if distance and min(distance) <= _SNAP else colour


def _find_casings(palette: Palette, codes: Codes) -> Lab:
    """Colours that often lie along the edge of the roads of a colour and that no mixture explains
    well.
    """
    explained = explain_pixels(palette, codes)
    plain = (explained.road >= 0.5) & ~explained.strange
    road = ndimage.binary_closing(plain, _EIGHT, iterations=2)
    found: list[Lab] = []
    for number in range(len(palette.roads)):
        own = plain & (explained.which == number)
        ring = ndimage.binary_dilation(own, _EIGHT, iterations=_RING_PX) & ~road
        strange = ring & (explained.left > _STRANGE)
        counts = np.bincount(codes.of_pixel[strange], minlength=len(codes.lab))
        clusters = cluster_colours(
            codes.lab, counts, at_least=_CASING_SHARE * max(int(ring.sum()), 100), same=2.5 * _SAME
        )
        found += [
            c
            for c, _ in clusters[:_MAX_CASINGS]
            if all(np.linalg.norm(c - f) > _SAME for f in found)
        ]
    return np.stack(found) if found else np.empty((0, 3), np.float32)
