"""Claims about images of any kind as RGB on a working grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.imagery import UNIFORM_PX, open_image
from mapsight.geo.raster import GeoBox, Raster

DATA = Path(__file__).parents[3] / "shared" / "data" / "georef"
UTM = CRS.from_epsg(32633)
NORTH_UP = Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000)
DEGREES = Affine(4e-6, 0, 15.0, 0, -3e-6, 45.0)

WriteImage = Callable[..., Path]
Scene = tuple[Path, dict[str, float], Raster]


@pytest.fixture(scope="module")
def write_image(tmp_path_factory: pytest.TempPathFactory) -> WriteImage:
    """A function that writes an array as a GeoTIFF and returns its path."""

    def write(
        array: np.ndarray,
        transform: Affine | None = NORTH_UP,
        crs: CRS | None = UTM,
        **options: object,
    ) -> Path:
        path = tmp_path_factory.mktemp("image") / "image.tif"
        profile = {
            "driver": "GTiff",
            "count": array.shape[0],
            "height": array.shape[1],
            "width": array.shape[2],
            "dtype": array.dtype.name,
            "crs": crs,
            "transform": transform,
        }
        with rasterio.open(path, "w", **(profile | options)) as target:
            target.write(array)
        return path

    return write


def picture(
    height: int = 120, width: int = 150, bands: int = 3, dtype: str = "uint8"
) -> np.ndarray:
    """A smooth picture with some noise, no pixel black or white."""
    rows, cols = np.mgrid[:height, :width]
    waves = [
        100 + 60 * np.sin(rows / (7 + band)) + 40 * np.cos(cols / (9 + band))
        for band in range(bands)
    ]
    return (
        np.stack(waves) + np.random.default_rng(0).uniform(1, 40, (bands, height, width))
    ).astype(dtype)


def test_metric_north_up_file_is_read_as_it_is(write_image: WriteImage) -> None:
    """The working grid is the file's own, to the bit, also for a resolution 5 % off."""
    array = picture()
    path = write_image(array)
    for m_per_px in (None, 0.5, 0.515):
        with open_image(path, m_per_px=m_per_px) as reader:
            assert reader.geobox == reader.source_geobox == GeoBox(120, 150, NORTH_UP, UTM)
            read = reader.read_all()
        np.testing.assert_array_equal(read.array, array)
        assert read.valid.all()


KINDS: dict[str, dict[str, object]] = {
    "own grid": {},
    "degrees": {"transform": DEGREES, "crs": CRS.from_epsg(4326)},
    "degrees, coarser": {"transform": DEGREES, "crs": CRS.from_epsg(4326), "m_per_px": 1.1},
    "finer": {"m_per_px": 0.3},
    "rotated": {"transform": NORTH_UP * Affine.rotation(20)},
    "south up": {"transform": Affine(0.5, 0, 500_000, 0, 0.5, 5_000_000)},
    "wide pixels": {"transform": Affine(0.8, 0, 500_000, 0, -0.5, 5_000_000)},
    "16 bits": {"dtype": "uint16"},
    "floats with gaps, warped": {"dtype": "float32", "m_per_px": 0.7},
    "nodata value, warped": {"nodata": 7, "transform": DEGREES, "crs": CRS.from_epsg(4326)},
}


@pytest.fixture(scope="module", params=KINDS)
def scene(request: pytest.FixtureRequest, write_image: WriteImage) -> Scene:
    """An image with blank corners, of each kind: its path, the options to open it, and what it is
    as a whole.
    """
    kind = dict(KINDS[request.param])
    options = {key: kind.pop(key) for key in ("m_per_px",) if key in kind}
    array = picture(130, 170).astype(kind.pop("dtype", "uint8"))
    highest = {"uint8": 255, "uint16": 65535, "float32": 0}[array.dtype.name]
    array[:, :45, :60] = highest
    array[:, 90:, 110:] = 0
    array[:, 60:63, 20:90] = 7
    if array.dtype == np.float32:
        array[0, 70:80, 70:80] = np.nan
    path = write_image(array, **kind)
    with open_image(path, **options) as reader:
        return path, options, reader.read_all()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_windows_agree_with_the_whole(scene: Scene, data: st.DataObject) -> None:
    """Any window, inside or over the edges, is that part of the whole image; outside it is
    empty.
    """
    path, options, whole = scene
    with open_image(path, **options) as reader:  # a fresh one: nothing cached from another window
        height, width = reader.geobox.shape
        row = data.draw(st.integers(-20, height + 10))
        col = data.draw(st.integers(-20, width + 10))
        h, w = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
        read = reader.read(row, col, h, w)
        assert read.geobox == reader.geobox.window(row, col, h, w)
    pad = 120
    array = np.pad(whole.array, ((0, 0), (pad, pad), (pad, pad)))
    valid = np.pad(whole.valid, pad)
    part = (slice(row + pad, row + pad + h), slice(col + pad, col + pad + w))
    np.testing.assert_array_equal(read.array, array[:, *part])
    np.testing.assert_array_equal(read.valid, valid[part])


def test_scenes_have_both_data_and_gaps(scene: Scene) -> None:
    """Guards the test above: each kind masks something and shows something, and gaps are zero."""
    whole = scene[2]
    assert 0.02 < whole.valid.mean() < 0.995
    assert whole.array[:, ~whole.valid].max(initial=0) == 0
    assert whole.array[:, whole.valid].mean() > 40


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        (DEGREES, CRS.from_epsg(4326)),
        (NORTH_UP * Affine.rotation(30), UTM),
        (Affine(0.5, 0, 500_000, 0, 0.5, 5_000_000), UTM),
        (Affine(1.64, 0, 774_000, 0, -1.64, 2_960_000), CRS.from_epsg(2249)),  # US feet
        (Affine(0.6, 0, 1_200_000, 0, -0.6, 8_300_000), CRS.from_epsg(3857)),
    ],
)
def test_pixels_keep_their_place_on_earth(
    write_image: WriteImage, transform: Affine, crs: CRS
) -> None:
    """A bright spot is found on the working grid where PROJ says that its pixel lies, within a
    pixel.
    """
    array = np.full((3, 120, 160), 30, np.uint8)
    array[:, 37:44, 97:104] = 250  # centre of the middle pixel: col 100.5, row 40.5
    with open_image(write_image(array, transform, crs)) as reader:
        read, box = reader.read_all(), reader.geobox
    assert box.transform.a == -box.transform.e > 0
    assert box.transform.b == box.transform.d == 0
    x, y = Transformer.from_crs(crs.to_wkt(), box.crs.to_wkt(), always_xy=True).transform(
        *(transform * (100.5, 40.5))
    )
    rows, cols = np.nonzero(read.array[0] > 150)
    found = box.transform * (cols.mean() + 0.5, rows.mean() + 0.5)
    assert np.hypot(found[0] - x, found[1] - y) < box.m_per_px


def test_ground_resolution_is_metres_on_earth(write_image: WriteImage) -> None:
    """The default resolution keeps the pixel's area: 4e-6° × 3e-6° at 45° N is 0.315 × 0.333 m."""
    with open_image(write_image(picture(), DEGREES, CRS.from_epsg(4326))) as reader:
        assert reader.geobox.m_per_px == pytest.approx(np.sqrt(0.31535 * 0.33339), rel=2e-3)
        assert reader.geobox.crs.to_epsg() == 32633
        assert any("EPSG:4326 → EPSG:32633" in note for note in reader.notes)


def test_neighbours_share_one_grid(write_image: WriteImage) -> None:
    """Corners of warped grids are whole multiples of the pixel, whatever the file."""
    for east in (500_000.3, 500_777.7):
        path = write_image(picture(), Affine(0.4, 0, east, 0, -0.4, 5_000_000.1))
        with open_image(path, m_per_px=1.0) as reader:
            assert reader.geobox.transform.c % 1 == 0
            assert reader.geobox.transform.f % 1 == 0
            assert "resampled 0.40 → 1.00 m/px" in reader.notes


def test_coarser_is_the_average(write_image: WriteImage) -> None:
    """Each pixel of a grid twice as coarse is the mean of four (oracle: numpy)."""
    array = picture(64, 80)
    with open_image(write_image(array), m_per_px=1.0) as reader:
        read = reader.read_all().array
    means = array.reshape(3, 32, 2, 40, 2).mean(axis=(2, 4))
    assert np.abs(read - means).max() <= 1


def test_sixteen_bits_are_scaled_and_it_is_said(write_image: WriteImage) -> None:
    """2nd to 98th percentile become 0 and 255, the same for all bands, and the note names them."""
    array = (picture(dtype="uint16").astype(np.uint16) * 11).astype(np.uint16)
    array[0] //= 2
    with open_image(write_image(array)) as reader:
        low, high = reader.scale
        read = reader.read_all().array
    expected = np.clip((array - np.float64(low)) / (high - low) * 255, 0, 255)
    assert np.abs(read - expected).max() <= 0.51
    assert 0.9 < np.mean((array >= low) & (array <= high)) < 0.99
    assert f"uint16 scaled {low:g}–{high:g} → 0–255" in reader.notes


def test_floats_of_zero_to_one_are_multiplied(write_image: WriteImage) -> None:
    """No percentiles where the range is plain."""
    array = picture().astype(np.float32) / 255
    with open_image(write_image(array)) as reader:
        assert reader.scale == (0.0, 1.0)
        assert np.abs(reader.read_all().array - array * 255).max() <= 0.51


def test_given_scale_is_used(write_image: WriteImage) -> None:
    """A stated range replaces the measured one; a reversed one is refused."""
    path = write_image(np.full((3, 50, 50), 500, np.uint16))
    with open_image(path, scale=(0, 1000)) as reader:
        assert set(reader.read_all().array.ravel()) == {128}
    with pytest.raises(InputError, match="lower first"):
        open_image(path, scale=(5, 5))


def test_nan_and_declared_nodata_are_not_valid(write_image: WriteImage) -> None:
    """NaN, infinity and the declared value are masked, and nothing else."""
    array = picture().astype(np.float32)
    array[1, 10:20, 10:20], array[2, 30, 30], array[:, 50:60] = np.nan, np.inf, -9999
    expected = np.ones((120, 150), bool)
    expected[10:20, 10:20], expected[30, 30], expected[50:60] = False, False, False
    with open_image(write_image(array, nodata=-9999)) as reader:
        read = reader.read_all()
        assert "no data: value -9999" in reader.notes
    np.testing.assert_array_equal(read.valid, expected)
    assert reader.scale is not None
    assert reader.scale[0] > 0


def test_alpha_is_a_mask_and_not_a_colour(write_image: WriteImage) -> None:
    """RGBA needs no choice of bands; transparent pixels are not valid, warped or not."""
    array = np.concatenate([picture(), np.full((1, 120, 150), 255, np.uint8)])
    array[3, :30] = 0
    path = write_image(array, photometric="RGB", alpha="unspecified")
    with rasterio.open(path, "r+") as target:
        target.colorinterp = [*target.colorinterp[:3], rasterio.enums.ColorInterp.alpha]
    with open_image(path) as reader:
        assert "no data: alpha band" in reader.notes
        assert not reader.read_all().valid[:30].any()
        assert reader.read_all().valid[30:].all()
    with open_image(path, m_per_px=1.0) as reader:
        assert not reader.read_all().valid[:14].any()
        assert reader.read_all().valid[16:59, 1:74].all()


def test_mask_inside_the_file_is_kept_when_warped(write_image: WriteImage) -> None:
    """A mask band of the file masks the working grid too."""
    path = write_image(picture())
    mask = np.full((120, 150), 255, np.uint8)
    mask[:, :50] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as target:
        target.write_mask(mask)
    for m_per_px, edge in ((None, 50), (1.0, 25)):
        with open_image(path, m_per_px=m_per_px) as reader:
            valid = reader.read_all().valid
            assert "no data: mask of the file" in reader.notes
        assert not valid[:, : edge - 1].any()
        assert valid[2:-2, edge + 1 : -2].all()


@pytest.mark.parametrize("value", [0, 255])
def test_large_uniform_white_or_black_is_no_data(write_image: WriteImage, value: int) -> None:
    """Without a nodata tag a large blank area is masked whole, small and nearly white ones are
    kept.
    """
    array = picture(200, 200)
    array[:, :80, :50] = value  # at the edge
    array[:, 120:160, 120:170] = value  # inside
    array[:, 100 : 100 + UNIFORM_PX - 1, 20:60] = value  # too narrow
    array[:, 160:, :60] = 254
    expected = np.ones((200, 200), bool)
    expected[:80, :50] = expected[120:160, 120:170] = False
    path = write_image(array)
    with open_image(path) as reader:
        np.testing.assert_array_equal(reader.read_all().valid, expected)
        assert any("declares no no-data value" in note for note in reader.notes)


def collar(low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture in a turned collar of noise between two levels, and where the collar is."""
    array = picture(400, 400)
    rows, cols = np.mgrid[:400, :400]
    outside = np.abs(rows + 0.4 * cols - 280) > 140
    noise = np.random.default_rng(3).integers(low, high, (3, 400, 400), endpoint=True)
    array[:, outside] = noise[:, outside].astype(array.dtype)
    return array, outside


@pytest.mark.parametrize("m_per_px", [None, 0.7])
@pytest.mark.parametrize(
    ("low", "high", "nodata"),
    [(0, 5, None), (0, 3, 0), (250, 255, None), (252, 255, 255)],
)
def test_a_collar_of_noise_is_no_data(
    write_image: WriteImage, low: int, high: int, nodata: int | None, m_per_px: float | None
) -> None:
    """What lossy compression makes of a black or white collar is no picture, whether its value is
    declared or not.
    """
    array, outside = collar(low, high)
    with open_image(write_image(array, nodata=nodata), m_per_px=m_per_px) as reader:
        valid = reader.read_all().valid
    if m_per_px is None:
        # tips narrower than a square stay; a white one may be a roof, so it ends at the edge
        assert valid[outside].mean() < (0.12 if low == 0 else 0.3)
        assert valid[~outside].mean() > 0.99
    else:
        assert abs(valid.mean() - (1 - outside.mean())) < (0.05 if low == 0 else 0.1)


def test_dark_pictures_and_shadows_are_kept(write_image: WriteImage) -> None:
    """Levels of noise are no collar in a picture that has hardly more of them, nor in a shadow of a
    few metres, nor where white alone is declared.
    """
    dark = np.random.default_rng(1).integers(1, 12, (3, 300, 300)).astype(np.uint8)
    with open_image(write_image(dark)) as reader:
        assert reader.read_all().valid.all()
    shadow = picture(300, 300)
    shadow[:, 100:150, 100:150] = np.random.default_rng(2).integers(1, 5, (3, 50, 50))
    with open_image(write_image(shadow)) as reader:
        assert reader.read_all().valid.all()
    array, _ = collar(1, 5)
    with open_image(write_image(array, nodata=255)) as reader:
        assert reader.read_all().valid.all()


def test_windows_of_a_collar_agree_with_the_whole(write_image: WriteImage) -> None:
    """A pixel of a collar comes out the same in whatever window it is read."""
    path = write_image(collar(0, 5)[0])
    with open_image(path) as reader:
        whole = reader.read_all().valid
    rng = np.random.default_rng(5)
    for _ in range(40):
        row, col = rng.integers(0, 380, 2)
        with open_image(path) as reader:
            read = reader.read(int(row), int(col), 20, 20).valid
        np.testing.assert_array_equal(read, whole[row : row + 20, col : col + 20])


def test_coarse_imagery_says_that_it_shows_no_roads(write_image: WriteImage) -> None:
    """10 m a pixel is refused for a net of 1 m; 3 m, and 10 m for a net of its own, get a note."""
    place = NORTH_UP * Affine.scale(20)
    with pytest.raises(InputError, match=r"pixels of 10 m cannot show roads .* 1 m"):
        open_image(write_image(picture(), place), m_per_px=1.0)
    for scale, m_per_px in ((20, None), (20, 10.0), (6, 1.0)):
        with open_image(
            write_image(picture(), NORTH_UP * Affine.scale(scale)), m_per_px=m_per_px
        ) as reader:
            assert any("hardly shows roads" in note for note in reader.notes)
    with open_image(write_image(picture()), m_per_px=0.1) as reader:
        assert not any("roads" in note for note in reader.notes)


@pytest.mark.parametrize(
    ("transform", "epsg", "remedy"),
    [
        (NORTH_UP, 4326, "--crs EPSG:"),
        (NORTH_UP, 4258, "--crs EPSG:"),
        (DEGREES, 32633, "--crs, such as EPSG:4326"),
        (DEGREES, 3857, "--crs, such as EPSG:4326"),
    ],
)
def test_a_crs_whose_units_are_not_those_of_the_position(
    write_image: WriteImage, transform: Affine, epsg: int, remedy: str
) -> None:
    """Metres under a CRS of degrees, and degrees under one of metres: the cause and the remedy; a
    CRS that is given wins.
    """
    path = write_image(picture(), transform, CRS.from_epsg(epsg))
    with pytest.raises(InputError, match=remedy):
        open_image(path)
    right = "EPSG:32633" if transform == NORTH_UP else "EPSG:4326"
    with open_image(path, crs=right) as reader:
        assert reader.geobox.crs == UTM


def test_bright_roofs_of_a_file_with_nodata_are_kept(write_image: WriteImage) -> None:
    """Where a file declares its gaps, white is a colour."""
    array = picture(100, 100)
    array[:, 20:80, 20:80] = 255
    with open_image(write_image(array, nodata=0)) as reader:
        assert reader.read_all().valid.all()


def test_dark_bands_are_no_gaps_when_warped(write_image: WriteImage) -> None:
    """With a nodata value of 0 a pixel is a gap only where all bands are 0: a red of 0 counts in
    the average.
    """
    array = picture(60, 60)
    array[0, :, ::2], array[0, :, 1::2] = 0, 200
    with open_image(write_image(array, nodata=0), m_per_px=1.0) as reader:
        read = reader.read_all()
    assert read.valid.all()
    assert np.abs(read.array[0].astype(int) - 100).max() <= 1


def test_image_without_data_is_all_invalid(write_image: WriteImage) -> None:
    """An all-nodata file opens and shows nothing, in any type."""
    for dtype in ("uint8", "uint16", "float32"):
        with open_image(write_image(np.zeros((3, 60, 60), dtype), nodata=0)) as reader:
            assert not reader.read_all().valid.any()


@pytest.mark.parametrize("count", [1, 2, 4, 13])
def test_bands_must_be_chosen_unless_plain(write_image: WriteImage, count: int) -> None:
    """1, 2, 4 (no alpha) and 13 bands are refused, and read once bands are given."""
    array = picture(bands=count)
    path = write_image(array, photometric="minisblack")
    with pytest.raises(InputError, match="--bands"):
        open_image(path)
    chosen = (count, 1, 1)
    with open_image(path, bands=chosen) as reader:
        np.testing.assert_array_equal(reader.read_all().array, array[[count - 1, 0, 0]])
        assert f"bands {count}, 1, 1 of {count}" in reader.notes
    with open_image(path, bands=[1]) as reader:
        np.testing.assert_array_equal(reader.read_all().array, array[[0, 0, 0]])
    for wrong in ((0,), (1, 2), (1, 2, count + 1)):
        with pytest.raises(InputError, match="one or three"):
            open_image(path, bands=wrong)


@pytest.mark.parametrize("driver", ["PNG", "JPEG", "JP2OpenJPEG", "GTiff"])
def test_picture_without_a_place_is_read_in_pixels(
    write_image: WriteImage, tmp_path: Path, driver: str
) -> None:
    """It is said aloud, a resolution given is believed, and y falls from 0."""
    source = write_image(picture(), None, None)
    path = tmp_path / "picture"
    with rasterio.open(source) as opened:
        rasterio.shutil.copy(opened, path, driver=driver)
    with open_image(path, m_per_px=0.3) as reader:
        assert reader.geobox.crs is None
        assert reader.geobox.shape == (120, 150)
        assert reader.geobox.bounds == pytest.approx((0, -36, 45, 0))
        assert "no georeference: pixels, taken as 0.3 m/px" in reader.notes
        assert reader.read_all().array.shape == (3, 120, 150)


def test_places_that_cannot_be_trusted_are_refused(write_image: WriteImage) -> None:
    """A position without CRS, a CRS without position, a degenerate transform, a local CRS: one line
    each.
    """
    array = picture(40, 40)
    with pytest.raises(InputError, match="no CRS"):
        open_image(write_image(array, NORTH_UP, None))
    with pytest.raises(InputError, match="no position"):
        open_image(write_image(array, None, UTM))
    with pytest.raises(InputError, match="no position"):
        open_image(write_image(array, None, None), crs="EPSG:32633")
    with pytest.raises(InputError, match="degenerate"):
        open_image(write_image(array, Affine(0.5, 0.5, 1, 0.5, 0.5, 1), UTM))
    with pytest.raises(InputError, match="on the ground"):
        open_image(write_image(array, Affine(1e-11, 0, 500_000, 0, -1e-11, 5_000_000), UTM))
    local = CRS.from_wkt('LOCAL_CS["works",UNIT["metre",1]]')
    with pytest.raises(InputError, match="not tied to the earth"):
        open_image(write_image(array, NORTH_UP, local))
    with pytest.raises(InputError, match="no place on earth"):
        open_image(write_image(array, NORTH_UP, CRS.from_epsg(4326)))


def test_given_crs_places_the_image(write_image: WriteImage) -> None:
    """`crs` completes a file that lacks one."""
    with open_image(write_image(picture(), NORTH_UP, None), crs="EPSG:32633") as reader:
        assert reader.geobox == GeoBox(120, 150, NORTH_UP, UTM)


@pytest.mark.parametrize("m_per_px", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
def test_absurd_resolutions_are_refused(write_image: WriteImage, m_per_px: float) -> None:
    """Zero, negative, not finite, or so fine that the grid would be endless."""
    with pytest.raises(InputError):
        open_image(write_image(picture()), m_per_px=m_per_px)


def test_cambridge_is_read_as_it_is() -> None:
    """The real scene keeps its own grid in EPSG:26986 at 1 m."""
    path = DATA / "cambridge" / "mass_23279035_rgb_1m.tif"
    if not path.exists():
        pytest.skip(f"{DATA} is not on this machine")
    with open_image(path) as reader, rasterio.open(path) as plain:
        assert reader.geobox.m_per_px == 1.0
        assert reader.geobox.crs.to_epsg() == 26986
        np.testing.assert_array_equal(
            reader.read(100, 200, 300, 300).array, plain.read()[:, 100:400, 200:500]
        )


def test_vegas_becomes_north_up_and_metric() -> None:
    """The real scene in degrees comes out in UTM 11 at 0.27 m, its corner where PROJ has it,
    without seams.
    """
    path = DATA / "vegas" / "RGB-PanSharpen_AOI_2_Vegas_img0.tif"
    if not path.exists():
        pytest.skip(f"{DATA} is not on this machine")
    with open_image(path) as reader:
        box, whole = reader.geobox, reader.read_all()
        assert box.crs.to_epsg() == 32611
        assert box.m_per_px == pytest.approx(0.27, abs=0.01)
        for row, col in ((0, 0), (511, 127), (700, 900), (1400, 1100)):
            part = reader.read(row, col, 200, 210)
            wanted = whole.array[:, row : row + 200, col : col + 210]
            np.testing.assert_array_equal(
                part.array[:, : wanted.shape[1], : wanted.shape[2]], wanted
            )
    x, y = Transformer.from_crs(4326, 32611, always_xy=True).transform(-115.1706276, 36.2406177)
    col, row = ~box.transform * (x, y)
    assert not whole.valid[max(int(row) - 3, 0), max(int(col) - 3, 0)] or min(row, col) < 3
    assert whole.valid[int(row) + 30, int(col) + 30]
    assert 0.94 < whole.valid.mean() < 0.98
