"""Values that carry their place on earth, and the choice of a CRS whose unit is an honest metre."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.transform import array_bounds

from mapsight.errors import InputError

Bounds = tuple[float, float, float, float]

# `CRS.from_user_input` fetches when it is handed a URL, so only names of authorities get that far.
_CRS_NAME = re.compile(
    r"^\s*(?:(?P<authority>EPSG|ESRI|OGC|IGNF|IAU_2015)\s*:\s*)?(?P<code>[A-Za-z0-9_.]{1,24})\s*$",
    re.I,
)
_SCALE_TOLERANCE = 0.01


@dataclass(frozen=True)
class GeoBox:
    """A pixel grid: (H, W), the affine from (col, row) to (x, y), the CRS (None: pixel coordinates,
    y up).
    """

    height: int
    width: int
    transform: Affine
    crs: CRS | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def bounds(self) -> Bounds:
        """(left, bottom, right, top) in units of the CRS."""
        left, bottom, right, top = array_bounds(self.height, self.width, self.transform)
        return float(left), float(bottom), float(right), float(top)

    @property
    def m_per_px(self) -> float:
        """Metres a pixel, for boxes in a metric CRS or in pixel coordinates."""
        return float(self.transform.a)

    def window(self, row: int, col: int, height: int, width: int) -> GeoBox:
        """The box of a window, which may reach over the edges."""
        return GeoBox(height, width, self.transform @ Affine.translation(col, row), self.crs)


@dataclass(frozen=True, eq=False)
class Raster:
    """Pixels with their place: array (bands, H, W), valid (H, W) bool (all True when not given)."""

    array: NDArray[Any]
    transform: Affine
    crs: CRS | None = None
    valid: NDArray[np.bool_] = field(default=cast("NDArray[np.bool_]", None))

    def __post_init__(self) -> None:
        if self.valid is None:
            object.__setattr__(self, "valid", np.ones(self.array.shape[1:], dtype=bool))
        assert self.array.ndim == 3
        assert self.valid.shape == self.array.shape[1:]

    @property
    def geobox(self) -> GeoBox:
        return GeoBox(self.array.shape[1], self.array.shape[2], self.transform, self.crs)


def pixel_box(height: int, width: int, *, m_per_px: float = 1.0) -> GeoBox:
    """The box of an image without a place: origin at the top left, y up, `m_per_px` assumed."""
    return GeoBox(height, width, Affine(m_per_px, 0, 0, 0, -m_per_px, 0), None)


def parse_crs(value: CRS | pyproj.CRS | str | int) -> CRS:
    """A CRS from an object or a name such as 'EPSG:26986' or 26986; URLs, files and free text are
    refused.
    """
    if isinstance(value, CRS):
        return value
    if isinstance(value, pyproj.CRS):
        return CRS.from_wkt(value.to_wkt())
    named = _CRS_NAME.match(str(value))
    if named is None or (named["authority"] is None and not named["code"].isdigit()):
        raise InputError(
            repr(str(value)[:60]), "is not the name of a CRS", "write it as EPSG:<number>"
        )
    name = f"{(named['authority'] or 'EPSG').upper()}:{named['code']}"
    try:
        return CRS.from_user_input(name)
    except CRSError:
        raise InputError(name, "no CRS has this name", "look the number up on epsg.org") from None


def metric_crs(bounds: Bounds, crs: CRS) -> CRS:
    """`crs` if its unit is a metre on the ground (within 1 %) amid `bounds`, in `crs`; else the
    local UTM.
    """
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    try:
        to_degrees = pyproj.Transformer.from_crs(_to_pyproj(crs), "EPSG:4326", always_xy=True)
        lon, lat = to_degrees.transform(x, y)
    except pyproj.exceptions.ProjError:
        lon = lat = math.inf
    if not (math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 540):
        raise InputError(
            f"({x:g}, {y:g}) in {crs.to_string()[:40]}", "is no place on earth", "check the CRS"
        )
    if crs.is_projected and _is_metric(to_degrees, x, y):
        return crs
    return CRS.from_epsg(_utm_epsg(lon, lat))


def _to_pyproj(crs: CRS) -> pyproj.CRS:
    return pyproj.CRS.from_wkt(crs.to_wkt())


def _is_metric(to_degrees: pyproj.Transformer, x: float, y: float) -> bool:
    """Whether 100 units east and 100 units north of here measure 99 to 101 m on the ellipsoid."""
    lon, lat = to_degrees.transform([x - 50, x + 50, x, x], [y, y, y - 50, y + 50])
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(lon[::2], lat[::2], lon[1::2], lat[1::2])
    return bool(np.all(np.abs(np.asarray(metres) / 100 - 1) <= _SCALE_TOLERANCE))


def _utm_epsg(lon: float, lat: float) -> int:
    if abs(lat) > 84:  # UTM ends here; polar stereographic is within 1 % of true
        return 32661 if lat > 0 else 32761
    zone = int((lon + 180) // 6) % 60 + 1
    return (32600 if lat >= 0 else 32700) + zone
