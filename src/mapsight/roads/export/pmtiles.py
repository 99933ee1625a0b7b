"""PMTiles: the findings as vector tiles in one file, for web maps that need no server but one that
holds files.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataSourceError

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.roads.export.run import ExportSettings, Run, describe_tool, to_degrees, write_vector

_ZOOMS = (
    10,
    17,
)  # a tile of the last holds 305 m in steps of 7 cm at the equator; maps enlarge it themselves


def write_pmtiles(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """PMTiles 3 with Mapbox vector tiles, layer `findings`; InputError without a finding: tiles
    must be somewhere.
    """
    if findings.empty:
        raise InputError(
            "--to pmtiles", "there is no finding to show", "choose others with --verdict all"
        )
    with write_atomically(path, check=_check_tiles) as temporary:
        write_vector(
            to_degrees(findings),
            temporary,
            "PMTiles",
            layer="findings",
            MINZOOM=_ZOOMS[0],
            MAXZOOM=_ZOOMS[1],
            NAME="findings",
            DESCRIPTION=f"roads of a map that may be wrong, by {describe_tool()}",
        )
    return []


def _check_tiles(path: Path) -> None:
    """Read all tiles back; DataSourceError where there are none. Tiles cut a line at their borders
    and leave out what is shorter than a step, so that counts of features tell nothing.
    """
    seen = [len(pyogrio.raw.read(path, layer=layer)[2]) for layer, _ in pyogrio.list_layers(path)]
    if not sum(seen):
        raise DataSourceError("it holds no tile")
