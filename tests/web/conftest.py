"""A made-up audit folder, and a real server in front of it."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage
from shapely.geometry import LineString

from mapsight.geo.network import write_layers, write_lines
from mapsight.geo.raster import Raster, write_raster
from mapsight.roads.scoring.table import FEATURES

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
KINDS = ("missing", "phantom", "misaligned")
SIDE_PX = 512
EAST, NORTH = 500_000.0, 5_000_512.0


def make_findings(count: int, *, crs: str | None = "EPSG:32632") -> gpd.GeoDataFrame:
    """As many findings as wanted, on a grid of streets; every third kind in turn, scores
    falling.
    """
    rows = []
    left, top = (EAST, NORTH) if crs else (0.0, 0.0)
    for n in range(count):
        kind, x, y = KINDS[n % 3], 30 + 41 * n % 430, 40 + 29 * n % 430
        line = LineString(
            [(left + x, top - y), (left + x + 30, top - y - 6), (left + x + 50, top - y - 20)]
        )
        seen = (
            LineString([(px, py + 7) for px, py in line.coords]).wkt if kind == "misaligned" else ""
        )
        rows.append(
            {
                "finding_id": f"{n:010x}",
                "kind": kind,
                "score": 0.97 - 0.9 * n / count,
                "length_m": line.length,
                "mean_probability": 0.4,
                "map_distance_m": 20.0,
                "road_class": ("", "residential", "service")[n % 3],
                "road_id": HOSTILE if n == 0 else f"r{n}",
                "offset_m": 7.0 if seen else np.nan,
                "evidence": f"reason {n} {HOSTILE if n == 0 else ''}",
                "seen_wkt": seen,
                "features": json.dumps(dict.fromkeys(FEATURES[kind], 0.5)),
                "geometry": line,
            }
        )
    return gpd.GeoDataFrame(rows, crs=crs)


def write_audit(
    folder: Path, *, count: int = 12, crs: str | None = "EPSG:32632", **facts: object
) -> Path:
    """A folder as `mapsight audit` leaves it: a green scene 512 px wide with grey streets."""
    folder.mkdir(parents=True, exist_ok=True)
    findings = make_findings(count, crs=crs)
    transform = Affine(1, 0, EAST, 0, -1, NORTH) if crs else Affine(1, 0, 0, 0, -1, 0)
    place = CRS.from_string(crs) if crs else None
    noise = (
        ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(SIDE_PX, SIDE_PX)), 3) * 400
    )
    image = np.clip(np.stack([90 + noise, 110 + noise, 80 + noise]), 0, 255).astype(np.uint8)
    seen = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for at in range(60, SIDE_PX, 100):
        image[:, at : at + 8], image[:, :, at : at + 8] = 150, 150
        seen[at : at + 8], seen[:, at : at + 8] = 0.9, 0.9
    write_raster(folder / "image.tif", Raster(image, transform, place))
    write_raster(folder / "probability.tif", Raster(seen[None], transform, place), nodata=-1)
    write_lines(folder / "findings.gpkg", findings, layer="findings")
    lines = gpd.GeoDataFrame(geometry=findings.geometry[:6], crs=crs)
    write_layers(folder / "layers.gpkg", {"map": lines, "predicted": lines, "not_judged": lines})
    told = {
        "sources": {"image": "image.tif"},
        "m_per_px": 1.0,
        "threshold": {"value": 0.5},
        "shift_m": {"east": 2.0, "north": -1.0},
        **facts,
    }
    (folder / "audit.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def pristine(tmp_path_factory) -> Path:
    """Twelve findings that nobody has judged; to be copied."""
    return write_audit(tmp_path_factory.mktemp("audit"))


@pytest.fixture
def audit(pristine, tmp_path) -> Path:
    """A copy of it, to be judged."""
    return Path(shutil.copytree(pristine, tmp_path / "audit"))


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[str]:
    """`mapsight review FOLDER` in a thread; yields its address."""
    from mapsight.web.review.app import make_review
    from mapsight.web.review.session import ReviewSettings, open_session
    from mapsight.web.serve import bind, make_server

    server = make_server(make_review(open_session(folder, ReviewSettings(**settings))))
    listener = bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
