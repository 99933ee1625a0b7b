"""A STAC 1.1 item of the run: where, when, with what, and how good, with the files of the audit as
assets.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyproj
import shapely

from mapsight import __version__
from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.roads.export.run import WGS84, ExportSettings, Run

_EXTENSIONS = [
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
]
# file → title, media type, roles
_ASSETS: dict[str, tuple[str, str, list[str]]] = {
    "findings.gpkg": ("findings and verdicts", "application/geopackage+sqlite3", ["data"]),
    "findings.geojson": ("findings", "application/geo+json", ["data"]),
    "probability.tif": ("probability of road", "image/tiff; application=geotiff", ["data"]),
    "report.html": ("report", "text/html", ["overview"]),
    "audit.json": ("measures of the audit", "application/json", ["metadata"]),
}


def write_stac(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """One item, its links to the files relative to where it stands."""
    item = make_item(run, path)
    with write_atomically(path) as temporary:
        temporary.write_text(
            json.dumps(item, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
    return []


def make_item(run: Run, path: Path) -> dict[str, Any]:
    """The item as a dictionary; InputError for an audit of an older mapsight, which does not say
    its grid.
    """
    grid = run.facts.get("grid")
    if not isinstance(grid, dict) or not grid.get("crs") or not run.facts.get("created"):
        raise InputError(
            run.folder / "audit.json",
            "does not say where and when the audit was",
            "run the audit again",
        )
    height, width = grid["shape"]
    outline = _outline(grid, height, width)
    crs = pyproj.CRS.from_wkt(grid["crs"])
    code = crs.to_authority()
    properties = {
        "datetime": run.facts["created"],
        "created": run.facts["created"],
        "title": f"Road map audit of {run.image_name or 'an image'}",
        "description": (
            f"{len(run.findings)} findings where {run.map_name or 'a road map'} may be wrong"
        ),
        "gsd": float(grid["m_per_px"]),
        "proj:code": ":".join(code) if code else None,
        "proj:shape": [height, width],
        "proj:transform": [float(value) for value in grid["transform"]],
        **({} if code else {"proj:projjson": crs.to_json_dict()}),
        "processing:software": {"mapsight": str(run.facts.get("version", __version__))},
        "processing:lineage": _tell_lineage(run),
        **_measure(run.facts),
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": _EXTENSIONS,
        "id": f"mapsight-{Path(run.image_name).stem or 'audit'}-{run.facts['created']}".replace(
            ":", ""
        ),
        "geometry": shapely.geometry.mapping(outline),
        "bbox": [round(v, 7) for v in outline.bounds],
        "properties": properties,
        "links": [],
        "assets": _list_assets(run, path),
    }


def _outline(grid: dict[str, Any], height: int, width: int) -> shapely.Polygon:
    """The working grid's outline in degrees, counter-clockwise."""
    a, b, c, d, e, f = grid["transform"]
    corners = [(0, height), (width, height), (width, 0), (0, 0)]
    line = shapely.Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])
    (outline,) = gpd.GeoSeries([line], crs=grid["crs"]).to_crs(WGS84)
    return shapely.set_precision(outline, 1e-7).normalize().reverse()


def _tell_lineage(run: Run) -> str:
    sources = run.facts.get("sources", {})
    folds = str(sources.get("folds", ""))
    how = {"0": "by a given model as it is", "": "by a neural network"}.get(
        folds, f"out of sample, in {folds} spatial folds trained on this map"
    )
    return (
        f"{run.map_name or 'A road map'} compared with what is seen in"
        f" {run.image_name or 'an image'}, {how}."
    )


def _measure(facts: dict[str, Any]) -> dict[str, Any]:
    """Own fields, under the prefix mapsight: threshold, agreement with the map, shift, what was
    judged, statuses.
    """
    at = facts.get("threshold", {})
    said = {
        "area_km2": facts.get("area_km2"),
        "road_km": facts.get("road_km"),
        "findings": facts.get("findings"),
        "statuses": facts.get("statuses"),
        "threshold": at.get("value"),
        "f1": at.get("f1"),
        "precision": at.get("precision"),
        "recall": at.get("recall"),
        "shift_m": facts.get("shift_m"),
    }
    return {f"mapsight:{name}": value for name, value in said.items() if value is not None}


def _list_assets(run: Run, path: Path) -> dict[str, Any]:
    beside = path.resolve().parent
    assets: dict[str, dict[str, Any]] = {}
    for name, (title, media_type, roles) in _ASSETS.items():
        if (run.folder / name).is_file():
            href = Path(os.path.relpath((run.folder / name).resolve(), beside)).as_posix()
            assets[name.replace(".", "-")] = {
                "href": f"./{href}" if not href.startswith("..") else href,
                "title": title,
                "type": media_type,
                "roles": roles,
            }
    if "probability-tif" in assets:
        assets["probability-tif"] |= {
            "bands": [{"name": "probability", "data_type": "float32", "nodata": "nan"}]
        }
    return assets
