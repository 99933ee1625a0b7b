"""One image out of many pieces, part by part: memory is bounded, and a killed job goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.warp import reproject
from rasterio.windows import Window

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, Raster
from mapsight.geo.raster import check_raster, write_raster
from mapsight.progress import track

_PART_PX = 1024
MAX_IMAGE_PX = 4_000_000_000  # 16 GB before packing; a city of 30 × 30 km at 0.5 m


class Piece(NamedTuple):
    """RGB (3, h, w) uint8 and valid on the grid asked for; not `whole` where something failed and
    may be had later.
    """

    raster: Raster
    whole: bool


Read = Callable[[GeoBox], Piece]


@dataclass(frozen=True)
class MosaicSummary:
    """What an image holds: share of pixels with data, parts made now, parts found from before,
    parts with failures.
    """

    share_valid: float
    parts_made: int
    parts_kept: int
    parts_wanting: int


def write_mosaic(
    path: Path,
    box: GeoBox,
    read: Read,
    *,
    request: dict[str, Any],
    title: str,
    attribution: str = "",
) -> MosaicSummary:
    """Write what `read` gives for each part of `box` as a cloud-optimised GeoTIFF with a mask of
    what has data.

    Finished parts are kept beside the file until all are there, so that the same `request` goes on
    where it was; parts with failures are read again the next time. `attribution` becomes the
    copyright tag of the file.
    """
    if box.height * box.width > MAX_IMAGE_PX:
        raise InputError(
            path.name,
            f"would have {box.height * box.width / 1e9:.1f} Gpx (limit {MAX_IMAGE_PX / 1e9:g})",
            "gather a smaller area, or more metres a pixel",
        )
    folder = _open_parts(path, request)
    valid_px, made, kept, wanting = 0, 0, 0, 0
    windows = list(_iterate_parts(box))
    for window in track(windows, title, total=len(windows)):
        part = _part_path(folder, window)
        if part.exists():
            kept += 1
            valid_px += _count_valid(part)
            continue
        piece = read(box.window(*window))
        wanting += not piece.whole
        made += 1
        valid_px += int(piece.raster.valid.sum())
        write_raster(part if piece.whole else _wanting_path(part), _with_mask(piece.raster))
    _join_parts(folder, windows, path, box, attribution)
    if not wanting:
        shutil.rmtree(folder)
    return MosaicSummary(valid_px / (box.height * box.width), made, kept, wanting)


def warp_onto(source: Raster, box: GeoBox) -> Raster:
    """RGB and valid brought onto a grid (bilinear, averaging where it gets coarser); no data does
    not bleed in.
    """
    alpha = np.where(source.valid, 255, 0).astype(np.uint8)
    rgba = np.concatenate([source.array[:3], alpha[None]])
    target = np.zeros((4, *box.shape), np.uint8)
    reproject(
        rgba,
        target,
        src_transform=source.transform,
        src_crs=source.crs,
        dst_transform=box.transform,
        dst_crs=box.crs,
        src_alpha=4,
        dst_alpha=4,
        resampling=Resampling.bilinear,
        tolerance=0.01,
    )
    valid = target[3] >= 128
    target[:3, ~valid] = 0
    return Raster(target[:3], box.transform, box.crs, valid)


def _open_parts(path: Path, request: dict[str, Any]) -> Path:
    """The folder of parts of this request; parts of another one are removed."""
    folder = path.with_name(f".{path.stem}.parts")
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    note = folder / "request"
    if folder.is_dir() and not (note.is_file() and note.read_text(encoding="utf-8") == digest):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    with write_atomically(note) as temporary:
        temporary.write_text(digest, encoding="utf-8")
    return folder


def _iterate_parts(box: GeoBox) -> Iterator[tuple[int, int, int, int]]:
    """(row, col, height, width) of parts that tile the box."""
    for row in range(0, box.height, _PART_PX):
        for col in range(0, box.width, _PART_PX):
            yield row, col, min(_PART_PX, box.height - row), min(_PART_PX, box.width - col)


def _part_path(folder: Path, window: tuple[int, int, int, int]) -> Path:
    return folder / f"r{window[0]}_c{window[1]}.tif"


def _wanting_path(part: Path) -> Path:
    return part.with_name(f"wanting_{part.name}")


def _with_mask(raster: Raster) -> Raster:
    """Four bands: an alpha of its own tells apart 'no data' and 'black' in whatever reads the
    part.
    """
    alpha = np.where(raster.valid, 255, 0).astype(np.uint8)
    return Raster(np.concatenate([raster.array[:3], alpha[None]]), raster.transform, raster.crs)


def _count_valid(part: Path) -> int:
    with rasterio.open(part, driver="GTiff") as source:
        return int((source.read(4) >= 128).sum())


def _join_parts(
    folder: Path,
    windows: list[tuple[int, int, int, int]],
    path: Path,
    box: GeoBox,
    attribution: str,
) -> None:
    """The parts as one file with an internal mask, then as COG; disk, not memory, carries the
    size.
    """
    whole = folder / "whole.tif"
    profile = {
        "driver": "GTiff",
        "height": box.height,
        "width": box.width,
        "count": 3,
        "dtype": "uint8",
        "crs": box.crs,
        "transform": box.transform,
        "tiled": True,
        "compress": "lzw",
        "photometric": "rgb",
        "bigtiff": "if_safer",
    }
    try:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            with rasterio.open(whole, "w", **profile) as target:
                target.update_tags(**({"TIFFTAG_COPYRIGHT": attribution} if attribution else {}))
                for row, col, height, width in windows:
                    window = Window(col, row, width, height)
                    pixels = _read_part(folder, (row, col, height, width))
                    target.write(pixels[:3], window=window)
                    target.write_mask(pixels[3], window=window)
            with write_atomically(path, check=check_raster) as temporary:
                rasterio.shutil.copy(
                    whole,
                    temporary,
                    driver="COG",
                    compress="deflate",
                    predictor="yes",
                    bigtiff="if_safer",
                    blocksize=512,
                    resampling="average",
                    overviews="auto",
                )
    except RasterioError as error:
        raise InputError(path, f"cannot be written ({error})", "is the disk full?") from None
    finally:
        whole.unlink(missing_ok=True)


def _read_part(folder: Path, window: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    part = _part_path(folder, window)
    with rasterio.open(part if part.exists() else _wanting_path(part), driver="GTiff") as source:
        pixels: NDArray[np.uint8] = source.read()
        return pixels
