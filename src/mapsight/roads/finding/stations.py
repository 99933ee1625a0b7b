"""Looking along roads, station by station: is a road seen here, beside here, or not at all?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import geopandas as gpd
import numpy as np
from scipy import ndimage

from mapsight.geo.burn import burn_numbers
from mapsight.geo.profile import (
    Stations,
    place_stations,
    profile_offsets,
    sample_points,
    sample_profiles,
)
from mapsight.geo.raster import GeoBox, Raster

_PROFILE_STEP_M = 0.5  # no coarser than the imagery that is audited, 0.5 to 1 m a pixel
_PROFILE_SMOOTH = 5  # steps of a profile: 2.5 m, less than a lane
_ON_ROAD_M = 5.0  # what is seen this near to another mapped road is that road
_BESIDE_M = 1.0  # beyond the road's own edge: nearer, its other half would count as beside
UNKNOWN, SEEN, BESIDE, UNSEEN = range(4)


@dataclass(frozen=True)
class StationSettings:
    """Distances in metres across the road, unless they say along."""

    step_m: float = 4.0  # along
    smooth_m: float = 20.0  # along: what is judged together
    reach_m: float = 24.0  # how far beside the line a road is looked for
    centre_m: float = 2.5  # imagery and map never agree better than this
    offset_m: float = 4.5  # the least offset that counts as 'beside'
    low_share: float = 0.9  # of the threshold: below it, nothing is seen


@dataclass(frozen=True, eq=False)
class Sightings:
    """What each station (N,) of a set of lines sees.

    on: the highest probability on the line; offset_m: how far to the left the nearest road is seen
    (NaN: nowhere); hidden: share of canopy and shadow; state: SEEN, BESIDE, UNSEEN or UNKNOWN.
    """

    stations: Stations
    on: np.ndarray
    offset_m: np.ndarray
    hidden: np.ndarray
    state: np.ndarray


class Stretch(NamedTuple):
    """A piece of a line, from start_m to end_m along it, and the positions of its stations."""

    line: int
    start_m: float
    end_m: float
    stations: slice


def look_along(
    probability: Raster,
    hidden: np.ndarray,
    lines: gpd.GeoDataFrame,
    threshold: float,
    settings: StationSettings,
) -> Sightings:
    """What every station of the map's lines sees.

    Parameters
    ----------
    probability : Raster
        (1, H, W) in 0 … 1.
    hidden : ndarray
        (H, W) bool: canopy and deep shadow.
    lines : GeoDataFrame
        The map's roads, the shift taken out; column `width_m`.
    threshold : float
        From which probability on a road is seen beside a line.
    """
    stations = place_stations(lines, step_m=settings.step_m)
    offsets = profile_offsets(settings.reach_m, _PROFILE_STEP_M)
    seen = np.where(probability.valid, probability.array[0], np.nan)
    profiles = sample_profiles(seen, probability.transform, stations, offsets)
    known = np.isfinite(profiles[:, np.abs(offsets) <= settings.centre_m]).all(axis=1)
    profiles = ndimage.uniform_filter1d(np.nan_to_num(profiles), _PROFILE_SMOOTH, axis=1)
    profiles = _smooth_along(profiles, stations, settings)
    on = profiles[:, np.abs(offsets) <= settings.centre_m].max(axis=1)
    others = _find_other_roads(probability.geobox, lines, stations, offsets)
    offset, strength = _find_nearest_hill(profiles, offsets, others, settings.low_share * threshold)
    hidden_here = sample_points(
        hidden.astype(np.float32), probability.transform, stations.xy, outside=0.0
    )
    hidden_here = _smooth_along(hidden_here[:, None], stations, settings)[:, 0]
    low = settings.low_share * threshold
    width = lines["width_m"].to_numpy()[stations.line]
    apart = np.maximum(settings.offset_m, 0.5 * width + _BESIDE_M)
    beside = (np.abs(offset) >= apart) & (strength >= threshold)
    state = np.select([~known, beside, on >= low], [UNKNOWN, BESIDE, SEEN], UNSEEN)
    return Sightings(stations, on, offset, hidden_here, state)


def find_stretches(
    along: Sightings,
    wanted: np.ndarray,
    lengths_m: np.ndarray,
    *,
    min_length_m: float,
    bridge_m: float,
) -> Iterator[Stretch]:
    """Pieces of lines where `wanted` (N,) holds, gaps up to bridge_m closed, min_length_m long (or
    a whole line).
    """
    stations = along.stations
    for at in split_lines(stations):
        line, step = int(stations.line[at.start]), stations.step_m[at.start]
        for first, last in _close_gaps(wanted[at], round(bridge_m / step)):
            start, end = first * step, min((last + 1) * step, lengths_m[line])
            whole = first == 0 and last == at.stop - at.start - 1
            if end - start >= min_length_m or (whole and end - start >= min_length_m / 2):
                yield Stretch(line, start, end, slice(at.start + first, at.start + last + 1))


def split_lines(stations: Stations) -> list[slice]:
    """The stations of each line that has any, in order."""
    edges = np.flatnonzero(np.diff(stations.line)) + 1
    starts = np.concatenate([[0], edges]).astype(int)
    ends = np.concatenate([edges, [len(stations)]]).astype(int)
    return [slice(a, b) for a, b in zip(starts, ends, strict=True) if b > a]


def _smooth_along(values: np.ndarray, stations: Stations, settings: StationSettings) -> np.ndarray:
    """Running means (N, T) along each line over smooth_m."""
    smooth = np.array(values, dtype=np.float32)
    for at in split_lines(stations):
        size = max(round(settings.smooth_m / stations.step_m[at.start]), 1)
        smooth[at] = ndimage.uniform_filter1d(
            values[at], min(size, at.stop - at.start), axis=0, mode="nearest"
        )
    return smooth


def _find_other_roads(
    box: GeoBox, lines: gpd.GeoDataFrame, stations: Stations, offsets: np.ndarray
) -> np.ndarray:
    """(N, T) bool: this point of the profile lies on another mapped road, which explains what is
    seen there.
    """
    near = np.zeros((len(stations), len(offsets)), bool)
    points = stations.xy[:, None, :] + offsets[None, :, None] * stations.normal[:, None, :]
    cols, rows = ~box.transform @ (points[..., 0], points[..., 1])
    rows = np.clip(np.floor(rows).astype(int), 0, box.height - 1)
    cols = np.clip(np.floor(cols).astype(int), 0, box.width - 1)
    numbers, distance = _number_nearest(box, lines)
    near |= (numbers[rows, cols] != stations.line[:, None]) & (distance[rows, cols] <= _ON_ROAD_M)
    return near


def _number_nearest(box: GeoBox, lines: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the position of the nearest line and the distance to it in metres."""
    numbers = burn_numbers(lines, box)
    if not numbers.any():
        return np.full(box.shape, -1), np.full(box.shape, np.inf, np.float32)
    distance, (rows, cols) = ndimage.distance_transform_edt(numbers == 0, return_indices=True)
    return numbers[rows, cols].astype(int) - 1, (distance * box.m_per_px).astype(np.float32)


def _find_nearest_hill(
    profiles: np.ndarray, offsets: np.ndarray, others: np.ndarray, low: float
) -> tuple[np.ndarray, np.ndarray]:
    """The unexplained hill of each profile that lies nearest to 0: its centre (N,) and its height
    (N,).

    Hills cut off by the end of the profile (squares, junctions) or explained by another road have
    no centre: NaN.
    """
    high = profiles >= low
    count = len(offsets)
    middle = count // 2
    distance = np.where(high, np.abs(np.arange(count) - middle), count)
    top = distance.argmin(axis=1)
    index = np.arange(count)
    left = np.where(~high & (index < top[:, None]), index, -1).max(axis=1)
    right = np.where(~high & (index > top[:, None]), index, count).min(axis=1)
    hill = (index > left[:, None]) & (index < right[:, None])
    mass = np.where(hill, profiles, 0.0)
    centre = (mass * offsets).sum(axis=1) / np.maximum(mass.sum(axis=1), 1e-9)
    height = np.where(hill, profiles, 0.0).max(axis=1)
    at = np.clip(np.round(centre / _PROFILE_STEP_M).astype(int) + middle, 0, count - 1)
    explained = np.take_along_axis(others, at[:, None], axis=1)[:, 0]
    bounded = (left >= 0) & (right < count) & high.any(axis=1) & ~explained
    return np.where(bounded, centre, np.nan), np.where(bounded, height, 0.0)


def _close_gaps(wanted: np.ndarray, gap: int) -> Iterator[tuple[int, int]]:
    """First and last position of each stretch of True, stretches at most `gap` apart being one."""
    at = np.flatnonzero(wanted)
    if not len(at):
        return
    for stretch in np.split(at, np.flatnonzero(np.diff(at) > gap + 1) + 1):
        yield int(stretch[0]), int(stretch[-1])
