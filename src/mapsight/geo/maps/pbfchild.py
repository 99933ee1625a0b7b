"""`python -m mapsight.geo.maps.pbfchild FILE STORAGE NEAR`: ways of a .osm.pbf as lines of JSON.

Runs in a process of its own: libosmium does not check every byte that it is handed, and what a
damaged file does to it must not end the program that asked. Each line is a list: ["way", id, tags,
lines, fault], at last ["end", ways elsewhere]; or ["error", what it is, remedy].
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, TextIO

import numpy as np
import osmium
from osmium.filter import EntityFilter

from mapsight.geo.maps.elements import ASK_GEOMETRY, DELETED, NO_PLACES, cut_runs
from mapsight.geo.maps.ways import reaches

_HISTORY = (
    "make the state of one day: osmium time-filter FILE 2026-01-01T00:00:00Z -o roads.osm.pbf"
)
_Point = tuple[float, float] | None
_Row = tuple[int, dict[str, str], list[int], list[_Point]]


def main(path: str, storage: str, near: str, out: TextIO = sys.stdout) -> None:
    """Write the ways that reach into `near` (a JSON list of areas in degrees) to `out`."""

    def say(*parts: Any) -> None:
        out.write(json.dumps(parts) + "\n")

    try:
        source = osmium.io.File(path, "pbf")
        with osmium.io.Reader(source) as reader:
            if reader.header().has_multiple_object_versions:
                say("error", "is a file of histories", _HISTORY)
                return
        areas = [tuple(area) for area in json.loads(near)]
        elsewhere, unplaced, placed = 0, list[_Row](), False
        for row in _stream(source, storage):
            if row is None:
                say("way", "", {}, [], DELETED)
            elif any(point is None for point in row[3]):
                placed = placed or any(row[3])
                unplaced.append(row)
            else:
                placed = True
                elsewhere += _tell(row, areas, say)
        found = _find_again(path, {ref for row in unplaced for ref in row[2]}) if unplaced else {}
        if unplaced and not placed and not found:
            say("error", f"holds ways, but {NO_PLACES}", ASK_GEOMETRY)
            return
        for identity, tags, refs, points in unplaced:
            whole = [own or found.get(ref) for own, ref in zip(points, refs, strict=True)]
            elsewhere += _tell((identity, tags, refs, whole), areas, say)
        say("end", elsewhere)
    except _Histories as error:
        say("error", f"is a file of histories: way {error} comes in several versions", _HISTORY)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        reason = str(error).split("\n")[0][:100]
        say("error", f"is damaged or no OpenStreetMap file ({reason})", "fetch it again")


class _Histories(Exception):
    """The file holds more than one state of a way."""


def _stream(source: osmium.io.File, storage: str) -> Iterator[_Row | None]:
    """All ways with the places of their nodes as far as known; None for one that is deleted."""
    last = (0, 0)
    ways = osmium.FileProcessor(source).with_locations(storage)
    for way in ways.with_filter(EntityFilter(osmium.osm.WAY)):
        if not isinstance(way, osmium.osm.Way):
            continue
        if way.id == last[0] and way.version != last[1]:
            raise _Histories(str(way.id))
        last = (way.id, way.version)
        if way.deleted or not way.visible:
            yield None
            continue
        refs, points = list[int](), list[_Point]()
        for node in way.nodes:
            refs.append(node.ref)
            known = node.location.valid()
            points.append((node.location.lon, node.location.lat) if known else None)
        yield way.id, {tag.k.lower(): tag.v for tag in way.tags}, refs, points


def _tell(row: _Row, areas: list[Any], say: Any) -> bool:
    """Say a way that is near, or that has no line at all; True for one that is elsewhere."""
    runs = cut_runs(row[3])
    if runs and not any(reaches(run, areas) for run in runs):
        return True
    lines = [np.asarray(run).tolist() for run in runs]
    say("way", str(row[0]), row[1], lines, "" if runs else "nodes missing")
    return False


def _find_again(path: str, wanted: set[int]) -> dict[int, _Point]:
    """Places of nodes that stand behind the ways, or whose numbers are negative."""
    found: dict[int, _Point] = {}
    nodes = osmium.FileProcessor(osmium.io.File(path, "pbf"), osmium.osm.NODE)
    for node in nodes:
        if isinstance(node, osmium.osm.Node) and node.id in wanted and node.location.valid():
            found[node.id] = (node.location.lon, node.location.lat)
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
