"""Georeferenced files, whatever their CRS and resolution, as one image: the first with data
counts.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
from rasterio.crs import CRS
from rasterio.io import DatasetReader

from mapsight.errors import MapsightError
from mapsight.geo.geobox import Bounds, GeoBox, Raster
from mapsight.geo.imagery import ImageReader
from mapsight.geo.placing import Placing, ground_resolution, locate
from mapsight.geo.scaling import Scale
from mapsight.geo.sources.mosaic import Piece

_OPEN_FILES = 8
_PATIENCE = 3  # parts in which a file may fail before it is left alone


@dataclass(frozen=True)
class Picture:
    """A file: its name for people, how it is opened, its (left, bottom, right, top) in the CRS of
    the image, and which of its bands (from 1) are red, green, blue, if that is known.
    """

    name: str
    open: Callable[[], DatasetReader]
    bounds: Bounds
    bands: tuple[int, ...] | None = None


class PictureReader:
    """Reads parts out of files in their order. A context manager.

    `bands`, `scale` and `crs` as for `open_image`. The scale of the first file, if it needs one,
    serves for all, so that neighbours match. With `forgive`, files that cannot be read are no data
    and counted in `failed`.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        box: GeoBox,
        *,
        bands: Sequence[int] | None = None,
        scale: Scale | None = None,
        crs: CRS | pyproj.CRS | str | int | None = None,
        forgive: bool = False,
    ) -> None:
        self._pictures, self._box, self._bands, self.scale = pictures, box, bands, scale
        self._crs, self._forgive, self._open = crs, forgive, OrderedDict[str, ImageReader]()
        self.failed: dict[str, str] = {}
        self._faults: Counter[str] = Counter()
        self.used: dict[str, int] = {}

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._open.values():
            reader.close()

    def read(self, block: GeoBox) -> Piece:
        """RGB and valid on the grid of a block of the image."""
        array, valid, whole = (
            np.zeros((3, *block.shape), np.uint8),
            np.zeros(block.shape, bool),
            True,
        )
        for picture in self._pictures:
            if valid.all() or not _overlap(picture.bounds, block.bounds):
                continue
            part = self.read_one(picture, block)
            if part is None:
                whole = False
                continue
            new = part.valid & ~valid
            array[:, new] = part.array[:, new]
            valid |= new
            self.used[picture.name] = self.used.get(picture.name, 0) + int(new.sum())
        return Piece(Raster(array, block.transform, block.crs, valid), whole)

    def read_one(self, picture: Picture, block: GeoBox) -> Raster | None:
        """One picture in a block, or None where it cannot be read, and that is forgiven."""
        row = round((self._box.bounds[3] - block.bounds[3]) / block.m_per_px)
        col = round((block.bounds[0] - self._box.bounds[0]) / block.m_per_px)
        if self._faults[picture.name] >= _PATIENCE:
            return None
        try:
            reader = self._reader(picture)
        except MapsightError as error:
            self._note(picture, error, error.expectation)
            return None
        try:
            return reader.read(row, col, *block.shape)
        except MapsightError as error:  # GDAL's words may hold an address with its key
            self._note(picture, error, "its file is damaged, or breaks off")
            return None

    def _note(self, picture: Picture, error: MapsightError, reason: str) -> None:
        if not self._forgive:
            raise error
        self._faults[picture.name] += 1
        self.failed[picture.name] = reason

    def _reader(self, picture: Picture) -> ImageReader:
        if picture.name not in self._open:
            if len(self._open) >= _OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            self._open[picture.name] = self._place(picture)
        self._open.move_to_end(picture.name)
        return self._open[picture.name]

    def _place(self, picture: Picture) -> ImageReader:
        """The file on the grid of the image: resampled once."""
        source = picture.open()
        try:
            own = locate(source, crs=self._crs)
            assert self._box.crs is not None
            coarsening = self._box.m_per_px / ground_resolution(own, self._box.crs)
            placing = Placing(own, self._box, (), coarsening)
            reader = ImageReader(
                source,
                placing,
                bands=self._bands or picture.bands,
                scale=self.scale,
            )
        except BaseException:
            source.close()
            raise
        self.scale = self.scale or reader.scale
        return reader


def _overlap(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
