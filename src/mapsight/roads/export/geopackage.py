"""A GeoPackage that QGIS opens in colour: its default style lies inside (table layer_styles)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid5

import geopandas as gpd
import jinja2
import shapely

from mapsight.atomic import write_atomically
from mapsight.geo.network import check_layers
from mapsight.roads.export.run import ExportSettings, Run, propose_line, write_vector
from mapsight.roads.kinds import KINDS

_KEYS = UUID("c365f6e5-400e-41cb-a087-783436997f9e")  # the style's own key
# As QGIS itself makes it when a style is saved into a GeoPackage.
_TABLE = """CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
    f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
    styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""
_CONTENTS = """INSERT INTO gpkg_contents (table_name, data_type, identifier, description)
    VALUES ('layer_styles', 'attributes', 'layer_styles', 'styles for QGIS')"""
_STYLE = """INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,
    f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner)
    VALUES ('', '', ?, 'geom', 'mapsight', ?, '', 1, ?, '')"""


def write_geopackage(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """Layer `findings`, coloured by kind; layer `proposed` with the lines that the map should
    have.
    """
    layers = {"findings": findings, "proposed": _take_proposed(findings)}
    with write_atomically(path, check=check_layers) as temporary:
        for name, layer in layers.items():
            write_vector(layer, temporary, "GPKG", layer=name, append=temporary.exists())
        _add_styles(temporary, list(layers))
    return []


def _take_proposed(findings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    lines = [propose_line(row) for row in findings.itertuples(index=False)]
    there = [line is not None for line in lines]
    table = findings.loc[there, ["rank", "finding_id", "kind", "verdict", "score"]]
    kept = [shapely.force_2d(line) for line in lines if line is not None]
    return gpd.GeoDataFrame(table.reset_index(drop=True), geometry=kept, crs=findings.crs)


def _add_styles(path: Path, layers: list[str]) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(rgb=_say_rgb, rule_key=_make_key)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(_TABLE)
        database.execute(_CONTENTS)
        for name in layers:
            style = environment.get_template(f"style_{name}.qml.j2").render(kinds=KINDS.values())
            database.execute(_STYLE, (name, style, f"{name} of a mapsight audit"))


def _say_rgb(colour: str) -> str:
    """#rrggbb as QGIS writes it: 'r,g,b'."""
    return ",".join(str(part) for part in bytes.fromhex(colour.removeprefix("#")))


def _make_key(name: str) -> str:
    """A rule of a style needs a key of its own, the same in every file."""
    return f"{{{uuid5(_KEYS, name)}}}"
