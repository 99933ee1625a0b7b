"""Findings that people have judged, as teachers: of the labels a net is tuned on, and of the
ranking of the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.geo.raster import GeoBox
from mapsight.roads.kinds import BESIDE, ON_MAP, UNMAPPED, list_kinds
from mapsight.roads.scoring.rerank import Lessons
from mapsight.roads.scoring.table import FEATURES
from mapsight.roads.verdicts.store import ACCEPT, REJECT, UNSURE

_WIDTH_M = 8.0  # of a usual street
_SEEN = (*list_kinds(seen="here"), *BESIDE)


@dataclass(frozen=True, eq=False)
class Judged:
    """Findings with a verdict: kind, verdict, features (dict), geometry, `seen` (where the road is
    seen, or None).
    """

    table: gpd.GeoDataFrame

    def __len__(self) -> int:
        return len(self.table)


def gather_judged(findings: gpd.GeoDataFrame, verdicts: pd.DataFrame) -> Judged:
    """The findings (as `audit` wrote them) that were accepted, rejected or left unsure, lines as a
    reviewer drew them.

    Raises InputError where the findings do not carry the features of their scores.
    """
    if "features" not in findings:
        raise InputError(
            "these findings", "do not say what their scores are made of", "audit again, then judge"
        )
    told = verdicts[verdicts["verdict"].isin([ACCEPT, REJECT, UNSURE])][
        ["finding_id", "verdict", "geometry_wkt"]
    ]
    table = findings.merge(told, on="finding_id")
    drawn, proposed = (
        gpd.GeoSeries.from_wkt(
            table[name].astype(object).replace({"": None, float("nan"): None}),
            crs=findings.crs,
            on_invalid="ignore",
        )
        for name in ("geometry_wkt", "seen_wkt")
    )
    beside = table["kind"].isin(BESIDE).to_numpy()
    where = np.where(beside, drawn.combine_first(proposed), drawn.combine_first(table.geometry))
    columns = {
        "kind": table["kind"],
        "verdict": table["verdict"],
        "features": [_read(text) for text in table["features"]],
        "seen": gpd.GeoSeries(where, index=table.index, crs=findings.crs),
    }
    return Judged(
        gpd.GeoDataFrame(columns, geometry=table.geometry, crs=findings.crs).reset_index(drop=True)
    )


def place_judged(
    judged: Judged, crs: object, move: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]
) -> Judged:
    """The same on the imagery: both lines brought to the CRS and moved by `move` (lines →
    lines).
    """
    table = judged.table

    def place(lines: gpd.GeoSeries) -> gpd.GeoSeries:
        here = gpd.GeoDataFrame(
            geometry=lines if lines.crs is None or crs is None else lines.to_crs(crs)
        )
        return move(here).geometry

    if table.empty:
        return judged
    seen = place(gpd.GeoSeries(table["seen"], crs=table.crs))
    line = place(table.geometry)
    return Judged(
        gpd.GeoDataFrame(
            table[["kind", "verdict", "features"]].assign(seen=seen), geometry=line, crs=line.crs
        )
    )


def correct_labels(
    truth: np.ndarray, weight: np.ndarray, judged: Judged, box: GeoBox
) -> tuple[np.ndarray, np.ndarray]:
    """(truth, weight), (H, W) each, as the map would give them had it been mended by the verdicts.

    Accepted: where a road is seen is road, where only the map has one is none.
    Unsure: says nothing. Rejected: the map was right, and its labels stay.
    """
    table = judged.table
    accepted = table["verdict"] == ACCEPT
    gone = table[accepted & table["kind"].isin(ON_MAP)].geometry
    there = table[accepted & table["kind"].isin(_SEEN)]["seen"]
    unsure = table[table["verdict"] == UNSURE].geometry
    truth, weight = truth.copy(), weight.copy()
    truth[_burn(gone, box)] = 0
    truth[_burn(there, box)] = 1
    weight[_burn(unsure, box)] = 0
    return truth, weight


def list_judged(judged: Judged) -> list[Any]:
    """The lines of unmapped roads that people have accepted or rejected."""
    table = judged.table
    return list(table[table["kind"].isin(UNMAPPED) & (table["verdict"] != UNSURE)].geometry)


def read_lessons(judged: Judged) -> Lessons:
    """What verdicts teach the ranking: nothing where they are unsure, or where an older audit did
    not measure every feature of today's.
    """
    table = judged.table[judged.table["verdict"] != UNSURE]
    known = [
        set(FEATURES[kind]) <= set(features)
        for kind, features in zip(table["kind"], table["features"], strict=True)
    ]
    table = table[known]
    right: Sequence[bool] = (table["verdict"] == ACCEPT).tolist()
    return Lessons(table["kind"].tolist(), table["features"].tolist(), right)


def _read(text: object) -> dict[str, float]:
    try:
        found = json.loads(str(text))
        return {str(name): float(value) for name, value in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _burn(lines: gpd.GeoSeries, box: GeoBox) -> np.ndarray:
    kept = [line for line in lines if line is not None and not shapely.is_empty(line)]
    if not kept:
        return np.zeros(box.shape, bool)
    return burn_lines(gpd.GeoSeries(kept, crs=box.crs), box, width_m=_WIDTH_M) > 0
