"""Pictures that users bring, opened without trust, and pictures that are written for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from mapsight.atomic import write_atomically
from mapsight.errors import InputError

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MORE_FORMATS = (*_FORMATS, "TIFF")  # of data sets
# how a picture is turned upright, by EXIF's orientation
_TURNS = dict(
    zip(
        range(2, 9),
        (
            Image.Transpose.FLIP_LEFT_RIGHT,
            Image.Transpose.ROTATE_180,
            Image.Transpose.FLIP_TOP_BOTTOM,
            Image.Transpose.TRANSPOSE,
            Image.Transpose.ROTATE_270,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
        ),
        strict=True,
    )
)
_WRITTEN: dict[str, dict[str, Any]] = {
    ".png": {},
    ".jpg": {"quality": 92},
    ".jpeg": {"quality": 92},
    ".webp": {"quality": 92},
}


def open_picture(path: Path, formats: tuple[str, ...] = _FORMATS) -> Image.Image:
    """A decoded picture; raises InputError for what is none, is cut off, or would be larger than
    179 million pixels.
    """
    with _refusing(path, formats):
        image = Image.open(path, formats=formats)
        image.load()
    return image


def open_upright(path: Path, formats: tuple[str, ...] = _FORMATS) -> Image.Image:
    """A picture as people see it: turned as its EXIF says, RGB of 8 bits, or RGBA where it has
    transparency.

    Raises InputError as `open_picture`.
    """
    picture = open_picture(path, formats)
    with _refusing(path, formats):
        turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
        picture = picture if turn is None else picture.transpose(turn)
        if picture.mode.startswith("I"):  # 16-bit grey, which Pillow would clip
            picture = Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def check_picture_name(path: Path) -> None:
    """InputError where the name's ending is of no format that is written."""
    if path.suffix.lower() not in _WRITTEN:
        raise InputError(path, "is no name of a picture", f"let it end in {', '.join(_WRITTEN)}")


def write_picture(path: Path, picture: Image.Image) -> None:
    """Whole or not at all, in the format of the name; raises InputError where the format cannot
    hold the picture.
    """
    check_picture_name(path)
    if path.suffix.lower() in (".jpg", ".jpeg") and "A" in picture.getbands():
        raise InputError(path, "cannot hold the picture's transparency", "let the name end in .png")
    with write_atomically(path) as temporary:
        try:
            picture.save(temporary, **_WRITTEN[path.suffix.lower()])
        except (OSError, ValueError) as error:
            raise InputError(
                path, f"cannot be written ({error})", "let the name end in .png"
            ) from None


def read_size(path: Path, formats: tuple[str, ...] = _FORMATS) -> tuple[int, int]:
    """(width, height) of a picture, from its head alone; raises as `open_picture`."""
    with _refusing(path, formats), Image.open(path, formats=formats) as image:
        return image.size


def cut_square(
    picture: Image.Image, side_px: int, how: Image.Resampling = Image.Resampling.BILINEAR
) -> np.ndarray:
    """The middle of a picture as (3, side, side) uint8; what lies beyond the square of its shorter
    side is cut off.
    """
    image = picture.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(
        image.resize((side_px, side_px), how, (left, top, left + side, top + side))
    ).transpose(2, 0, 1)


@contextmanager
def _refusing(path: Path, formats: tuple[str, ...]) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of odd metadata
            yield
    except FileNotFoundError:
        raise InputError(path, "there is no such file", "check the path") from None
    except UnidentifiedImageError:
        raise InputError(path, "is no picture", f"give one of {', '.join(formats)}") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            path, f"cannot be read ({error})", "save it again, smaller if need be"
        ) from None
