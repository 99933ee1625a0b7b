"""A scene without a net: streets, a map of them, and the probability that a good net would give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage
from shapely.geometry import LineString

from mapsight.geo.burn import burn_lines
from mapsight.geo.network import RoadMap, wrap_lines
from mapsight.geo.raster import GeoBox, Raster
from mapsight.roads.finding.candidates import Candidate, Candidates
from mapsight.roads.finding.stations import StationSettings, look_along

BOX = GeoBox(600, 800, Affine(1, 0, 500_000, 0, -1, 5_000_600), CRS.from_epsg(32632))


def make_lines(
    *coordinates: Sequence[tuple[float, float]], visible: bool = True
) -> gpd.GeoDataFrame:
    """Roads 7 m wide, coordinates in metres from the lower left corner of BOX."""
    lines = [LineString([(500_000 + x, 5_000_000 + y) for x, y in line]) for line in coordinates]
    columns = {
        "road_id": [str(i) for i in range(len(lines))],
        "road_class": "residential",
        "width_m": 7.0,
        "visible": visible,
        "name": "",
    }
    return gpd.GeoDataFrame(columns, geometry=lines, crs=BOX.crs.to_wkt())


def make_map(lines: gpd.GeoDataFrame, others: gpd.GeoDataFrame | None = None) -> RoadMap:
    """A map of those roads."""
    return wrap_lines(lines, source_crs=BOX.crs, other_ways=others)


def make_candidates(
    listed: Iterable[Candidate], seen_m: float = 0.0, beyond_m: float = 0.0
) -> Candidates:
    """Candidates of a scene where so much road is seen within and beyond the map's reach, no matter
    where.
    """
    seen, none = make_lines([(0, 0), (seen_m, 0)], [(0, 9), (beyond_m, 9)]), make_lines()
    along = look_along(see(none), np.zeros(BOX.shape, bool), none, 0.5, StationSettings())
    return Candidates(
        listed=tuple(listed),
        mapped=none,
        along=along,
        seen=seen,
        within=np.array([True, False]),
        crs=BOX.crs,
    )


def see(lines: gpd.GeoDataFrame) -> Raster:
    """The probability of a good net: the roads, a little blurred, never quite sure."""
    seen = ndimage.gaussian_filter(burn_lines(lines, BOX).astype(np.float32), 1.2) * 0.95
    return Raster(seen[None], BOX.transform, BOX.crs)


def photograph(lines: gpd.GeoDataFrame) -> np.ndarray:
    """(3, H, W) uint8: even grey roads on rough grass, as a camera above sees them."""
    road = burn_lines(lines, BOX) > 0 if len(lines) else np.zeros(BOX.shape, bool)
    grass = np.random.default_rng(0).normal(0, 18, BOX.shape)
    bands = [np.where(road, 150, colour + grass) for colour in (90, 120, 70)]
    return np.clip(np.stack(bands), 0, 255).astype(np.uint8)


GRID = [
    *([(x, 20), (x, 580)] for x in (100, 300, 500, 700)),
    *([(20, y), (780, y)] for y in (100, 300, 500)),
]


@pytest.fixture
def streets() -> gpd.GeoDataFrame:
    """A grid of seven streets."""
    return make_lines(*GRID)
