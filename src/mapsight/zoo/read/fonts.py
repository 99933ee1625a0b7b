"""Free fonts that come with matplotlib and Pillow, and lines of German text drawn with them.

DejaVu (Bitstream Vera's licence), Computer Modern (BaKoMa's) lie in matplotlib, Aileron (CC0) in
Pillow.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

LEARNT = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "cmr10",
    "cmb10",
    "cmtt10",
)
UNSEEN = ("Aileron", "cmss10", "STIXGeneral", "STIXGeneralBol")  # of test signs only
_BARE = {
    "Aileron": None,
    **dict.fromkeys(("cmr10", "cmb10", "cmtt10", "cmss10"), "\xbc"),
}  # no umlauts; where ß is
_BASES = dict(zip("äöüÄÖÜ", "aouAOU", strict=True))


@lru_cache(maxsize=256)
def open_font(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    """A font of the tables above by its name."""
    if name == "Aileron":
        font = ImageFont.load_default(size_px)
        assert isinstance(font, ImageFont.FreeTypeFont), "Pillow is built without FreeType"
        return font
    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")), size_px
    )


def spell(text: str, font: str) -> str:
    """The text as that font can write it: without ß it is ss, as the Swiss write."""
    return text.replace("ß", "ss") if _BARE.get(font, "ß") is None else text


def draw_line(text: str, font: str, size_px: int, *, spacing: float = 0.0) -> np.ndarray:
    """Ink (H, W) uint8 of one line; H is the font's, so that lines align; `spacing` between signs
    is in ems.
    """
    face = open_font(font, size_px)
    ascent, descent = face.getmetrics()
    room = round(0.3 * size_px)  # capitals with dots stand out over some fonts' ascent
    advances = [face.getlength(_look_up(sign, font)) + spacing * size_px for sign in text]
    if not spacing and font not in _BARE:
        advances = [
            face.getlength(text[: at + 1]) - face.getlength(text[:at]) for at in range(len(text))
        ]
    image = Image.new("L", (round(sum(advances)) + size_px, ascent + descent + 2 * room))
    pen, left = ImageDraw.Draw(image), size_px / 2
    for sign, advance in zip(text, advances, strict=True):
        drawn = _look_up(sign, font)
        pen.text((left, room), drawn, fill=255, font=face)
        if drawn != sign and sign in _BASES:
            _draw_dots(pen, (left, room), drawn, face)
        left += advance
    return np.asarray(image)


def _look_up(sign: str, font: str) -> str:
    if font not in _BARE:
        return sign
    return (_BARE[font] or sign) if sign == "ß" else _BASES.get(sign, sign)


def _draw_dots(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], base: str, face: ImageFont.FreeTypeFont
) -> None:
    left, top, right, _ = pen.textbbox(at, base, font=face)
    dot = pen.textbbox((0, 0), ".", font=face)
    wide, middle = max(min(dot[2] - dot[0], 0.11 * face.size), 2), (left + right) / 2
    bottom = top - 0.08 * face.size
    for x in (middle - 0.95 * wide, middle + 0.95 * wide):
        pen.ellipse((x - wide / 2, bottom - wide, x + wide / 2, bottom), fill=255)
