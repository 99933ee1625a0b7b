"""What findings are drawn from, and what the lines of candidates look like in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from mapsight.geo.raster import Raster
from mapsight.roads.finding.candidates import Candidate, FindingSettings
from mapsight.roads.finding.traits import Layers, fill_share, make_layers, measure_traits

_AROUND_M = 25.0  # a square of twice that holds a car park or a yard
_FAINTEST = 0.01  # a net that sees nothing at all says less than this
_DIGITS = 4  # features are rounded as they are written, so that a score is recomputed to the digit


@dataclass(frozen=True, eq=False)
class Evidence:
    """What findings are drawn from.

    Parameters
    ----------
    probability : Raster
        (1, H, W) in 0 … 1, out of sample.
    image : ndarray
        (3, H, W) uint8 on the same grid.
    hidden : ndarray
        (H, W) bool: canopy and deep shadow, where imagery cannot show a road.
    covered : ndarray
        (H, W) bool: where the map claims to know the roads.
    threshold : float
        From which probability on a pixel is road.
    """

    probability: Raster
    image: np.ndarray
    hidden: np.ndarray
    covered: np.ndarray
    threshold: float


def find_faintest(evidence: Evidence, settings: FindingSettings) -> float:
    """The least probability that is looked at."""
    return max(settings.candidate_share * evidence.threshold, _FAINTEST)


def add_traits(
    candidates: Sequence[Candidate], evidence: Evidence, mapped: gpd.GeoDataFrame
) -> tuple[Candidate, ...]:
    """The candidates with what their lines look like as further features.

    Parameters
    ----------
    candidates : sequence of Candidate
        Those with a road seen beside them get its traits, too, as `seen_…`.
    evidence : Evidence
        What is looked at.
    mapped : GeoDataFrame
        The map's roads, whose traits are the usual ones here.
    """
    if not candidates:
        return ()
    layers = make_layers(evidence.probability, evidence.image)
    lines = gpd.GeoSeries([candidate.line for candidate in candidates])
    width_m = np.array([candidate.width_m for candidate in candidates])
    traits = measure_traits(layers, evidence.probability, lines, width_m)
    mask = evidence.probability.array[0] >= evidence.threshold
    traits["fill"] = fill_share(mask, evidence.probability, lines, radius_m=_AROUND_M)
    usual = _measure_usual(layers, evidence, mapped)
    traits["scene_z"] = np.full(len(candidates), usual["z_mean"])
    for name in ("brightness", "green"):
        traits[f"odd_{name}"] = np.abs(traits[name] - usual[name])
    beside = _measure_seen(candidates, layers, evidence.probability)
    return tuple(
        dataclasses.replace(
            candidate,
            features={
                name: round(float(value), _DIGITS)
                for name, value in (
                    *candidate.features.items(),
                    *((name, values[k]) for name, values in traits.items()),
                    *beside.get(k, {}).items(),
                )
            },
        )
        for k, candidate in enumerate(candidates)
    )


def _measure_seen(
    candidates: Sequence[Candidate], layers: Layers, probability: Raster
) -> dict[int, dict[str, float]]:
    """Number of a candidate beside which a road is seen → what that looks like, as `seen_…`."""
    at = [k for k, candidate in enumerate(candidates) if candidate.seen is not None]
    if not at:
        return {}
    seen = gpd.GeoSeries([candidates[k].seen for k in at])
    width_m = np.array([candidates[k].width_m for k in at])
    traits = measure_traits(layers, probability, seen, width_m)
    return {
        k: {f"seen_{name}": float(values[n]) for name, values in traits.items()}
        for n, k in enumerate(at)
    }


def _measure_usual(
    layers: Layers, evidence: Evidence, mapped: gpd.GeoDataFrame
) -> dict[str, float]:
    """What the map's roads look like here: the median of each trait, weighted by length (0 without
    roads).
    """
    names = ("z_mean", "brightness", "green")
    if mapped.empty:
        return dict.fromkeys(names, 0.0)
    width_m, length_m = mapped["width_m"].to_numpy(float), mapped.length.to_numpy()
    traits = measure_traits(layers, evidence.probability, mapped.geometry, width_m)
    return {name: _weighted_median(traits[name], length_m) for name in names}


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])
