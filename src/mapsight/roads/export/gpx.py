"""GPX 1.1: findings as tracks with a waypoint each, for JOSM, a receiver in the field, or any map
application.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import shapely

from mapsight.atomic import write_atomically
from mapsight.roads.export.run import (
    ExportSettings,
    Run,
    describe_tool,
    keep_xml,
    propose_line,
    to_degrees,
)
from mapsight.roads.kinds import BESIDE

_NAMESPACE = "http://www.topografix.com/GPX/1/1"


def write_gpx(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """Waypoints with what is to be checked, and the lines as tracks: as the map has them, and as
    they are seen.
    """
    with write_atomically(path) as temporary:
        temporary.write_bytes(make_gpx(to_degrees(findings)))
    return []


def make_gpx(findings: gpd.GeoDataFrame) -> bytes:
    """The file's content; `findings` in degrees."""
    root = ElementTree.Element(
        "gpx", {"xmlns": _NAMESPACE, "version": "1.1", "creator": describe_tool()}
    )
    for row in findings.itertuples(index=False):
        middle = row.geometry.interpolate(0.5, normalized=True)
        _describe(
            ElementTree.SubElement(root, "wpt", _place(middle.x, middle.y)),
            row,
            symbol="Flag, Blue",
        )
    for row in findings.itertuples(index=False):
        _add_track(root, row, row.geometry, "")
        proposed = propose_line(row) if row.kind in BESIDE else None
        if proposed is not None:
            _add_track(root, row, proposed, " as seen")
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _add_track(root: ElementTree.Element, row: Any, line: shapely.LineString, suffix: str) -> None:
    track = ElementTree.SubElement(root, "trk")
    _describe(track, row, suffix=suffix)
    segment = ElementTree.SubElement(track, "trkseg")
    for x, y in shapely.get_coordinates(line):
        ElementTree.SubElement(segment, "trkpt", _place(x, y))


def _describe(
    element: ElementTree.Element, row: Any, *, suffix: str = "", symbol: str = ""
) -> None:
    said = {
        "name": f"{row.rank} {row.kind}{suffix}",
        "cmt": row.note,
        "desc": f"{row.evidence} ({row.score:.0%})",
        "sym": symbol,
        "type": row.kind,
    }
    for name, text in said.items():
        if text:
            ElementTree.SubElement(element, name).text = keep_xml(str(text))


def _place(lon: float, lat: float) -> dict[str, str]:
    return {"lat": f"{lat:.7f}", "lon": f"{lon:.7f}"}
