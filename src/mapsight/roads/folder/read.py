"""Findings as files, read back: a table of any audit, wherever it came from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from mapsight.errors import InputError
from mapsight.geo.files import check_local_file
from mapsight.geo.geobox import metric_crs
from mapsight.geo.maps.borrowed import borrow_file
from mapsight.roads.finding.place import reproject_findings
from mapsight.roads.verdicts.file import connect, explain, has_verdicts, refuse_traps
from mapsight.roads.verdicts.store import read_verdicts

LAYER, EARLIER = (
    "findings",
    "earlier",
)  # of findings.gpkg: what was found now, and what no longer is

JUDGED = (
    "verdict",
    "note",
    "geometry_wkt",
    "reviewer",
    "time_utc",
)  # of the last verdict on a finding

_MOST_OFFSET = 30.0  # logits: scores are clipped there
_DRIVERS = {".gpkg": b"SQLite format 3\0", ".geojson": b"{"}
_OWN = ("findings.gpkg", "findings.geojson", "audit.json")
_NEEDED = ("finding_id", "kind", "score")
_TEXTS = (
    "road_class",
    "road_id",
    "evidence",
    "seen_wkt",
    "features",
    "status",
    "first_seen",
    "came_from",
)


def read_findings(path: Path, *, metric: bool = True) -> gpd.GeoDataFrame:
    """The findings of an audit by falling score, in a metric CRS or in the file's; InputError for
    any other file.
    """
    table = read_stored_findings(path)
    table = measure_in_metres(table) if metric else table
    return table.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def measure_in_metres(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Findings in a CRS whose unit is a metre there; what lies in pixels, or nowhere, stays."""
    if table.crs is None or table.empty:
        return table
    return reproject_findings(table, metric_crs(tuple(table.total_bounds), table.crs).to_wkt())


def read_stored_findings(path: Path) -> gpd.GeoDataFrame:
    """The findings of an audit as the file has them, in its order and CRS; InputError for any other
    file.

    Not while this process holds a VerdictStore of the file: GDAL's own SQLite does not see the
    locks of Python's within one process, and takes the store's log away
    (docs/decisions/0019-layers-in-place.md).
    """
    found = check_local_file(path)
    magic = _DRIVERS.get(found.suffix.lower())
    if magic is None or not _read_head(found).lstrip().startswith(magic):
        raise InputError(
            path, "is no GeoPackage or GeoJSON of findings", "give findings.gpkg of an audit"
        )
    with borrow_file(found, logged=True) as readable:
        if found.suffix.lower() == ".gpkg":
            with explain(found), closing(connect(readable, writable=False)) as database:
                refuse_traps(found, database)
        try:
            named = LAYER in pyogrio.list_layers(readable)[:, 0]
            table = pyogrio.read_dataframe(readable, layer=LAYER if named else None)
        except (DataSourceError, DataLayerError) as error:
            raise InputError(path, f"cannot be read ({error})", "run the audit again") from None
    missing = [name for name in _NEEDED if name not in getattr(table, "columns", ())]
    if missing or not isinstance(table, gpd.GeoDataFrame):
        raise InputError(
            path,
            f"has no findings (no column {', '.join(missing)})",
            "give findings.gpkg of an audit",
        )
    score = table["score"].to_numpy(dtype=float)
    if not (np.isfinite(score).all() and ((score >= 0) & (score <= 1)).all()):
        raise InputError(path, "holds scores outside 0 … 1", "run the audit again")
    return fill_texts(table)


def read_line(wkt: str) -> shapely.LineString | None:
    """A line of the table; None where there is none, or where a hand (QGIS) has left something
    else.
    """
    with np.errstate(all="ignore"):  # shapely warns of numbers that are none
        line = shapely.from_wkt(wkt, on_invalid="ignore")
    sound = (
        line is not None and line.geom_type == "LineString" and line.is_valid and not line.is_empty
    )
    return line if sound else None


def refuse_overwriting(path: Path, *audits: Path) -> None:
    """InputError where writing `path` would lose what one of these audits is made of, or verdicts
    of any.
    """
    own = {(folder / name).resolve() for folder in audits for name in _OWN}
    if path.resolve() in own:
        raise InputError(
            path, "is the audit's own file and may hold verdicts", "choose another --out"
        )
    if (
        path.suffix.lower() != ".gpkg"
        or not path.is_file()
        or _read_head(path) != _DRIVERS[".gpkg"]
    ):
        return
    try:
        with (
            borrow_file(path, logged=True) as readable,
            closing(connect(readable, writable=False)) as database,
        ):
            held = has_verdicts(database)
    except sqlite3.Error as error:
        raise InputError(
            path, f"is there and cannot be read ({error})", "choose another --out"
        ) from None
    if held:
        raise InputError(path, "holds verdicts that people gave", "choose another --out")


def _read_head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(16)


def read_earlier_findings(path: Path) -> gpd.GeoDataFrame | None:
    """What earlier audits found there and this one did not, or None; `path` is a findings.gpkg that
    could be read.
    """
    with borrow_file(path, logged=True) as readable:
        if EARLIER not in pyogrio.list_layers(readable)[:, 0]:
            return None
        return fill_texts(pyogrio.read_dataframe(readable, layer=EARLIER))


def fill_texts(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table with all columns of text, empty where nothing is said (files tell null from empty,
    findings do not).
    """
    return table.assign(**{name: _to_text(table[name]) if name in table else "" for name in _TEXTS})


def join_verdicts(table: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """The table with what people said of it last (columns JUDGED, '' for nothing), from the
    findings.gpkg it is of.
    """
    said = read_verdicts(path).set_index("finding_id")
    said = said[said["verdict"] != "none"]  # taken back
    return table.assign(**{name: _to_text(table["finding_id"].map(said[name])) for name in JUDGED})


def _to_text(column: pd.Series) -> list[str]:
    """Cells as text, '' for null: a column without a single text comes as numbers out of some
    files.
    """
    return [
        "" if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)
    ]


def read_audit_facts(findings: Path) -> dict[str, Any]:
    """audit.json beside the findings (area_km2, road_km …), or {} where there is none."""
    beside = findings.parent / "audit.json"
    if not beside.is_file():
        return {}
    try:
        return dict(json.loads(beside.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise InputError(
            beside,
            "is no JSON of an audit",
            "run the audit again, or give --area-km2 and --road-km",
        ) from None


def read_offsets(facts: Mapping[str, Any]) -> dict[str, float]:
    """Kind → what an audit added to the logits of its scores for the map as a whole; audits before
    had none.
    """
    told = facts.get("offset")
    named = told.items() if isinstance(told, dict) else ()
    return {
        kind: float(adds)
        for kind, adds in named
        if isinstance(adds, int | float) and abs(adds) <= _MOST_OFFSET
    }
