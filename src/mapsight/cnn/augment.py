"""Joint augmentation: what happens to an image happens to its truth and its valid mask.

Everything is numpy on one chip and takes its randomness from the generator it is given, so that a
chip is a function of (seed, index) and training can be resumed bit-equal.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage, special
from torch.nn import functional as F


class Chip(NamedTuple):
    """One training window: image (3, H, W) uint8, truth (H, W) float32 in [0, 1], weight (H, W)
    float32.
    """

    image: np.ndarray
    truth: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class AugmentSettings:
    """How strongly chips are varied; all zero and False is no augmentation."""

    flip: bool = True  # the eight symmetries of the square (D4)
    rotate: float = 0.3  # share of chips turned by any angle
    scale: float = 0.25  # zoom between 1/(1+scale) and 1+scale
    gamma: float = 0.35  # σ of log γ, a band's value v in 0 … 1 becoming v^γ
    band_gamma: float = 0.2  # the same for each band by itself
    saturation: float = 0.9  # distance from grey times 1 ± this
    brightness: float = 0.2  # additive, of full range
    contrast: float = 0.4
    band_contrast: float = (
        0.4  # of each band by itself: shadows turn blue and asphalt brown, or the reverse
    )
    colour: float = 0.08  # per band, additive, of full range
    blur: float = 0.15  # share of chips blurred, σ up to 1.2 px
    noise: float = 0.02  # σ at most, of full range
    jpeg: float = 0.25  # share of chips that went through a JPEG of quality 15 to 70, as tiles do
    elastic_px: float = 0.0  # σ of a smooth deformation (see `deform_planes`)
    haze: float = 0.0  # share of chips that a bright veil covers, by up to .6
    coarse: float = 0.0  # share seen by a sensor that resolves 1.2 to 2.5 times less
    sharp: float = 0.0  # share sharpened, as providers of tiles do
    shade: float = 0.0  # share over which a broad shadow or a cloud's falls
    grey: float = 0.0  # share without colour, as old and panchromatic pictures


NO_AUGMENTATION = AugmentSettings(False, *[0.0] * 18)
# what imagery of elsewhere varies beyond our own: for nets that are to serve any picture
ANYWHERE = AugmentSettings(
    gamma=0.45,
    brightness=0.25,
    contrast=0.5,
    blur=0.2,
    noise=0.03,
    jpeg=0.4,
    haze=0.2,
    coarse=0.25,
    sharp=0.25,
    shade=0.15,
    grey=0.05,
)
# for a single image, which has one light: no other camera or provider
ONE_LIGHT = AugmentSettings(
    gamma=0, band_gamma=0, saturation=0, brightness=0.15, contrast=0.25, band_contrast=0
)


def augment_chip(chip: Chip, rng: np.random.Generator, settings: AugmentSettings) -> Chip:
    """The same chip seen under another sun, from another side; (3, H, W) stays (3, H, W)."""
    return _vary_colour(_vary_place(chip, rng, settings), rng, settings)


def _vary_place(chip: Chip, rng: np.random.Generator, settings: AugmentSettings) -> Chip:
    planes = np.concatenate([chip.image.astype(np.float32), chip.truth[None], chip.weight[None]])
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < settings.rotate else 0.0
    zoom = (1 + settings.scale) ** rng.uniform(-1, 1)
    if angle or abs(zoom - 1) > 0.02:
        planes = turn_planes(planes, angle, zoom)
    if settings.elastic_px:
        planes = deform_planes(planes, rng, sigma_px=settings.elastic_px, modes=_find_modes(planes))
    if settings.flip:
        planes = np.rot90(planes, int(rng.integers(4)), axes=(1, 2))
        planes = planes[:, :, ::-1] if rng.random() < 0.5 else planes
    weight = planes[-1] * (planes[-1] > 0.99)  # beyond the chip's edge nothing is known
    return Chip(planes[:3], planes[3], weight)


def turn_planes(planes: np.ndarray, angle: float, zoom: float) -> np.ndarray:
    """(N, H, W) float32 turned by radians and zoomed about its middle; planes go on mirrored, the
    last one as 0.
    """
    centre = (np.array(planes.shape[1:], np.float32) - 1) / 2
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    places = (
        np.moveaxis(np.indices(planes.shape[1:], dtype=np.float32), 0, -1) - centre
    )  # (H, W, 2): row, column
    places = (places @ matrix.T.astype(np.float32)) / np.maximum(
        centre, 0.5
    )  # −1 … 1 from edge to edge
    grid = torch.from_numpy(np.ascontiguousarray(places[None, ..., ::-1]))
    turned = [
        F.grid_sample(
            torch.from_numpy(np.ascontiguousarray(part[None])),
            grid,
            padding_mode=beyond,
            align_corners=True,
        )
        for part, beyond in ((planes[:-1], "reflection"), (planes[-1:], "zeros"))
    ]
    return torch.cat(turned, dim=1)[0].numpy()


def _find_modes(planes: np.ndarray) -> list[str]:
    return ["mirror"] * (len(planes) - 1) + [
        "constant"
    ]  # mirrored pixels are shown but weigh nothing


def deform_planes(
    planes: np.ndarray,
    rng: np.random.Generator,
    *,
    sigma_px: float = 10.0,
    grid: int = 3,
    order: int = 1,
    modes: Sequence[str] = (),
) -> np.ndarray:
    """Planes bent smoothly, all alike, as U-Net's training images were.

    Source: Ronneberger et al. 2015, section 3.1.

    Parameters
    ----------
    planes
        (N, H, W).
    rng
        Where the vectors come from.
    sigma_px
        Standard deviation of a vector, in pixels.
    grid
        grid × grid vectors are drawn; between them the field is cubic.
    order
        Of the interpolation of pixels; 0 keeps labels labels.
    modes
        What lies beyond the edge of each plane, as scipy.ndimage names it; by default it is
        mirrored.
    """
    size = planes.shape[1:]
    coarse = rng.normal(0, sigma_px, (2, grid, grid))
    at = np.meshgrid(*(np.linspace(0, grid - 1, n) for n in size), indexing="ij")
    by = np.stack([ndimage.map_coordinates(c, at, order=3, mode="nearest") for c in coarse])
    places = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij")) + by
    modes = modes or ["mirror"] * len(planes)
    return np.stack(
        [
            ndimage.map_coordinates(p, places, order=order, mode=m)
            for p, m in zip(planes, modes, strict=True)
        ]
    )


def _vary_colour(chip: Chip, rng: np.random.Generator, settings: AugmentSettings) -> Chip:
    image = _vary_air(chip.image.astype(np.float32), rng, settings)
    image = _vary_tone(image, rng, settings)
    gain = np.array(1 + rng.uniform(-settings.contrast, settings.contrast))
    shift = rng.uniform(-settings.brightness, settings.brightness)
    bands = rng.uniform(-settings.colour, settings.colour, (3, 1, 1)).astype(np.float32)
    mean = image.mean()
    if settings.band_contrast:
        gain = gain * (1 + rng.uniform(-settings.band_contrast, settings.band_contrast, (3, 1, 1)))
    image = (image - mean) * gain.astype(np.float32) + mean + 255 * (shift + bands)
    if rng.random() < settings.blur:
        sigma = rng.uniform(0.3, 1.2)
        image = ndimage.gaussian_filter(image, (0, sigma, sigma))
    if settings.noise:
        sigma = 255 * rng.uniform(0, settings.noise)
        image = image + rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma)
    whole = np.clip(image, 0, 255).round().astype(np.uint8)
    return chip._replace(
        image=compress(whole, int(rng.integers(15, 71))) if rng.random() < settings.jpeg else whole
    )


def _vary_air(image: np.ndarray, rng: np.random.Generator, settings: AugmentSettings) -> np.ndarray:
    """Another sensor and another sky: (3, H, W) of 0 … 255, coarser or sharper, shaded, veiled or
    grey. What is set to 0 draws no number.
    """
    if settings.coarse and rng.random() < settings.coarse:
        image = coarsen(image, rng.uniform(1.2, 2.5))
    if settings.sharp and rng.random() < settings.sharp:
        soft = ndimage.gaussian_filter(image, (0, 1.0, 1.0))
        image = image + np.float32(rng.uniform(0.3, 1.5)) * (image - soft)
    if settings.shade and rng.random() < settings.shade:
        image = image * _draw_shade(image.shape[1:], rng)
    if settings.haze and rng.random() < settings.haze:
        veil, light = rng.uniform(0.1, 0.6), rng.uniform(150, 255, (3, 1, 1))
        image = (1 - veil) * image + veil * light
    if settings.grey and rng.random() < settings.grey:
        image = np.broadcast_to(image.mean(axis=0, keepdims=True), image.shape)
    varied: np.ndarray = np.clip(image, 0, 255).astype(np.float32)
    return varied


def coarsen(image: np.ndarray, factor: float) -> np.ndarray:
    """(C, H, W) float32 as a sensor sees it whose pixels are `factor` times as long, on the same
    grid.
    """
    small = tuple(max(round(n / factor), 1) for n in image.shape[1:])
    x = torch.from_numpy(np.ascontiguousarray(image))[None]
    seen = F.interpolate(x, small, mode="bilinear", antialias=True)
    return F.interpolate(seen, image.shape[1:], mode="bicubic")[0].numpy()


def _draw_shade(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """(H, W) factors: a darker side of a soft and wavy border."""
    coarse = rng.standard_normal((1, 1, 4, 4)).astype(np.float32)
    field = F.interpolate(torch.from_numpy(coarse), shape, mode="bicubic")[0, 0].numpy()
    dark: np.ndarray = special.expit((field - rng.uniform(-1, 1)) / rng.uniform(0.02, 0.3))
    return (1 - rng.uniform(0.3, 0.7) * dark).astype(np.float32)


def _vary_tone(
    image: np.ndarray, rng: np.random.Generator, settings: AugmentSettings
) -> np.ndarray:
    """Another camera, haze or provider: (3, H, W) of 0 … 255 with other curves and another strength
    of colours.
    """
    if settings.gamma or settings.band_gamma:
        bend = rng.normal(0, settings.gamma) + rng.normal(0, settings.band_gamma, (3, 1, 1))
        image = 255 * (image / 255) ** np.exp(bend).astype(np.float32)
    if settings.saturation:
        grey = image.mean(axis=0, keepdims=True)
        image = grey + (image - grey) * np.float32(
            1 + rng.uniform(-settings.saturation, settings.saturation)
        )
    varied: np.ndarray = np.clip(image, 0, 255)
    return varied


def compress(image: np.ndarray, quality: int) -> np.ndarray:
    """An image (3, H, W) uint8 as it comes back from a JPEG of that quality."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(
        buffer, "JPEG", quality=quality
    )
    return np.asarray(Image.open(buffer)).transpose(2, 0, 1)
