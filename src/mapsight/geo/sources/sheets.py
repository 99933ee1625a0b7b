"""Several sheets as one image, for what comes in parts: files, folders and patterns."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyproj
from affine import Affine
from rasterio.crs import CRS

from mapsight.errors import InputError, MapsightError
from mapsight.geo.geobox import Bounds, GeoBox, Raster, metric_crs
from mapsight.geo.imagery import ImageReader, open_image
from mapsight.geo.placing import ground_resolution, locate, outline_bounds, snap_box
from mapsight.geo.scaling import Scale
from mapsight.geo.source import check_whole, open_source
from mapsight.geo.sources.folder import list_images
from mapsight.geo.sources.pictures import Picture, PictureReader

PREFERENCES = ("sharpest", "newest")
_COARSER = 1.05  # a grid within 5 % of the wanted resolution is used as it is, as of one image
_STRIP_PX = 1024
_DATE_TAGS = ("ACQUISITIONDATETIME", "TIFFTAG_DATETIME")
_NAMED = 5  # files that a note names; the rest is counted


@dataclass(frozen=True)
class Sheet:
    """A file of the image: its grid, its metres a pixel, and its date as the file states it."""

    path: Path
    own: GeoBox
    m_per_px: float
    date: str


class SheetReader:
    """Sheets on one working grid. A context manager; reads as `ImageReader` does.

    Per place the first sheet with data counts. `notes` names what was left out, and why.
    """

    def __init__(
        self,
        sheets: Sequence[Sheet],
        box: GeoBox,
        *,
        bands: Sequence[int] | None,
        scale: Scale | None,
        crs: CRS | pyproj.CRS | str | int | None,
        left_out: Sequence[str],
    ) -> None:
        assert box.crs is not None
        self.sheets, self.geobox, self.source_geobox = tuple(sheets), box, box
        self._pictures = [
            Picture(
                str(sheet.path),
                partial(open_source, sheet.path),
                outline_bounds(sheet.own, box.crs),
            )
            for sheet in sheets
        ]
        self._reader = PictureReader(
            self._pictures, box, bands=bands, scale=scale, crs=crs, forgive=True
        )
        self._left_out = tuple(left_out)

    def __enter__(self) -> SheetReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._reader.__exit__()

    @property
    def scale(self) -> Scale | None:
        """The (low, high) of the files that become 0 and 255, or None."""
        return self._reader.scale

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the files, what was left out, and what could not be read so far."""
        finest = min(sheet.m_per_px for sheet in self.sheets)
        coarsest = max(sheet.m_per_px for sheet in self.sheets)
        span = f"{finest:.2g}" if finest == coarsest else f"{finest:.2g} to {coarsest:.2g}"
        failed = [f"{Path(name).name}: {reason}" for name, reason in self._reader.failed.items()]
        return (
            f"{len(self.sheets)} sheets of {span} m a pixel are one image of"
            f" {self.geobox.height} × {self.geobox.width} px of {self.geobox.m_per_px:g} m",
            *_shorten(self._left_out, "left out"),
            *_shorten(failed, "without data"),
        )

    def read(self, row: int, col: int, height: int, width: int) -> Raster:
        """RGB uint8 (3, height, width) and valid of a window, which may hang over the edges."""
        return self._reader.read(self.geobox.window(row, col, height, width)).raster

    def read_all(self) -> Raster:
        """The whole working grid; InputError where it is too large, or no sheet has data."""
        box = self.geobox
        height, width = box.shape
        check_whole(height, width, f"{len(self.sheets)} sheets")
        array, valid = np.empty((3, height, width), np.uint8), np.empty((height, width), bool)
        for top in range(0, height, _STRIP_PX):
            strip = slice(top, min(top + _STRIP_PX, height))
            part = self.read(top, 0, strip.stop - top, width)
            array[:, strip], valid[strip] = part.array, part.valid
        if not valid.any() and self._reader.failed:
            name, reason = next(iter(self._reader.failed.items()))
            raise InputError(name, reason, "download the sheets again")
        return Raster(array, box.transform, box.crs, valid)

    def find_sheet(self, x: float, y: float) -> Sheet | None:
        """The sheet that a place of the working grid (in its CRS) is seen on; None without data."""
        col, row = (math.floor(value) for value in ~self.geobox.transform * (x, y))
        for sheet, picture in zip(self.sheets, self._pictures, strict=True):
            left, bottom, right, top = picture.bounds
            if not (left <= x <= right and bottom <= y <= top):
                continue
            seen = self._reader.read_one(picture, self.geobox.window(row, col, 1, 1))
            if seen is not None and seen.valid.any():
                return sheet
        return None


def open_images(
    paths: Sequence[str | os.PathLike[str]],
    *,
    bands: Sequence[int] | None = None,
    crs: CRS | pyproj.CRS | str | int | None = None,
    m_per_px: float | None = None,
    scale: Scale | None = None,
    prefer: str = "sharpest",
) -> ImageReader | SheetReader:
    """Open files, folders and patterns as one image on one working grid.

    Parameters
    ----------
    paths
        Files, folders (searched below, too) and patterns such as ``sheets/*.tif``.
    bands, crs, m_per_px, scale
        As for `open_image`, of all sheets alike.
    prefer
        Which sheet counts where several have data: the 'sharpest', or the 'newest' by the date that
        it states.

    Raises
    ------
    InputError
        If nothing is there, no sheet is georeferenced, or the preference is unknown.
    """
    if prefer not in PREFERENCES:
        raise InputError(f"--prefer {prefer}", "unknown", f"choose {' or '.join(PREFERENCES)}")
    files = find_files(paths)
    if len(files) == 1:
        return open_image(files[0], bands=bands, crs=crs, m_per_px=m_per_px, scale=scale)
    sheets, left_out = _survey(files, crs)
    if not sheets:
        raise InputError(
            f"{len(files)} images",
            f"none can be used: {left_out[0]}",
            "several images need georeferences, as GeoTIFFs have them",
        )
    box = _choose_grid(sheets, m_per_px)
    by_name = sorted(sheets, key=lambda sheet: (sheet.m_per_px, str(sheet.path)))
    order = sorted(by_name, key=lambda s: s.date, reverse=True) if prefer == "newest" else by_name
    return SheetReader(order, box, bands=bands, scale=scale, crs=crs, left_out=left_out)


def find_files(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The image files that are meant, each once; InputError where a path leads to none."""
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if not path.exists() and glob.has_magic(str(path)):
            matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
            if not matches:
                raise InputError(path, "matches no file", "check the pattern")
        else:
            matches = [path]
        for match in matches:
            found |= dict.fromkeys(list_images(match) if match.is_dir() else [match])
    return list(found)


def _survey(
    files: Sequence[Path], crs: CRS | pyproj.CRS | str | int | None
) -> tuple[list[Sheet], list[str]]:
    """The sheets that have a place on earth; of the others, file and reason."""
    sheets, left_out = [], []
    for path in files:
        try:
            with open_source(path) as source:
                if source.transform.is_identity or (source.crs is None and crs is None):
                    left_out.append(f"{path.name}: no georeference")
                    continue
                own = locate(source, crs=crs)
                assert own.crs is not None
                metric = metric_crs(own.bounds, own.crs)
                date = next(filter(None, map(source.tags().get, _DATE_TAGS)), "")
                sheets.append(Sheet(path, own, round(ground_resolution(own, metric), 4), date))
        except MapsightError as error:
            left_out.append(f"{path.name}: {error.expectation}")
    return sheets, left_out


def _choose_grid(sheets: Sequence[Sheet], m_per_px: float | None) -> GeoBox:
    """One grid over all sheets: the pixels of the finest, where that is a metric grid of about the
    wanted resolution, so that nothing is resampled that need not be.
    """
    first = min(sheets, key=lambda sheet: sheet.m_per_px)
    own = first.own
    assert own.crs is not None
    crs = metric_crs(own.bounds, own.crs)
    bounds = _unite([outline_bounds(sheet.own, crs) for sheet in sheets])
    size = own.transform.a
    kept = (
        own.crs == crs
        and own.transform.b == own.transform.d == 0
        and math.isclose(size, -own.transform.e, rel_tol=1e-6)
        and (m_per_px is None or max(size / m_per_px, m_per_px / size) <= _COARSER)
    )
    if not kept:
        return snap_box(bounds, m_per_px or first.m_per_px, crs)
    # whole pixels from the corner of the first sheet to the corners of all
    x0, y0 = own.bounds[0], own.bounds[3]
    left, right = (
        math.floor((bounds[0] - x0) / size + 1e-6),
        math.ceil((bounds[2] - x0) / size - 1e-6),
    )
    top, bottom = (
        math.floor((y0 - bounds[3]) / size + 1e-6),
        math.ceil((y0 - bounds[1]) / size - 1e-6),
    )
    transform = Affine(size, 0, x0 + left * size, 0, -size, y0 - top * size)
    return GeoBox(bottom - top, right - left, transform, crs)


def _unite(boxes: Sequence[Bounds]) -> Bounds:
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _shorten(lines: Sequence[str], what: str) -> list[str]:
    """Up to five lines by name, and how many more there are."""
    shown = [f"{what}: {line}" for line in lines[:_NAMED]]
    return [*shown, f"{what}: {len(lines) - _NAMED} more"] if len(lines) > _NAMED else shown
