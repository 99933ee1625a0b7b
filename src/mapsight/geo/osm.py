"""OpenStreetMap extracts (.osm, .pbf) as a stream of ways with the places of their nodes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import osmium
from osmium.filter import EntityFilter, KeyFilter
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds
from mapsight.geo.ways import FloatArray, Tally, Way, reaches

KEYS = ("highway", "railway", "aeroway", "waterway")
# Above this size of file the places of its nodes (16 bytes each) stand in a temporary file, not in
# memory.
_MEMORY_BYTES = 64_000_000


def read_osm_crs(path: Path, layer: str | None = None) -> CRS:
    """OpenStreetMap knows one CRS, and no layers."""
    if layer is not None:
        raise InputError(f"layer {layer!r}", "an OpenStreetMap file has no layers", "omit --layer")
    return CRS.from_epsg(4326)


def iterate_osm_ways(
    path: Path, layer: str | None, near: list[Bounds], tally: Tally
) -> Iterator[Way]:
    """Linear ways (roads, paths, railways, runways, waters) that reach into `near`, degrees.

    A way whose nodes are in part missing from the extract comes in the pieces that are there.
    Memory does not grow with the file; a country needs room for its nodes in the folder of
    temporary files (TMPDIR).
    """
    if path.stat().st_size < _MEMORY_BYTES:
        yield from _stream_ways(path, "flex_mem", near, tally)
        return
    with tempfile.TemporaryDirectory(prefix="mapsight-") as folder:
        yield from _stream_ways(path, f"sparse_file_array,{folder}/nodes", near, tally)


def _stream_ways(path: Path, storage: str, near: list[Bounds], tally: Tally) -> Iterator[Way]:
    # The format is stated: libosmium would run a download tool for a name that looks like a URL.
    source = osmium.io.File(str(path), "pbf" if path.suffix.lower() == ".pbf" else "osm")
    try:
        ways = osmium.FileProcessor(source).with_locations(storage)
        for way in ways.with_filter(EntityFilter(osmium.osm.WAY)).with_filter(KeyFilter(*KEYS)):
            if not isinstance(way, osmium.osm.Way) or way.deleted or not way.visible:
                continue
            tally.total += 1
            yield from _cut_way(way, near, tally)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        reason = str(error).split("\n")[0][:100]
        raise InputError(
            path.name, f"is damaged or no OpenStreetMap file ({reason})", "fetch it again"
        ) from None


def _cut_way(way: osmium.osm.Way, near: list[Bounds], tally: Tally) -> Iterator[Way]:
    runs = _locate_nodes(way)
    if not runs:
        tally.dropped["nodes missing"] += 1
    for run in runs:
        if reaches(run, near):
            yield Way(str(way.id), {tag.k.lower(): tag.v for tag in way.tags}, run)


def _locate_nodes(way: osmium.osm.Way) -> list[FloatArray]:
    """Runs of consecutive nodes whose place is known, two and more."""
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if node.location.valid():
            runs[-1].append((node.location.lon, node.location.lat))
        elif runs[-1]:
            runs.append([])
    return [np.array(run) for run in runs if len(run) > 1]
