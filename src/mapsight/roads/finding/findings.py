"""Where the imagery and the map disagree: candidates scored and ranked, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mapsight.geo.network import RoadMap
from mapsight.geo.profile import sample_points
from mapsight.roads.finding.candidates import (
    COLUMNS,
    Candidate,
    Candidates,
    FindingSettings,
    cut_line,
    identify,
    list_stretches,
    list_visible,
)
from mapsight.roads.finding.comparison import Comparison
from mapsight.roads.finding.evidence import Evidence, add_traits, find_faintest
from mapsight.roads.finding.frequency import learn_bend
from mapsight.roads.finding.overlap import measure_overlap
from mapsight.roads.finding.rules import RULES
from mapsight.roads.finding.stations import UNKNOWN, UNSEEN, look_along
from mapsight.roads.kinds import KINDS
from mapsight.roads.prediction.extract import extract_lines
from mapsight.roads.scoring.rerank import Bend, Lessons

__all__ = [
    "BEYOND",
    "COLUMNS",
    "Evidence",
    "FindingSettings",
    "Findings",
    "find_candidates",
    "find_errors",
    "identify",
    "rank_candidates",
    "settle_findings",
]

_MOST_COVERED = 0.5  # of a finding by better ones: with more it is the same place again
BEYOND = "roads seen beyond the map's reach"

Score = Callable[[str, Mapping[str, float]], float]  # kind, features → probability of an error


@dataclass(frozen=True, eq=False)
class Findings:
    """What an audit has to say of a map.

    Parameters
    ----------
    table : GeoDataFrame
        COLUMNS, `features` and lines, by falling score.
    not_judged : GeoDataFrame
        What could not be judged: lines with `reason` and `length_m`.
    bend : Bend
        How scores were bent here.
    seen_lines : GeoDataFrame
        The roads seen.
    """

    table: gpd.GeoDataFrame
    not_judged: gpd.GeoDataFrame
    bend: Bend
    seen_lines: gpd.GeoDataFrame = field(default_factory=gpd.GeoDataFrame)


def find_errors(
    evidence: Evidence,
    roads: RoadMap,
    settings: FindingSettings = FindingSettings(),
    lessons: Lessons = Lessons(),
    *,
    nearly_complete: bool = True,
) -> Findings:
    """All findings of a scene, by falling score, and what could not be judged.

    Parameters
    ----------
    evidence : Evidence
        What is seen, out of sample.
    roads : RoadMap
        The map, on the imagery.
    lessons : Lessons
        What people said of earlier findings; bends the ranking.
    nearly_complete : bool
        The map is thought to be so: its candidates tell how frequent errors are.
    """
    found = find_candidates(evidence, roads, settings)
    return settle_findings(found, learn_bend(found if nearly_complete else None, lessons), settings)


def find_candidates(
    evidence: Evidence, roads: RoadMap, settings: FindingSettings = FindingSettings()
) -> Candidates:
    """What might be an error, with its features and without a score; generous: the ranking sorts it
    out.
    """
    visible = list_visible(roads.lines)
    # a threshold made strict for what is seen must not make it easier to call something unseen
    absence = min(evidence.threshold, settings.most_for_absence)
    along = look_along(
        evidence.probability,
        evidence.hidden,
        visible,
        settings.candidate_share * absence,
        settings.stations,
    )
    seen = extract_lines(
        evidence.probability,
        threshold=find_faintest(evidence, settings),
        settings=settings.extract,
    )
    compared = Comparison(
        evidence=evidence, roads=roads, visible=visible, along=along, seen=seen, settings=settings
    )
    listed = [one for kind in KINDS.values() for one in RULES[kind.rule](compared, kind.name)]
    return Candidates(
        listed=add_traits(listed, evidence, visible),
        mapped=roads.lines,
        along=along,
        seen=seen,
        within=_find_within(evidence, seen),
        crs=evidence.probability.crs,
    )


def settle_findings(
    found: Candidates, bend: Bend, settings: FindingSettings = FindingSettings()
) -> Findings:
    """Candidates as findings: scored, ranked, each place once; and what could not be judged."""
    table = rank_candidates(found.listed, found.crs, bend.score, settings)
    not_judged = _list_not_judged(found, settings)
    beyond = _list_beyond(found.seen[~found.within], found.crs)
    unjudged = gpd.GeoDataFrame(pd.concat([not_judged, beyond], ignore_index=True), crs=found.crs)
    return Findings(table, unjudged, bend, found.seen)


def rank_candidates(
    candidates: Sequence[Candidate],
    crs: Any,
    score: Score,
    settings: FindingSettings = FindingSettings(),
) -> gpd.GeoDataFrame:
    """Scored, by falling score, each place once: what lies along a better finding is left out."""
    scored = [(score(one.kind, one.features), one) for one in candidates]
    scored = [(value, one) for value, one in scored if value >= settings.min_score]
    scored.sort(key=lambda pair: (-pair[0], pair[1].finding_id))
    lines = np.array([one.line for _, one in scored], object)
    places = [*lines, *(one.seen for _, one in scored)]  # of row i: i and i + len(scored)
    pairs = shapely.STRtree(places).query(lines, "dwithin", settings.same.match_m)
    near_by = np.split(pairs[1], np.flatnonzero(np.diff(pairs[0])) + 1) if len(scored) else []
    kept = np.zeros(len(scored), bool)
    for number, near in enumerate(near_by):
        better = near[kept[near % len(scored)]]
        over = shapely.union_all([places[n] for n in better])
        kept[number] = (
            not len(better) or measure_overlap(lines[number], over, settings.same) <= _MOST_COVERED
        )
    rows = [one.describe(value) for (value, one), keep in zip(scored, kept, strict=True) if keep]
    return gpd.GeoDataFrame(
        rows, columns=[*COLUMNS, "features", "geometry"], geometry="geometry", crs=crs
    )


def _find_within(evidence: Evidence, seen: gpd.GeoDataFrame) -> np.ndarray:
    """(N,) bool: the middle of the road lies within the map's reach."""
    if seen.empty:
        return np.zeros(0, bool)
    middle = shapely.get_coordinates(seen.geometry.interpolate(0.5, normalized=True))
    covered = evidence.covered.astype(np.float32)
    return sample_points(covered, evidence.probability.transform, middle, outside=0.0) >= 0.5


def _list_not_judged(found: Candidates, settings: FindingSettings) -> gpd.GeoDataFrame:
    """Pieces of the map that imagery cannot confirm or deny, with the reason."""
    along, lines = found.along, found.mapped
    rows = [
        (line, "tunnel, planned or indoor: not expected to be seen")
        for line in lines.geometry[~lines["visible"]]
    ]
    unseen = (along.state == UNSEEN) & (along.hidden > settings.hidden_share)
    for wanted, reason in (
        (unseen, "under trees or in deep shadow"),
        (along.state == UNKNOWN, "no imagery here"),
    ):
        rows += [
            (cut_line(found.visible, stretch), reason)
            for stretch in list_stretches(along, wanted, found.visible, settings)
        ]
    return gpd.GeoDataFrame(  # lines of the map
        {"reason": [r for _, r in rows], "length_m": [g.length for g, _ in rows]},
        geometry=[g for g, _ in rows],
        crs=found.crs,
    )


def _list_beyond(seen: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """Roads seen where the map does not reach."""
    columns = {"reason": [BEYOND] * len(seen), "length_m": list(seen.length)}
    return gpd.GeoDataFrame(columns, geometry=list(seen.geometry), crs=crs)
