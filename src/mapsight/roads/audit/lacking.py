"""What a map seems to lack is not taught to be ground.

Where a net that has not learnt the map sees many roads that the map does not have, training on it
would teach that they are none, and no fold would miss them any more.
"""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np

from mapsight.geo.burn import burn_lines
from mapsight.geo.network import RoadMap
from mapsight.roads.audit.align import Alignment, place_on_image
from mapsight.roads.audit.labels import Labels
from mapsight.roads.finding.candidates import FindingSettings
from mapsight.roads.finding.evidence import Evidence
from mapsight.roads.finding.findings import find_candidates
from mapsight.roads.finding.frequency import measure_lacking
from mapsight.roads.kinds import UNMAPPED
from mapsight.roads.scoring.prior import PriorSettings, believe_lacking
from mapsight.roads.verdicts.judged import Judged, list_judged

_WIDTH_M = 14.0  # of a road with its verges


def leave_out_lacking(
    labels: Labels,
    evidence: Evidence,
    alignment: Alignment,
    settings: FindingSettings = FindingSettings(),
    judged: Judged | None = None,
) -> Labels:
    """The labels without weight where the map seems to lack many roads, and a note of it.

    Parameters
    ----------
    labels : of the moved map.
    evidence : of a net that has not learnt this map.
    alignment : the map on the imagery.
    judged : verdicts in the map's own position; what people have judged is taught as they say.
    """
    crs = evidence.probability.crs
    said = None if judged is None else place_on_image(judged, crs, alignment)
    lacking, note = find_lacking(evidence, alignment.moved, settings, said)
    if not note:
        return labels
    weight, heeded = (np.where(lacking, np.float32(0), w) for w in (labels.weight, labels.heeded))
    return dataclasses.replace(labels, weight=weight, heeded=heeded, note=note)


def find_lacking(
    evidence: Evidence, roads: RoadMap, settings: FindingSettings, judged: Judged | None = None
) -> tuple[np.ndarray, str]:
    """(H, W) bool: roads seen that the map lacks, and a sentence; nothing where it seems to lack
    few.

    evidence: of a net that has not learnt this map. judged: on the imagery; what people have judged
    is known.
    """
    found, box = find_candidates(evidence, roads, settings), evidence.probability.geobox
    lacking_m, seen_m = measure_lacking(found)
    if not believe_lacking(lacking_m, seen_m, PriorSettings()):
        return np.zeros(box.shape, bool), ""
    lines = gpd.GeoSeries([one.line for one in found.listed if one.kind in UNMAPPED], crs=box.crs)
    lacking = burn_lines(lines, box, width_m=_WIDTH_M) > 0
    known = list_judged(judged) if judged is not None else []
    if len(known):
        lacking &= burn_lines(gpd.GeoSeries(known, crs=box.crs), box, width_m=_WIDTH_M) == 0
    return (
        lacking,
        (
            f"the map seems to lack {lacking_m / 1000:.1f} of {seen_m / 1000:.1f} km of the roads"
            " seen; training and threshold leave these places out"
        ),
    )
