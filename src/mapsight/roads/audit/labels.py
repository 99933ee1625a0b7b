"""Second stage: the map as labels, on the imagery: what the nets are taught and measured by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.geo.network import RoadMap
from mapsight.geo.raster import Raster
from mapsight.roads.audit.align import Alignment, place_on_image
from mapsight.roads.finding.coverage import find_coverage
from mapsight.roads.finding.hidden import find_hidden
from mapsight.roads.verdicts.judged import Judged, correct_labels

_IGNORED_WAYS = ("track", "path", "pedestrian", "footway", "cycleway", "service")
_IGNORED_WIDTH_M = 6.0  # of ways that may look like roads, with their verges


@dataclass(frozen=True, eq=False, kw_only=True)
class Reach:
    """Where an audit can say anything, (H, W) bool each.

    Parameters
    ----------
    covered : the map claims to know the roads here.
    hidden : canopy or deep shadow: imagery cannot show a road here.
    """

    covered: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class Labels:
    """A map as labels, all of one alignment, (H, W) each.

    Parameters
    ----------
    truth : uint8, 1 on the map's visible roads.
    weight : float32, 0 where the map does not say what is to be seen.
    taught : uint8, `truth` as verdicts mend it: what nets learn.
    heeded : float32, `weight` as verdicts change it.
    note : what was left out and why, in words for people; '' for nothing.
    """

    truth: np.ndarray
    weight: np.ndarray
    taught: np.ndarray
    heeded: np.ndarray
    note: str = ""


def find_reach(image: Raster, moved: RoadMap, *, coverage: bool) -> Reach:
    """Where the map reaches (coverage False: everywhere), and where imagery (3, H, W) uint8 hides
    roads.
    """
    box = image.geobox
    return Reach(
        covered=find_coverage(moved.lines, box) if coverage else np.ones(box.shape, bool),
        hidden=find_hidden(image.array, image.valid, box.m_per_px),
    )


def make_labels(
    image: Raster, alignment: Alignment, reach: Reach, *, judged: Judged | None = None
) -> Labels:
    """Burn the moved map; mend what is taught by verdicts.

    Parameters
    ----------
    image : whose grid and valid pixels the labels take.
    alignment : the map on the imagery.
    reach : labels count only where the map reaches.
    judged : verdicts on an earlier audit, in the map's own position.

    Raises
    ------
    InputError
        The image has no data within the map's reach.
    """
    truth, weight = _burn_map(image, alignment.moved, reach.covered)
    if not weight.any():
        raise InputError(
            "the image",
            "holds no data where the map reaches: no evidence of anything",
            "check its no-data value, or take the image of this place",
        )
    taught, heeded = truth, weight
    if judged is not None:
        said = place_on_image(judged, image.crs, alignment)
        taught, heeded = correct_labels(truth, weight, said, image.geobox)
    return Labels(truth=truth, weight=weight, taught=taught, heeded=heeded)


def _burn_map(image: Raster, roads: RoadMap, covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """truth (H, W) 0/1 of the visible roads and weight (H, W): 0 where the map does not say what is
    to be seen.
    """
    box = image.geobox
    lines, others = roads.lines, roads.other_ways
    truth = burn_lines(lines[lines["visible"]], box)
    weight = (image.valid & covered).astype(np.float32)
    unclear = [lines[~lines["visible"]].geometry]
    if not others.empty:
        unclear.append(others[others["road_class"].isin(_IGNORED_WAYS)].geometry)
    for geometry in unclear:
        if len(geometry):
            weight[(burn_lines(geometry, box, width_m=_IGNORED_WIDTH_M) > 0) & (truth == 0)] = 0
    return truth, weight
