"""What may come instead of a picture."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from tests.earth import as_picture
from tests.servers import png_header

from mapsight.geo.sources.decode import decode_picture
from mapsight.geo.sources.http import FetchError
from mapsight.geo.sources.store import Reply

NOISE = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_are_read(kind):
    """RGBA, opaque; lossless kinds to the bit."""
    array = decode_picture(Reply(as_picture(NOISE, kind), "", 0.0), 256, 256, "t")
    assert array.shape == (4, 256, 256)
    assert (array[3] == 255).all()
    if kind == "PNG":
        assert (array[:3] == NOISE.transpose(2, 0, 1)).all()


def test_an_empty_body_is_absent():
    """Some services answer 200 with nothing where they have nothing: that is not worth another
    try.
    """
    with pytest.raises(FetchError, match="empty body") as caught:
        decode_picture(Reply(b"", "", 0.0), 256, 256, "t")
    assert caught.value.kind == "absent"


def test_alpha_and_palette():
    """Transparency of a palette becomes alpha."""
    picture = Image.new("P", (256, 256), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    picture.putpixel((0, 0), 0)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=0)
    array = decode_picture(Reply(buffer.getvalue(), "", 0.0), 256, 256, "t")
    assert list(array[:, 0, 0])[3] == 0
    assert list(array[:, 1, 1]) == [10, 20, 30, 255]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (
            b"<!doctype html><title>Sign in</title><script>alert(1)</script><p>Please log in",
            "Please log in",
        ),
        (
            b"<?xml version='1.0'?><ServiceException>LayerNotDefined</ServiceException>",
            "LayerNotDefined",
        ),
        (b'{"message": "quota exceeded"}', "quota exceeded"),
        (b"GIF89a" + bytes(100), "no PNG, JPEG or WebP"),
        (as_picture(NOISE)[:-2000], "damaged or cut off"),
        (as_picture(NOISE, "JPEG")[:-2000], "damaged or cut off"),
        (as_picture(NOISE, "WEBP")[:-2000], "damaged or cut off"),
        (as_picture(NOISE[:100]), "256 × 100 px instead"),
        (as_picture(np.zeros((512, 512, 3), np.uint8)), "--tile-px 512"),
        (png_header(60_000, 60_000), "damaged or cut off|px instead"),
        (png_header(2**31 - 1, 2**31 - 1), "damaged or cut off|px instead"),
        (png_header(256, 256), "damaged or cut off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_all_else_is_damaged(content, word):
    """HTML as PNG, exceptions of a WMS, cut-off files, wrong sizes, bombs: said in one line,
    without their memory.
    """
    tracemalloc.start()
    with pytest.raises(FetchError, match=word) as caught:
        decode_picture(Reply(content, "image/png", 0.0), 256, 256, "tile 1/2/3")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert caught.value.kind == "damaged"
    assert "\n" not in str(caught.value)
