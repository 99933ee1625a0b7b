"""Tiles and crops of an audit's rasters, cut by rio-tiler where the map has them (the shift is
taken out).

Only as many are cut at once as there are processors to do it; a few wait, the rest is told to come
again (503), so a thousand requests hold no more memory than two.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from PIL import Image
from rasterio.crs import CRS
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rio_tiler.errors import RioTilerError
from rio_tiler.io import Reader

from mapsight.errors import InputError
from mapsight.geo.colours import Colours
from mapsight.geo.geobox import Bounds, pixel_box
from mapsight.geo.placing import locate
from mapsight.geo.raster import open_image
from mapsight.geo.scaling import Scale, scale_to_bytes
from mapsight.geo.source import open_source
from mapsight.geo.view import view_colours
from mapsight.web.review.place import MERCATOR, Frame

TILE_PX, MOST_ZOOM = 256, 23
WORLD_M = 20037508.342789244  # half the width of web Mercator
WORKERS = max(1, min(4, os.cpu_count() or 1))
_MERCATOR = CRS.from_string(MERCATOR)
_CACHE_MB = 128
_SEEN = np.array([232, 255, 92], np.uint8)  # the report's colour of what the net saw


@dataclass(frozen=True)
class Picture:
    """An encoded image."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class RasterSource:
    """A raster of the audit: its colours (None: its first band), and how they become bytes
    (`probability`: a colour whose strength is p).
    """

    path: Path
    frame: Frame
    crs: str | None = None
    m_per_px: float = 1.0
    colours: Colours | None = None
    scale: Scale | None = None
    probability: bool = False

    def read_bounds(self) -> Bounds:
        """(left, bottom, right, top) in web Mercator, as the page shows it."""
        with self._open() as (dataset, _):
            left, bottom, right, top = transform_bounds(dataset.crs, _MERCATOR, *dataset.bounds)
        dx, dy = self.frame.shift_mercator((bottom + top) / 2)
        return left - dx, bottom - dy, right - dx, top - dy

    def find_native_zoom(self) -> int:
        """The zoom whose tiles hold all that the raster does; beyond it a browser enlarges them
        itself.
        """
        left, _, right, _ = self.read_bounds()
        with self._open() as (dataset, _):
            m_per_px = (right - left) / max(dataset.width, 1)
        return int(np.clip(np.ceil(np.log2(2 * WORLD_M / TILE_PX / m_per_px)), 0, MOST_ZOOM))

    def cut(self, bounds: Bounds, width: int, height: int) -> Picture:
        """The part between bounds in web Mercator, in the map's position."""
        dx, dy = self.frame.shift_mercator((bounds[1] + bounds[3]) / 2)
        shifted = bounds[0] + dx, bounds[1] + dy, bounds[2] + dx, bounds[3] + dy
        try:
            with (
                rasterio.Env(GDAL_CACHEMAX=_CACHE_MB),
                self._open() as (dataset, bands),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")  # no overviews: slower, not wrong
                with Reader(None, dataset=dataset) as reader:
                    part = reader.part(
                        shifted,
                        dst_crs=_MERCATOR,
                        bounds_crs=_MERCATOR,
                        width=width,
                        height=height,
                        indexes=bands,
                        resampling_method="bilinear",
                        reproject_method="bilinear",
                    )
        except RioTilerError:
            return EMPTY
        except rasterio.errors.RasterioError as error:
            raise InputError(
                self.path.name, f"cannot be read ({str(error)[:80]})", "is the file damaged?"
            ) from None
        valid = part.mask > 0
        if self.probability:
            return _paint_probability(part.array.data[0], valid)
        rgb = np.broadcast_to(scale_to_bytes(part.array.data, self.scale), (3, *valid.shape))
        return _encode(rgb.transpose(1, 2, 0), valid)

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[Any, tuple[int, ...]]]:
        """The file with a place (its own, the one given, or pixels as metres), and its bands."""
        bands: tuple[int, ...] = (1,)
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(open_source(self.path))
            box = locate(source, crs=self.crs)
            if self.colours is not None:
                source, bands = view_colours(source, self.colours)
                stack.enter_context(source)
            if box.crs is None:
                box = pixel_box(box.height, box.width, m_per_px=self.m_per_px)
            if source.crs is not None and source.crs == box.crs:
                yield source, bands
                return
            crs = box.crs or _MERCATOR
            with WarpedVRT(
                source,
                src_crs=crs,
                src_transform=box.transform,
                crs=crs,
                transform=box.transform,
                width=box.width,
                height=box.height,
                add_alpha=source.nodata is None,
            ) as placed:
                yield placed, bands


def open_image_source(
    path: Path, frame: Frame, *, bands: tuple[int, ...] | None, crs: str | None, m_per_px: float
) -> RasterSource:
    """The imagery, read as the audit has read it; InputError for a file that cannot be."""
    with open_image(path, bands=bands, crs=crs, m_per_px=m_per_px) as reader:
        if (reader.geobox.crs is None) == frame.on_earth:
            raise InputError(
                path,
                "and the findings do not lie in the same kind of place",
                "give the audited image",
            )
        return RasterSource(path, frame, crs, m_per_px, reader.colours, reader.scale)


def tile_bounds(z: int, x: int, y: int) -> Bounds | None:
    """The tile in web Mercator; None where there is no such tile."""
    if not (0 <= z <= MOST_ZOOM and 0 <= x < 1 << z and 0 <= y < 1 << z):
        return None
    side = 2 * WORLD_M / (1 << z)
    left, top = x * side - WORLD_M, WORLD_M - y * side
    return left, top - side, left + side, top


@lru_cache(maxsize=384)
def cut_tile(source: RasterSource, z: int, x: int, y: int) -> Picture | None:
    """One tile of 256 px; None where there is no such tile; empty outside the raster."""
    bounds = tile_bounds(z, x, y)
    return None if bounds is None else source.cut(bounds, TILE_PX, TILE_PX)


def _paint_probability(seen: np.ndarray, valid: np.ndarray) -> Picture:
    seen = np.where(valid & np.isfinite(seen), seen, 0).clip(0, 1)
    image = np.empty((*seen.shape, 4), np.uint8)
    image[..., :3] = _SEEN
    image[..., 3] = np.round(255 * np.where(seen > 0.02, seen, 0) ** 0.8)
    return Picture(_save(Image.fromarray(image), "PNG", compress_level=3), "image/png")


def _encode(rgb: np.ndarray, valid: np.ndarray) -> Picture:
    if valid.all():
        return Picture(
            _save(Image.fromarray(np.ascontiguousarray(rgb)), "JPEG", quality=88), "image/jpeg"
        )
    if not valid.any():
        return EMPTY
    image = np.dstack([rgb, np.where(valid, 255, 0).astype(np.uint8)])
    return Picture(_save(Image.fromarray(image), "PNG", compress_level=3), "image/png")


def _save(image: Image.Image, kind: str, **options: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


EMPTY = Picture(_save(Image.new("RGBA", (1, 1)), "PNG"), "image/png")
