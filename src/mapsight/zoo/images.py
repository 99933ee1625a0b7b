"""Pictures that users bring, opened without trust."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mapsight.errors import InputError

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MORE_FORMATS = (*_FORMATS, "TIFF")  # of data sets


def open_picture(path: Path, formats: tuple[str, ...] = _FORMATS) -> Image.Image:
    """A decoded picture; raises InputError for what is none, is cut off, or would be larger than 179 million pixels."""
    with _refusing(path, formats):
        image = Image.open(path, formats=formats)
        image.load()
    return image


def read_size(path: Path, formats: tuple[str, ...] = _FORMATS) -> tuple[int, int]:
    """(width, height) of a picture, from its head alone; raises as `open_picture`."""
    with _refusing(path, formats), Image.open(path, formats=formats) as image:
        return image.size


def cut_square(
    picture: Image.Image, side_px: int, how: Image.Resampling = Image.Resampling.BILINEAR
) -> np.ndarray:  # fmt: skip
    """The middle of a picture as (3, side, side) uint8; what lies beyond the square of its shorter side is cut off."""
    image = picture.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.resize((side_px, side_px), how, (left, top, left + side, top + side))).transpose(2, 0, 1)


@contextmanager
def _refusing(path: Path, formats: tuple[str, ...]) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    except FileNotFoundError:
        raise InputError(path, "there is no such file", "check the path") from None
    except UnidentifiedImageError:
        raise InputError(path, "is no picture", f"give one of {', '.join(formats)}") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(path, f"cannot be read ({error})", "save it again, smaller if need be") from None
