"""How far a map reaches: beyond it an absent road is not an error of the map.

A city's map ends at the city's border, the picture does not. Training there would teach that roads
are no roads, and every road there would be offered as missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from scipy import ndimage

from mapsight.geo.burn import burn_numbers
from mapsight.geo.raster import GeoBox


@dataclass(frozen=True)
class CoverageSettings:
    """Gaps between mapped roads up to twice `close_m` are covered; round about it reaches
    `margin_m`.
    """

    close_m: float = 150.0
    margin_m: float = 60.0


def find_coverage(
    lines: gpd.GeoDataFrame, box: GeoBox, settings: CoverageSettings = CoverageSettings()
) -> np.ndarray:
    """(H, W) bool: where the map claims to know the roads (a closing of its lines, a little wider
    than they).
    """
    burnt = burn_numbers(lines, box) > 0
    if not burnt.any():
        return np.zeros(box.shape, bool)
    to_line: np.ndarray = ndimage.distance_transform_edt(~burnt, sampling=box.m_per_px)
    near = to_line <= settings.close_m
    if near.all():
        return near
    to_rim: np.ndarray = ndimage.distance_transform_edt(near, sampling=box.m_per_px)
    return to_rim > settings.close_m - settings.margin_m


def share_beyond(unmapped: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """(H, W) float32: of each connected piece of road that is seen and not mapped, the share beyond
    the map's reach.

    unmapped (H, W) bool: road is seen there, away from everything the map knows. Where a city's map
    ends, the next city's streets begin within reach, but most of what they are connected with lies
    beyond it.
    """
    pieces, count = ndimage.label(unmapped, np.ones((3, 3)))
    size, within = (
        np.bincount(some.ravel(), minlength=count + 1) for some in (pieces, pieces[covered])
    )
    share = 1 - within / np.maximum(size, 1)
    share[0] = 0  # no piece
    of_pixel: np.ndarray = share.astype(np.float32)[pieces]
    return of_pixel
