"""A written raster brought onto another grid, window by window."""

from __future__ import annotations

from pathlib import Path

import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from mapsight.geo.geobox import GeoBox
from mapsight.geo.raster import open_raster_writer

_STRIP_PX = 512


def warp_raster(
    source: Path, target: Path, box: GeoBox, *, resampling: Resampling = Resampling.bilinear
) -> None:
    """Writes `source` (a GeoTIFF of ours) on the grid of `box`, with its type, no-data value, scale
    and tags.
    """
    with rasterio.open(source, driver="GTiff") as opened:
        options = {
            "crs": box.crs,
            "transform": box.transform,
            "height": box.height,
            "width": box.width,
        }
        with (
            WarpedVRT(opened, resampling=resampling, nodata=opened.nodata, **options) as view,
            open_raster_writer(
                target,
                box,
                bands=opened.count,
                dtype=opened.dtypes[0],
                nodata=opened.nodata,
                scale=opened.scales[0],
                tags=opened.tags(),
            ) as writer,
        ):
            for row in range(0, box.height, _STRIP_PX):
                rows = min(_STRIP_PX, box.height - row)
                writer.write(row, 0, view.read(window=Window(0, row, box.width, rows)))
