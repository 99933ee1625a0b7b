"""image → probability: in windows that are blended without seams, row band by row band, so memory
stays flat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterWindow

from mapsight.atomic import check_target, hidden_folder
from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.counts import Histogram, count_pixels, sum_counts
from mapsight.cnn.runtimes import Runner, average_flips
from mapsight.errors import InputError, ModelError
from mapsight.geo.grid import Window, tile_windows, window_weights
from mapsight.geo.raster import (
    GeoBox,
    ImageReader,
    Raster,
    RasterWriter,
    open_raster_writer,
    read_raster,
)
from mapsight.geo.source import open_source, read_pixels
from mapsight.geo.warp import warp_raster
from mapsight.progress import open_progress
from mapsight.roads.prediction.ledger import Band, keep_bands, open_ledger
from mapsight.roads.prediction.suit import SuitedThreshold, suit_threshold
from mapsight.roads.prediction.windows import WindowReader

_LEVELS_PX, _MOST_LEVELS = 2**22, 256  # looked at together; more are no mask's
THRESHOLD_TAG = "mapsight_threshold"
NODATA = {"float32": np.nan, "uint8": 255}
# of a picture in one piece, beside the net's stride: its right and lower edge see so much of their
# mirror image in all figures that were measured
_PAD_PX = 32
UINT8_STEPS = 254  # uint8 probability: value / 254, 255 = no data


@dataclass(frozen=True)
class PredictSettings:
    """Windows of window_px² with overlap_px shared between neighbours; `flips` averages over four
    views.
    """

    window_px: int = 512
    overlap_px: int = 128
    flips: bool = False


def predict_raster(
    reader: WindowReader,
    runner: Runner,
    settings: PredictSettings = PredictSettings(),
    *,
    wanted: np.ndarray | None = None,
) -> Raster:
    """The probability of the whole image on its working grid, (1, H, W) float32; invalid pixels are
    0.

    Windows that hold no pixel of `wanted` (H, W) bool are left out, and so not valid.
    """
    bands = list(predict_bands(reader, runner, settings, wanted=wanted))
    box = reader.geobox
    probability = np.concatenate([band.probability for band in bands])[None]
    return Raster(
        probability, box.transform, box.crs, np.concatenate([band.valid for band in bands])
    )


def predict_file(
    reader: ImageReader,
    runner: Runner,
    out: Path,
    *,
    dtype: str = "float32",
    settings: PredictSettings = PredictSettings(),
    card: ModelCard | None = None,
    identity: str = "",
) -> SuitedThreshold | None:
    """Writes the probability on the image's *own* grid, whatever grid the model wants to see.

    float32 in 0 … 1 with NaN, or uint8 as value / 254 with 255, where there is no data. With the
    model's card, the threshold that suits this picture is written as the file's tag, and returned.
    `identity` stands for all that decides the values: with it, finished rows are kept beside `out`
    until it is written, and the same prediction goes on after them.
    """
    check_target(out)

    def predict(row: int) -> Iterator[Band]:
        return predict_bands(reader, runner, settings, first_row=row)

    if not identity:
        return _write_file(reader, predict(0), out, dtype, card)
    with open_ledger(out, identity) as folder:
        return _write_file(reader, keep_bands(folder, reader.geobox, predict), out, dtype, card)


def _write_file(
    reader: ImageReader, bands: Iterator[Band], out: Path, dtype: str, card: ModelCard | None
) -> SuitedThreshold | None:
    same_grid = reader.geobox == reader.source_geobox
    with hidden_folder(out) as folder:
        first = out if same_grid else folder / "working.tif"
        with open_probability_writer(first, reader.geobox, dtype) as writer:
            counts = []
            for band in bands:
                stored = encode_probability(band.probability, band.valid, dtype)
                writer.write(band.row, 0, stored[None])
                counts.append(count_seen(band.probability, band.valid))
            suited = None
            if card is not None:
                seen, size = sum_counts(counts), reader.geobox.m_per_px
                suited = suit_threshold(seen, card, m_per_px=size)
                writer.tag(**{THRESHOLD_TAG: f"{suited.value:.4f}"})
        if not same_grid:
            warp_raster(first, out, reader.source_geobox, resampling=Resampling.bilinear)
    return suited


def count_seen(probability: np.ndarray, valid: np.ndarray) -> Histogram:
    """Counts of a probability (H, W) alone, where it is valid; nothing is known to be road."""
    return count_pixels(probability, np.zeros(valid.shape, bool), valid)


def read_threshold(path: Path) -> float | None:
    """The threshold that suits a probability file, if whoever wrote it has said so."""
    try:
        with rasterio.open(path) as opened:
            said = float(opened.tags().get(THRESHOLD_TAG, "nan"))
    except (RasterioError, ValueError):
        return None
    return said if 0 < said <= 1 else None


def predict_array(image: np.ndarray, runner: Runner) -> np.ndarray:
    """Probability (H, W) of an image (3, H, W) uint8 in one piece, mirrored up to a multiple of the
    net's stride and of 32 px.
    """
    height, width = image.shape[1:]
    step = math.lcm(runner.stride_px, _PAD_PX)
    padding = ((0, 0), (0, -height % step), (0, -width % step))
    seen = runner.predict(np.pad(image, padding, mode="symmetric")[None])[0, :height, :width]
    _check_finite(seen)
    return seen


def predict_bands(
    reader: WindowReader,
    runner: Runner,
    settings: PredictSettings,
    *,
    wanted: np.ndarray | None = None,
    first_row: int = 0,
) -> Iterator[Band]:
    """Probability in bands of finished rows, top to bottom; holds two rows of windows at a time.

    From `first_row` on, where a band must begin, it is that of a run from the top, bit for bit.
    Raises ModelError where the model gives NaN or infinity.
    """
    box, overlap = reader.geobox, settings.overlap_px
    runner = average_flips(runner) if settings.flips else runner
    windows = tile_windows(box.height, box.width, size_px=settings.window_px, overlap_px=overlap)
    stride = settings.window_px - overlap
    start = 0
    open_rows, open_valid = _empty(box), np.zeros((0, box.width), bool)
    above = {window for window in windows if window.row + settings.window_px <= first_row}
    with open_progress("predict", total=len(windows), done=len(above)) as advance:
        for row in sorted({window.row for window in windows}):
            end = min(row + settings.window_px, box.height)
            open_rows = np.concatenate([open_rows, _empty(box, end - start - len(open_rows))])
            open_valid = np.concatenate(
                [open_valid, np.zeros((end - start - len(open_valid), box.width), bool)]
            )
            for window in (w for w in windows if w.row == row and w not in above):
                if wanted is None or _holds(wanted, window):
                    _add_window(
                        reader, runner, window, settings, Band(start, open_rows, open_valid)
                    )
                advance(1, "")
            done = box.height if row + stride + overlap // 2 >= box.height else row + stride
            if start >= first_row:
                yield _finish(start, open_rows[: done - start], open_valid[: done - start])
            open_rows, open_valid, start = (
                open_rows[done - start :],
                open_valid[done - start :],
                done,
            )
            if done == box.height:
                break


def open_probability_writer(
    path: Path, box: GeoBox, dtype: str
) -> AbstractContextManager[RasterWriter]:
    """A raster writer with the scale and no-data value of that kind of probability."""
    scale = 1 / UINT8_STEPS if dtype == "uint8" else 1.0
    return open_raster_writer(
        path,
        box,
        dtype=dtype,
        nodata=NODATA[dtype],
        scale=scale,
        tags={"mapsight": "probability of road"},
    )


def encode_probability(probability: np.ndarray, valid: np.ndarray, dtype: str) -> np.ndarray:
    """Probability (H, W) in 0 … 1 as it is stored, with no-data where it is not valid."""
    if dtype == "float32":
        return np.where(valid, probability, np.nan).astype(np.float32)
    return np.where(valid, np.round(probability * UINT8_STEPS), NODATA["uint8"]).astype(np.uint8)


def _add_window(
    reader: WindowReader,
    runner: Runner,
    window: Window,
    settings: PredictSettings,
    opened: Band,
) -> None:
    """Adds a window's weighted probability to the open rows, in place."""
    start, rows, valid_rows = opened
    box = reader.geobox
    top, left = max(window.row, 0), max(window.col, 0)
    bottom, right = (
        min(window.row + window.height, box.height),
        min(window.col + window.width, box.width),
    )
    seen = reader.read(top, left, bottom - top, right - left)
    valid_rows[top - start : bottom - start, left:right] = seen.valid
    if not seen.valid.any():
        return
    mirrored = (
        (top - window.row, window.row + window.height - bottom),
        (left - window.col, window.col + window.width - right),
    )
    image = np.pad(seen.array, ((0, 0), *mirrored), mode="symmetric")
    inner = np.s_[
        mirrored[0][0] : window.height - mirrored[0][1],
        mirrored[1][0] : window.width - mirrored[1][1],
    ]
    weights = window_weights(window, box.height, box.width, overlap_px=settings.overlap_px)
    rows[top - start : bottom - start, left:right] += (runner.predict(image[None])[0] * weights)[
        inner
    ]


def _holds(wanted: np.ndarray, window: Window) -> bool:
    top, left = max(window.row, 0), max(window.col, 0)
    return bool(wanted[top : window.row + window.height, left : window.col + window.width].any())


def _empty(box: GeoBox, rows: int = 0) -> np.ndarray:
    return np.zeros((rows, box.width), np.float32)


def _check_finite(probability: np.ndarray) -> None:
    """Raises ModelError for NaN and infinity: weights that overflow are no knowledge of roads."""
    if not np.isfinite(probability).all():
        raise ModelError(
            "the model",
            "gives NaN or infinity on this image",
            "use another model, or train it again with a lower learning rate",
        )


def _finish(row: int, probability: np.ndarray, valid: np.ndarray) -> Band:
    _check_finite(probability[valid])
    return Band(row, np.where(valid, np.clip(probability, 0, 1), 0).astype(np.float32), valid)


def read_probability(path: Path) -> Raster:
    """A probability as float32 (1, H, W) in 0 … 1 on the working grid of its image.

    One that was written here, or a mask, or one of another program: 0 to 1, or 0 to 255. Raises
    InputError for any other raster.
    """
    raster = read_raster(path, on_working_grid=True)
    with open_source(path) as source:
        ours = source.dtypes[0] == "uint8" and math.isclose(source.scales[0], 1 / UINT8_STEPS)
        full = 1.0 if ours else _find_full(source)
        off_is_nodata = source.nodata == 0
    array, valid = raster.array, raster.valid
    if array.shape[0] == 3 and (array == array[:1]).all():
        array = array[:1]  # a mask that was saved as a picture
    if array.shape[0] == 1 and ours:
        array = array.astype(np.float32) / UINT8_STEPS
    elif array.shape[0] == 1:
        array = array.astype(np.float32) / np.float32(full)
        if off_is_nodata:
            valid = np.ones_like(valid)
    if array.shape[0] != 1 or not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            path,
            "is no probability (one band of 0 to 1, or of 0 to 255) and no mask",
            "make one with `mapsight predict`",
        )
    seen = array[0][valid]
    if len(seen) and (seen.min() < 0 or seen.max() > 1):
        raise InputError(
            path,
            f"holds values from {seen.min():g} to {seen.max():g}, not probabilities",
            "make one with `mapsight predict`",
        )
    return Raster(np.where(valid, array, 0).astype(np.float32), raster.transform, raster.crs, valid)


def _find_full(source: DatasetReader) -> float:
    """What another program writes for 1: the higher of two values whose lower is 0, 255 for other
    whole numbers up to there; else 1.
    """
    seen: set[float] = set()
    rows = max(1, _LEVELS_PX // source.width)
    for top in range(0, source.height, rows):
        window = RasterWindow(0, top, source.width, min(rows, source.height - top))
        values = np.unique(read_pixels(source, [1], window))
        seen |= set(values[np.isfinite(values)].tolist()) - {0, source.nodata}
        if len(seen) > _MOST_LEVELS:
            break
    highest = max(seen, default=1)
    if len(seen) == 1 and highest >= 1:
        return float(highest)
    whole = np.issubdtype(np.dtype(source.dtypes[0]), np.integer)
    return 255.0 if whole and 1 < highest <= 255 else 1.0
