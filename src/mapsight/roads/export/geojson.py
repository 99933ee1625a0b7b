"""GeoJSON to the letter of RFC 7946: WGS 84, 7 decimals, no crs member, lines cut at the
antimeridian.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from mapsight.atomic import write_atomically
from mapsight.geo.network import check_layers
from mapsight.roads.export.run import ExportSettings, Run, to_degrees, write_vector


def write_geojson(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """One feature a finding; its `id` is the finding's."""
    with write_atomically(path, check=check_layers) as temporary:
        write_vector(
            to_degrees(findings),
            temporary,
            "GeoJSON",
            RFC7946="YES",
            WRITE_NAME="NO",
            ID_FIELD="finding_id",
            ID_TYPE="String",
        )
    return []
