"""MapRoulette: findings as a challenge, one FeatureCollection a line after a record separator (RFC
7464).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from mapsight.atomic import write_atomically
from mapsight.roads.export.run import ExportSettings, Run, propose_line, to_degrees
from mapsight.roads.kinds import BESIDE, KINDS

MOST_TASKS = 50_000
_DIGITS = 7


def write_maproulette(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """A task a finding, the surest first; a challenge takes at most 50,000, the rest is left out
    and told.
    """
    tasks = to_degrees(findings.head(MOST_TASKS))
    with (
        write_atomically(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        for row in tasks.itertuples(index=False):
            stream.write(
                "\x1e" + json.dumps(_make_task(row), ensure_ascii=False, allow_nan=False) + "\n"
            )
    left_out = len(findings) - len(tasks)
    return (
        [f"a challenge holds {MOST_TASKS:,} tasks: the last {left_out:,} are left out"]
        if left_out
        else []
    )


def _make_task(row: Any) -> dict[str, Any]:
    name = name_task(row.finding_id)
    features = [_make_feature(name, row.geometry, {"id": name, "name": name, **_describe(row)})]
    line = propose_line(row) if row.kind in BESIDE else None
    if line is not None:
        seen = {
            "id": f"{name}-seen",
            "what": "the road as it is seen",
            "stroke": "#2e7d32",
            "stroke-width": 3,
        }
        features.append(_make_feature(f"{name}-seen", line, seen))
    return {"type": "FeatureCollection", "features": features}


def name_task(finding_id: str) -> str:
    """The id with a letter in front: ten digits would be a way of OpenStreetMap to MapRoulette.

    Only ids of older audits begin with a digit; `mapsight verdicts` takes the letter off again.
    """
    return finding_id if finding_id[:1].isalpha() else f"f{finding_id}"


def _describe(row: Any) -> dict[str, Any]:
    kind = KINDS.get(row.kind)  # None: of another version
    said = {
        "kind": row.kind,
        "score": row.score,
        "length_m": row.length_m,
        "evidence": row.evidence,
        "todo": kind.instruction if kind else "",
        "road_class": row.road_class,
        "map_way": row.road_id,
        "stroke": kind.colour if kind else "",
        "stroke-width": 4,
    }
    return {key: value for key, value in said.items() if value != ""}


def _make_feature(
    name: str, line: shapely.LineString, properties: dict[str, Any]
) -> dict[str, Any]:
    xy = [
        [round(float(x), _DIGITS), round(float(y), _DIGITS)]
        for x, y in shapely.get_coordinates(line)
    ]
    geometry = {"type": "LineString", "coordinates": xy}
    return {"type": "Feature", "id": name, "properties": properties, "geometry": geometry}
