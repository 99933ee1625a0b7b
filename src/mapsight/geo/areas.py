"""Areas of interest: the polygons of a file, as pixels of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask

from mapsight.errors import InputError, OverlapError
from mapsight.geo.geobox import GeoBox
from mapsight.geo.maps.formats import open_map

_SUFFIXES = (".gpkg", ".geojson", ".json", ".shp")
_POLYGONS = ("Polygon", "MultiPolygon")


@dataclass(frozen=True, eq=False)
class InterestArea:
    """Where something is to be looked at.

    Parameters
    ----------
    shape
        In the CRS of the grid that it was read for.
    inside
        (H, W) bool: pixels of that grid whose middle lies in it.
    """

    shape: shapely.Geometry
    inside: NDArray[np.bool_]

    def measure_km(self, lines: Sequence[shapely.Geometry]) -> float:
        """Kilometres of lines, given in the CRS of the grid, that lie in the area."""
        shapely.prepare(self.shape)
        return float(shapely.length(shapely.intersection(lines, self.shape)).sum() / 1000)


def read_area(path: Path, box: GeoBox, *, layer: str | None = None) -> InterestArea:
    """Read the polygons of a GeoPackage, GeoJSON or Shapefile, all of them together.

    Raises
    ------
    InputError
        For a file that is damaged, of another kind, without a CRS, or without polygons.
    OverlapError
        If no pixel of the grid lies in them.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(
            path, "is no file of polygons", f"expected one that ends in {', '.join(_SUFFIXES)}"
        )
    with open_map(path) as (_, readable):
        table = gpd.read_file(readable, layer=layer, columns=[])
        polygons = table[table.geometry.geom_type.isin(_POLYGONS)]
        if polygons.empty:
            raise InputError(path, "holds no polygon", "draw the area as a polygon")
        if polygons.crs is None:
            raise InputError(path, "states no CRS", "save it with one, such as EPSG:4326")
        if box.crs is None:
            raise InputError(
                path, "cannot be laid on an image without a georeference", "georeference the image"
            )
        shape = shapely.union_all(shapely.make_valid(polygons.to_crs(box.crs.to_wkt()).geometry))
    inside = geometry_mask([shape], box.shape, box.transform, invert=True)
    if not inside.any():
        raise OverlapError(path, "lies outside of the image", "check its place and its CRS")
    return InterestArea(shape, inside)
