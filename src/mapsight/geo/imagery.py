"""Images of any kind as RGB uint8 on a working grid, read window by window."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from types import TracebackType
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from scipy.ndimage import maximum_filter, minimum_filter

from mapsight.geo.colours import read_colours
from mapsight.geo.geobox import Raster
from mapsight.geo.placing import Placing, place_image
from mapsight.geo.scaling import choose_scale, sample_windows, scale_to_bytes
from mapsight.geo.source import check_whole, open_source, read_pixels, read_valid
from mapsight.geo.view import describe_nodata, find_near_blanks, view_colours

# Without a nodata tag, a square of this many pixels of the file that is exactly white or black is
# no picture. Smaller ones (9 px) would take overexposed roofs with them: 1.1 % of a Las Vegas
# scene.
UNIFORM_PX = 33
_GUESSED = (
    "the image declares no no-data value: plain white or black squares of"
    f" {UNIFORM_PX} px or more count as empty, and nearly so of {2 * UNIFORM_PX}"
)
# The collar of a lossy picture is not black but noise of a few levels; a larger square of it is
# none. Pictures that are dark, or pale, as a whole have no such levels to spare.
_NEARLY = 5
_DARK, _PALE = 60, 195
_STRIP_PX = 1024
_COARSER = 1.05


class ImageReader:
    """An open image on its working grid. A context manager; one thread at a time.

    `geobox` is the working grid, `source_geobox` the file's own. `notes` says in words what lies
    between the file and the pixels. `colours` says which bands are read and how; `scale` is the
    (low, high) of the file that become 0 and 255, or None.
    """

    def __init__(
        self,
        source: DatasetReader,
        placing: Placing,
        *,
        bands: Sequence[int] | None,
        scale: tuple[float, float] | None,
    ) -> None:
        self.geobox, self.source_geobox = placing.working, placing.source
        self.colours, count, self._name = read_colours(source, bands), source.count, source.name
        self._file = source
        source, self._bands = view_colours(source, self.colours)
        self._source = source
        self._blank_px = max(
            3, round(UNIFORM_PX / placing.coarsening) | 1
        )  # odd, on the working grid
        self._grid = open_working_grid(source, placing)
        declared = describe_nodata(source, self.colours)
        self._guess_nodata = declared is None
        self._near_blanks = find_near_blanks(source)
        self.scale, scale_note = choose_scale(self._grid, list(self._bands), scale)
        self.notes = (
            *placing.notes,
            *self.colours.describe(count),
            *scale_note,
            declared or _GUESSED,
        )

    def __enter__(self) -> ImageReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._grid is not self._source:
            self._grid.close()
        self._source.close()
        self._file.close()

    def read(self, row: int, col: int, height: int, width: int) -> Raster:
        """RGB uint8 (3, height, width) and valid of a window of the working grid.

        It may hang over the edges. What is outside or no data is zero and not valid. Windows are
        consistent: a pixel comes out the same in whatever window it is read.
        """
        box = self.geobox.window(row, col, height, width)
        array = np.zeros((3, height, width), np.uint8)
        valid = np.zeros((height, width), bool)
        top, left, bottom, right = self._clip(row, col, row + height, col + width)
        if top < bottom and left < right:
            inside = (slice(top - row, bottom - row), slice(left - col, right - col))
            array[:, *inside], valid[inside] = self._read_inside(top, left, bottom, right)
        return Raster(array, box.transform, box.crs, valid)

    def read_all(self) -> Raster:
        """The whole working grid; InputError where it does not fit the memory."""
        height, width = self.geobox.shape
        check_whole(height, width, self._name)
        array, valid = np.empty((3, height, width), np.uint8), np.empty((height, width), bool)
        for top in range(
            0, height, _STRIP_PX
        ):  # strips, so that wider types never exist at full size
            strip = slice(top, min(top + _STRIP_PX, height))
            array[:, strip], valid[strip] = self._read_inside(top, 0, strip.stop, width)
        return Raster(array, self.geobox.transform, self.geobox.crs, valid)

    def _clip(self, top: int, left: int, bottom: int, right: int) -> tuple[int, int, int, int]:
        height, width = self.geobox.shape
        return max(top, 0), max(left, 0), min(bottom, height), min(right, width)

    def _read_inside(
        self, top: int, left: int, bottom: int, right: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        window = Window(left, top, right - left, bottom - top)
        raw = read_pixels(self._grid, list(self._bands), window)
        valid = read_valid(self._grid, window)
        if np.issubdtype(raw.dtype, np.floating):
            valid &= np.isfinite(raw).all(axis=0)
        for low, high, side_px in self._list_blanks(raw.dtype):
            if _holds_square(raw, low, high, side_px):
                valid &= ~self._find_blank((low, high, side_px), top, left, bottom, right)
        rgb = scale_to_bytes(raw, self.scale)
        rgb[:, ~valid] = 0
        return np.broadcast_to(rgb, (3, *valid.shape)), valid

    def _list_blanks(self, dtype: np.dtype[Any]) -> list[tuple[float, float, int]]:
        """(lowest, highest, side of a square) of values that are no picture where they fill it."""
        exact: list[tuple[float, float, int]] = []
        if self._guess_nodata:
            exact = [(value, value, self._blank_px) for value in _blank_values(dtype)]
        if dtype != np.uint8 or not self._near_blanks:
            return exact
        dark, pale = self._spare_levels
        near = {0: (0, _NEARLY * dark), 255: (255 - _NEARLY * pale, 255)}
        sides = 2 * self._blank_px - 1
        return exact + [(*near[value], sides) for value in self._near_blanks]

    @cached_property
    def _spare_levels(self) -> tuple[bool, bool]:
        """Whether nearly black, and nearly white, are levels that the picture does without."""
        parts = [
            read_pixels(self._grid, list(self._bands), window).max(axis=0).ravel()
            for window in sample_windows(self._grid)
        ]
        bright = np.concatenate(parts)
        bright = bright[bright > _NEARLY]
        bright = bright[bright < 255 - _NEARLY]
        if not bright.size:
            return False, False
        return float(np.percentile(bright, 98)) >= _DARK, float(np.percentile(bright, 2)) <= _PALE

    def _find_blank(
        self, kind: tuple[float, float, int], top: int, left: int, bottom: int, right: int
    ) -> NDArray[np.bool_]:
        """Pixels inside some square that is blank throughout (as is what lies beyond the image,
        save of nearly white).
        """
        low, high, side_px = kind
        margin = side_px - 1  # a pixel's squares reach no further: no window can answer differently
        y0, x0, y1, x1 = self._clip(top - margin, left - margin, bottom + margin, right + margin)
        raw = read_pixels(self._grid, list(self._bands), Window(x0, y0, x1 - x0, y1 - y0))
        blank = ((raw >= low) & (raw <= high)).all(axis=0)
        # a bright corner may be a roof that is cut off; a dark one hardly is
        beyond = int(low == high or low == 0)
        core = minimum_filter(blank.view(np.uint8), side_px, mode="constant", cval=beyond)
        spread = maximum_filter(core, side_px, mode="constant", cval=0)
        found: NDArray[np.bool_] = spread[top - y0 : bottom - y0, left - x0 : right - x0].astype(
            bool
        )
        return found


def open_image(
    path: str | os.PathLike[str],
    *,
    bands: Sequence[int] | None = None,
    crs: CRS | pyproj.CRS | str | int | None = None,
    m_per_px: float | None = None,
    scale: tuple[float, float] | None = None,
) -> ImageReader:
    """Open any raster as RGB uint8 on a north-up grid of square pixels in a metric CRS.

    The grid is the file's own where that is such a grid and within 5 % of `m_per_px`; otherwise the
    file is warped (bilinear, or averaged when coarsened). `bands` (one or three, from 1) must be
    given unless the file has three bands, or three and alpha, or says which are red, green, blue;
    they win over what the file declares. `scale` is the (low, high) of the
    file that become 0 and 255. A file without a place is read in pixels, each taken as `m_per_px`.
    Raises InputError for what cannot be opened, placed or read as colours.
    """
    source = open_source(path)
    try:
        placing = place_image(source, crs=crs, m_per_px=m_per_px)
        return ImageReader(source, placing, bands=bands, scale=scale)
    except BaseException:
        source.close()
        raise


def _holds_square(raw: NDArray[Any], low: float, high: float, side_px: int) -> bool:
    """Whether a square of such values may reach into the window; what lies beyond may be any."""
    blank = ((raw >= low) & (raw <= high)).all(axis=0)
    if not blank.any():
        return False
    around = np.pad(blank.view(np.uint8), side_px // 2, constant_values=1)
    return bool(minimum_filter(around, side_px, mode="constant", cval=1).any())


def _blank_values(dtype: np.dtype[Any]) -> tuple[float, ...]:
    return (0, np.iinfo(dtype).max) if np.issubdtype(dtype, np.unsignedinteger) else (0,)


def open_working_grid(source: DatasetReader, placing: Placing) -> DatasetReader | WarpedVRT:
    """The file itself where its grid is the working grid, else a view: its blocks are fixed, so
    windows agree.
    """
    own, working = placing.source, placing.working
    if own == working:
        return source
    nodata, flags = source.nodata, source.mask_flag_enums[0]
    if (
        nodata is None
        and MaskFlags.per_dataset not in flags
        and np.issubdtype(np.dtype(source.dtypes[0]), np.floating)
    ):
        nodata = float("nan")
    masked = nodata is not None or MaskFlags.alpha in flags
    return WarpedVRT(
        source,
        src_crs=own.crs,
        crs=working.crs,
        transform=working.transform,
        height=working.height,
        width=working.width,
        nodata=nodata,
        src_nodata=nodata,
        add_alpha=not masked,
        resampling=Resampling.average if placing.coarsening > _COARSER else Resampling.bilinear,
        tolerance=0.01,  # px; zero is not accepted
    )
