"""Prediction in windows: no seams, no place lost, on the image's own grid."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from scipy import ndimage

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.runtimes import Runner
from mapsight.errors import InputError, ModelError
from mapsight.geo.raster import Raster, open_image, pixel_box, write_raster
from mapsight.roads.prediction.extract import extract_lines
from mapsight.roads.prediction.predict import (
    PredictSettings,
    predict_array,
    predict_bands,
    predict_file,
    predict_raster,
    read_probability,
    read_threshold,
)
from mapsight.roads.prediction.suit import SURENESS

SMALL = PredictSettings(window_px=64, overlap_px=32)


CARD = ModelCard("roadnet-tiny", 1.0)
FIRST_BAND = Runner(lambda images: images[:, 0] / np.float32(255), 1, CARD)


def blur_first_band(images):
    """A 'net' whose answer reaches 5 px far: a Gaussian of the first band."""
    return np.stack(
        [ndimage.gaussian_filter(i[0] / np.float32(255), 1.2, truncate=4) for i in images]
    )


BLUR = Runner(blur_first_band, 1, CARD)


def noise_raster(height, width, seed=0):
    """Smooth noise as an image, with its place."""
    rng = np.random.default_rng(seed)
    array = ndimage.gaussian_filter(rng.normal(size=(3, height, width)), (0, 3, 3))
    array = ((array - array.min()) / np.ptp(array) * 250).astype(np.uint8)
    return Raster(array, Affine(1, 0, 500_000, 0, -1, 5_000_000), CRS.from_epsg(32632))


class Memory:
    """A raster that is read as a file is."""

    def __init__(self, raster):
        self.raster, self.geobox, self.reads = raster, raster.geobox, []

    def read(self, row, col, height, width):
        assert (
            row >= 0
            and col >= 0
            and row + height <= self.geobox.height
            and col + width <= self.geobox.width
        )
        self.reads.append(height)
        part = np.s_[row : row + height, col : col + width]
        box = self.geobox.window(row, col, height, width)
        return Raster(self.raster.array[:, *part], box.transform, box.crs, self.raster.valid[part])


@pytest.mark.parametrize("size", [(200, 300), (64, 64), (65, 63), (20, 150), (5, 7), (129, 31)])
def test_tiled_equals_whole(size):
    """Blended windows equal one prediction of the whole image, at every size and remainder."""
    raster = noise_raster(*size)
    got = predict_raster(Memory(raster), BLUR, SMALL)
    whole = ndimage.gaussian_filter(raster.array[0] / np.float32(255), 1.2, truncate=4)
    assert got.array.shape == (1, *size)
    assert np.abs(got.array[0] - whole).max() < 2e-3


def test_pointwise_is_exact():
    """Where a net looks at single pixels, windows are exact to rounding."""
    raster = noise_raster(150, 170)
    got = predict_raster(Memory(raster), FIRST_BAND, SMALL)
    assert np.abs(got.array[0] - raster.array[0] / np.float32(255)).max() < 1e-6


def test_real_net_has_no_seams():
    """A real net with a wide view: tiled and whole masks agree on all but a few pixels in ten
    thousand.
    """
    import torch

    from mapsight.cnn.checkpoint import Model
    from mapsight.cnn.compute import find_compute
    from mapsight.cnn.nets import make_net
    from mapsight.cnn.runtimes import open_runner

    torch.manual_seed(0)
    net = make_net("roadnet-tiny").train()
    raster = noise_raster(240, 320)
    for _ in range(5):  # batch norms learn what such images look like
        net((torch.from_numpy(raster.array[None]).float() / 255 - 0.5) / 0.25)
    run = open_runner(
        Model(net, ModelCard("roadnet-tiny", 1.0, scale_mean=0.5, scale_std=0.25)),
        find_compute("cpu", "fp32"),
    )
    whole = predict_array(raster.array, run)
    tiled = predict_raster(
        Memory(raster), run, PredictSettings(window_px=192, overlap_px=96)
    ).array[0]
    threshold = np.median(whole)
    spread = whole.std()
    assert np.abs(tiled - whole).mean() < 0.1 * spread
    assert ((tiled > threshold) == (whole > threshold)).mean() > 0.95


def test_bands_come_in_order_and_hold_little():
    """Rows come finished, top to bottom, each once; never more than a window's height is read at a
    time.
    """
    memory = Memory(noise_raster(500, 90))
    bands = list(predict_bands(memory, BLUR, SMALL))
    assert [b.row for b in bands] == list(np.cumsum([0] + [len(b.probability) for b in bands])[:-1])
    assert sum(len(b.probability) for b in bands) == 500
    assert max(len(b.probability) for b in bands) <= 64
    assert max(memory.reads) <= 64


def test_no_data_stays_no_data(tmp_path):
    """Invalid pixels are NaN in float32 and 255 in uint8, and come back as not valid."""
    raster = noise_raster(100, 120)
    raster.array[:, 20:60, 30:80] = 0
    valid = raster.valid.copy()
    valid[20:60, 30:80] = False
    write_raster(tmp_path / "i.tif", Raster(raster.array, raster.transform, raster.crs, valid))
    for dtype in ("float32", "uint8"):
        with open_image(tmp_path / "i.tif") as reader:
            predict_file(reader, BLUR, tmp_path / f"{dtype}.tif", dtype=dtype, settings=SMALL)
        back = read_probability(tmp_path / f"{dtype}.tif")
        assert np.array_equal(back.valid, valid)
        assert (back.array[0][valid] <= 1).all()
    with rasterio.open(tmp_path / "uint8.tif") as file:
        assert file.nodata == 255
        assert file.scales == (pytest.approx(1 / 254),)


def test_uint8_and_float32_agree(tmp_path):
    """Both types hold the same probability, to a step of uint8."""
    write_raster(tmp_path / "i.tif", noise_raster(80, 90))
    for dtype in ("float32", "uint8"):
        with open_image(tmp_path / "i.tif") as reader:
            predict_file(reader, BLUR, tmp_path / f"{dtype}.tif", dtype=dtype, settings=SMALL)
    one, two = (read_probability(tmp_path / f"{t}.tif").array for t in ("float32", "uint8"))
    assert np.abs(one - two).max() <= 0.5 / 254 + 1e-6


def test_result_lies_on_the_images_own_grid(tmp_path):
    """An image in degrees is seen in metres, but its probability comes back pixel by pixel."""
    metric = noise_raster(120, 150)
    degrees = Raster(metric.array, Affine(1.2e-5, 0, 11.5, 0, -0.9e-5, 48.1), CRS.from_epsg(4326))
    write_raster(tmp_path / "i.tif", degrees)
    with open_image(tmp_path / "i.tif", m_per_px=1.0) as reader:
        assert reader.geobox.crs.is_projected
        predict_file(reader, FIRST_BAND, tmp_path / "p.tif", settings=SMALL)
    with rasterio.open(tmp_path / "p.tif") as file:
        assert (file.height, file.width) == (120, 150)
        assert file.transform.almost_equals(degrees.transform)
        inner = np.s_[8:-8, 8:-8]
        expected = degrees.array[0].astype(float)[inner] / 255
        assert np.nanmean(np.abs(file.read(1)[inner] - expected)) < 0.02


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_pixels_without_a_place_are_the_models(tmp_path, dtype):
    """A plain picture seen at 0.5 m/px: a value for every pixel, each taken as half a metre
    wide.
    """
    raster = noise_raster(100, 120)
    Image.fromarray(raster.array.transpose(1, 2, 0)).save(tmp_path / "i.png")
    with open_image(tmp_path / "i.png", m_per_px=0.5) as reader:
        predict_file(
            reader,
            FIRST_BAND,
            tmp_path / "p.tif",
            dtype=dtype,
            settings=SMALL,
        )
    back = read_probability(tmp_path / "p.tif")
    assert back.geobox == pixel_box(100, 120, m_per_px=0.5)
    assert back.valid.all()
    assert np.abs(back.array[0] - raster.array[0] / 255).max() <= 0.5 / 254 + 1e-6


def test_only_wanted_windows_are_run():
    """Windows without a wanted pixel are neither read nor predicted."""
    memory = Memory(noise_raster(300, 300))
    wanted = np.zeros((300, 300), bool)
    wanted[:20, :20] = True
    some = predict_raster(memory, BLUR, SMALL, wanted=wanted)
    assert len(memory.reads) <= 4
    full = predict_raster(memory, BLUR, SMALL)
    assert np.allclose(some.array[0][wanted], full.array[0][wanted], atol=1e-6)


STRIPE = np.s_[40:46, 10:110]


@pytest.mark.parametrize(
    ("on", "dtype", "options"),
    [
        (255, "uint8", {}),
        (1, "uint8", {}),
        (255, "uint8", {"nodata": 0}),
        (1, "uint8", {"nodata": 255}),
        (1, "float32", {}),
        (255, "float32", {}),
        (255, "float32", {"nodata": -9999}),
        (1, "int16", {"nodata": -1}),
        (65535, "uint16", {}),
        (100, "uint8", {}),
    ],
)
@pytest.mark.parametrize("place", ["metres", "degrees"])
def test_a_plain_mask_is_a_probability(tmp_path, on, dtype, options, place):
    """Whatever the two values of a mask are, its roads become lines."""
    array = np.zeros((1, 100, 120), dtype)
    array[0][STRIPE] = on
    metres = Affine(1, 0, 691_000, 0, -1, 5_335_000), CRS.from_epsg(32632)
    degrees = Affine(1.34e-5, 0, 11.5, 0, -9e-6, 48.1), CRS.from_epsg(4326)
    transform, crs = metres if place == "metres" else degrees
    profile = {"driver": "GTiff", "count": 1, "height": 100, "width": 120, "dtype": dtype}
    with rasterio.open(
        tmp_path / "m.tif", "w", **profile, **options, crs=crs, transform=transform
    ) as target:
        target.write(array)
    back = read_probability(tmp_path / "m.tif")
    assert back.array.max() == 1
    lines = extract_lines(back, threshold=0.5)
    assert len(lines) == 1
    assert lines.length.sum() == pytest.approx(100, abs=12)


def test_a_probability_of_one_value_stays_what_it_is(tmp_path):
    """0.4 and nothing else is no mask."""
    raster = noise_raster(40, 40)
    array = np.zeros((1, 40, 40), np.float32)
    array[0, 10:20] = 0.4
    write_raster(tmp_path / "p.tif", Raster(array, raster.transform, raster.crs))
    assert read_probability(tmp_path / "p.tif").array.max() == pytest.approx(0.4)


def test_a_mask_that_was_saved_as_a_picture(tmp_path):
    """Three equal bands are one mask; levels of 0 to 255 are shares of 255."""
    grey = np.zeros((100, 120), np.uint8)
    grey[STRIPE], grey[60:70, 20:40] = 255, 51
    raster = noise_raster(100, 120)
    write_raster(tmp_path / "m.tif", Raster(np.stack([grey] * 3), raster.transform, raster.crs))
    back = read_probability(tmp_path / "m.tif")
    assert back.array.shape == (1, 100, 120)
    assert back.array[0, 65, 30] == pytest.approx(0.2)
    assert back.array[0][STRIPE].min() == 1


def test_foreign_rasters_are_no_probability(tmp_path):
    """An image is not taken for a probability."""
    write_raster(tmp_path / "i.tif", noise_raster(40, 40))
    with pytest.raises(InputError, match="no probability"):
        read_probability(tmp_path / "i.tif")


@pytest.mark.parametrize("m_per_px", [None, 2.0])
def test_a_file_says_which_threshold_suits_it(tmp_path, m_per_px):
    """What suits the picture is the file's tag, on the model's grid and on the image's own; without
    a card nothing is said.
    """
    card = ModelCard("roadnet-tiny", 1.0, threshold=0.6, measures={SURENESS: 0.99})
    write_raster(tmp_path / "i.tif", noise_raster(150, 170))
    with open_image(tmp_path / "i.tif", m_per_px=m_per_px) as reader:
        suited = predict_file(reader, BLUR, tmp_path / "p.tif", settings=SMALL, card=card)
    assert suited.own == 0.6 and suited.stranger > 0
    assert read_threshold(tmp_path / "p.tif") == pytest.approx(suited.value, abs=1e-4)
    with open_image(tmp_path / "i.tif") as reader:
        assert predict_file(reader, BLUR, tmp_path / "q.tif", settings=SMALL) is None
    assert read_threshold(tmp_path / "q.tif") is None


@pytest.mark.parametrize("said", ["", "nan", "2", "-1", "0", "much"])
def test_a_threshold_that_is_none_is_not_taken(tmp_path, said):
    """A tag that is no number within 0 … 1 counts as none."""
    write_raster(tmp_path / "i.tif", noise_raster(20, 20))
    with rasterio.open(tmp_path / "i.tif", "r+") as file:
        file.update_tags(mapsight_threshold=said)
    assert read_threshold(tmp_path / "i.tif") is None


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("size", [(200, 90), (64, 64), (330, 70)])
def test_an_interrupted_prediction_goes_on(tmp_path, size, share, dtype):
    """Wherever it stops, the second run makes the same file of what is left, and nothing stays."""
    write_raster(tmp_path / "image.tif", noise_raster(*size))
    done, most = [], 10**9

    def count(images):
        done.append(len(images))
        if len(done) > most:
            raise KeyboardInterrupt
        return blur_first_band(images)

    def run(name, identity):
        with open_image(tmp_path / "image.tif") as reader:
            settings = {"dtype": dtype, "settings": SMALL, "card": CARD, "identity": identity}
            return predict_file(reader, Runner(count, 1, CARD), tmp_path / name, **settings)

    suited = run("once.tif", "")
    whole, done[:] = len(done), []
    most = int(whole * share)
    with pytest.raises(KeyboardInterrupt):
        run("twice.tif", "a")
    assert not (tmp_path / "twice.tif").exists()
    most, done[:] = 10**9, []
    assert run("twice.tif", "a") == suited
    assert len(done) < whole or share < 0.5 or size == (64, 64)
    once, twice = (rasterio.open(tmp_path / name) for name in ("once.tif", "twice.tif"))
    np.testing.assert_array_equal(once.read(), twice.read())
    assert once.tags() == twice.tags()
    assert {path.name for path in tmp_path.iterdir()} == {"image.tif", "once.tif", "twice.tif"}


def test_rows_of_another_prediction_are_not_taken(tmp_path):
    """Another model, image or setting begins at the top."""
    write_raster(tmp_path / "image.tif", noise_raster(200, 90))

    def stop(images):
        if stop.left == 0:
            raise KeyboardInterrupt
        stop.left -= 1
        return np.zeros(images[:, 0].shape, np.float32)

    stop.left = 8
    with open_image(tmp_path / "image.tif") as reader:
        run = (reader, Runner(stop, 1, CARD), tmp_path / "a.tif")
        with pytest.raises(KeyboardInterrupt):
            predict_file(*run, settings=SMALL, identity="zeros")
        predict_file(reader, BLUR, tmp_path / "a.tif", settings=SMALL, identity="blur")
        predict_file(reader, BLUR, tmp_path / "b.tif", settings=SMALL)
    np.testing.assert_array_equal(
        read_probability(tmp_path / "a.tif").array, read_probability(tmp_path / "b.tif").array
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_model_that_overflows_is_refused(tmp_path, value):
    """No file of no data, whatever the pixels of it are."""
    write_raster(tmp_path / "image.tif", noise_raster(90, 90))
    broken = Runner(lambda images: np.full(images[:, 0].shape, value, np.float32), 1, CARD)
    refused = pytest.raises(ModelError, match="NaN or infinity")
    with open_image(tmp_path / "image.tif") as reader, refused:
        predict_file(reader, broken, tmp_path / "p.tif", settings=SMALL)
    assert not (tmp_path / "p.tif").exists()
    with pytest.raises(ModelError, match="NaN or infinity"):
        predict_array(np.zeros((3, 64, 64), np.uint8), broken)
