"""An audit's folder made by hand: every kind of finding, verdicts, hostile names, an image; with a
place or without.
"""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import LineString

from mapsight.geo.network import write_lines
from mapsight.geo.raster import GeoBox, Raster, write_raster
from mapsight.roads.verdicts.store import VerdictStore

HEIGHT, WIDTH = 600, 800
EVIL = '=HYPERLINK("http://evil.example";"<img src=x onerror=alert(1)>")'
LINES = {
    "missing-open": [(100, 500), (200, 480), (300, 500)],
    "phantom-open": [(100, 300), (400, 310)],
    "misaligned-open": [(100, 100), (300, 110)],
    "missing-rejected": [(500, 500), (600, 500)],
    "missing-accepted": [(500, 300), (600, 320), (700, 300)],
    "phantom-accepted": [(500, 100), (700, 100)],
}
SEEN = [(100, 108), (300, 118)]
DRAWN = [(500, 305), (600, 330), (700, 305)]


def place_line(points, box: GeoBox) -> LineString:
    """A line in metres from the lower left corner of the box."""
    left, bottom, _, _ = box.bounds
    return LineString([(left + x, bottom + y) for x, y in points])


def make_run(folder: Path, crs: CRS | None) -> Path:
    """The folder of an audit with six findings, of which four are judged or moved."""
    folder.mkdir()
    corner = (500_000, 5_000_000 + HEIGHT) if crs else (0, 0)
    box = GeoBox(HEIGHT, WIDTH, Affine(1, 0, corner[0], 0, -1, corner[1]), crs)
    lines = [place_line(points, box) for points in LINES.values()]
    kinds = [name.split("-")[0] for name in LINES]
    findings = gpd.GeoDataFrame(
        {
            "finding_id": [f"id{number:08d}" for number in range(len(lines))],
            "kind": kinds,
            "score": np.linspace(0.95, 0.2, len(lines)),
            "length_m": [line.length for line in lines],
            "mean_probability": 0.5,
            "map_distance_m": [30.0, 0, 8, 40, 50, 0],
            "road_class": "",
            "road_id": ["", EVIL, "-71", "", "", "@cmd"],
            "offset_m": [np.nan, np.nan, 8.0, np.nan, np.nan, np.nan],
            "evidence": "a road is seen, <b>surely</b>, 30 m from the nearest way",
            "seen_wkt": ["", "", place_line(SEEN, box).wkt, "", "", ""],
            "features": "{}",
            "status": ["new", "still there", "new", "dismissed", "still there", "new"],
            "first_seen": "2026-01-01T00:00:00Z",
            "came_from": "",
        },
        geometry=lines,
        crs=crs.to_wkt() if crs else None,
    )
    write_lines(folder / "findings.gpkg", findings, layer="findings")
    with VerdictStore(folder / "findings.gpkg") as store:
        store.add("id00000003", "reject", revision=0, note="+a car park\r\n", reviewer="Ada")
        store.add(
            "id00000004",
            "accept",
            revision=0,
            geometry_wkt=place_line(DRAWN, box).wkt,
            reviewer="Ada",
        )
        store.add("id00000005", "accept", revision=0, note="gone since 2020", reviewer="Ada")
    pixels = np.random.default_rng(1).integers(0, 255, (3, HEIGHT, WIDTH), dtype=np.uint8)
    write_raster(
        folder / "image.tif", Raster(pixels, box.transform if crs else Affine.identity(), crs)
    )
    facts = {
        "version": "0.1.0",
        "created": "2026-02-03T04:05:06Z",
        "area_km2": 0.4,
        "road_km": 5.0,
        "m_per_px": 1.0,
        "sources": {
            "image": "image.tif",
            "map": "../roads.gpkg",
            "model": "shipped",
            "folds": 0,
            "bands": None,
            "crs": None,
        },
        "threshold": {"value": 0.5, "f1": 0.8, "precision": 0.7, "recall": 0.9},
        "findings": {"missing": 3},
        "shift_m": None,
        "statuses": {"new": 3},
        "grid": {
            "crs": crs.to_wkt() if crs else None,
            "shape": [HEIGHT, WIDTH],
            "transform": list(box.transform)[:6],
            "m_per_px": 1.0,
        },
    }
    (folder / "audit.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


@pytest.fixture
def audit_dir(tmp_path) -> Path:
    """An audit in UTM."""
    return make_run(tmp_path / "audit", CRS.from_epsg(32632))


@pytest.fixture
def pixel_dir(tmp_path) -> Path:
    """An audit of an image without a place on earth."""
    return make_run(tmp_path / "pixels", None)
