"""An audit's folder as the ways out see it: its findings with their verdicts, and how they came
about.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from mapsight import __version__
from mapsight.errors import InputError
from mapsight.geo.files import check_local_file
from mapsight.roads.finding.place import reproject_findings
from mapsight.roads.folder.persist import DISMISSED
from mapsight.roads.folder.read import (
    join_verdicts,
    read_audit_facts,
    read_line,
    read_stored_findings,
)
from mapsight.roads.kinds import BESIDE, KINDS, UNMAPPED, say_kinds
from mapsight.roads.verdicts.store import ACCEPT, REJECT, UNSURE

WGS84 = "EPSG:4326"
# what an export tells of a finding, in this order; see docs/exports.md
COLUMNS = (
    "rank",
    "finding_id",
    "kind",
    "status",
    "verdict",
    "note",
    "score",
    "length_m",
    "mean_probability",
    "map_distance_m",
    "offset_m",
    "road_class",
    "road_id",
    "evidence",
    "first_seen",
    "reviewer",
    "judged",
    "proposed_wkt",
)
_DIGITS = {"score": 4, "length_m": 2, "mean_probability": 4, "map_distance_m": 2, "offset_m": 2}
_NO_XML = dict.fromkeys(
    [*(i for i in range(32) if i not in (9, 10, 13)), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
)
VERDICTS = {"accepted": ACCEPT, "rejected": REJECT, "unsure": UNSURE, "open": ""}


@dataclass(frozen=True)
class ExportSettings:
    """`source` is the OSM tag of new ways ('': the image's name), `model` the file to export
    instead of the audit's.
    """

    source: str = ""
    model: Path | None = None
    tile_px: int = 512


@dataclass(frozen=True, eq=False)
class Run:
    """`findings`: COLUMNS and geometry in the map's CRS (None: pixels), by rank: the surest first,
    rejected ones last.

    `facts` is audit.json, or {}.
    """

    folder: Path
    findings: gpd.GeoDataFrame
    facts: dict[str, Any]

    @property
    def image_name(self) -> str:
        """The name of the image that was audited, or ''."""
        return os.path.basename(str(self._source("image")))

    @property
    def map_name(self) -> str:
        """The name of the map that was audited, or ''."""
        return os.path.basename(str(self._source("map")))

    @property
    def image_path(self) -> Path | None:
        """The image that was audited, where it still is; None where it cannot be found."""
        return self._find("image")

    @property
    def model_name(self) -> str:
        """Which model the audit started from: a path as seen from its folder, a shipped one's
        name, 'none', or '' if not told.
        """
        return self._source("model")

    @property
    def model_path(self) -> Path | None:
        """The model file that judged, where it still is."""
        return self._find("model")

    def _source(self, name: str) -> str:
        sources = self.facts.get("sources")
        return str(sources.get(name) or "") if isinstance(sources, dict) else ""

    def _find(self, name: str) -> Path | None:
        said = self._source(name)
        if not said or "://" in said:
            return None
        found = self.folder / said
        return check_local_file(found) if found.is_file() else None


def read_run(folder: Path) -> Run:
    """The audit in a folder; InputError where there is none."""
    path = folder / "findings.gpkg"
    if not path.is_file():
        raise InputError(
            folder, "has no findings.gpkg", "give the folder that `mapsight audit --out` wrote"
        )
    table = join_verdicts(read_stored_findings(path), path)
    table = table[~(table.geometry.isna() | table.geometry.is_empty)]
    off = (table["verdict"] == REJECT) | ((table["status"] == DISMISSED) & (table["verdict"] == ""))
    table = table.assign(off=off)
    table = table.sort_values(
        ["off", "score"], ascending=[True, False], kind="stable", ignore_index=True
    )
    for name, digits in _DIGITS.items():
        table[name] = table[name].astype(float).round(digits) if name in table else np.nan
    table = table.assign(
        rank=np.arange(1, len(table) + 1), judged=table["time_utc"], proposed_wkt=_propose(table)
    )
    table["status"] = table["status"].replace("", "new")
    return Run(folder, table[[*COLUMNS, "geometry"]], read_audit_facts(path))


def select_findings(
    findings: gpd.GeoDataFrame,
    verdicts: Collection[str],
    *,
    kinds: Collection[str] = (),
    min_score: float = 0.0,
) -> gpd.GeoDataFrame:
    """Those with one of the verdicts (keys of VERDICTS, or 'all'), of one of the kinds (none:
    any).
    """
    for name in verdicts:
        if name not in (*VERDICTS, "all"):
            raise InputError(f"--verdict {name}", "unknown", f"choose {', '.join(VERDICTS)} or all")
    for name in kinds:
        if name not in KINDS:
            raise InputError(f"--kind {name}", "unknown", f"choose {say_kinds()}")
    wanted = {VERDICTS[name] for name in verdicts if name != "all"}
    kept = findings["score"] >= min_score
    if "all" not in verdicts:
        kept &= findings["verdict"].isin(wanted)
    if kinds:
        kept &= findings["kind"].isin(kinds)
    return findings[kept].reset_index(drop=True)


def to_degrees(findings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The findings in WGS 84, lines and proposed lines."""
    named = findings.rename(columns={"proposed_wkt": "seen_wkt"})
    return reproject_findings(named, WGS84).rename(columns={"seen_wkt": "proposed_wkt"})


def write_vector(findings: gpd.GeoDataFrame, path: Path, driver: str, **options: Any) -> None:
    """A layer by GDAL; without findings it is one of lines all the same, without a place one in
    pixels.
    """
    if findings.empty:
        options["geometry_type"] = "LineString"
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "'crs' was not provided"
        )  # pixels have none, and the user knows
        pyogrio.write_dataframe(findings, path, driver=driver, **options)


def propose_line(row: Any) -> shapely.LineString | None:
    """Where the road should be on the map: as a reviewer drew it, else as it was seen; None where
    none is.
    """
    line = read_line(row.proposed_wkt)
    return row.geometry if line is None and row.kind in UNMAPPED else line


def keep_xml(text: str) -> str:
    """The text without the characters that no XML can hold (XML 1.0, section 2.2)."""
    return text.translate(_NO_XML)


def describe_tool() -> str:
    """Who made a file."""
    return f"mapsight {__version__}"


def _propose(table: gpd.GeoDataFrame) -> list[str]:
    """The reviewer's line where there is one, the road as it is seen beside the map's line, else
    ''.
    """
    rows = zip(table["geometry_wkt"], table["seen_wkt"], table["kind"], strict=True)
    told = [(drawn, seen if kind in BESIDE else "") for drawn, seen, kind in rows]
    return [next((wkt for wkt in lines if read_line(wkt) is not None), "") for lines in told]
