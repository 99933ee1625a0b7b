"""OsmChange (.osc): accepted roads that the map lacks, as new ways for an editor. Never uploaded,
and never a deletion.

A finding about a road of the map is no line to be drawn but a question to be looked into: such
findings are left out here and told; a JOSM session or a GPX file shows them as notes beside the
data.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import osmium
import shapely
from osmium.osm.mutable import Node, Way

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.roads.export.run import (
    ExportSettings,
    Run,
    describe_tool,
    keep_xml,
    propose_line,
    to_degrees,
)
from mapsight.roads.kinds import ON_MAP, UNMAPPED, say_kinds

_MOST_NODES = 2000  # of a way, by OpenStreetMap's API
_MOST_TEXT = 255
# osmium writes an object of version 0, or without one, as `modify`; version 1 makes it `create`
_CREATE = 1


def write_osmchange(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """New ways with negative ids, `highway=road`, a source and a fixme; equal ends share a node."""
    lacking = findings[findings["kind"].isin(UNMAPPED)]
    others = len(findings) - len(lacking)
    if lacking.empty:
        raise InputError(
            path.name,
            f"there is no accepted {say_kinds(UNMAPPED)} road to draw",
            "judge findings first with `mapsight review`, or give --verdict open",
        )
    with write_atomically(path) as temporary:
        write_new_ways(to_degrees(lacking), temporary, "osc", make_source(run, settings))
    left = (
        f"{others} {say_kinds(ON_MAP)} left out: they need a person's eye, see --to josm"
        if others
        else ""
    )
    return [
        f"{len(lacking)} new ways; nothing is uploaded, open the file in JOSM",
        *([left] if left else []),
    ]


def make_source(run: Run, settings: ExportSettings) -> str:
    """The value of the source tag: as given, else the image's name."""
    return (settings.source or run.image_name or "aerial imagery")[:_MOST_TEXT]


def write_new_ways(lacking: gpd.GeoDataFrame, path: Path, format_name: str, source: str) -> None:
    """Nodes, then ways, as 'osc' or 'osm'; `lacking` in degrees."""
    nodes, ways = _lay_out(lacking, source)
    version: Any = {"version": _CREATE} if format_name == "osc" else {}
    with osmium.SimpleWriter(
        osmium.io.File(str(path), format_name), overwrite=True, header=_make_header()
    ) as writer:
        for number, (lon, lat) in enumerate(nodes, 1):
            writer.add_node(Node(id=-number, **version, location=(lon, lat)))
        for number, (refs, tags) in enumerate(ways, 1):
            writer.add_way(Way(id=-number, **version, nodes=[-ref for ref in refs], tags=tags))


def _lay_out(
    lacking: gpd.GeoDataFrame, source: str
) -> tuple[list[tuple[float, float]], list[tuple[list[int], dict[str, str]]]]:
    """Places of the nodes (numbers from 1), and each way's node numbers and tags."""
    numbers: dict[tuple[float, float], int] = {}
    ways = []
    for row in lacking.itertuples(index=False):
        line = propose_line(row)
        assert line is not None
        places = [
            (round(float(x), 7), round(float(y), 7)) for x, y in shapely.get_coordinates(line)
        ]
        refs = [numbers.setdefault(place, len(numbers) + 1) for place in places]
        refs = [ref for at, ref in enumerate(refs) if not at or ref != refs[at - 1]]
        ways += [(part, _make_tags(row, source)) for part in _split(refs)]
    return list(numbers), ways


def _split(refs: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(refs) - 1, _MOST_NODES - 1):
        yield refs[start : start + _MOST_NODES]


def _make_tags(row: Any, source: str) -> dict[str, str]:
    fixme = (
        f"{describe_tool()} finding {row.finding_id}: check that it is a road, its class, and"
        " connect it"
    )
    tags = {"highway": "road", "source": source, "fixme": fixme, "note": row.note}
    return {key: kept[:_MOST_TEXT] for key, value in tags.items() if (kept := keep_xml(value))}


def _make_header() -> osmium.io.Header:
    header = osmium.io.Header()
    header.set("generator", describe_tool())
    return header
