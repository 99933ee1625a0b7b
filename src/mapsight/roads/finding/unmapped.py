"""The rule for roads that are seen and that the map lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from scipy import ndimage

from mapsight.geo.burn import burn_lines
from mapsight.geo.profile import place_stations, sample_points
from mapsight.roads.finding.candidates import (
    Candidate,
    FindingSettings,
    cut_line,
    list_stretches,
)
from mapsight.roads.finding.comparison import Comparison, log_length, scale_width
from mapsight.roads.finding.coverage import share_beyond
from mapsight.roads.finding.evidence import Evidence, find_faintest
from mapsight.roads.finding.stations import SEEN, UNSEEN, Sightings

_PARALLEL_M, _STEADY_M = 22.0, 3.5  # runs beside a mapped way: nearer, and so evenly
_USUAL_AWAY_M = 20.0  # where the feature is 0; it rises by 1 as the distance doubles
_ENDS_EARLY_M = 6.0  # a traced line stops half a road's width before the one that it meets
_SMOOTHED_PX = 5  # so far a smoothed line may leave the pixels that it was traced from


def find_unmapped(compared: Comparison, kind: str) -> Iterator[Candidate]:
    """Pieces of the roads seen that lie away from everything the map knows there."""
    seen, evidence, settings = compared.seen, compared.evidence, compared.settings
    if seen.empty:
        return
    box = evidence.probability.geobox
    distance = _measure_distance(
        [*compared.roads.lines.geometry, *compared.roads.other_ways.geometry], box
    )
    along = _look_away(seen, distance, evidence, settings)
    unmapped = (evidence.probability.array[0] >= find_faintest(evidence, settings)) & (
        distance > settings.clearance_m
    )
    beyond = ndimage.maximum_filter(share_beyond(unmapped, evidence.covered), _SMOOTHED_PX)
    beyond = sample_points(beyond, box.transform, along.stations.xy, outside=0.0)
    for stretch in list_stretches(along, along.state == UNSEEN, seen, settings):
        at = stretch.stations
        line, near, p = cut_line(seen, stretch), along.offset_m[at], along.on[at]
        tips = shapely.get_coordinates(line)[[0, -1]]
        far_m = sample_points(distance, box.transform, tips, outside=1e6)
        ends = int((far_m <= settings.clearance_m + _ENDS_EARLY_M).sum())
        parallel = bool(np.quantile(near, 0.9) < _PARALLEL_M and near.std() < _STEADY_M)
        chord = shapely.Point(tips[0]).distance(shapely.Point(tips[1]))
        features = {
            "length": log_length(stretch),
            "ends": float(ends),
            "parallel": float(parallel),
            "away": float(np.clip(np.log2(near.mean() / _USUAL_AWAY_M), -1.5, 3)),
            "hidden": float(along.hidden[at].mean()),
            "width": scale_width(seen, stretch),
            "straight": chord / line.length,
            "beyond": float(beyond[at].mean()),
        }
        sentence = (
            f"a road is seen for {line.length:.0f} m, mean probability {p.mean():.2f}, "
            f"{near.mean():.0f} m from the nearest mapped way; {ends} of its ends meet the map"
        )
        if features["beyond"] > 0.5:  # most of it
            sentence += (
                f"; {features['beyond']:.0%} of what it is connected with lies beyond the map's"
                " reach"
            )
        yield Candidate(
            kind=kind,
            line=line,
            features=features,
            evidence=sentence,
            mean_probability=float(p.mean()),
            map_distance_m=float(near.mean()),
            width_m=float(seen["width_m"].iloc[stretch.line]),
        )


def _look_away(
    seen: gpd.GeoDataFrame, distance: np.ndarray, evidence: Evidence, settings: FindingSettings
) -> Sightings:
    """What the stations of the roads seen see of the map: `offset_m` is how far it is; UNSEEN where
    that is far, though the map reaches there.
    """
    transform = evidence.probability.transform
    stations = place_stations(seen, step_m=settings.stations.step_m)

    def sample(layer: np.ndarray) -> np.ndarray:
        return sample_points(layer, transform, stations.xy, outside=0.0)

    away = sample(distance)
    covered = sample(evidence.covered.astype(np.float32)) >= 0.5
    state = np.where((away > settings.clearance_m) & covered, UNSEEN, SEEN)
    return Sightings(
        stations,
        sample(evidence.probability.array[0]),
        away,
        sample(evidence.hidden.astype(np.float32)),
        state,
    )


def _measure_distance(known: list[Any], box: Any) -> np.ndarray:
    """(H, W) metres to the nearest of the lines."""
    if not known:
        return np.full(box.shape, 1e6, np.float32)
    burnt = burn_lines(gpd.GeoSeries(known, crs=box.crs), box, width_m=1.5 * box.m_per_px)
    if not burnt.any():
        return np.full(box.shape, 1e6, np.float32)
    far: np.ndarray = ndimage.distance_transform_edt(burnt == 0)
    return np.asarray(far * box.m_per_px, np.float32)
