"""How pictures are varied while a classifier learns: by values, on one (bands, H, W) uint8
image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Variation:
    """All zero and False: the picture as it is."""

    mirror: bool = True  # half of them, left to right
    shift_px: int = 4  # at most, each way; beyond the edge the picture is mirrored
    erase_px: int = 8  # side of a square that becomes the picture's mean (DeVries & Taylor 2017)
    colour: float = 0.2  # contrast, brightness and balance of the bands, each by at most this share


def vary_image(image: np.ndarray, rng: np.random.Generator, how: Variation) -> np.ndarray:
    """The same thing photographed from a step aside, in another light, partly hidden: (bands, H, W)
    uint8.
    """
    if how.shift_px:
        image = _shift(image, rng.integers(-how.shift_px, how.shift_px + 1, 2))
    if how.mirror and rng.random() < 0.5:
        image = image[..., ::-1]
    if how.colour:
        image = vary_light(image, rng, how.colour)
    if how.erase_px:
        image = _erase(image, rng, how.erase_px)
    return image


def _shift(image: np.ndarray, by: np.ndarray) -> np.ndarray:
    rim = int(np.abs(by).max())
    (top, left), (height, width) = rim + by, image.shape[1:]
    padded = np.pad(image, ((0, 0), (rim, rim), (rim, rim)), mode="reflect")
    return padded[:, top : top + height, left : left + width]


def vary_light(image: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Contrast, brightness and the balance of the bands of a uint8 image (bands, H, W), each by at
    most `share`.
    """
    contrast, brightness = 1 + rng.uniform(-share, share), 255 * rng.uniform(-share, share) / 2
    balance = 1 + rng.uniform(-share, share, (len(image), 1, 1)) / 2
    gain = (contrast * balance).astype(np.float32)
    mean = np.float32(image.mean())
    varied: np.ndarray = (image - mean) * gain + mean + np.float32(brightness)
    return varied.clip(0, 255).astype(np.uint8)


def _erase(image: np.ndarray, rng: np.random.Generator, side_px: int) -> np.ndarray:
    top, left = (
        int(rng.integers(1 - side_px, size)) for size in image.shape[1:]
    )  # it may stand out over the edge
    image = image.copy()
    image[:, max(top, 0) : top + side_px, max(left, 0) : left + side_px] = image.mean(
        axis=(1, 2), keepdims=True
    )
    return image
