"""Pictures that users bring, opened without trust."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from mapsight.errors import InputError

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")


def open_picture(path: Path) -> Image.Image:
    """A decoded picture; raises InputError for what is none, is cut off, or would be larger than 179 million pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=_FORMATS)
            image.load()
    except FileNotFoundError:
        raise InputError(path, "there is no such file", "check the path") from None
    except UnidentifiedImageError:
        raise InputError(path, "is no picture", f"give one of {', '.join(_FORMATS)}") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(path, f"cannot be read ({error})", "save it again, smaller if need be") from None
    return image
