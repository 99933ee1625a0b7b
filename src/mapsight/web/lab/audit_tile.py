"""A user's own audit as scenes: around each of its findings, the window of the image that the net
looked through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.windows import Window as RasterWindow

from mapsight.api.result import read_audit
from mapsight.errors import InputError, MapsightError
from mapsight.geo.geobox import GeoBox, Raster
from mapsight.geo.grid import Window, tile_windows, window_core
from mapsight.geo.imagery import open_image
from mapsight.geo.network import read_map
from mapsight.geo.source import open_source, read_pixels, read_valid
from mapsight.roads.folder.read import read_audit_facts, read_offsets
from mapsight.roads.prediction.extract import extract_lines
from mapsight.roads.prediction.predict import PredictSettings
from mapsight.web.lab.tile import Scene

MOST_FINDINGS = 500  # listed on the page


@dataclass(frozen=True, eq=False)
class AuditFolder:
    """What an audit left: its findings, moved onto the imagery, its threshold, and where its image
    is.
    """

    folder: Path
    image: Path
    box: GeoBox  # the working grid of the image
    bands: tuple[int, ...] | None
    crs: str | None
    findings: gpd.GeoDataFrame
    threshold: float
    offsets: Mapping[str, float]  # kind → what was added to its scores for the map as a whole
    shift: tuple[float, float]  # metres east and north, from the map onto the imagery
    notes: tuple[str, ...]


def open_audit(
    folder: Path,
    image: Path,
    *,
    m_per_px: float,
    bands: tuple[int, ...] | None = None,
    crs: str | None = None,
) -> AuditFolder:
    """Reads an audit's folder; InputError where it is none, or lies elsewhere than the image."""
    audit = read_audit(folder)
    found, shift = audit.findings, audit.shift_m or (0.0, 0.0)
    with open_image(image, bands=bands, crs=crs, m_per_px=m_per_px) as reader:
        box = reader.geobox
    found = found.sort_values("score", ascending=False, kind="stable")
    if found.crs is not None and box.crs is not None:
        found = found.to_crs(box.crs.to_wkt())
    found = found[[_is_line(line) for line in found.geometry]]
    found = found.assign(geometry=found.geometry.translate(*shift))
    inside = (
        found[found.intersects(shapely.box(*box.bounds))].head(MOST_FINDINGS).reset_index(drop=True)
    )
    if inside.empty:
        raise InputError(folder, "has no finding in this image", "give the image that was audited")
    note = (
        f"the audit's findings are moved by its shift, {shift[0]:+.1f} m east and {shift[1]:+.1f} m"
        " north, to lie on the imagery"
    )
    notes = (note,) if any(shift) else ()
    offsets = read_offsets(read_audit_facts(folder / "findings.gpkg"))
    return AuditFolder(
        folder, image, box, bands, crs, inside, audit.threshold, offsets, shift, notes
    )


def cut_scene(
    audit: AuditFolder, rank: int, settings: PredictSettings = PredictSettings()
) -> Scene:
    """The window of the net that answers for the middle of the finding of that rank (from 1), as a
    scene.
    """
    chosen = audit.findings.iloc[rank - 1]
    window = _choose_window(audit.box, chosen.geometry, settings)
    row, col = max(window.row, 0), max(window.col, 0)
    height = min(window.row + window.height, audit.box.height) - row
    width = min(window.col + window.width, audit.box.width) - col
    with open_image(
        audit.image, bands=audit.bands, crs=audit.crs, m_per_px=audit.box.m_per_px
    ) as reader:
        image = reader.read(row, col, height, width)
    probability = _read_probability(audit, row, col, image.geobox)
    here = audit.findings[audit.findings.intersects(shapely.box(*image.geobox.bounds))]
    return Scene(
        name=f"finding {rank}",
        image=image,
        threshold=audit.threshold,
        findings=here,
        chosen=str(chosen["finding_id"]),
        window=Window(window.row - row, window.col - col, window.height, window.width),
        seen_lines=_find_lines(probability, audit.threshold, image),
        map_lines=_read_map_lines(audit, image.geobox),
        features=_read_features(here),
        offsets=audit.offsets,
        probability=probability,
        notes=audit.notes,
    )


def _is_line(line: Any) -> bool:
    return (
        isinstance(line, shapely.LineString)
        and line.length > 0
        and bool(np.isfinite(line.bounds).all())
    )


def _choose_window(box: GeoBox, line: Any, settings: PredictSettings) -> Window:
    """The window whose core holds the middle of the line (or comes nearest to it)."""
    col, row = ~box.transform @ line.interpolate(0.5, normalized=True).coords[0]
    windows = tile_windows(
        box.height, box.width, size_px=settings.window_px, overlap_px=settings.overlap_px
    )

    def miss(window: Window) -> float:
        core = window_core(window, box.height, box.width, overlap_px=settings.overlap_px)
        down: float = max(core.row - row, 0, row - core.row - core.height)
        across: float = max(core.col - col, 0, col - core.col - core.width)
        return down + across

    return min(windows, key=miss)


def _read_probability(audit: AuditFolder, row: int, col: int, box: GeoBox) -> Raster | None:
    """The audit's probability of that part, None where there is none on the same grid."""
    path = audit.folder / "probability.tif"
    if not path.is_file():
        return None
    with open_source(path) as source:
        same = source.shape == audit.box.shape and source.transform.almost_equals(
            audit.box.transform, 1e-6
        )
        if not same or source.count != 1 or source.dtypes[0] != "float32":
            return None
        window = RasterWindow(col, row, box.width, box.height)
        array, valid = read_pixels(source, [1], window), read_valid(source, window)
    valid &= np.isfinite(array[0])
    return Raster(np.where(valid, array, 0), box.transform, box.crs, valid)


def _read_map_lines(audit: AuditFolder, box: GeoBox) -> gpd.GeoDataFrame:
    """The map's roads there, moved onto the imagery; none where the folder does not hold them."""
    path = audit.folder / "layers.gpkg"
    try:
        lines = read_map(path, box=box, layer="map").lines
    except MapsightError:
        return gpd.GeoDataFrame(geometry=[], crs=_wkt(box.crs))
    return lines.assign(geometry=lines.geometry.translate(*audit.shift))


def _find_lines(probability: Raster | None, threshold: float, image: Raster) -> gpd.GeoDataFrame:
    if probability is None:
        return gpd.GeoDataFrame(geometry=[], crs=_wkt(image.crs))
    return extract_lines(probability, threshold=max(threshold, 0.01))


def _wkt(crs: CRS | None) -> str | None:
    return crs.to_wkt() if crs is not None else None


def _read_features(findings: gpd.GeoDataFrame) -> Mapping[str, Mapping[str, float]]:
    """finding_id → features, for the findings whose row holds them; older audits have none."""
    if "features" not in findings.columns:
        return {}
    read = {}
    for name, text in zip(findings["finding_id"], findings["features"], strict=True):
        try:
            features = {str(key): float(value) for key, value in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError):
            continue
        if all(np.isfinite(list(features.values()))):
            read[str(name)] = features
    return read
