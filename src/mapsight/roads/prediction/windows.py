"""Which part of an image is looked at: one window of it, and many windows to search."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from affine import Affine
from rasterio.warp import transform as transform_points

from mapsight.errors import InputError
from mapsight.geo.raster import GeoBox, ImageReader, Raster

_TRIES = 200


class View(NamedTuple):
    """A window: pixels (3, h, w) uint8, valid (h, w) bool, and where its first pixel is on the
    working grid.
    """

    pixels: np.ndarray
    valid: np.ndarray
    row: int
    col: int


class WindowReader(Protocol):
    """An image on a grid, read in windows of it as Raster (3, h, w) uint8."""

    @property
    def geobox(self) -> GeoBox: ...
    def read(self, row: int, col: int, height: int, width: int) -> Raster: ...


class Held(NamedTuple):
    """An image that is in memory already, as a WindowReader."""

    raster: Raster

    @property
    def geobox(self) -> GeoBox:
        return self.raster.geobox

    def read(self, row: int, col: int, height: int, width: int) -> Raster:
        part = np.s_[row : row + height, col : col + width]
        box = self.geobox.window(row, col, height, width)
        return Raster(self.raster.array[:, *part], box.transform, box.crs, self.raster.valid[part])


def find_pixel(
    reader: ImageReader,
    *,
    pixel: tuple[int, int] | None = None,
    at: tuple[float, float] | None = None,
) -> tuple[int, int] | None:
    """(row, col) on the working grid of a pixel of the file, or of a place (x, y) in the file's
    CRS; None for neither.

    Raises InputError outside the image, and for a place in an image that has none.
    """
    source, working = reader.source_geobox, reader.geobox
    if pixel is None and at is None:
        return None
    if pixel is not None and at is not None:
        raise InputError("--pixel and --at", "both name the pixel", "give one of them")
    if at is not None and source.crs is None:
        raise InputError(
            f"--at {at[0]:g},{at[1]:g}", "the image has no georeference", "give --pixel ROW,COL"
        )
    if source.crs is None or source == working:
        row, col = pixel or _invert(working.transform, at)  # type: ignore[arg-type]
    else:
        x, y = at or source.transform @ (pixel[1] + 0.5, pixel[0] + 0.5)  # type: ignore[index]
        xs, ys = transform_points(source.crs, working.crs, [x], [y])
        row, col = _invert(working.transform, (xs[0], ys[0]))
    if not (0 <= row < working.height and 0 <= col < working.width):
        wanted = f"--pixel {pixel[0]},{pixel[1]}" if pixel else f"--at {at[0]:g},{at[1]:g}"  # type: ignore[index]
        left, bottom, right, top = source.bounds
        reach = (
            f"rows 0 to {source.height - 1}, columns 0 to {source.width - 1}"
            if pixel
            else (f"x {left:g} to {right:g}, y {bottom:g} to {top:g}")
        )
        raise InputError(wanted, "lies outside the image", f"it has {reach}")
    return row, col


def read_view(
    reader: WindowReader, size_px: int, place: tuple[int, int] | None = None, *, sheet: bool = False
) -> View:
    """The window of size_px² around a place, or the whole one nearest the middle; small images are
    mirrored outwards.

    A `sheet` is many small images side by side: its windows are cut between them, not across.
    Raises InputError for an image without a valid pixel.
    """
    height, width = reader.geobox.shape
    if place is not None:
        wanted = [p // size_px * size_px if sheet else p - size_px // 2 for p in place]
        row, col = (
            min(max(p, 0), max(n - size_px, 0))
            for p, n in zip(wanted, (height, width), strict=True)
        )
        view = _read(reader, row, col, size_px)
        if not view.valid[place[0] - view.row, place[1] - view.col]:
            raise InputError(f"pixel {place[0]},{place[1]}", "holds no data", "choose another")
        return view
    best: View | None = None
    for row, col in _list_starts(height, width, size_px, sheet=sheet)[:_TRIES]:
        view = _read(reader, row, col, size_px)
        if best is None or view.valid.mean() > best.valid.mean():
            best = view
        if view.valid.all():
            break
    if best is None or not best.valid.any():
        raise InputError(
            "the image",
            "holds no valid pixel where it was looked at",
            "choose a place with --pixel ROW,COL",
        )
    return best


def cut_windows(
    reader: WindowReader, size_px: int, *, most: int, sheet: bool = False
) -> list[np.ndarray]:
    """At most so many windows (3, size_px, size_px) uint8, half overlapping (of a sheet: side by
    side), spread evenly.

    Those without data in a part are taken only where no whole one was found.
    """
    starts = sorted(_list_starts(*reader.geobox.shape, size_px, sheet=sheet))
    tries = min(len(starts), 3 * most)
    whole: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    for k in range(tries):
        view = _read(reader, *starts[k * len(starts) // tries], size_px)
        kept = whole if view.valid.all() else parts
        if view.valid.any():
            kept.append(view.pixels)
    found = whole or parts
    return [found[k * len(found) // most] for k in range(most)] if len(found) > most else found


def _read(reader: WindowReader, row: int, col: int, size_px: int) -> View:
    height, width = reader.geobox.shape
    raster = reader.read(row, col, min(size_px, height), min(size_px, width))
    return View(_mirror(raster.array, size_px), _mirror(raster.valid[None], size_px)[0], row, col)


def _mirror(planes: np.ndarray, size_px: int) -> np.ndarray:
    """(C, h, w) → (C, size_px, size_px), mirrored below and to the right."""
    below, right = (size_px - n for n in planes.shape[1:])
    return (
        np.pad(planes, ((0, 0), (0, below), (0, right)), mode="symmetric")
        if below or right
        else planes
    )


def _list_starts(height: int, width: int, size_px: int, *, sheet: bool) -> list[tuple[int, int]]:
    """Upper left corners of windows that cover the image, from the middle outwards."""
    middle = tuple(max(n - size_px, 0) // 2 for n in (height, width))
    step = size_px if sheet else max(size_px // 2, 1)
    rows, cols = (
        _steps(n, size_px, step, None if sheet else m)
        for n, m in zip((height, width), middle, strict=True)
    )
    starts = [(row, col) for row in rows for col in cols]
    return sorted(starts, key=lambda s: abs(s[0] - middle[0]) + abs(s[1] - middle[1]))


def _steps(length: int, size_px: int, step: int, extra: int | None) -> list[int]:
    last = max(length - size_px, 0)
    steps = {*range(0, last + 1, step), *(() if extra is None else (last, extra))}
    return sorted(steps)


def _invert(transform: Affine, place: tuple[float, float]) -> tuple[int, int]:
    col, row = ~transform @ place
    return int(np.floor(row)), int(np.floor(col))
