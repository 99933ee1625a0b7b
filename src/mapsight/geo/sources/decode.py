"""The picture in a reply, or what is wrong with it: size before pixels, so that no bomb goes
off.
"""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapsight.geo.sources.blank import is_tiny
from mapsight.geo.sources.http import FetchError
from mapsight.geo.sources.store import Reply

_FORMATS = ("PNG", "JPEG", "WEBP")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
_SAID_CHARS = 160


def decode_picture(reply: Reply, width_px: int, height_px: int, name: object) -> NDArray[np.uint8]:
    """RGBA (4, height_px, width_px) of a PNG, JPEG or WebP.

    Raises FetchError of the kind 'absent' for an empty body, 'placeholder' for a picture of a few
    pixels, 'damaged' for all else.
    """
    if not reply.content:
        raise FetchError(name, "sends an empty body", "there may be nothing here", kind="absent")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(reply.content), formats=_FORMATS) as picture:
                _check_header(picture, width_px, height_px, name)
                pixels = np.asarray(picture.convert("RGBA"))
        except FetchError:
            raise
        except (
            OSError,
            ValueError,
            SyntaxError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ):
            raise _damaged(name, _describe(reply)) from None
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _check_header(picture: Image.Image, width_px: int, height_px: int, name: object) -> None:
    if is_tiny(*picture.size):
        raise FetchError(
            name,
            f"sends a picture of {picture.width} × {picture.height} px, which stands for none",
            "try a lower zoom, or another service",
            kind="placeholder",
        )
    if picture.size != (width_px, height_px):
        wrong = f"{picture.width} × {picture.height} px instead of {width_px} × {height_px}"
        remedy = (
            f"say --tile-px {picture.width}"
            if picture.width == picture.height <= 2048
            else "check the template"
        )
        raise FetchError(name, f"sends pictures of {wrong}", remedy, kind="damaged")
    if picture.mode not in _MODES:
        raise _damaged(name, f"sends pictures of the kind {picture.mode}")


def _describe(reply: Reply) -> str:
    """What came instead, in a few words: services explain themselves in XML, HTML or JSON."""
    head = reply.content[:4000]
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF")):
        return "sends a picture that is damaged or cut off"
    if not head.lstrip().startswith((b"<", b"{")):
        return "sends something that is no PNG, JPEG or WebP"
    text = re.sub(
        r"<(script|style).*?</\1>|<[^>]*>", " ", head.decode("utf-8", "replace"), flags=re.S | re.I
    )
    said = " ".join("".join(char for char in text if char.isprintable() or char.isspace()).split())[
        :_SAID_CHARS
    ]
    kind = "HTML or XML" if head.lstrip().startswith(b"<") else "JSON"
    return f"sends {kind} instead of a picture: '{said}'"


def _damaged(name: object, what: str) -> FetchError:
    return FetchError(
        name, what, "check the template, the key and the terms of the service", kind="damaged"
    )
