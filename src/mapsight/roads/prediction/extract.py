"""probability → road lines: mask → clean → skeleton → graph → smooth, valid lines with confidence
and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from skimage.filters import apply_hysteresis_threshold

from mapsight.errors import InputError
from mapsight.geo.profile import place_stations, sample_points
from mapsight.geo.raster import Raster
from mapsight.geo.trace import trace_mask


@dataclass(frozen=True)
class ExtractSettings:
    """Lengths in metres; pixels down to `low_share` of the threshold belong to a road that exceeds
    it elsewhere.
    """

    min_length_m: float = 15.0
    prune_m: float = 10.0
    bridge_m: float = 12.0
    smooth_m: float = 2.0
    low_share: float = 1.0
    station_m: float = 4.0


def extract_lines(
    probability: Raster, *, threshold: float, settings: ExtractSettings = ExtractSettings()
) -> gpd.GeoDataFrame:
    """Lines of a probability (1, H, W): geometry, length_m, width_m, confidence (mean along it) and
    min_probability.

    Every line is valid, simple and at least min_length_m long; where nothing is valid there is no
    road. Raises InputError for a threshold outside 0 … 1.
    """
    if not 0 < threshold <= 1:
        raise InputError(
            f"threshold {threshold}", "a probability above 0 and up to 1", "take 0.5 to begin with"
        )
    seen = np.where(probability.valid, probability.array[0], 0)
    mask = seen >= threshold
    if settings.low_share < 1:
        mask |= apply_hysteresis_threshold(seen, settings.low_share * threshold, threshold)
    lines = trace_mask(
        mask,
        probability.geobox,
        prune_m=settings.prune_m,
        smooth_m=settings.smooth_m,
        bridge_m=settings.bridge_m,
    )
    sound = shapely.is_valid(lines.geometry.array) & shapely.is_simple(lines.geometry.array)
    lines = lines[sound & (lines.length >= settings.min_length_m)].reset_index(drop=True)
    stations = place_stations(lines, step_m=settings.station_m) if len(lines) else None
    mean, least = np.zeros(len(lines)), np.zeros(len(lines))
    if stations is not None:
        values = sample_points(seen, probability.transform, stations.xy, outside=0.0)
        count = np.bincount(stations.line, minlength=len(lines))
        mean = np.bincount(stations.line, values, minlength=len(lines)) / np.maximum(count, 1)
        least = np.full(len(lines), np.inf)
        np.minimum.at(least, stations.line, values)
    return lines.assign(confidence=mean, min_probability=least)
