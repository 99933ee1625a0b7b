"""The elements of an answer of Overpass in JSON: ways with the places of their nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mapsight.errors import InputError
from mapsight.geo.maps.ways import FloatArray, Way

NO_PLACES = "the places of its nodes are not in the file"
ASK_GEOMETRY = "ask Overpass for them: out geom;"
DELETED = "deleted"
_Places = dict[int, tuple[float, float]]


def iterate_elements(
    elements: list[Any], answer: Mapping[str, Any], name: str = "Overpass"
) -> Iterator[Way]:
    """Ways of an answer in the order of the file, whatever stands first in it.

    Parameters
    ----------
    elements
        As the answer has them: nodes, ways, relations, in any order.
    answer
        Its other members; a `remark` tells of an error that cut it off.
    name
        What the answer is called in an error.

    Raises
    ------
    InputError
        For an answer that says it is not complete, and for one of ways without any place.
    """
    if remark := str(answer.get("remark") or ""):
        raise InputError(
            name, f"is an answer that broke off: {' '.join(remark.split())[:120]}", "fetch it again"
        )
    known = [element for element in elements if isinstance(element, dict)]
    places = _read_places(known)
    ways = [element for element in known if element.get("type") == "way"]
    if ways and not places and not any("geometry" in way for way in ways):
        raise InputError(name, f"holds ways, but {NO_PLACES}", ASK_GEOMETRY)
    for number, element in enumerate(ways, 1):
        tags = element.get("tags")
        named = tags.items() if isinstance(tags, dict) else ()
        lines = _cut_runs(element, places)
        fault = DELETED if element.get("visible") is False else "" if lines else "nodes missing"
        yield Way(
            str(element.get("id", number)),
            {str(key).lower(): str(value) for key, value in named},
            [] if fault else lines,
            fault,
        )


def cut_runs(points: list[tuple[float, float] | None]) -> list[FloatArray]:
    """Runs of consecutive points whose place is known, two and more; (n, 2) each."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is not None and all(map(math.isfinite, point)):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [np.array(run) for run in runs if len(run) > 1]


def _read_places(elements: list[dict[str, Any]]) -> _Places:
    places: _Places = {}
    for element in elements:
        if element.get("type") == "node" and (point := _read_point(element)) is not None:
            identity = element.get("id")
            if isinstance(identity, int):
                places[identity] = point
    return places


def _cut_runs(way: dict[str, Any], places: _Places) -> list[FloatArray]:
    geometry, nodes = way.get("geometry"), way.get("nodes")
    if isinstance(geometry, list):
        return cut_runs([_read_point(point) for point in geometry])
    refs = nodes if isinstance(nodes, list) else []
    return cut_runs([places.get(ref) if isinstance(ref, int) else None for ref in refs])


def _read_point(point: Any) -> tuple[float, float] | None:
    try:
        lon, lat = float(point["lon"]), float(point["lat"])
    except (TypeError, KeyError, ValueError, OverflowError):
        return None
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None
