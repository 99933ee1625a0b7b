"""From the CRS of an audit to the web map and back, and links to the same place elsewhere.

An audit of an image without a place lies in pixels; those are taken as metres of web Mercator
around (0°, 0°), where they are undistorted, so that the same page serves both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from mapsight.errors import InputError
from mapsight.roads.report.page import OSM_LINKS, fill_link

MERCATOR = "EPSG:3857"
JOSM = "http://127.0.0.1:8111"
LINKS: Mapping[str, str] = MappingProxyType(
    {**OSM_LINKS, "Mapillary": "https://www.mapillary.com/app/?lat={lat}&lng={lon}&z=18"}
)
_AROUND_M = 60


@dataclass(frozen=True)
class Frame:
    """`crs` of the findings (None: pixels); `shift_m`: added to the map, east and north, to reach
    the imagery.
    """

    crs: Any
    shift_m: tuple[float, float] = (0.0, 0.0)

    @property
    def on_earth(self) -> bool:
        return self.crs is not None

    def to_mercator(self, lines: gpd.GeoDataFrame | gpd.GeoSeries) -> gpd.GeoSeries:
        """Lines of the audit in metres of web Mercator."""
        series = gpd.GeoSeries(lines.geometry)
        return (
            series.set_crs(MERCATOR, allow_override=True)
            if not self.on_earth
            else series.to_crs(MERCATOR)
        )

    def to_degrees(self, lines: gpd.GeoDataFrame | gpd.GeoSeries) -> gpd.GeoSeries:
        """Lines of the audit in longitude and latitude (of the pretended place, for pixels)."""
        return self.to_mercator(lines).to_crs("EPSG:4326")

    def from_degrees(self, line: Sequence[tuple[float, float]]) -> str:
        """A line drawn on the page as WKT in the CRS of the findings; InputError where it is
        none.
        """
        array = np.asarray(line, dtype=float)
        if not (np.isfinite(array).all() and (np.abs(array) <= (180, 85)).all()):
            raise InputError("the drawn line", "leaves the map", "draw it again")
        x, y = self._back.transform(array[:, 0], array[:, 1])
        digits = 8 if self.on_earth and pyproj.CRS(self.crs).is_geographic else 3
        wkt: str = shapely.LineString(np.column_stack([x, y]).round(digits)).wkt
        return wkt

    def shift_mercator(self, y: float) -> tuple[float, float]:
        """The shift in units of web Mercator, which are shorter than metres away from the
        equator.
        """
        stretch = math.cosh(y / 6378137.0)
        return self.shift_m[0] * stretch, self.shift_m[1] * stretch

    def describe_place(self, lon: float, lat: float) -> str:
        """Where a finding is, to be copied."""
        if self.on_earth:
            return f"{lat:.6f}, {lon:.6f}"
        x, y = pyproj.Transformer.from_crs("EPSG:4326", MERCATOR, always_xy=True).transform(
            lon, lat
        )
        return f"{x:.0f} m right of and {-y:.0f} m below the image's corner"

    def list_links(
        self, lon: float, lat: float, templates: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        """(label, address) of the place in other programs; none for an image without a place."""
        if not self.on_earth:
            return []
        values = _look_around(lon, lat)
        return [(label, fill_link(template, values)) for label, template in templates.items()]

    def link_josm(self, lon: float, lat: float) -> str:
        """JOSM's remote control, always by number: `localhost` may mean ::1, where JOSM does not
        listen.
        """
        if not self.on_earth:
            return ""
        template = "/load_and_zoom?left={west}&right={east}&top={north}&bottom={south}"
        return fill_link(JOSM + template, _look_around(lon, lat))

    @cached_property
    def _back(self) -> pyproj.Transformer:
        return pyproj.Transformer.from_crs(
            "EPSG:4326", self.crs if self.on_earth else MERCATOR, always_xy=True
        )


def read_links(given: Sequence[str]) -> dict[str, str]:
    """LINKS and those given as 'Name=https://…{lat}…{lon}…'; InputError for anything else."""
    links = dict(LINKS)
    for text in given:
        name, equals, template = text.partition("=")
        if not (equals and name.strip() and len(name) <= 40):
            raise InputError(
                f"--link {text[:60]}",
                "expected a name and an address",
                "write Name=https://…{lat}…{lon}…",
            )
        fill_link(template, {})
        links[name.strip()] = template
    return links


def _look_around(lon: float, lat: float) -> dict[str, float]:
    high = math.degrees(_AROUND_M / 6371008.8)
    wide = high / max(math.cos(math.radians(lat)), 0.01)
    return {
        "lon": lon,
        "lat": lat,
        "west": lon - wide,
        "east": lon + wide,
        "south": lat - high,
        "north": lat + high,
    }
