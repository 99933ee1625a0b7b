"""Finished rows of a prediction, kept beside its file until it is whole: an interrupted `predict`
goes on.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio

from mapsight.atomic import explain_writing, lock_folder, sweep, write_atomically
from mapsight.geo.geobox import GeoBox, Raster
from mapsight.geo.raster import write_raster

_log = logging.getLogger(__name__)


class Band(NamedTuple):
    """Finished rows: probability (h, W) float32 and valid (h, W) bool, from `row` on."""

    row: int
    probability: np.ndarray
    valid: np.ndarray


@contextmanager
def open_ledger(out: Path, identity: str) -> Iterator[Path]:
    """The folder of finished rows of `out`, held by this process, removed when all went well.

    Rows that another prediction left (`identity` tells) are removed first.
    """
    folder = out.with_name(f".{out.stem[:50]}.rows")
    with explain_writing(out):
        folder.mkdir(exist_ok=True)
    with lock_folder(folder):
        note = folder / "identity"
        if not (note.is_file() and note.read_text(encoding="utf-8") == identity):
            for old in folder.iterdir():
                old.unlink()
            with write_atomically(note) as temporary:
                temporary.write_text(identity, encoding="utf-8")
        sweep(folder)
        yield folder
        shutil.rmtree(folder)


def keep_bands(
    folder: Path, box: GeoBox, predict: Callable[[int], Iterator[Band]]
) -> Iterator[Band]:
    """The bands kept in the folder, then those of `predict(row)` from there on, kept as well.

    Their values are those of one run: what is kept is float32 as predicted.
    """
    row = 0
    while (path := folder / f"{row:08d}.tif").is_file():
        band = _read(path, row)
        yield band
        row += len(band.probability)
    if row:
        _log.info(f"predict: going on at row {row} of {box.height}")
    if row == box.height:
        return
    for band in predict(row):
        height = len(band.probability)
        if band.row + height < box.height:  # the last one is followed by the whole file
            array = np.stack([band.probability, band.valid.astype(np.float32)])
            place = box.window(band.row, 0, height, box.width)
            write_raster(folder / f"{band.row:08d}.tif", Raster(array, place.transform, place.crs))
        yield band


def _read(path: Path, row: int) -> Band:
    with rasterio.open(path, driver="GTiff") as kept:
        probability, valid = kept.read()
    return Band(row, probability, valid > 0)
