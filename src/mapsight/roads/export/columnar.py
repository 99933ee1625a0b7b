"""GeoParquet and FlatGeobuf: the findings as files for databases, notebooks and web maps, in the
map's own CRS.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from mapsight.atomic import write_atomically
from mapsight.errors import MapsightError
from mapsight.geo.network import check_layers
from mapsight.roads.export.run import ExportSettings, Run, write_vector


def write_geoparquet(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """GeoParquet 1.1 with a bounding box a row, so that readers can skip what lies elsewhere."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MapsightError(
            "GeoParquet", "needs pyarrow", "python -m pip install 'mapsight[export]'"
        ) from None
    with write_atomically(path) as temporary:
        findings.to_parquet(
            temporary,
            index=False,
            compression="zstd",
            schema_version="1.1.0",
            write_covering_bbox=True,
        )
    return []


def write_flatgeobuf(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """FlatGeobuf with its spatial index, which may order the rows anew: `rank` keeps the order."""
    with write_atomically(path, check=check_layers) as temporary:
        index = "NO" if findings.empty else "YES"
        write_vector(findings, temporary, "FlatGeobuf", layer="findings", SPATIAL_INDEX=index)
    return []
