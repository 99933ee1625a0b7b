"""Imagery and map side by side: what rules look at, and how they put lengths into features."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from mapsight.geo.network import RoadMap
from mapsight.roads.finding.candidates import FindingSettings
from mapsight.roads.finding.evidence import Evidence
from mapsight.roads.finding.stations import Sightings, Stretch


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """What rules look at.

    Parameters
    ----------
    evidence : Evidence
        Probability, image, and where neither can tell.
    roads : RoadMap
        The map, on the imagery.
    visible : GeoDataFrame
        Its roads that imagery should show.
    along : Sightings
        What their stations see.
    seen : GeoDataFrame
        The roads seen, faint ones too.
    settings : FindingSettings
        What is worth a look.
    """

    evidence: Evidence
    roads: RoadMap
    visible: gpd.GeoDataFrame
    along: Sightings
    seen: gpd.GeoDataFrame
    settings: FindingSettings


def log_length(stretch: Stretch) -> float:
    """Doublings of 60 m, a usual street between two junctions."""
    return float(np.clip(np.log2((stretch.end_m - stretch.start_m) / 60), -1.5, 2))


def scale_width(lines: pd.DataFrame, stretch: Stretch) -> float:
    """Multiples of 8 m, a usual street, from there."""
    return float(np.clip((lines["width_m"].iloc[stretch.line] - 8) / 8, -1, 2))
