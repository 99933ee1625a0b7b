"""A table of findings in another CRS: every line that it holds goes along."""

from __future__ import annotations

from typing import Any

import geopandas as gpd


def reproject_findings(findings: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """Geometry, `seen_wkt` and `geometry_wkt` in that CRS; pixels stay pixels."""
    if findings.crs is None or crs is None:
        return findings
    moved = findings.to_crs(crs)
    for name in ("seen_wkt", "geometry_wkt"):
        if name in findings:
            texts = findings[name].astype(object).replace({"": None, float("nan"): None})
            lines = gpd.GeoSeries.from_wkt(
                texts, index=findings.index, crs=findings.crs, on_invalid="ignore"
            )
            moved[name] = lines.to_crs(crs).to_wkt(rounding_precision=7).fillna("")
    return moved
