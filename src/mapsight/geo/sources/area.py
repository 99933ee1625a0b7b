"""The place that is asked for: a bounding box in degrees, checked before anything is fetched."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyproj
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, GeoBox, metric_crs
from mapsight.geo.placing import snap_box

MAX_AREA_KM2 = 10_000.0
MIN_SIDE_M = 10.0
_WGS84 = CRS.from_epsg(4326)
_EXAMPLE = "write W S E N in degrees, such as 11.57 48.13 11.59 48.15"
_DENSIFY = 41


@dataclass(frozen=True)
class Area:
    """West, south, east, north in degrees (EPSG:4326); InputError for boxes that no source could
    serve.
    """

    west: float
    south: float
    east: float
    north: float
    max_km2: float = MAX_AREA_KM2

    def __post_init__(self) -> None:
        _check_numbers(self.bbox)
        _check_order(*self.bbox)
        if self.width_m < MIN_SIDE_M or self.height_m < MIN_SIDE_M:
            size = f"{self.width_m:.1f} × {self.height_m:.1f} m"
            raise InputError(f"--bbox {self}", f"{size} are too small to show a road", _EXAMPLE)
        if self.km2 > self.max_km2:
            raise InputError(
                f"--bbox {self}",
                f"{self.km2:.0f} km² are above the limit of {self.max_km2:.0f}",
                "gather it in parts",
            )

    def __str__(self) -> str:
        return " ".join(f"{edge:.7g}" for edge in self.bbox)

    @property
    def bbox(self) -> Bounds:
        """(west, south, east, north) in degrees."""
        return self.west, self.south, self.east, self.north

    @property
    def width_m(self) -> float:
        """Metres from west to east at the middle latitude."""
        middle = (self.south + self.north) / 2
        return _measure_m((self.west, middle), (self.east, middle))

    @property
    def height_m(self) -> float:
        """Metres from south to north."""
        return _measure_m((self.west, self.south), (self.west, self.north))

    @property
    def km2(self) -> float:
        """Square kilometres, as width times height."""
        return self.width_m * self.height_m / 1e6

    def bounds_in(self, crs: CRS) -> Bounds:
        """The smallest (left, bottom, right, top) in `crs` that holds the area, curved edges
        included.
        """
        left, bottom, right, top = transform_bounds(_WGS84, crs, *self.bbox, densify_pts=_DENSIFY)
        if not all(map(math.isfinite, (left, bottom, right, top))):
            raise InputError(
                f"--bbox {self}", f"has no place in {crs.to_string()[:40]}", "choose another CRS"
            )
        return left, bottom, right, top

    def choose_grid(self, m_per_px: float) -> GeoBox:
        """The north-up metric grid (local UTM) over the area; its corners are multiples of the
        pixel.
        """
        if not (math.isfinite(m_per_px) and 0.01 <= m_per_px <= 1000):
            raise InputError(
                m_per_px, "metres a pixel must lie between 0.01 and 1000", "write for example 0.5"
            )
        crs = metric_crs(self.bbox, _WGS84)
        return snap_box(self.bounds_in(crs), m_per_px, crs)


def _check_numbers(bbox: Bounds) -> None:
    shown = "--bbox " + " ".join(f"{edge:.7g}" for edge in bbox)
    west, south, east, north = bbox
    if not all(map(math.isfinite, bbox)):
        raise InputError(shown, "expected four numbers", _EXAMPLE)
    if max(abs(south), abs(north)) > 90:
        swapped = max(abs(west), abs(east)) <= 90
        raise InputError(
            shown, "latitudes reach from -90 to 90", "W S E N: swapped?" if swapped else _EXAMPLE
        )
    if max(abs(west), abs(east)) > 180:
        raise InputError(shown, "longitudes reach from -180 to 180", _EXAMPLE)


def _check_order(west: float, south: float, east: float, north: float) -> None:
    shown = f"--bbox {west:.7g} {south:.7g} {east:.7g} {north:.7g}"
    if south >= north:
        raise InputError(shown, "south must lie below north", _EXAMPLE)
    if west > east and west - east > 180:
        halves = (
            f"{west:.7g} {south:.7g} 180 {north:.7g} and -180 {south:.7g} {east:.7g} {north:.7g}"
        )
        raise InputError(shown, "crosses the antimeridian", f"gather its halves {halves}")
    if west >= east:
        raise InputError(shown, "west must lie left of east", _EXAMPLE)


def _measure_m(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Metres along the surface; more than half way round is measured the way that was asked for."""
    geod = pyproj.Geod(ellps="WGS84")
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    length_m: float = sum(geod.inv(*a, *b)[2] for a, b in ((start, middle), (middle, end)))
    return length_m
