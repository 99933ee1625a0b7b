"""Where letters are on a sign: the board made straight, its ink, lines, words, one picture a
letter.

By classical means: a threshold (Otsu 1979), connected components, gaps. A dot belongs to what
stands below or above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

from mapsight.zoo.read.boards import find_boards
from mapsight.zoo.read.plane import find_homography, list_corners, warp_picture

SIDE_PX = 28
_GLYPH_PX = 24  # the longer side of a letter in its picture, as in EMNIST
_FINE = 2.0  # pixels of the straightened board to one of the picture
_LONGEST_PX = 2000
_CLEAR = 0.7  # below this clarity a board has no letters
_LEAST_CONTRAST = 28  # grey levels
_GREY = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601
INK = 0.55  # a letter's pixels have more than this
_WORD_GAP = (0.36, 0.6)  # heights of letters: a gap below parts no words, one above surely does
_RIM = 0.04  # of the board's shorter side: what reaches into it is no letter

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, eq=False)
class Letter:
    """A letter on the straightened board, and its picture (28, 28) uint8, light on black."""

    box: Box
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class Page:
    """Lines of words of letters, on a board that `homography` (picture → board) made straight."""

    lines: tuple[tuple[tuple[Letter, ...], ...], ...]
    homography: np.ndarray
    ink_map: np.ndarray  # (height, width): 0 on the ground, 1 in a letter's middle
    ground: tuple[int, ...]  # colours
    ink: tuple[int, ...]
    clarity: float  # how well ink and ground part, see find_ink

    @property
    def size(self) -> tuple[int, int]:
        """The straightened board's width and height."""
        return self.ink_map.shape[1], self.ink_map.shape[0]

    @property
    def letters(self) -> list[Letter]:
        """All of them, in the order of reading."""
        return [letter for line in self.lines for word in line for letter in word]


def find_page(picture: Image.Image) -> Page:
    """The board with the most letters; where none has any, the picture is taken as one."""
    pages = [read_board(picture, corners) for corners in find_boards(picture)]
    pages = [page for page in pages if page.lines and page.clarity > _CLEAR]
    if not pages:
        return read_board(picture, list_corners(*picture.size))
    return max(pages, key=lambda page: (page.clarity - _CLEAR) * len(page.letters))


def read_board(picture: Image.Image, corners: np.ndarray) -> Page:
    """What stands on the board with these corners (4, 2)."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    size = _FINE * np.array([sides[[0, 2]].max(), sides[[1, 3]].max()])
    size = size * min(1, _LONGEST_PX / size.max())
    width, height = (max(int(n), 8) for n in size)
    matrix = find_homography(corners, list_corners(width, height))
    pixels = np.asarray(warp_picture(picture.convert("RGB"), matrix, (width, height)), np.float32)
    ink, ground_colour, ink_colour, clarity = find_ink(pixels)
    lines = split_words(find_lines(ink > INK), ink)
    return Page(lines, matrix, ink, ground_colour, ink_colour, clarity)


def find_ink(pixels: np.ndarray) -> tuple[np.ndarray, tuple[int, ...], tuple[int, ...], float]:
    """(H, W, 3) → (ink (H, W), 0 on the ground and 1 in a letter's middle; the ground's colour; the
    ink's; clarity).

    Clarity is the share of the variance that lies between ink and ground (Otsu's η): near 1 for
    letters, 0.6 for noise.
    """
    grey = ndimage.gaussian_filter(pixels @ _GREY, 1.0)
    small = grey[::8, ::8]
    reach = max(3, min(15, min(small.shape) // 2)) | 1
    ground = ndimage.uniform_filter(
        ndimage.median_filter(small, (reach, reach), mode="nearest"), reach
    )
    ground = np.asarray(Image.fromarray(ground).resize(grey.shape[::-1], Image.Resampling.BILINEAR))
    apart = grey - ground
    inner = apart[2:-2, 2:-2]
    apart = (
        apart if (np.maximum(inner, 0) ** 2).sum() > (np.minimum(inner, 0) ** 2).sum() else -apart
    )
    apart = np.maximum(apart, 0)
    level = threshold_otsu(apart) if apart.max() > apart.min() else 1.0
    strong = apart > level
    full = float(np.median(apart[strong])) if strong.any() else 1.0
    if full < _LEAST_CONTRAST:  # grey levels: nothing stands here
        return np.zeros_like(apart), (128, 128, 128), (0, 0, 0), 0.0
    share = float(strong.mean())
    between = share * (1 - share) * (apart[strong].mean() - apart[~strong].mean()) ** 2
    colours = [
        tuple(int(c) for c in np.median(pixels[m], axis=0)) for m in (~strong, apart > 0.8 * full)
    ]
    return np.clip(apart / full, 0, 1), colours[0], colours[1], float(between / apart.var())


def find_lines(mask: np.ndarray) -> list[list[Box]]:
    """Boxes of letters (H, W) bool, line by line from above, from left to right in each."""
    height, width = mask.shape
    boxes, rim = [], max(1.0, _RIM * min(mask.shape))
    for region in regionprops(label(mask, connectivity=2)):
        top, left, bottom, right = region.bbox
        tall, wide = bottom - top, right - left
        touches = left <= rim or top <= rim or right >= width - rim or bottom >= height - rim
        if (
            touches
            or tall > 0.9 * height
            or wide > 0.6 * width
            or wide > 8 * tall
            or region.area < 6
        ):
            continue
        boxes.append((left, top, right, bottom))
    if not boxes:
        return []
    tall_px = np.array([b[3] - b[1] for b in boxes])
    letter_px = float(np.median(tall_px[tall_px >= 0.35 * np.percentile(tall_px, 90)]))
    bodies = sorted(b for b in boxes if b[3] - b[1] >= 0.5 * letter_px)
    small = [b for b in boxes if 0.07 * letter_px < b[3] - b[1] < 0.5 * letter_px]
    lines: list[list[Box]] = []
    for body in bodies:
        near = [
            line
            for line in lines
            if _overlap(line[-1], body, 1) > 0.45 * min(_tall(line[-1]), _tall(body))
        ]
        if near:
            max(near, key=lambda line: line[-1][2]).append(body)
        else:
            lines.append([body])
    lines = [_join_pieces(line) for line in lines]
    for dot in small:
        _give_dot(dot, lines, letter_px)
    tallest = max((float(np.median([_tall(b) for b in line])) for line in lines), default=0)
    lines = [line for line in lines if np.median([_tall(b) for b in line]) > 0.45 * tallest]
    return sorted(lines, key=lambda line: float(np.median([b[3] for b in line])))


def _join_pieces(line: list[Box]) -> list[Box]:
    """Pieces that stand above each other become one box."""
    joined: list[Box] = []
    for box in line:
        if joined and _overlap(joined[-1], box, 0) > 0.6 * min(_wide(joined[-1]), _wide(box)):
            joined[-1] = _unite(joined[-1], box)
        else:
            joined.append(box)
    return joined


def _give_dot(dot: Box, lines: list[list[Box]], letter_px: float) -> None:
    """To the letter right above or below it; a dot that stands alone, as a full stop, is left
    out.
    """
    best: tuple[float, list[Box], int] | None = None
    for line in lines:
        for at, body in enumerate(line):
            away = max(dot[1] - body[3], body[1] - dot[3])
            if (
                _overlap(dot, body, 0) >= 0.5 * _wide(dot)
                and away < 0.45 * letter_px
                and (not best or away < best[0])
            ):
                best = (away, line, at)
    if best is not None:
        best[1][best[2]] = _unite(best[1][best[2]], dot)


def split_words(
    lines: list[list[Box]], ink: np.ndarray
) -> tuple[tuple[tuple[Letter, ...], ...], ...]:
    """Lines of words of letters."""
    letter_px = [float(np.median([_tall(box) for box in line])) for line in lines]
    gaps = [
        np.array([b[0] - a[2] for a, b in zip(line, line[1:], strict=False)]) / px
        for line, px in zip(lines, letter_px, strict=True)
    ]
    limit = find_gap(np.concatenate(gaps) if gaps else np.empty(0))
    parted = []
    for line, between in zip(lines, gaps, strict=True):
        letters = [Letter(box, cut_letter(ink, box)) for box in line]
        edges = [0, *(np.flatnonzero(between > limit) + 1), len(line)]
        parted.append(tuple(tuple(letters[a:b]) for a, b in zip(edges, edges[1:], strict=False)))
    return tuple(parted)


def find_gap(gaps: np.ndarray) -> float:
    """Above this many letters' heights a gap (N,) parts words: the middle of the widest step up to
    a wide one.
    """
    gaps = np.sort(np.maximum(gaps, 0))
    steps = np.diff(gaps, prepend=0)
    steps[gaps < _WORD_GAP[0]] = 0
    steps[1:][gaps[:-1] > _WORD_GAP[1]] = 0  # beyond all doubt already
    if not len(gaps) or not steps.any():
        return float("inf")
    widest = int(np.argmax(steps))
    return float(gaps[widest] - steps[widest] / 2)


def cut_letter(ink: np.ndarray, box: Box) -> np.ndarray:
    """(28, 28) uint8: the box, its longer side 24 px, in the middle."""
    left, top, right, bottom = box
    return fit_glyph(ink[top:bottom, left:right])


def fit_glyph(ink: np.ndarray) -> np.ndarray:
    """Ink (h, w) in [0, 1] → (28, 28) uint8 as EMNIST's are: the longer side 24 px, in the
    middle.
    """
    height, width = ink.shape
    scale = _GLYPH_PX / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = Image.fromarray(np.round(255 * ink).astype(np.uint8)).resize(
        size, Image.Resampling.BILINEAR
    )
    image = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    top, left = (SIDE_PX - size[1]) // 2, (SIDE_PX - size[0]) // 2
    image[top : top + size[1], left : left + size[0]] = np.asarray(small)
    return image


def _wide(box: Box) -> int:
    return box[2] - box[0]


def _tall(box: Box) -> int:
    return box[3] - box[1]


def _overlap(a: Box, b: Box, axis: int) -> int:
    """Pixels that two boxes share along an axis (0: x); negative: so far apart."""
    return min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis])


def _unite(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
