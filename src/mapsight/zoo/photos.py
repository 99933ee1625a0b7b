"""Colour photographs as lightness and colour: read from folders, cut for training, and painted at
full resolution.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from mapsight.zoo.colours import find_nearest_bins
from mapsight.zoo.images import MORE_FORMATS, open_upright
from mapsight.zoo.recipe import Item

SIDE_PX, CROP_PX, STRIDE_PX = (
    160,
    128,
    4,
)  # what a photo is shrunk to, what is learnt from, pixels an answer
SHOWN = "shown"
_KINDS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_STRIP_PX = 1 << 22  # pixels that are painted at once: memory stays flat however large the photo
_LIGHT = 0.15


class Photos(NamedTuple):
    """Photographs shrunk to a square: lightness (1, 160, 160) float32, about −1 … 1, and the truth.

    With `weights` of the bins the truth is (3, 160, 160): a, b, and how much the pixel counts.
    Without, it is ab alone where the net answers, (2, 40, 40). The last `shown` photographs are for
    the figure only.
    """

    paths: tuple[Path, ...]
    weights: np.ndarray | None = None
    shown: int = 0

    @property
    def names(self) -> list[str]:
        """Whether a photograph is only shown, or judged."""
        return [
            SHOWN if at >= len(self.paths) - self.shown else "" for at in range(len(self.paths))
        ]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Item:  # type: ignore[override]
        lab = _keep_lab(self.paths[index])
        if self.weights is None:
            return scale_lightness(lab[:1]), thin(lab[1:])
        weights = self.weights[find_nearest_bins(lab[1:])].astype(np.float32)
        return scale_lightness(lab[:1]), np.concatenate([lab[1:], weights[None]])


def list_photos(folder: Path) -> list[Path]:
    """All pictures at any depth below a folder, in a fixed order."""
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in _KINDS and path.is_file()
    )


def read_lab(path: Path) -> np.ndarray:
    """(3, 160, 160) float32 L, a, b of a photograph squeezed to a square, as the authors do;
    read-only.
    """
    picture = (
        open_upright(path, MORE_FORMATS)
        .convert("RGB")
        .resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    )
    lab = find_lab(np.asarray(picture)).transpose(2, 0, 1)
    lab.setflags(write=False)
    return lab


_keep_lab = lru_cache(maxsize=256)(read_lab)  # a small set is decoded once


def read_photo(path: Path) -> tuple[np.ndarray, ...]:
    """The lightness of a user's picture, whatever its colours: what the net sees."""
    return (scale_lightness(read_lab(path)[:1]),)


def find_lab(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 sRGB → (H, W, 3) float32 Lab."""
    lab: np.ndarray = rgb2lab(rgb.astype(np.float32) / 255)
    return lab


def scale_lightness(lightness: np.ndarray) -> np.ndarray:
    """L 0 … 100 → −1 … 1."""
    return lightness / 50 - 1


def thin(planes: np.ndarray) -> np.ndarray:
    """(N, H, W) → (N, H/4, W/4): every fourth pixel, as the authors thin out the truth; a mean
    would be greyer.
    """
    return planes[:, STRIDE_PX // 2 :: STRIDE_PX, STRIDE_PX // 2 :: STRIDE_PX]


def vary_photo(item: Item, rng: np.random.Generator) -> Item:
    """A window of a photograph, mirrored or not, in other light; its truth where the net
    answers.
    """
    lightness, truth = item
    top, left = rng.integers(0, SIDE_PX - CROP_PX + 1, 2)
    cut = (slice(None), slice(top, top + CROP_PX), slice(left, left + CROP_PX))
    contrast, brightness = 1 + rng.uniform(-_LIGHT, _LIGHT), rng.uniform(-_LIGHT, _LIGHT)
    seen = np.clip(lightness[cut] * np.float32(contrast) + np.float32(brightness), -1, 1)
    truth = truth[cut]
    if rng.random() < 0.5:
        seen, truth = seen[..., ::-1], truth[..., ::-1]
    return seen, thin(truth)


def paint_photo(picture: Image.Image, ab: np.ndarray) -> Image.Image:
    """The picture with its own lightness and transparency, and the colours ab (2, h, w) spread over
    it evenly.

    Where sRGB has no such colour at that lightness, it is clipped.
    """
    width, height = picture.size
    painted = Image.new("RGB", picture.size)
    rows = max(_STRIP_PX // width, 1)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = np.asarray(picture.crop((0, top, width, bottom)).convert("RGB"))
        lab = np.stack(
            [find_lab(strip)[..., 0], *_spread(ab, (width, height), top, bottom)], axis=-1
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of colours that there are not
            rgb = lab2rgb(lab)
        painted.paste(Image.fromarray(np.rint(255 * rgb).astype(np.uint8)), (0, top))
    if "A" in picture.getbands():
        painted.putalpha(picture.getchannel("A"))
    return painted


def _spread(ab: np.ndarray, size: tuple[int, int], top: int, bottom: int) -> list[np.ndarray]:
    """Rows top … bottom of ab enlarged to size (width, height), bilinear; seamless from strip to
    strip.
    """
    width, height = size
    box = (0, top * ab.shape[1] / height, ab.shape[2], bottom * ab.shape[1] / height)
    planes = [Image.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in ab]
    return [
        np.asarray(p.resize((width, bottom - top), Image.Resampling.BILINEAR, box)) for p in planes
    ]


def render_photo(path: Path, output: np.ndarray) -> Image.Image:
    """A user's picture in the colours of an answer (ab first), as large as it came."""
    return paint_photo(open_upright(path), output[:2])
