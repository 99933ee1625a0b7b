"""What services send where they have no imagery: plain colour, a text on it, a word in a header."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

# Smaller squares of one colour are overexposed roofs or deep shadow (as in geo/imagery.py).
UNIFORM_PX = 33
# A text on plain ground: one colour covers so much of a picture. Of 1,040 windows of real imagery,
# calm water among them, the highest share was .658, and the hundredth .22.
_MOSTLY = 2 / 3
_AROUND_TEXT = 1 / 3  # of what lies close to the text is ground
_RINGING = 12  # levels by which lossy compression changes the ground there
_NOTHING = 0.02  # of a picture is not worth a look
_TINY_PX = 16
# as the editors of OpenStreetMap know them: header → its value where there is no tile
_HEADERS = {"x-ve-tile-info": "no-tile", "etag": "10i954m13i2"}


def find_blank(rgb: NDArray[np.uint8], *, side_px: int = UNIFORM_PX) -> NDArray[np.bool_]:
    """(H, W): pixels of (3, H, W) inside some square of side_px that is of one colour."""
    size = (1, side_px, side_px)
    flat = maximum_filter(rgb, size, mode="nearest") == minimum_filter(rgb, size, mode="nearest")
    core: NDArray[np.bool_] = flat.all(axis=0)
    if not core.any():
        return core
    grown: NDArray[np.uint8] = maximum_filter(core.view(np.uint8), side_px, mode="constant", cval=0)
    return grown.astype(bool)


def is_placeholder(rgba: NDArray[np.uint8]) -> bool:
    """Whether a picture (4, H, W) has hardly any colour: plain, or a text on plain ground.

    A picture at the edge of the imagery is plain for the most part, too: there, what is not plain
    has hardly any of the ground's colour.
    """
    rgb, opaque = rgba[:3], rgba[3] >= 128
    packed = rgb[0].astype(np.uint32) << 16 | rgb[1].astype(np.uint32) << 8 | rgb[2]
    colours, counts = np.unique(packed[opaque], return_counts=True)
    if not colours.size or counts.max() < _MOSTLY * opaque.sum():
        return not colours.size
    rest = opaque & ~find_blank(rgb)
    if rest.mean() < _NOTHING:
        return True
    most = int(colours[counts.argmax()])
    ground = np.array([most >> 16, most >> 8 & 255, most & 255])
    near = np.abs(rgb[:, rest].astype(np.int16) - ground[:, None]).max(axis=0) <= _RINGING
    return bool(near.mean() >= _AROUND_TEXT)


def is_tiny(width_px: int, height_px: int) -> bool:
    """Whether a picture is of one or a few pixels, which services send for none at all."""
    return max(width_px, height_px) <= _TINY_PX


def says_no_tile(headers: Mapping[str, str]) -> bool:
    """Whether the headers of an answer say that its picture stands for none."""
    return any(
        headers.get(name, "").removeprefix("W/").strip('" ').lower() == value
        for name, value in _HEADERS.items()
    )
