"""What an audit is worth: its findings against planted mistakes.

Every planted mistake is a positive, found or not: one that no finding answers lowers recall and
average precision. Findings are taken in order of score. A second finding on an answered mistake is
a duplicate: neither hit nor false alarm. All others are false alarms, also those that are right
about a mistake the map had before anything was planted: on a real map precision is therefore a
lower bound. What answers what: `finding.overlap`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np

from mapsight.roads.finding.overlap import answer_planted
from mapsight.roads.kinds import KINDS
from mapsight.roads.planting.counts import (
    Counts,
    Extent,
    ScoreSettings,
    average_precision,
    count_answers,
)

__all__ = ["ScoreReport", "ScoreSettings", "score_findings"]


@dataclass(frozen=True, eq=False)
class ScoreReport:
    """Findings against planted mistakes, kind-aware (the headline) and kind-blind.

    average_precision_by_kind: findings and planted mistakes of one kind alone, None without planted
    ones. outcomes: finding_id → 'hit', 'duplicate', 'false', kind-aware; found_by: planted_id →
    finding_id or None, kind-aware.
    """

    planted: int
    findings: int
    area_km2: float
    road_km: float
    kind_aware: Counts
    kind_blind: Counts
    average_precision_by_kind: dict[str, float | None]
    outcomes: dict[str, str]
    found_by: dict[str, str | None]
    settings: ScoreSettings

    def to_json(self) -> dict[str, Any]:
        """Plain types only; NaN becomes null."""
        plain = (
            "planted",
            "findings",
            "area_km2",
            "road_km",
            "average_precision_by_kind",
            "outcomes",
            "found_by",
        )
        said: dict[str, Any] = {name: getattr(self, name) for name in plain}
        counts = {"kind_aware": self.kind_aware.to_json(), "kind_blind": self.kind_blind.to_json()}
        return said | counts | {"settings": asdict(self.settings)}


def score_findings(
    findings: gpd.GeoDataFrame,
    planted: gpd.GeoDataFrame,
    *,
    area_km2: float,
    road_km: float,
    settings: ScoreSettings | None = None,
) -> ScoreReport:
    """Score findings (kind, score, finding_id, geometry) against planted mistakes (`read_planted`),
    one CRS.

    area_km2: valid image looked at; road_km: mapped road in it. Equal scores are ranked as they
    stand.
    """
    settings = settings or ScoreSettings()
    if findings.crs is not None and planted.crs is not None and findings.crs != planted.crs:
        raise ValueError(f"findings are in {findings.crs}, planted mistakes in {planted.crs}")
    ranked = findings.iloc[np.argsort(-findings["score"].to_numpy(float), kind="stable")]
    extent = Extent(area_km2, road_km)
    answers = {
        aware: answer_planted(ranked, planted, kind_aware=aware, settings=settings.match)
        for aware in (True, False)
    }
    aware = answers[True]
    ids, numbers = ranked["finding_id"].to_numpy(), planted["planted_id"].to_numpy()
    return ScoreReport(
        planted=len(planted),
        findings=len(ranked),
        area_km2=area_km2,
        road_km=road_km,
        kind_aware=count_answers(ranked, planted, aware, extent, settings),
        kind_blind=count_answers(ranked, planted, answers[False], extent, settings),
        average_precision_by_kind={
            kind: _precision_of_kind(ranked, planted, kind, settings) for kind in KINDS
        },
        outcomes={str(i): str(outcome) for i, outcome in zip(ids, aware.outcome, strict=True)},
        found_by={
            str(n): str(ids[rank]) if rank >= 0 else None
            for n, rank in zip(numbers, aware.found_by, strict=True)
        },
        settings=settings,
    )


def _precision_of_kind(
    ranked: gpd.GeoDataFrame, planted: gpd.GeoDataFrame, kind: str, settings: ScoreSettings
) -> float | None:
    some, there = ranked[ranked["kind"] == kind], planted[planted["kind"] == kind]
    return average_precision(answer_planted(some, there, kind_aware=True, settings=settings.match))
