"""Claims about what a file declares of its bands, checked against its pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from mapsight.errors import InputError
from mapsight.geo.imagery import open_image

UTM = CRS.from_epsg(32632)
NORTH_UP = Affine(1, 0, 691_000, 0, -1, 5_335_000)
DEGREES = Affine(1.3e-5, 0, 11.5, 0, -9e-6, 48.1)
PLACES = {"utm": (NORTH_UP, UTM), "degrees": (DEGREES, CRS.from_epsg(4326))}
SIDE, EDGE = 200, 60  # px; clear left of EDGE


def draw(bands=3, dtype="uint8", high=200):
    """A picture in which every band has all values, none of them black or white."""
    rng = np.random.default_rng(7)
    rows, cols = np.mgrid[:SIDE, :SIDE]
    waves = [
        0.5 + 0.3 * np.sin(rows / (5 + k)) + 0.2 * np.cos(cols / (6 + k)) for k in range(bands)
    ]
    noisy = np.stack(waves) * (high - 40) + rng.uniform(20, 40, (bands, SIDE, SIDE))
    return noisy.astype(dtype)


def write(path, array, place="utm", *, meanings=None, colormap=None, **options):
    transform, crs = PLACES[place]
    profile = {
        "driver": "GTiff",
        "count": len(array),
        "height": SIDE,
        "width": SIDE,
        "dtype": array.dtype.name,
        "crs": crs,
        "transform": transform,
    }
    with rasterio.open(path, "w", **(profile | options)) as target:
        if meanings:
            target.colorinterp = [ColorInterp[name] for name in meanings]
        target.write(array)
        if colormap:
            target.write_colormap(1, colormap)
    return path


def read(path, **options):
    with open_image(path, **options) as reader:
        return reader.read_all(), " | ".join(reader.notes), reader.colours


RGBA = ("red", "green", "blue", "alpha")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_infrared_flagged_alpha_is_not_heeded(tmp_path, place, dtype):
    """A fourth band with all values is none, whoever flagged it; nothing is masked by it."""
    path = write(tmp_path / "nir.tif", draw(4, dtype), place, meanings=RGBA)
    seen, notes, colours = read(path)
    plain, _, _ = read(write(tmp_path / "rgb.tif", draw(4, dtype)[:3], place))
    assert (seen.valid == plain.valid).all()
    assert colours.distrusted == 4
    assert "band 4 is flagged alpha, but" in notes
    assert np.abs(seen.array.astype(int) - plain.array).max() <= 1


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("dtype", "opaque"),
    [
        ("uint8", 255),
        ("uint8", 1),
        ("uint8", 100),
        ("uint16", 65535),
        ("uint16", 255),
        ("uint16", 1),
        ("uint16", 10_000),
        ("int16", 255),
        ("float32", 1.0),
        ("float32", 255.0),
    ],
)
def test_opaque_is_the_highest_value_that_occurs(tmp_path, place, dtype, opaque):
    """Alpha of 255 or 1 in a file of 16 bits or floats is opaque, and 0 is clear."""
    array = draw(4, dtype)
    array[3] = opaque
    array[3, :, :EDGE] = 0
    seen, notes, _ = read(write(tmp_path / "a.tif", array, place, meanings=RGBA))
    assert "alpha band" in notes
    full = write(tmp_path / "full.tif", array[:3], place)
    inside = read(full)[0].valid  # a turned grid has corners of its own
    assert abs(seen.valid.sum() / inside.sum() - (SIDE - EDGE) / SIDE) < 0.03
    if place == "utm":
        assert not seen.valid[:, :EDGE].any()
        assert seen.valid[:, EDGE:].all()


def test_feathered_edges_and_overlays_are_alpha(tmp_path):
    """A soft edge and a few levels of transparency are those of an alpha band."""
    array = draw(4)
    array[3] = 255
    array[3, :, :20] = np.linspace(0, 255, 20, dtype=np.uint8)
    assert read(write(tmp_path / "soft.tif", array, meanings=RGBA))[2].alpha == 4
    array[3] = 255
    array[3, :, 100:] = 128
    seen, _, colours = read(write(tmp_path / "half.tif", array, meanings=RGBA))
    assert colours.alpha == 4
    assert seen.valid.all()


@pytest.mark.parametrize("place", PLACES)
def test_bands_win_over_an_alpha_flag(tmp_path, place):
    """Whoever says which bands are colours has said that none is alpha: a mask of roofs, say."""
    array = draw(4)
    array[3] = 255
    array[3, :, :EDGE] = 0
    path = write(tmp_path / "a.tif", array, place, meanings=RGBA)
    assert not read(path)[0].valid.all()
    seen, notes, colours = read(path, bands=(1, 2, 3))
    assert colours.alpha is None
    assert "alpha" not in notes
    assert (seen.valid == read(write(tmp_path / "b.tif", array[:3], place))[0].valid).all()


@pytest.mark.parametrize(
    ("meanings", "bands", "alpha"),
    [
        (("blue", "green", "red"), (3, 2, 1), None),
        (("blue", "green", "red", "alpha"), (3, 2, 1), 4),
        (("alpha", "red", "green", "blue"), (2, 3, 4), None),  # GDAL knows no alpha as first
        (("red", "green", "blue", "undefined"), (1, 2, 3), None),
        (("undefined", "red", "green", "blue", "undefined"), (2, 3, 4), None),
        (("gray", "undefined", "undefined"), (1, 2, 3), None),
        (("green", "red", "blue"), (2, 1, 3), None),
    ],
)
def test_declared_colours_are_read_in_their_order(tmp_path, meanings, bands, alpha):
    """Red, green and blue are the bands that are declared so, wherever they stand."""
    array = draw(len(meanings))
    if "alpha" in meanings:
        array[meanings.index("alpha")] = 255
    path = write(tmp_path / "x.tif", array, meanings=meanings, photometric="minisblack")
    seen, _, colours = read(path)
    assert colours.bands == bands
    assert colours.alpha == alpha
    np.testing.assert_array_equal(seen.array, array[[band - 1 for band in bands]])
    assert seen.valid.all()


def test_unknown_bands_are_asked_for(tmp_path):
    """Five bands without names, or one of grey: nobody guesses."""
    for count in (1, 2, 5):
        path = write(tmp_path / f"{count}.tif", draw(count), photometric="minisblack")
        with pytest.raises(InputError, match="--bands"):
            read(path)


ENTRIES = {k: (k, (3 * k) % 256, 255 - k, 255) for k in range(256)}


def looked_up(indices):
    return np.stack([np.take([ENTRIES[k][c] for k in range(256)], indices) for c in range(3)])


@pytest.mark.parametrize("bands", [None, (1,)])
@pytest.mark.parametrize("kind", ["tif", "png"])
def test_palettes_are_looked_up(tmp_path, kind, bands):
    """Indices are no grey: whatever --bands says of the only band, its colours count."""
    indices = draw(1)
    if kind == "tif":
        path = write(tmp_path / "p.tif", indices, colormap=ENTRIES, photometric="palette")
    else:
        path = tmp_path / "p.png"
        picture = Image.fromarray(indices[0]).convert("P")
        picture.putpalette([part for k in range(256) for part in ENTRIES[k][:3]])
        picture.putdata(indices[0].ravel().tolist())
        picture.save(path)
        path.with_suffix(".pgw").write_text("1\n0\n0\n-1\n691000.5\n5334999.5\n")
    seen, notes, _ = read(path, bands=bands, **({"crs": "EPSG:32632"} if kind == "png" else {}))
    np.testing.assert_array_equal(seen.array, looked_up(indices[0]))
    assert "palette: its colours were looked up" in notes


def test_palettes_are_looked_up_before_they_are_warped(tmp_path):
    """Between two indices lies no colour: what is resampled is colours."""
    indices = np.where(np.indices((SIDE, SIDE))[1] < 100, 3, 200).astype(np.uint8)[None]
    path = write(tmp_path / "p.tif", indices, "degrees", colormap=ENTRIES, photometric="palette")
    seen, _, _ = read(path)
    found = {tuple(colour) for colour in seen.array[:, seen.valid].T}
    left, right = ENTRIES[3][:3], ENTRIES[200][:3]
    assert {left, right} <= found
    for colour in found:  # on the line between the two
        assert min(left[0], right[0]) <= colour[0] <= max(left[0], right[0])
        assert abs(colour[0] + colour[2] - 255) <= 2


def test_clear_entries_of_a_palette_are_no_data(tmp_path):
    """A no-data index, and an entry that is clear, mask."""
    indices = draw(1)
    indices[0, :, :EDGE] = 0
    path = write(tmp_path / "p.tif", indices, colormap=ENTRIES, photometric="palette", nodata=0)
    for place in (None, 1.7):
        seen, notes, _ = read(path, m_per_px=place)
        assert abs(seen.valid.mean() - (SIDE - EDGE) / SIDE) < 0.02
        assert "clear colours" in notes
    picture = Image.fromarray(indices[0]).convert("P")
    picture.putpalette([part for k in range(256) for part in ENTRIES[k][:3]])
    picture.putdata(indices[0].ravel().tolist())
    picture.save(tmp_path / "t.png", transparency=0)
    seen, _, _ = read(tmp_path / "t.png")
    assert not seen.valid[:, :EDGE].any()
    assert seen.valid[:, EDGE:].all()


def test_no_data_and_masks_stay_where_a_band_is_not_heeded(tmp_path):
    """A view without the alpha keeps what else declares no data."""
    array = draw(4)
    array[:, :, :EDGE] = 9
    path = write(tmp_path / "n.tif", array, meanings=RGBA, nodata=9)
    seen, notes, colours = read(path)
    assert colours.distrusted == 4
    assert "value 9" in notes
    assert not seen.valid[:, :EDGE].any()
    assert seen.valid[:, EDGE:].mean() > 0.99


def test_damage_behind_a_view_names_the_file(tmp_path):
    """A block that cannot be read is told with the file's name, whatever lies between."""
    path = write(tmp_path / "cut <1>.tif", draw(4), meanings=RGBA, compress="deflate")
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 40_000] = b"x" * 40_000
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"cut <1>\.tif") as caught:
        read(path, bands=(1, 2, 3))
    assert "VRTDataset" not in str(caught.value)


def test_a_pages_tiles_are_cut_from_the_same_colours(tmp_path):
    """What the audit has read, the review page shows: no hole where infrared was flagged alpha."""
    pytest.importorskip("rio_tiler")
    from mapsight.web.review.place import Frame
    from mapsight.web.review.tiles import open_image_source

    array = draw(4)
    path = write(tmp_path / "nir.tif", array, meanings=("blue", "green", "red", "alpha"))
    frame = Frame(UTM.to_wkt(), (0.0, 0.0))
    source = open_image_source(path, frame, bands=None, crs=None, m_per_px=1.0)
    left, bottom, right, top = source.read_bounds()
    edge = 0.2 * (right - left)
    picture = source.cut((left + edge, bottom + edge, right - edge, top - edge), 64, 64)
    shown = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGBA"))
    assert (shown[..., 3] == 255).all()
    assert np.abs(shown[..., 0].mean() - array[2].mean()) < 10
