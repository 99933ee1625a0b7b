"""Another text drawn onto a sign, in its colours and its perspective."""

from __future__ import annotations

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from mapsight.zoo.read.fonts import open_font
from mapsight.zoo.read.letters import Page
from mapsight.zoo.read.plane import warp_picture

_FONT = "DejaVuSans-Bold"
_PAD = 0.35  # of a letter's height around the text that is covered


def write_over(picture: Image.Image, page: Page, text: str) -> Image.Image:
    """The picture with `text` in the place of the page's letters; the picture itself where it has
    none.
    """
    whole = picture.convert("RGB")
    if not page.letters or not text:
        return whole
    boxes = np.array([letter.box for letter in page.letters])
    pad = _PAD * float(np.median(boxes[:, 3] - boxes[:, 1]))
    width, height = page.size
    left, top = (int(max(v, 0)) for v in boxes[:, :2].min(axis=0) - pad)
    right, bottom = (
        int(min(v, limit))
        for v, limit in zip(boxes[:, 2:].max(axis=0) + pad, page.size, strict=True)
    )
    board = warp_picture(whole, page.homography, page.size)
    clean = clear_ground(board, page)
    draw_text(clean, text, (left, top, right, bottom), page.ink)
    cover = Image.new("L", (width, height))
    ImageDraw.Draw(cover).rectangle((left, top, right, bottom), fill=255)
    back = np.linalg.inv(page.homography)
    mask = warp_picture(cover.filter(ImageFilter.GaussianBlur(pad / 6)), back, whole.size)
    whole.paste(warp_picture(clean, back, whole.size), (0, 0), mask)
    return whole


def clear_ground(board: Image.Image, page: Page) -> Image.Image:
    """The board without its letters: where ink is or is near, the mean of the ground around it."""
    ground = (ndimage.maximum_filter(page.ink_map, 9) < 0.25).astype(np.float32)
    pixels = np.asarray(board, np.float32)
    reach = max(4.0, page.size[1] / 24)
    weight = ndimage.gaussian_filter(ground, reach)[..., None]
    smooth = ndimage.gaussian_filter(pixels * ground[..., None], (reach, reach, 0))
    filled = np.where(
        weight > 0.02, smooth / np.maximum(weight, 0.02), np.array(page.ground, np.float32)
    )
    return Image.fromarray(np.clip(filled, 0, 255).astype(np.uint8))


def draw_text(
    board: Image.Image, text: str, box: tuple[int, int, int, int], ink: tuple[int, ...]
) -> None:
    """The text in the middle of the box, in as many lines as make it largest."""
    width, height = box[2] - box[0], box[3] - box[1]
    pen = ImageDraw.Draw(board)
    words = text.split()
    narrow = max(map(len, words))
    layouts = {textwrap.fill(text, wide) for wide in range(narrow, max(len(text), narrow) + 1)}
    size, lines = max((_find_size(pen, layout, width, height), layout) for layout in layouts)
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    pen.multiline_text(
        middle, lines, fill=ink, font=open_font(_FONT, size), anchor="mm", align="center"
    )


def _find_size(pen: ImageDraw.ImageDraw, text: str, width: int, height: int) -> int:
    """The largest size in px, of 8 at least, at which a text fits."""
    face: ImageFont.FreeTypeFont = open_font(_FONT, 40)
    left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font=face)
    return max(int(40 * min(width / max(right - left, 1), height / max(bottom - top, 1)) * 0.94), 8)
