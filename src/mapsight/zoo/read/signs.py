"""Signs with words, drawn as a camera may see them: in perspective, stained, blurred, with noise,
as JPEG.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mapsight.zoo.read.fonts import draw_line, spell
from mapsight.zoo.read.plane import find_homography, list_corners, warp_picture

_SIZE_PX = (480, 360)  # width, height of the picture
_LINE = 16  # signs in a line, where words allow


@dataclass(frozen=True, eq=False)
class Sign:
    """A picture (H, W, 3) uint8, the lines that stand in it, the board's corners (4, 2) px, the
    font.
    """

    image: np.ndarray
    lines: tuple[str, ...]
    corners: np.ndarray
    font: str


def draw_sign(
    text: str, rng: np.random.Generator, fonts: tuple[str, ...], *, capitals: float = 0.2
) -> Sign:
    """A sign that says `text`, in lines of up to 16 signs; a share of `capitals` of them says it in
    capitals.
    """
    font = fonts[rng.integers(len(fonts))]
    lines = tuple(break_lines(spell(text.upper() if rng.random() < capitals else text, font)))
    board = _draw_board(lines, font, rng)
    corners = _place(board.size, rng)
    matrix = find_homography(list_corners(*board.size), corners)
    scene = _draw_scene(rng)
    scene.paste(
        warp_picture(board, matrix, _SIZE_PX),
        (0, 0),
        warp_picture(Image.new("L", board.size, 255), matrix, _SIZE_PX),
    )
    return Sign(_photograph(scene, rng), lines, corners, font)


def break_lines(text: str) -> list[str]:
    """Words in lines of up to 16 signs; a longer word has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= _LINE:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def _draw_board(lines: tuple[str, ...], font: str, rng: np.random.Generator) -> Image.Image:
    """The board from straight ahead, twice as fine as it will be seen."""
    size = 64
    spacing = float(rng.choice([0.0, 0.0, rng.uniform(0.02, 0.1)]))
    inks = [draw_line(line, font, size, spacing=spacing) for line in lines]
    leading = rng.uniform(0.8, 1.0)
    step, margin = round(inks[0].shape[0] * leading), round(size * rng.uniform(0.3, 0.8))
    width = max(ink.shape[1] for ink in inks) + 2 * margin - size // 2
    mask = np.zeros((step * (len(lines) - 1) + inks[0].shape[0] + 2 * margin, width), np.uint8)
    centred = rng.random() < 0.7
    for at, ink in enumerate(inks):
        left = (width - ink.shape[1]) // 2 if centred else margin - size // 4
        top = margin + at * step
        part = mask[top : top + ink.shape[0], left : left + ink.shape[1]]
        np.maximum(part, ink, out=part)
    ground, colour = _choose_colours(rng)
    board = Image.composite(
        Image.new("RGB", mask.shape[::-1], colour),
        Image.new("RGB", mask.shape[::-1], ground),
        Image.fromarray(mask),
    )
    if rng.random() < 0.5:  # a frame
        edge = int(rng.integers(3, 9))
        inset = int(rng.integers(2, max(margin // 3, 4)))
        box = (inset, inset, width - inset - 1, mask.shape[0] - inset - 1)
        ImageDraw.Draw(board).rectangle(box, outline=colour, width=edge)
    return _stain(board, rng)


def _choose_colours(rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(ground, ink), apart in lightness as signs must be."""
    while True:
        ground, ink = rng.integers(0, 256, (2, 3))
        if rng.random() < 0.5:
            ink = np.full(3, rng.choice([10, 245]))
        if abs(float((ground - ink) @ (0.299, 0.587, 0.114))) > 90:
            return tuple(int(c) for c in ground), tuple(int(c) for c in ink)


def _stain(board: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light that falls off to a side, and soft spots."""
    width, height = board.size
    light = _stretch(rng.uniform(0.75, 1.1, (2, 2)), board.size)
    spots = _stretch(rng.normal(0, 1, (height // 24 + 2, width // 24 + 2)), board.size)
    soft = light * (1 - rng.uniform(0, 0.18) * np.clip(spots, 0, 1.5))
    return _to_picture(np.asarray(board) * soft[..., None])


def _stretch(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A few values (h, w) → (height, width) float32, smooth between them."""
    return np.asarray(
        Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    )


def _to_picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _place(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Corners (4, 2) of the board in the picture: turned by up to 8°, its corners moved by up to 7
    % of its sides.
    """
    scale = min(_SIZE_PX[0] * rng.uniform(0.6, 0.85) / size[0], _SIZE_PX[1] * 0.7 / size[1], 0.75)
    half = np.array(size) * scale / 2
    corners = list_corners(*(2 * half)) - half
    corners = corners * (1 + rng.uniform(-0.14, 0.0, (4, 2)))
    turn = np.deg2rad(rng.uniform(-8, 8))
    corners = corners @ np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    reach = np.abs(corners).max(axis=0)
    slack = np.maximum(np.array(_SIZE_PX) / 2 - reach - 6, 0)
    placed: np.ndarray = corners + np.array(_SIZE_PX) / 2 + rng.uniform(-slack, slack)
    return placed


def _draw_scene(rng: np.random.Generator) -> Image.Image:
    """What is behind: blocks of colour and a rough ground."""
    width, height = _SIZE_PX
    coarse = rng.uniform(40, 210, 3) + rng.normal(
        0, 25, (int(rng.integers(2, 9)), int(rng.integers(2, 12)), 3)
    )
    how = Image.Resampling.NEAREST if rng.random() < 0.5 else Image.Resampling.BICUBIC
    rough = _stretch(rng.normal(0, rng.uniform(4, 16), (height // 2, width // 2)), _SIZE_PX)
    return _to_picture(np.asarray(_to_picture(coarse).resize(_SIZE_PX, how)) + rough[..., None])


def _photograph(scene: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Blur, noise and JPEG."""
    seen = np.asarray(scene.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.3)))))
    noise = rng.standard_normal(seen.shape, np.float32) * np.float32(rng.uniform(1, 9))
    packed = io.BytesIO()
    _to_picture(seen + noise).save(packed, "JPEG", quality=int(rng.integers(45, 95)))
    return np.asarray(Image.open(packed).convert("RGB"))
