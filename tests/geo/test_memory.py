"""What does not fit the memory is refused before it is read, by what the machine has."""

from __future__ import annotations

import re
import resource
import subprocess
import sys

import numpy as np
import pytest
import rasterio

from mapsight.errors import InputError
from mapsight.geo import memory
from mapsight.geo.imagery import open_image
from mapsight.geo.masks import read_mask
from mapsight.geo.raster import read_raster
from mapsight.geo.source import check_whole


@pytest.fixture
def sparse(tmp_path):
    """An image of 40,000 × 40,000 px that is hardly more than a header."""

    def write(bands):
        profile = {"driver": "GTiff", "height": 40_000, "width": 40_000, "count": bands}
        place = {"crs": "EPSG:32632", "transform": rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)}
        path = tmp_path / f"{bands}.tif"
        with rasterio.open(
            path, "w", **profile, **place, dtype="uint8", tiled=True, SPARSE_OK=True
        ):
            pass
        return path

    return write


@pytest.fixture
def little(monkeypatch):
    """A machine with 2 GB left."""
    monkeypatch.setattr("mapsight.geo.source.measure_available", lambda: 2_000_000_000)


def read_image(path):
    with open_image(path, bands=(1, 1, 1)) as reader:
        reader.read_all()


@pytest.mark.parametrize("read", [read_image, read_mask, read_raster])
def test_what_does_not_fit_is_refused_before_it_is_read(sparse, little, read):
    """The figure, what is left, and what to do; nothing of that size was asked for."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"1,600 Mpx need some 12\.8 GB .* 2\.0 GB are left; cut"):
        read(sparse(1))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


def test_the_work_counts_not_only_the_image(little):
    """Twenty million pixels can be held, and thirty cannot be audited."""
    check_whole(5000, 4000, "x", bytes_per_px=75)
    check_whole(6000, 5000, "x")
    with pytest.raises(InputError, match=r"30 Mpx need some 2\.2 GB .* cut it to 27 Mpx"):
        check_whole(6000, 5000, "x", bytes_per_px=75)


def test_an_unknown_machine_refuses_nothing(monkeypatch):
    """Where the system does not say what it has, nothing is guessed."""
    monkeypatch.setattr("mapsight.geo.source.measure_available", lambda: None)
    check_whole(10**6, 10**6, "x")


@pytest.mark.parametrize(
    "files",
    [
        {
            "memory.max": "3000000000",
            "memory.current": "1000000000",
            "memory.stat": "anon 5\ninactive_file 400000000\n",
        },
        {
            "memory/memory.limit_in_bytes": "3000000000",
            "memory/memory.usage_in_bytes": "1000000000",
            "memory/memory.stat": "cache 1\ntotal_inactive_file 400000000\n",
        },
    ],
)
def test_a_containers_limit_counts(tmp_path, monkeypatch, files):
    """What it may have less what it has, but for what the cache can give back."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CGROUP_ROOT", tmp_path)
    monkeypatch.setattr(memory, "_read_system", lambda: 10**12)
    monkeypatch.setattr(memory, "_read_limit", lambda: None)
    assert memory.measure_available() == 2_400_000_000
    (tmp_path / next(iter(files))).write_text("max")
    assert memory.measure_available() == 10**12


def test_this_machine_says_what_it_has():
    """Something, and no more than can be addressed; `ulimit -v` lowers it."""
    free = memory.measure_available()
    assert free is None or 10**6 < free < 2**50
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30));"
        "from mapsight.geo.memory import measure_available; print(measure_available())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(said.stdout) < 3 << 30


def test_an_audit_is_refused_before_its_image_is_read(tmp_path, monkeypatch, capsys):
    """By the command: one line, exit 2, no folder of results."""
    from mapsight.cli.app import main

    path = tmp_path / "i.tif"
    profile = {"driver": "GTiff", "height": 400, "width": 400, "count": 3, "dtype": "uint8"}
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)}
    with rasterio.open(path, "w", **profile, **place) as target:
        target.write(np.random.default_rng(0).integers(1, 255, (3, 400, 400)).astype(np.uint8))
    monkeypatch.setattr("mapsight.geo.source.measure_available", lambda: 10_000_000)
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["mapsight", "audit", str(path), "x.gpkg", "--out", str(out)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert re.search(r"error: .*i\.tif: 0 Mpx need some 0\.0 GB of memory", capsys.readouterr().err)
    assert not out.exists()
