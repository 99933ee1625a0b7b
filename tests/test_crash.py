"""Claims about the count of what a killed command leaves: it sees a file that is cut off."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

pytest.importorskip("resource", reason="needs limits of a process")

from benchmarks.crash import count_unreadable

from mapsight.geo.raster import Raster, write_raster


def test_files_that_are_cut_off_are_counted(tmp_path):
    """Whole files, hidden files and other formats do not count."""
    noise = np.random.default_rng(0).integers(0, 256, (3, 90, 90)).astype(np.uint8)
    path = tmp_path / "whole.tif"
    write_raster(path, Raster(noise, Affine(1, 0, 0, 0, -1, 0), CRS.from_epsg(32633)))
    cut = path.read_bytes()[: path.stat().st_size // 2]
    for name in ("cut.tif", ".hidden.tif", "cut.txt"):
        (tmp_path / name).write_bytes(cut)
    assert count_unreadable(tmp_path) == 1
