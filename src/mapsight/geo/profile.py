"""Profiles across lines: what a raster looks like to the left and right of a road, every few metres
along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from scipy import ndimage


@dataclass(frozen=True, eq=False)
class Stations:
    """Points along lines, in order: N of them, grouped by line.

    xy (N, 2) metres; normal (N, 2) unit vectors to the left of the line; line (N,) position of its
    line in the table; along_m (N,) distance from its line's start; step_m (N,) length of line that
    the point stands for.
    """

    xy: np.ndarray
    normal: np.ndarray
    line: np.ndarray
    along_m: np.ndarray
    step_m: np.ndarray

    def __len__(self) -> int:
        return len(self.line)


def place_stations(lines: gpd.GeoDataFrame | gpd.GeoSeries, *, step_m: float) -> Stations:
    """Stations about every step_m along each line, half a step away from its ends."""
    geometries = np.asarray(lines.geometry)
    lengths = shapely.length(geometries)
    counts = np.maximum(np.round(lengths / step_m), 1).astype(int)
    line = np.repeat(np.arange(len(geometries)), counts)
    step = (lengths / counts)[line]
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int)
    along = (np.arange(len(line)) - first[line] + 0.5) * step
    here = geometries[line]
    xy = shapely.get_coordinates(shapely.line_interpolate_point(here, along))
    reach = np.minimum(step, 2.0)
    before = shapely.get_coordinates(
        shapely.line_interpolate_point(here, np.maximum(along - reach, 0))
    )
    after = shapely.get_coordinates(
        shapely.line_interpolate_point(here, np.minimum(along + reach, lengths[line]))
    )
    tangent = after - before
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    return Stations(xy, normal, line, along, step)


def profile_offsets(reach_m: float, step_m: float) -> np.ndarray:
    """Where a profile is sampled: (T,) metres to the left, symmetric about 0."""
    count = round(reach_m / step_m)
    return np.arange(-count, count + 1) * step_m


def sample_profiles(
    array: np.ndarray,
    transform: Affine,
    stations: Stations,
    offsets_m: np.ndarray,
    *,
    outside: float = np.nan,
) -> np.ndarray:
    """Bilinear samples of a raster across lines.

    Parameters
    ----------
    array
        (H, W) of any type; sampled as float32.
    transform
        From pixels (column, row) to the coordinates of the stations.
    stations
        N places on lines, with their normals.
    offsets_m
        (T,) metres to the left of each station.
    outside
        What lies beyond the raster.

    Returns
    -------
    ndarray
        (N, T) float32.
    """
    points = stations.xy[:, None, :] + offsets_m[None, :, None] * stations.normal[:, None, :]
    return sample_points(array, transform, points, outside=outside)


def sample_points(
    array: np.ndarray, transform: Affine, points: np.ndarray, *, outside: float = np.nan
) -> np.ndarray:
    """Bilinear samples of a raster at points.

    Parameters
    ----------
    array
        (H, W) of any type; sampled as float32.
    transform
        From pixels (column, row) to the coordinates of the points.
    points
        (…, 2), x before y.
    outside
        What lies beyond the raster.

    Returns
    -------
    ndarray
        (…) float32.
    """
    flat = points.reshape(-1, 2)
    cols, rows = ~transform @ (flat[:, 0], flat[:, 1])
    source = array.astype(np.float32, copy=False)
    values: np.ndarray = ndimage.map_coordinates(
        source, [rows - 0.5, cols - 0.5], order=1, mode="constant", cval=outside
    )
    return values.reshape(points.shape[:-1])
