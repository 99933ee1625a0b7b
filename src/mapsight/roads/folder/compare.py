"""Two audits of one place side by side: what is solved, still there, new, and what has moved or
changed its score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from mapsight.errors import InputError
from mapsight.geo.geobox import metric_crs
from mapsight.roads.finding.place import reproject_findings
from mapsight.roads.folder.persist import MERGED, NEW, SOLVED, STILL, pair_findings

CHANGED = "changed"
COLUMNS = (
    "change",
    "finding_id",
    "id_before",
    "kind",
    "score",
    "score_before",
    "score_change",
    "length_m",
    "length_before_m",
    "moved_m",
    "evidence",
)
_ORDER = (NEW, CHANGED, STILL, SOLVED)
_STEP_M = 5.0


@dataclass(frozen=True)
class CompareSettings:
    """From when on a finding that is still there counts as changed."""

    score: float = 0.1
    moved_m: float = 3.0
    length: float = 0.25  # share of the longer of the two


def compare_findings(
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    settings: CompareSettings = CompareSettings(),
    *,
    fates: Mapping[str, str] = {},
) -> gpd.GeoDataFrame:
    """One row a finding of either run (COLUMNS, geometry), in a metric CRS or in pixels.

    Findings are matched by kind and place. What is not found again counts as solved where `fates`
    (identity → what the later audit says of it) does not know better. InputError where only one of
    the runs has a place on earth.
    """
    if (before.crs is None) != (after.crs is None):
        raise InputError(
            "these audits",
            "are not both georeferenced",
            "compare audits of the same kind of image",
        )
    if after.crs is not None:
        bounds = after.total_bounds if len(after) else before.total_bounds
        crs = (
            metric_crs(tuple(bounds), after.crs).to_wkt()
            if len(after) or len(before)
            else after.crs
        )
        before, after = reproject_findings(before, crs), reproject_findings(after, crs)
    before, after = (table.assign(verdict="").reset_index(drop=True) for table in (before, after))
    best, parts = _match(before, after)
    rows = [
        _describe(now, best.get(at), before, settings)
        for at, now in enumerate(after.itertuples(index=False))
    ]
    for at, old in enumerate(before.itertuples(index=False)):
        if at not in best.values():
            rows.append(
                _describe_lost(old, MERGED if at in parts else fates.get(old.finding_id, SOLVED))
            )
    table = gpd.GeoDataFrame(
        rows, columns=[*COLUMNS, "geometry"], geometry="geometry", crs=after.crs
    )
    table["order"] = [
        _ORDER.index(change) if change in _ORDER else len(_ORDER) for change in table["change"]
    ]
    return table.sort_values(["order", "score"], ascending=[True, False], ignore_index=True).drop(
        columns="order"
    )


def _match(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> tuple[dict[int, int], set[int]]:
    """Row of `after` → the row of `before` that it is or is a piece of; all of `before` that go on
    somewhere.
    """
    best: dict[int, int] = {}
    parts: set[int] = set()
    for pair in pair_findings(after, before):
        parts.add(pair.before)
        if pair.now not in best and (pair.before not in best.values() or pair.share_now >= 0.5):
            best[pair.now] = pair.before
    return best, parts


def measure_move(line: Any, other: Any) -> float:
    """Mean distance in metres from where the two run side by side; the shorter one counts."""
    short, long = sorted((line, other), key=lambda part: part.length)
    steps = np.arange(_STEP_M / 2, max(short.length, _STEP_M), _STEP_M)
    return float(shapely.distance(shapely.line_interpolate_point(short, steps), long).mean())


def _describe(
    now: Any, at: int | None, before: gpd.GeoDataFrame, settings: CompareSettings
) -> dict[str, Any]:
    row = {
        "change": NEW,
        "finding_id": now.finding_id,
        "id_before": "",
        "kind": now.kind,
        "score": now.score,
        "length_m": now.geometry.length,
        "evidence": now.evidence,
        "geometry": now.geometry,
    }
    if at is None:
        return row
    old = before.iloc[at]
    moved = measure_move(now.geometry, old.geometry)
    lengths = sorted((now.geometry.length, old.geometry.length))
    changed = (
        abs(now.score - old["score"]) >= settings.score
        or moved >= settings.moved_m
        or lengths[0] < (1 - settings.length) * lengths[1]
    )
    return {
        **row,
        "change": CHANGED if changed else STILL,
        "id_before": old["finding_id"],
        "score_before": old["score"],
        "score_change": now.score - old["score"],
        "length_before_m": old.geometry.length,
        "moved_m": moved,
    }


def _describe_lost(old: Any, change: str) -> dict[str, Any]:
    return {
        "change": change,
        "finding_id": "",
        "id_before": old.finding_id,
        "kind": old.kind,
        "score_before": old.score,
        "length_before_m": old.geometry.length,
        "evidence": old.evidence,
        "geometry": old.geometry,
    }
