"""Pictures of users: any way they are stored, they come out as people see them; what is written is
whole.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from mapsight.errors import InputError
from mapsight.zoo.images import check_picture_name, open_upright, write_picture

SIDES = np.zeros((20, 30, 3), np.uint8)  # left black, right white, the top left corner red
SIDES[:, 15:], SIDES[:4, :4] = 255, (255, 0, 0)


def store(folder: Path, kind: str) -> Path:
    """The picture `SIDES` in one of many forms."""
    image, path = Image.fromarray(SIDES), folder / f"{kind}.png"
    if kind == "rotated":
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6  # to be turned by a quarter to the right
        path = path.with_suffix(".jpg")
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95, subsampling=0)
    elif kind == "cmyk":
        path = path.with_suffix(".jpg")
        image.convert("CMYK").save(path, quality=95)
    elif kind == "grey16":
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(path)
    elif kind == "palette":
        image.quantize(8).save(path, transparency=0)
    else:
        image.convert(kind).save(path)
    return path


@pytest.mark.parametrize(
    "kind", ["RGB", "RGBA", "L", "LA", "1", "rotated", "cmyk", "grey16", "palette"]
)
def test_pictures_of_all_kinds(tmp_path, kind):
    """Size, place of the halves and depth are right, whatever the file holds."""
    picture = open_upright(store(tmp_path, kind))
    assert picture.size == (30, 20)
    assert picture.mode == ("RGBA" if kind in ("RGBA", "LA", "palette") else "RGB")
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels[8:, :12].max() < 40 and pixels[:, 18:].min() > 215
    if kind not in ("L", "LA", "1", "grey16"):
        assert pixels[1, 1, 0] > 180 > 80 > pixels[1, 1, 1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(tmp_path, orientation):
    """All eight of EXIF's orientations are undone as Pillow's own function undoes them."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(SIDES).save(tmp_path / "a.png", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(tmp_path / "a.png"))
    assert np.array_equal(np.asarray(open_upright(tmp_path / "a.png")), np.asarray(expected))


def test_broken_metadata_are_no_reason_to_refuse(tmp_path, recwarn):
    """EXIF that is cut or scrambled: the picture is read or refused in one line, without a
    warning.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.ImageDescription] = 6, "x" * 50
    Image.fromarray(SIDES).save(tmp_path / "a.jpg", exif=exif)
    good, rng = (tmp_path / "a.jpg").read_bytes(), np.random.default_rng(0)
    sizes = set()
    for _ in range(150):
        bad = bytearray(good)
        for at in rng.integers(6, 130, 4):
            bad[at] = rng.integers(256)
        (tmp_path / "b.jpg").write_bytes(bad)
        with contextlib.suppress(InputError):
            sizes.add(open_upright(tmp_path / "b.jpg").size)
    assert {
        (30, 20),
        (20, 30),
    } <= sizes  # turned where the orientation could be read, as stored where not
    assert not len(recwarn)


def test_what_is_written_is_whole(tmp_path):
    """Formats by name; transparency that JPEG cannot hold and sizes that WebP cannot are refused;
    nothing is left.
    """
    clear = Image.new("RGBA", (5, 4), (10, 20, 30, 40))
    write_picture(tmp_path / "a.PNG", clear)
    assert Image.open(tmp_path / "a.PNG").getpixel((0, 0)) == (10, 20, 30, 40)
    write_picture(tmp_path / "a.jpg", clear.convert("RGB"))
    assert Image.open(tmp_path / "a.jpg").format == "JPEG"
    with pytest.raises(InputError, match="transparency"):
        write_picture(tmp_path / "b.jpg", clear)
    with pytest.raises(InputError, match="cannot be written"):
        write_picture(tmp_path / "b.webp", Image.new("RGB", (20_000, 1)))
    with pytest.raises(InputError, match="name of a picture"):
        check_picture_name(tmp_path / "b.gif")
    with pytest.raises(InputError, match="no such folder"):
        write_picture(tmp_path / "none" / "b.png", clear)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.PNG", "a.jpg"]


@pytest.mark.parametrize(
    "name", ["digits", "objects", "imagenet", "scenes", "roads", "colorize", "steering"]
)
def test_recipes_see_pictures_upright(tmp_path, name):
    """A photograph that was stored on its side is to a recipe what it is to people."""
    from mapsight.zoo.recipes import RECIPES

    rows, columns = np.mgrid[:96, :128]
    picture = Image.fromarray(
        np.where((rows - 20) ** 2 + (columns - 30) ** 2 < 200, 255, rows).astype(np.uint8)
    )
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture.convert("RGB").save(tmp_path / "upright.png")
    picture.convert("RGB").transpose(Image.Transpose.ROTATE_90).save(
        tmp_path / "turned.png", exif=exif
    )
    upright, turned = (
        RECIPES[name].read_input(tmp_path / f"{how}.png") for how in ("upright", "turned")
    )
    for ours, theirs in zip(upright, turned, strict=True):
        np.testing.assert_array_equal(ours, theirs)
