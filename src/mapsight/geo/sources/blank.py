"""What services draw where they have no imagery."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

# Smaller squares of pure white or black are overexposed roofs or deep shadow (as in
# geo/imagery.py).
UNIFORM_PX = 33


def find_blank(rgb: NDArray[np.uint8], *, side_px: int = UNIFORM_PX) -> NDArray[np.bool_]:
    """(H, W): pixels of (3, H, W) inside some square of side_px that is purely white or black."""
    found = np.zeros(rgb.shape[1:], bool)
    for value in (0, 255):
        blank = (rgb == value).all(axis=0)
        if blank.any():
            core = minimum_filter(blank.view(np.uint8), side_px, mode="constant", cval=1)
            found |= maximum_filter(core, side_px, mode="constant", cval=0).astype(bool)
    return found
