"""Why a finding is where it is in the list: what the net saw along it, and what its score is made
of.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from rasterio.windows import Window
from shapely.affinity import translate

from mapsight.geo.profile import place_stations, sample_points
from mapsight.geo.raster import GeoBox
from mapsight.roads.folder.read import read_offsets
from mapsight.roads.kinds import KINDS
from mapsight.roads.report import words
from mapsight.roads.scoring.table import explain_score, read_intercept
from mapsight.web.review.session import Session
from mapsight.web.review.tiles import RasterSource

_MOST_STATIONS = 240
CROP_PX = 360
_LEAST_REST = 0.005  # of a logit: less is the rounding of what is shown


def describe_finding(session: Session, number: int) -> dict[str, Any]:
    """Everything the page shows of one finding, its verdicts aside."""
    row = session.findings.iloc[number]
    kind = KINDS.get(row["kind"])
    middle = session.degrees.iloc[number].interpolate(0.5, normalized=True)
    return {
        "id": row["finding_id"],
        "kind": row["kind"],
        "score": round(float(row["score"]), 4),
        "title": kind.singular if kind else str(row["kind"]),
        "meaning": kind.meaning if kind else "",
        "caution": kind.caution if kind else "",
        "certainty": words.say_judgement(
            float(row["score"]),
            float(row.get("mean_probability", np.nan)),
            kind.seen if kind else "",
        ),
        "evidence": words.make_sentence(row["evidence"]) if row["evidence"] else "",
        "facts": _list_facts(row),
        "parts": _explain(row, session.facts),
        "profile": draw_profile(session, number),
        "crop": place_crop(session, number),
        **_list_lines(session, number),
        "place": session.frame.describe_place(middle.x, middle.y),
        "links": session.frame.list_links(middle.x, middle.y, session.settings.links),
        "josm": session.frame.link_josm(middle.x, middle.y),
    }


def draw_profile(session: Session, number: int) -> dict[str, Any] | None:
    """The probability every few metres along the finding, and along the road seen beside it; None
    without a raster.
    """
    source = session.rasters.get("probability")
    if source is None:
        return None
    row = session.findings.iloc[number]
    lines = {"line": row.geometry}
    if row["seen_wkt"]:
        lines["seen"] = shapely.from_wkt(row["seen_wkt"], on_invalid="ignore")
    threshold = (session.facts.get("threshold") or {}).get("value")
    told: dict[str, Any] = {"threshold": threshold if isinstance(threshold, int | float) else None}
    for name, line in lines.items():
        if line is not None and not line.is_empty:
            along, seen = _sample(session, source, line)
            told[name] = {
                "along_m": along.round(1).tolist(),
                "p": [round(float(v), 3) if v >= 0 else None for v in seen],
            }
    return told


def place_crop(session: Session, number: int) -> dict[str, Any]:
    """The square around a finding, and its lines in it, from (0, 0) at the top left to (1, 1)."""
    left, bottom, right, top = crop_bounds(session, number)
    side = right - left
    row = session.findings.iloc[number]
    shapes = [row.geometry]
    if (
        row["seen_wkt"]
        and (seen := shapely.from_wkt(row["seen_wkt"], on_invalid="ignore")) is not None
    ):
        shapes.append(seen)
    paths = []
    for shape in session.frame.to_mercator(gpd.GeoSeries(shapes, crs=session.findings.crs)):
        xy = shapely.get_coordinates(shape)
        paths.append(
            np.column_stack([(xy[:, 0] - left) / side, (top - xy[:, 1]) / side]).round(4).tolist()
        )
    metres = side / math.cosh((bottom + top) / 2 / 6378137.0)
    return {"paths": paths, "side_m": round(metres, 1), "layers": list(session.rasters)}


def crop_bounds(session: Session, number: int) -> tuple[float, float, float, float]:
    """A square in web Mercator with the finding in its middle, at least 120 m wide."""
    left, bottom, right, top = session.mercator_bounds[number]
    stretch = math.cosh((bottom + top) / 2 / 6378137.0)
    half = max(right - left, top - bottom) * 0.65 + 10 * stretch
    half = max(half, 60 * stretch)
    x, y = (left + right) / 2, (bottom + top) / 2
    return x - half, y - half, x + half, y + half


def _sample(
    session: Session, source: RasterSource, line: shapely.Geometry
) -> tuple[np.ndarray, np.ndarray]:
    """(along_m, probability) of the stations of a line in the findings' CRS; −1 outside the
    raster.
    """
    with source._open() as (dataset, _):
        series = gpd.GeoSeries([line], crs=session.findings.crs)
        if session.frame.on_earth:
            series = series.to_crs(dataset.crs.to_wkt())
        placed = series.map(lambda one: translate(one, *session.frame.shift_m)).explode(
            ignore_index=True
        )
        step = max(float(placed.length.sum()) / _MOST_STATIONS, dataset.res[0])
        stations = place_stations(placed, step_m=step)
        box = GeoBox(dataset.height, dataset.width, dataset.transform, dataset.crs)
        cols, rows = ~box.transform @ (stations.xy[:, 0], stations.xy[:, 1])
        col, row = max(int(cols.min()) - 2, 0), max(int(rows.min()) - 2, 0)
        width, height = (
            min(int(cols.max()) + 3, box.width) - col,
            min(int(rows.max()) + 3, box.height) - row,
        )
        along = np.concatenate([[0], np.cumsum(stations.step_m)])[:-1] + stations.step_m / 2
        if width <= 0 or height <= 0:
            return along, np.full(len(along), -1.0)
        array = dataset.read(1, window=Window(col, row, width, height))
    array = np.where(np.isfinite(array), array, -1)
    return along, sample_points(
        array, box.window(row, col, height, width).transform, stations.xy, outside=-1.0
    )


def _explain(row: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the logit of the score is made of, the start first; nothing where the file does not
    tell.

    `facts` (audit.json) tell what was added for the map as a whole. What is still not accounted for
    comes last: what the ranking has learnt from verdicts, where the audit had some; else that the
    score is another version's.
    """
    try:
        features = {str(k): float(v) for k, v in json.loads(row["features"]).items()}
        terms = explain_score(row["kind"], features)
        start = read_intercept(row["kind"])
    except (ValueError, TypeError, AttributeError, KeyError):
        return []
    told: list[tuple[str, str, float | None, float]] = [
        ("start", "where its kind starts", None, start)
    ]
    told += [(term.name, term.words, round(term.value, 3), term.logit) for term in terms]
    here = read_offsets(facts).get(row["kind"], 0.0)
    told += [("here", "how many errors this map seems to hold", None, here)] if here else []
    rest = _find_logit(float(row["score"])) - sum(adds for *_, adds in told)
    if abs(rest) >= _LEAST_REST:
        verdicts = facts.get("verdicts")
        count = verdicts if isinstance(verdicts, int) else 0
        learnt = (
            f"what {count} verdict{'s' if count > 1 else ''} here add{'' if count > 1 else 's'}"
        )
        told.append(
            ("rest", learnt if count else "what another version's table of scores adds", None, rest)
        )
    return [
        {"name": name, "meaning": words, "value": value, "adds": round(adds, 3)}
        for name, words, value, adds in told
    ]


def _find_logit(score: float) -> float:
    """The logit of a score; scores are clipped at logits of ±30 when they are made."""
    score = min(max(score, 1e-13), 1 - 1e-13)
    return math.log(score / (1 - score))


def _list_facts(row: Any) -> list[tuple[str, str]]:
    """What the table holds besides, in words."""
    facts = [("Length", words.say_metres(float(row["length_m"])))]
    if row["road_class"]:
        facts.append(("Class on the map", str(row["road_class"])))
    for name, label in (
        ("mean_probability", "Mean probability"),
        ("map_distance_m", "From the nearest mapped way"),
        ("offset_m", "Beside the map's line"),
    ):
        value = row.get(name)
        if (
            isinstance(value, int | float)
            and math.isfinite(value)
            and (name == "mean_probability" or value > 0)
        ):
            facts.append(
                (
                    label,
                    f"{value:.2f}"
                    if name == "mean_probability"
                    else words.say_metres(float(value)),
                )
            )
    if row.get("road_id"):
        facts.append(("On the map as", str(row["road_id"])))
    return facts


def _list_lines(session: Session, number: int) -> dict[str, Any]:
    """In degrees, `shape`: what the finding is about; `line`: what is proposed and may be edited,
    None if in pieces.
    """
    row = session.findings.iloc[number]
    proposed = session.degrees.iloc[number]
    shape = [
        shapely.get_coordinates(part).round(7).tolist() for part in shapely.get_parts(proposed)
    ]
    if (
        row["seen_wkt"]
        and (seen := shapely.from_wkt(row["seen_wkt"], on_invalid="ignore")) is not None
    ):
        proposed = session.frame.to_degrees(gpd.GeoSeries([seen], crs=session.findings.crs)).iloc[0]
    simple = proposed.geom_type == "LineString"
    return {
        "shape": shape,
        "line": shapely.get_coordinates(proposed).round(7).tolist() if simple else None,
    }
