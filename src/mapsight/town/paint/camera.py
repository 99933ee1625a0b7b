"""From painted ground to a photograph: light, colour cast, blur, noise and the scars of JPEG."""

from __future__ import annotations

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile
from scipy import ndimage

from mapsight.town.paint.look import Look

_STRETCH = (0.5, 1.7)  # how much contrast may be taken away or added
_KEPT = 0.55  # how much of the ground's own brightness is left when a picture is developed
_PIVOT = 112.0  # the brightness that contrast leaves alone


def take_photo(rgb: np.ndarray, look: Look, rng: np.random.Generator) -> np.ndarray:
    """(3, H, W) uint8 from painted (H, W, 3) float32."""
    grey = rgb.mean(axis=2, keepdims=True)
    picture = grey + look.saturation * (rgb - grey)
    picture = (picture - _PIVOT) * look.contrast + _PIVOT
    picture *= (
        look.exposure * np.asarray(look.gain, dtype=np.float32) * _fall_off(rgb.shape[:2], rng)
    )
    picture += look.haze * np.asarray(look.haze_tint, dtype=np.float32) * (1 - picture / 255)
    if look.level is not None:
        picture = _develop(picture, look, look.level)
    bands = [_sense(picture[..., band], look, rng) for band in range(3)]
    return _squeeze(np.clip(np.rint(np.stack(bands)), 0, 255).astype(np.uint8), look.jpeg_quality)


def _develop(picture: np.ndarray, look: Look, wanted: float) -> np.ndarray:
    """Brightness and contrast near those that the look asks for, and colours no louder; bright
    ground stays brighter than dark ground.
    """
    grey = picture.mean(axis=2, keepdims=True)
    mean, factor = float(grey.mean()), look.spread / max(float(grey.std()), 1.0)
    factor = float(np.clip(factor, *_STRETCH))
    level = np.clip(wanted + _KEPT * (mean - 125), 50, 205)
    loud = float(np.ptp(picture, axis=2).mean())
    colour = min(factor, 1.15, look.colour_most / max(loud, 1.0))
    developed: np.ndarray = level + (grey - mean) * factor + (picture - grey) * colour
    return developed


def _fall_off(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(H, W, 1): the light is never quite the same on both sides."""
    slope = rng.normal(0, 0.03, 2)
    rows, cols = np.linspace(-1, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])[None]
    light: np.ndarray = (1 + slope[0] * rows + slope[1] * cols).astype(np.float32)
    return light[..., None]


def _sense(band: np.ndarray, look: Look, rng: np.random.Generator) -> np.ndarray:
    blurred = ndimage.gaussian_filter(band, look.blur_px, truncate=3)
    if look.sharpen > 0.05:
        blurred += look.sharpen * (blurred - ndimage.gaussian_filter(blurred, 1.2, truncate=2.5))
    noise = rng.standard_normal(band.shape, dtype=np.float32) * look.noise
    if look.grain_px > 0:
        noise = ndimage.gaussian_filter(noise, look.grain_px, truncate=2.5)
        noise *= 1 + 2 * look.grain_px  # what the filter takes away, about
    sensed: np.ndarray = blurred + noise
    return sensed


def _squeeze(image: np.ndarray, quality: int) -> np.ndarray:
    """Through JPEG and back, inside a GeoTIFF: a bare JPEG would warn that it has no place."""
    bands, height, width = image.shape
    profile = {
        "driver": "GTiff",
        "count": bands,
        "height": height,
        "width": width,
        "dtype": "uint8",
    }
    coding = {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": quality, "tiled": True}
    place = Affine(1, 0, 0, 0, -1, height)
    with MemoryFile() as memory:
        with memory.open(
            **profile, **coding, transform=place, blockxsize=256, blockysize=256
        ) as file:
            file.write(image)
        with memory.open() as file:
            squeezed: np.ndarray = file.read()
    return squeezed
