"""Where the imagery and the map disagree: missing, phantom and misaligned roads, ranked, each with
its evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mapsight.geo.network import RoadMap
from mapsight.roads.finding.candidates import (
    FindingSettings,
    cut_line,
    find_candidates,
    identify,
    list_runs,
)
from mapsight.roads.finding.evidence import Evidence
from mapsight.roads.finding.overlap import measure_overlap
from mapsight.roads.finding.stations import UNKNOWN, UNSEEN, Walk
from mapsight.roads.scoring.rerank import Bend
from mapsight.roads.verdicts.judged import Judged, learn_bend

__all__ = [
    "BEYOND",
    "COLUMNS",
    "Evidence",
    "FindingSettings",
    "Findings",
    "find_errors",
    "identify",
    "rank_candidates",
]

COLUMNS = (
    "finding_id",
    "kind",
    "score",
    "length_m",
    "mean_probability",
    "map_distance_m",
    "road_class",
    "road_id",
    "offset_m",
    "evidence",
    "seen_wkt",
)
BEYOND = "roads seen beyond the map's reach"

Score = Callable[
    [str, Mapping[str, float]], float
]  # kind and features → probability of being a real error


@dataclass(frozen=True, eq=False)
class Findings:
    """The ranked table, what could not be judged (pieces of the map with a `reason`), and how
    scores were bent.
    """

    table: gpd.GeoDataFrame
    not_judged: gpd.GeoDataFrame
    bend: Bend
    seen_lines: gpd.GeoDataFrame = field(default_factory=gpd.GeoDataFrame)


def find_errors(
    evidence: Evidence,
    roads: RoadMap,
    settings: FindingSettings = FindingSettings(),
    judged: Judged | None = None,
    *,
    nearly_complete: bool = True,
) -> Findings:
    """All findings of a scene, by falling score, and the pieces of the map that could not be
    judged.

    Of a map that is thought to be nearly complete the candidates tell how frequent errors are
    (`prior.py`).
    """
    found = find_candidates(evidence, roads, settings)
    bend = learn_bend(found if nearly_complete else None, judged)
    crs = evidence.probability.crs
    table = rank_candidates(found.rows, crs, bend.score, settings)
    not_judged = _list_not_judged(found.walk, found.visible, roads.lines, settings, crs)
    beyond = _list_beyond(found.seen[~found.within], crs)
    unjudged = gpd.GeoDataFrame(pd.concat([not_judged, beyond], ignore_index=True), crs=crs)
    return Findings(table, unjudged, bend, found.seen)


def rank_candidates(
    rows: list[dict[str, Any]],
    crs: Any,
    score: Score,
    settings: FindingSettings = FindingSettings(),
) -> gpd.GeoDataFrame:
    """Scored, by falling score, each place once: what lies along a better finding is left out."""
    scored = [{**row, "score": score(row["kind"], row["features"])} for row in rows]
    scored = [row for row in scored if row["score"] >= settings.min_score]
    scored.sort(key=lambda row: (-row["score"], row["finding_id"]))
    lines = np.array([row["geometry"] for row in scored], object)
    places = [
        *lines,
        *shapely.from_wkt([row["seen_wkt"] or None for row in scored]),
    ]  # of row i: i and i + len(scored)
    pairs = shapely.STRtree(places).query(lines, "dwithin", settings.same.match_m)
    near_by = np.split(pairs[1], np.flatnonzero(np.diff(pairs[0])) + 1) if len(scored) else []
    kept = np.zeros(len(scored), bool)
    for number, near in enumerate(near_by):
        better = near[kept[near % len(scored)]]
        over = shapely.union_all([places[n] for n in better])
        kept[number] = not len(better) or measure_overlap(lines[number], over, settings.same) <= 0.5
    rows = [row for row, keep in zip(scored, kept, strict=True) if keep]
    return gpd.GeoDataFrame(
        rows, columns=[*COLUMNS, "features", "geometry"], geometry="geometry", crs=crs
    )


def _list_not_judged(
    walk: Walk,
    visible: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    settings: FindingSettings,
    crs: Any,
) -> gpd.GeoDataFrame:
    """Pieces of the map that imagery cannot confirm or deny, with the reason."""
    rows = [
        (line, "tunnel, planned or indoor: not expected to be seen")
        for line in lines.geometry[~lines["visible"]]
    ]
    unseen = (walk.state == UNSEEN) & (walk.hidden > settings.hidden_share)
    for wanted, reason in (
        (unseen, "under trees or in deep shadow"),
        (walk.state == UNKNOWN, "no imagery here"),
    ):
        rows += [
            (cut_line(visible, run), reason) for run in list_runs(walk, wanted, visible, settings)
        ]
    return gpd.GeoDataFrame(  # lines of the map
        {"reason": [r for _, r in rows], "length_m": [g.length for g, _ in rows]},
        geometry=[g for g, _ in rows],
        crs=crs,
    )


def _list_beyond(seen: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """Roads seen where the map does not reach."""
    columns = {"reason": [BEYOND] * len(seen), "length_m": list(seen.length)}
    return gpd.GeoDataFrame(columns, geometry=list(seen.geometry), crs=crs)
