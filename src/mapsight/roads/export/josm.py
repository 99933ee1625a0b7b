"""A JOSM session (.joz): new ways as a data layer, all findings as tracks and markers beside it."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd

from mapsight.atomic import write_atomically
from mapsight.roads.export.gpx import make_gpx
from mapsight.roads.export.osmchange import make_source, write_new_ways
from mapsight.roads.export.run import ExportSettings, Run, to_degrees
from mapsight.roads.kinds import UNMAPPED
from mapsight.roads.verdicts.store import ACCEPT

_LAYERS = {
    "osm-data": ("new roads, to be checked", "data.osm"),
    "tracks": ("findings", "data.gpx"),
    "markers": ("what to check", "data.gpx"),
}


def write_josm(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """Accepted roads that the map lacks become ways that can be uploaded from JOSM once they are
    checked; the rest are notes.
    """
    placed = to_degrees(findings)
    drawn = placed[placed["kind"].isin(UNMAPPED) & (placed["verdict"] == ACCEPT)]
    contents = {"tracks": make_gpx(placed), "markers": make_gpx(placed)}
    if len(drawn):
        contents = {"osm-data": _make_data(drawn, make_source(run, settings)), **contents}
    with (
        write_atomically(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("session.jos", _make_session(list(contents), placed))
        for index, (kind, content) in enumerate(contents.items(), 1):
            archive.writestr(_name_file(index, kind), content)
    return [f"{len(drawn)} new ways, {len(placed)} findings as notes; nothing is uploaded"]


def _make_session(kinds: list[str], placed: gpd.GeoDataFrame) -> bytes:
    root = ElementTree.Element("josm-session", {"version": "0.1"})
    if len(placed):
        left, bottom, right, top = placed.total_bounds
        viewport = ElementTree.SubElement(root, "viewport")
        ElementTree.SubElement(
            viewport,
            "center",
            {"lat": f"{(bottom + top) / 2:.7f}", "lon": f"{(left + right) / 2:.7f}"},
        )
        scale = max((right - left), (top - bottom), 1e-4) * 111_000 / 700
        ElementTree.SubElement(viewport, "scale", {"meter-per-pixel": f"{scale:.3f}"})
    layers = ElementTree.SubElement(root, "layers", {"active": "1"})
    for index, kind in enumerate(kinds, 1):
        said = {
            "index": str(index),
            "name": _LAYERS[kind][0],
            "type": kind,
            "version": "0.1",
            "visible": "true",
        }
        if kind == "markers":
            said["depends"] = str(index - 1)
        layer = ElementTree.SubElement(layers, "layer", said)
        ElementTree.SubElement(layer, "file").text = _name_file(index, kind)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _name_file(index: int, kind: str) -> str:
    return f"layers/{index:02}/{_LAYERS[kind][1]}"


def _make_data(drawn: gpd.GeoDataFrame, source: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.osm"
        write_new_ways(drawn, path, "osm", source)
        return path.read_bytes()
