"""OpenStreetMap extracts (.osm, .pbf) as a stream of ways with the places of their nodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds
from mapsight.geo.maps.osmxml import iterate_xml_ways
from mapsight.geo.maps.roadclass import KEYS
from mapsight.geo.maps.ways import Tally, Way, reaches

# Above this size of file the places of its nodes (16 bytes each) stand in a temporary file, not in
# memory.
_MEMORY_BYTES = 64_000_000
_PACKAGE = Path(__file__).parents[3]
_Row = list[Any]


def read_osm_crs(path: Path, layer: str | None = None) -> CRS:
    """OpenStreetMap knows one CRS, and no layers."""
    if layer is not None:
        raise InputError(f"layer {layer!r}", "an OpenStreetMap file has no layers", "omit --layer")
    return CRS.from_epsg(4326)


def iterate_osm_ways(
    path: Path, layer: str | None, near: list[Bounds], tally: Tally
) -> Iterator[Way]:
    """Ways that reach into `near`, degrees, and those without a line; others are counted.

    Memory does not grow with the file; a country needs room for its nodes in the folder of
    temporary files (TMPDIR).

    Raises
    ------
    InputError
        For a file that is damaged, or no map of one day.
    """
    tally.note_columns(KEYS)
    large = path.stat().st_size >= _MEMORY_BYTES
    if path.suffix.lower() == ".pbf":
        yield from _iterate_pbf(path, near, tally, on_disk=large)
        return
    for way in iterate_xml_ways(path, on_disk=large):
        if way.lines and not any(reaches(line, near) for line in way.lines):
            tally.elsewhere += 1
        else:
            yield way


def _iterate_pbf(path: Path, near: list[Bounds], tally: Tally, *, on_disk: bool) -> Iterator[Way]:
    if not on_disk:
        yield from _ask_child(path, "flex_mem", near, tally)
        return
    with tempfile.TemporaryDirectory(prefix="mapsight-") as folder:
        yield from _ask_child(path, f"sparse_file_array,{folder}/nodes", near, tally)


def _ask_child(path: Path, storage: str, near: list[Bounds], tally: Tally) -> Iterator[Way]:
    """The ways as another process reads them; its death is an error in one line."""
    areas = json.dumps([[max(-1e9, min(1e9, edge)) for edge in area] for area in near])
    # -P: no module is taken from the current folder; this package is found wherever it was found
    command = [sys.executable, "-P", "-m", "mapsight.geo.maps.pbfchild", str(path), storage, areas]
    search = os.pathsep.join([str(_PACKAGE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    ended = False
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": search, "PYTHONIOENCODING": "utf-8"},
    ) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                kind, *parts = _parse(line)
                if kind == "error":
                    raise InputError(path.name, parts[0], parts[1].replace("FILE", path.name))
                if kind == "end":
                    tally.elsewhere += parts[0]
                    ended = True
                elif kind == "way":
                    lines = [np.array(run, dtype=np.float64) for run in parts[2]]
                    yield Way(parts[0], parts[1], lines, parts[3])
        finally:
            if not ended:
                child.kill()
    if not ended:
        raise InputError(
            path.name,
            f"is damaged: reading it broke off (status {child.returncode})",
            "fetch it again",
        )


def _parse(line: bytes) -> _Row:
    """A line of the child; what it broke off in the middle of is none."""
    try:
        row = json.loads(line)
    except ValueError:
        return [""]
    return row if isinstance(row, list) else [""]
