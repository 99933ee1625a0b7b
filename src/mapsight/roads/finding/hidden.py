"""Where the imagery cannot show a road: tree canopy and deep shadow, judged from colour and texture
alone.

'Cannot see' is an answer of its own: a mapped road under trees is not called unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class HiddenSettings:
    """Canopy is green, rough and darker than the scene's grass; shadow is darker than nearly
    everything.
    """

    greenness: float = 0.04  # (2g − r − b) / (r + g + b)
    roughness: float = 7.0  # standard deviation of luminance (0 … 255) over window_m
    window_m: float = 7.0
    canopy_quantile: float = 0.5  # of the scene's luminance: canopy is darker
    shadow_luminance: float = 0.35  # of the scene's median
    min_area_m2: float = 40.0


def find_hidden(
    image: np.ndarray,
    valid: np.ndarray,
    m_per_px: float,
    settings: HiddenSettings = HiddenSettings(),
) -> np.ndarray:
    """(H, W) bool of canopy and deep shadow in an image (3, H, W) uint8; False where the image is
    not valid.
    """
    if not valid.any():
        return np.zeros(valid.shape, bool)
    size = max(round(settings.window_m / m_per_px), 3)
    red, green, blue = (
        ndimage.uniform_filter(band.astype(np.float32), max(size // 2, 1)) for band in image
    )
    luminance = image.astype(np.float32).mean(axis=0)
    local = ndimage.uniform_filter(luminance, size)
    deviation = np.sqrt(np.maximum(ndimage.uniform_filter(luminance**2, size) - local**2, 0))
    median, dark = np.quantile(luminance[valid], [0.5, settings.canopy_quantile])
    green_share = (2 * green - red - blue) / np.maximum(red + green + blue, 1)
    canopy = (green_share > settings.greenness) & (deviation > settings.roughness) & (local < dark)
    shadow = local < settings.shadow_luminance * median
    return drop_specks((canopy | shadow) & valid, settings.min_area_m2 / m_per_px**2)


def drop_specks(mask: np.ndarray, min_px: float) -> np.ndarray:
    """The mask (H, W) bool without its connected parts of fewer than min_px pixels."""
    labels, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept: np.ndarray = (sizes >= min_px)[labels]
    return kept
