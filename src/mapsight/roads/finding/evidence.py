"""What findings are drawn from, and what the lines of candidates look like in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np

from mapsight.geo.raster import Raster
from mapsight.roads.finding.traits import Layers, fill_share, make_layers, measure_traits


@dataclass(frozen=True, eq=False)
class Evidence:
    """What findings are drawn from: probability (1, H, W); image (3, H, W) uint8; hidden and
    covered (H, W) bool.
    """

    probability: Raster
    image: np.ndarray
    hidden: np.ndarray
    covered: np.ndarray  # where the map claims to know the roads
    threshold: float


def add_traits(
    rows: list[dict[str, Any]], evidence: Evidence, mapped: gpd.GeoDataFrame
) -> list[dict[str, Any]]:
    """The rows with what their lines (and, of a misaligned road, the line seen) look like added to
    their features.
    """
    if not rows:
        return rows
    layers = make_layers(evidence.probability, evidence.image)
    lines = gpd.GeoSeries([row["geometry"] for row in rows])
    width_m = np.array([row.pop("width_m") for row in rows])
    traits = measure_traits(layers, evidence.probability, lines, width_m)
    mask = evidence.probability.array[0] >= evidence.threshold
    traits["fill"] = fill_share(mask, evidence.probability, lines, radius_m=25.0)
    usual = _measure_usual(layers, evidence, mapped)
    traits["scene_z"] = np.full(len(rows), usual["z_mean"])
    for name in ("brightness", "green"):
        traits[f"odd_{name}"] = np.abs(traits[name] - usual[name])
    for k, row in enumerate(rows):
        row["features"] |= {name: float(values[k]) for name, values in traits.items()}
    _add_seen_traits(rows, width_m, layers, evidence.probability)
    for row in rows:  # as they are written, so that a score is recomputed to the digit
        row["features"] = {name: round(value, 4) for name, value in row["features"].items()}
    return rows


def _add_seen_traits(
    rows: list[dict[str, Any]], width_m: np.ndarray, layers: Layers, probability: Raster
) -> None:
    """What the road looks like that is seen beside the map's line, as features 'seen_…' of the rows
    that have one.
    """
    at = [k for k, row in enumerate(rows) if row["seen_wkt"]]
    if not at:
        return
    seen = gpd.GeoSeries.from_wkt([rows[k]["seen_wkt"] for k in at])
    for name, values in measure_traits(layers, probability, seen, width_m[at]).items():
        for k, value in zip(at, values, strict=True):
            rows[k]["features"][f"seen_{name}"] = float(value)


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
