"""From pictures of a grid to a part of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

from mapsight.geo.geobox import GeoBox, Raster
from mapsight.geo.sources.blank import UNIFORM_PX, find_blank
from mapsight.geo.sources.cells import Cell, Cells
from mapsight.geo.sources.decode import decode_picture
from mapsight.geo.sources.http import FetchError
from mapsight.geo.sources.mosaic import Piece, warp_onto
from mapsight.geo.sources.record import LASTING
from mapsight.geo.sources.store import Reply

_DECODED_BYTES = 64 * 2**20
_MARGIN_PX = UNIFORM_PX + 2  # whatever part is read, a pixel sees the same surroundings


def check_picture(reply: Reply, *, cells: Cells, name: object) -> None:
    """FetchError of the kind 'damaged' unless the reply is a picture of the size that was asked
    for.
    """
    decode_picture(reply, cells.width_px, cells.height_px + cells.cut_px, name)


def read_picture(reply: Reply, cells: Cells, name: object) -> NDArray[np.uint8]:
    """RGBA of what is used of a picture: without the attribution bar."""
    picture = decode_picture(reply, cells.width_px, cells.height_px + cells.cut_px, name)
    return picture[:, : cells.height_px]


class CellReader:
    """Reads parts out of the pictures that are `there`; `failed` says why others are not."""

    def __init__(
        self,
        cells: Cells,
        get: Callable[[Cell], Reply],
        *,
        there: Collection[Cell],
        failed: Mapping[Cell, str],
        photo: bool,
    ) -> None:
        self._cells, self._get, self._there, self._failed, self._photo = (
            cells,
            get,
            there,
            dict(failed),
            photo,
        )
        size = 4 * cells.width_px * cells.height_px
        self._decoded = lru_cache(maxsize=max(4, _DECODED_BYTES // size))(self._decode)

    def read(self, block: GeoBox) -> Piece:
        """RGB and valid on the grid of a block."""
        native, whole = self.read_native(block)
        return Piece(warp_onto(native, block), whole)

    def read_native(self, block: GeoBox) -> Piece:
        """RGB and valid around a block on the grid of the pictures, as they are."""
        top, left, bottom, right = self._find_window(block)
        rgba, whole = self._assemble(top, left, bottom, right)
        valid = rgba[3] >= 128
        if self._photo:
            valid &= ~find_blank(rgba[:3])
        unit, cells = self._cells.unit, self._cells
        transform = Affine(unit, 0, cells.left + left * unit, 0, -unit, cells.top - top * unit)
        return Piece(Raster(rgba[:3], transform, cells.crs, valid), whole)

    def _find_window(self, block: GeoBox) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) in pixels of the whole grid, with a margin."""
        cells = self._cells
        left, bottom, right, top = transform_bounds(
            block.crs, cells.crs, *block.bounds, densify_pts=21
        )
        rows = (cells.top - top) / cells.unit, (cells.top - bottom) / cells.unit
        cols = (left - cells.left) / cells.unit, (right - cells.left) / cells.unit
        return (
            math.floor(rows[0]) - _MARGIN_PX,
            math.floor(cols[0]) - _MARGIN_PX,
            math.ceil(rows[1]) + _MARGIN_PX,
            math.ceil(cols[1]) + _MARGIN_PX,
        )

    def _assemble(
        self, top: int, left: int, bottom: int, right: int
    ) -> tuple[NDArray[np.uint8], bool]:
        """RGBA of a window of the whole grid, and whether nothing in it may be had later."""
        height, width = self._cells.height_px, self._cells.width_px
        array, whole = np.zeros((4, bottom - top, right - left), np.uint8), True
        for row in range(top // height, (bottom - 1) // height + 1):
            for col in range(left // width, (right - 1) // width + 1):
                pixels = self._decoded(Cell(row, col))
                if pixels is None:
                    whole &= self._failed.get(Cell(row, col), "absent") in LASTING
                    continue
                y, x = row * height - top, col * width - left
                inside = (
                    slice(max(y, 0), min(y + height, bottom - top)),
                    slice(max(x, 0), min(x + width, right - left)),
                )
                array[:, *inside] = pixels[
                    :,
                    inside[0].start - y : inside[0].stop - y,
                    inside[1].start - x : inside[1].stop - x,
                ]
        return array, whole

    def _decode(self, cell: Cell) -> NDArray[np.uint8] | None:
        cells = self._cells
        if cell not in self._there:
            return None
        try:
            return read_picture(self._get(cell), cells, cell)
        except FetchError as error:  # the store was emptied meanwhile
            self._failed[cell] = error.kind
            return None
