"""Findings as files, read back: a table of any audit, wherever it came from."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from mapsight.errors import InputError
from mapsight.geo.files import check_local_file
from mapsight.geo.geobox import metric_crs
from mapsight.roads.verdict_file import connect, explain, refuse_traps

_DRIVERS = {".gpkg": b"SQLite format 3\0", ".geojson": b"{"}
_NEEDED = ("finding_id", "kind", "score")


def read_findings(path: Path, *, metric: bool = True) -> gpd.GeoDataFrame:
    """The findings of an audit by falling score, in a metric CRS or in the file's; InputError for any other file."""
    found = check_local_file(path)
    head = found.read_bytes()[:16] if found.stat().st_size < 1 << 30 else b""
    magic = _DRIVERS.get(found.suffix.lower())
    if magic is None or not head.lstrip().startswith(magic):
        raise InputError(path, "is no GeoPackage or GeoJSON of findings", "give findings.gpkg of an audit")
    if found.suffix.lower() == ".gpkg":
        with explain(found), closing(connect(found, writable=False)) as database:
            refuse_traps(found, database)
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(found)]
        table = pyogrio.read_dataframe(found, layer="findings" if "findings" in layers else None)
    except (DataSourceError, DataLayerError) as error:
        raise InputError(path, f"cannot be read ({error})", "run the audit again") from None
    missing = [name for name in _NEEDED if name not in getattr(table, "columns", ())]
    if missing or not isinstance(table, gpd.GeoDataFrame):
        raise InputError(path, f"has no findings (no column {', '.join(missing)})", "give findings.gpkg of an audit")
    score = table["score"].to_numpy(dtype=float)
    if not (np.isfinite(score).all() and ((score >= 0) & (score <= 1)).all()):
        raise InputError(path, "holds scores outside 0 … 1", "run the audit again")
    if metric and table.crs is not None and len(table):
        table = table.to_crs(metric_crs(tuple(table.total_bounds), table.crs).to_wkt())
    return table.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def read_audit_facts(findings: Path) -> dict[str, Any]:
    """audit.json beside the findings (area_km2, road_km …), or {} where there is none."""
    beside = findings.parent / "audit.json"
    if not beside.is_file():
        return {}
    try:
        return dict(json.loads(beside.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise InputError(
            beside, "is no JSON of an audit", "run the audit again, or give --area-km2 and --road-km"
        ) from None
