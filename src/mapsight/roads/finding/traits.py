"""What a line looks like from above: the traits by which a road is told from a gap between houses.

Each trait is one number a line, from profiles across it: what the net says there (in logits, so
that a faint ridge of a lane under trees still counts), and what the photograph itself shows
(contrast, evenness, edges, colour).
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from scipy import ndimage

from mapsight.geo.profile import (
    Stations,
    place_stations,
    profile_offsets,
    sample_points,
    sample_profiles,
)
from mapsight.geo.raster import Raster

_STEP_M = 4.0  # along
_REACH_M, _ACROSS_M = 16.0, 1.0  # across
_CENTRE_M = 3.0  # imagery and map never agree better than this
_LOGIT_LIMIT = 7.0


@dataclass(frozen=True, eq=False)
class Layers:
    """What is sampled, (H, W) float32 each: logit, luminance, greenness, and the two slopes of
    luminance.
    """

    logit: np.ndarray
    luminance: np.ndarray
    greenness: np.ndarray
    slope_x: np.ndarray  # towards +x and +y of the CRS, a metre
    slope_y: np.ndarray
    valid: np.ndarray


def make_layers(probability: Raster, image: np.ndarray) -> Layers:
    """The layers of a scene: probability (1, H, W) in 0 … 1, image (3, H, W) uint8 on the same
    grid.
    """
    p = np.clip(probability.array[0], 1e-6, 1 - 1e-6)
    logit = np.clip(np.log(p / (1 - p)), -_LOGIT_LIMIT, _LOGIT_LIMIT).astype(np.float32)
    red, green, blue = image.astype(np.float32)
    luminance = (red + green + blue) / 3
    valid = probability.valid
    luminance = np.where(valid, luminance, luminance[valid].mean() if valid.any() else 0).astype(
        np.float32
    )
    greenness = (2 * green - red - blue) / np.maximum(red + green + blue, 30)
    smooth = ndimage.gaussian_filter(luminance, 1.0)
    down, right = np.gradient(smooth, probability.geobox.m_per_px)
    return Layers(
        logit, luminance, greenness.astype(np.float32), right, -down, valid
    )  # rows run south


def measure_traits(
    layers: Layers, probability: Raster, lines: gpd.GeoSeries, width_m: np.ndarray
) -> dict[str, np.ndarray]:
    """Trait → (N,) of N lines in the CRS of `probability`; width_m (N,): how wide each is.

    z_mean, z_low, z_high: mean, 10 % and 90 % quantile along the line of the best logit within 3 m;
    ridge: how much the line's logit exceeds that of its sides; ridge_share: share of the line where
    it does by more than 1; edges: −1 (all slopes of the photograph run along) to 1 (all run
    across); even: evenness along the line of luminance, in units of the scene's variation, as a
    logarithm (small: even); contrast, contrast_steady: |luminance − that of the sides| of the whole
    line and place by place, brightness: luminance minus the scene's median, same units; green:
    greenness minus the scene's median.
    """
    stations = place_stations(lines, step_m=_STEP_M)
    offsets = profile_offsets(_REACH_M, _ACROSS_M)
    half = np.maximum(width_m[stations.line] / 2, 2.0)
    away = np.abs(offsets)[None, :]
    centre = np.broadcast_to(away <= _CENTRE_M, (len(stations), len(offsets)))
    on_road = away <= np.maximum(half - 1.0, 1.0)[:, None]
    sides = (away >= half[:, None] + 2.5) & (away <= half[:, None] + 9.0)

    def profile(layer: np.ndarray) -> np.ndarray:
        return sample_profiles(
            np.where(layers.valid, layer, np.nan), probability.transform, stations, offsets
        )

    logit = profile(layers.logit)
    logit = _smooth_along(np.nan_to_num(logit, nan=-_LOGIT_LIMIT), stations, 5)
    z = np.where(centre, logit, -np.inf).max(axis=1)
    beside = _mean(logit, sides)
    luminance = profile(layers.luminance)
    here, next_to = _mean(luminance, on_road), _mean(luminance, sides)
    spread = max(float(layers.luminance[layers.valid].std()) if layers.valid.any() else 1.0, 1.0)
    across, along = _turn_slopes(
        profile(layers.slope_x), profile(layers.slope_y), stations, away <= half[:, None] + 2
    )
    green = _mean(profile(layers.greenness), on_road)
    count = len(lines)
    energy = _per_line(across, stations, count), _per_line(along, stations, count)
    return {
        "z_mean": _per_line(z, stations, count),
        "z_low": _quantile(z, stations, count, 0.1),
        "z_high": _quantile(z, stations, count, 0.9),
        "ridge": _per_line(z - beside, stations, count),
        "ridge_share": _per_line((z - beside > 1).astype(float), stations, count),
        "edges": (energy[0] - energy[1]) / np.maximum(energy[0] + energy[1], 1e-6),
        "even": np.log2(_spread(here, stations, count) / spread + 0.03),
        "contrast": np.abs(_per_line(here - next_to, stations, count)) / spread,
        "contrast_steady": _per_line(np.abs(here - next_to), stations, count) / spread,
        "brightness": (_per_line(here, stations, count) - float(np.median(layers.luminance)))
        / spread,
        "green": 20 * (_per_line(green, stations, count) - float(np.median(layers.greenness))),
    }


def fill_share(
    mask: np.ndarray, probability: Raster, lines: gpd.GeoSeries, *, radius_m: float
) -> np.ndarray:
    """(N,) share of a square of 2·radius_m about each line that is mask (H, W) bool: yards and car
    parks are full.
    """
    size = max(round(2 * radius_m / probability.geobox.m_per_px), 1)
    share = ndimage.uniform_filter(mask.astype(np.float32), size)
    stations = place_stations(lines, step_m=_STEP_M)
    return _per_line(
        sample_points(share, probability.transform, stations.xy, outside=0.0), stations, len(lines)
    )


def _turn_slopes(
    slope_x: np.ndarray, slope_y: np.ndarray, stations: Stations, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared slopes (N,) across and along the line."""
    nx, ny = stations.normal[:, :1], stations.normal[:, 1:]
    across, along = slope_x * nx + slope_y * ny, slope_x * ny - slope_y * nx
    return _mean(across**2, wanted), _mean(along**2, wanted)


def _mean(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Mean (N,) over the wanted, known places of each profile (N, T); 0 where there are none."""
    known = wanted & np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=1)
    mean: np.ndarray = total / np.maximum(known.sum(axis=1), 1)
    return mean


def _per_line(values: np.ndarray, stations: Stations, count: int) -> np.ndarray:
    total = np.bincount(stations.line, values, minlength=count)
    return total / np.maximum(np.bincount(stations.line, minlength=count), 1)


def _spread(values: np.ndarray, stations: Stations, count: int) -> np.ndarray:
    """Standard deviation along each line of what changes over less than 24 m (slow changes are
    light, not gaps).
    """
    rest = values - _smooth_along(values[:, None], stations, 7)[:, 0]
    deviation: np.ndarray = np.sqrt(_per_line(rest**2, stations, count))
    return deviation


def _quantile(values: np.ndarray, stations: Stations, count: int, q: float) -> np.ndarray:
    edges = np.searchsorted(stations.line, np.arange(count + 1))
    return np.array(
        [
            np.quantile(values[a:b], q) if b > a else 0.0
            for a, b in zip(edges, edges[1:], strict=False)
        ]
    )


def _smooth_along(values: np.ndarray, stations: Stations, size: int) -> np.ndarray:
    """Running means (N, T) over `size` stations of the same line."""
    total = np.zeros_like(values, dtype=float)
    count = np.zeros((len(values), 1))
    for lag in range(-(size // 2), size // 2 + 1):
        at = np.arange(len(values)) + lag
        same = (at >= 0) & (at < len(values))
        at = np.clip(at, 0, len(values) - 1)
        same &= stations.line[at] == stations.line
        total += np.where(same[:, None], values[at], 0)
        count += same[:, None]
    return total / count
