"""Claims about how files take their place: whole or not at all, whatever becomes of the disk or the
process.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import LineString

from mapsight import atomic
from mapsight.atomic import check_target, hidden_folder, lock_folder, write_atomically
from mapsight.errors import InputError
from mapsight.geo.geobox import Raster
from mapsight.geo.network import write_lines
from mapsight.geo.raster import write_raster

resource = pytest.importorskip("resource", reason="needs limits of a process")


def draw_raster() -> Raster:
    """120 kB of noise, which nothing can pack."""
    noise = np.random.default_rng(0).integers(0, 256, (3, 200, 200)).astype(np.uint8)
    return Raster(noise, Affine(1, 0, 500_000, 0, -1, 5_000_000), CRS.from_epsg(32633))


def draw_lines() -> gpd.GeoDataFrame:
    """A thousand lines of eight points."""
    rng = np.random.default_rng(0)
    lines = [LineString(rng.uniform(0, 1000, (8, 2)) + 500_000) for _ in range(1000)]
    return gpd.GeoDataFrame({"name": ["a"] * 1000}, geometry=lines, crs=32633)


WRITERS = {
    "a.tif": lambda path: write_raster(path, draw_raster()),
    "a.gpkg": lambda path: write_lines(path, draw_lines()),
    "a.geojson": lambda path: write_lines(path, draw_lines()),
}


@pytest.fixture
def file_limit():
    """No file of this process may grow beyond so many bytes: a full disk, for everybody."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 500, 4096, 20_000, 65_536, 98_304, 110_000])
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_nothing(tmp_path, file_limit, name, size):
    """Wherever the disk ends, one line says so, and neither the file nor a part of it is there."""
    path = tmp_path / name
    file_limit(size)
    with pytest.raises(InputError, match="cannot be written"):
        WRITERS[name](path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_earlier_file(tmp_path, file_limit, name):
    """What stood there before stands there after."""
    path = tmp_path / name
    path.write_bytes(b"before")
    file_limit(30_000)
    with pytest.raises(InputError, match="cannot be written"):
        WRITERS[name](path)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == [name]


def test_what_is_cut_off_is_seen_when_it_is_read_back(tmp_path):
    """A GeoTIFF that lost its end after it was closed never takes its name."""
    whole = tmp_path / "whole.tif"
    write_raster(whole, draw_raster())
    with (
        pytest.raises(InputError, match="cannot be written"),
        write_atomically(
            tmp_path / "cut.tif", check=lambda path: rasterio.open(path).read()
        ) as temporary,
    ):
        temporary.write_bytes(whole.read_bytes()[:60_000])
    assert not (tmp_path / "cut.tif").exists()


def test_only_files_are_written(tmp_path):
    """Folders, pipes, sockets and links to them are refused before anything is computed."""
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "link.tif").symlink_to(tmp_path / "pipe.tif")
    (tmp_path / "folder.tif").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.tif"))
        for name in ("pipe.tif", "link.tif", "folder.tif", "socket.tif"):
            with pytest.raises(InputError, match="give the name of a file"):
                check_target(tmp_path / name)
            with pytest.raises(InputError), write_atomically(tmp_path / name):
                pass
    assert (tmp_path / "pipe.tif").is_fifo()


def test_leftovers_of_dead_runs_are_swept(tmp_path):
    """What a killed run left goes with the next one; what a living run writes stays."""
    code = """
        import os, sys
        from pathlib import Path
        from mapsight.atomic import hidden_folder, write_atomically
        with hidden_folder(Path(sys.argv[1]) / "b.tif") as folder:
            (folder / "x").write_text("half")
            with write_atomically(sys.argv[1] + "/a.tif") as path:
                path.write_text("half")
                path.with_name(path.name + "-journal").write_text("half")
                os._exit(9)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 9
    (tmp_path / ".mine.tif").write_text("a hidden file of somebody")
    assert len(list(tmp_path.iterdir())) == 4
    living = atomic.name_hidden(tmp_path / "c.tif")
    living.write_text("being written")
    with write_atomically(tmp_path / "a.tif") as path:
        path.write_text("whole")
    assert set(tmp_path.iterdir()) == {tmp_path / "a.tif", tmp_path / ".mine.tif", living}


def test_hidden_folders_go(tmp_path):
    """Also where what is done in them fails."""
    with pytest.raises(RuntimeError), hidden_folder(tmp_path / "a") as folder:  # noqa: PT012
        (folder / "x").write_text("")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_folder_is_held_by_one(tmp_path):
    """The second is told in one line; when the first has ended the folder is free; nothing is
    left.
    """
    refused = pytest.raises(InputError, match="another mapsight")
    with lock_folder(tmp_path), refused, lock_folder(tmp_path):
        pass
    with lock_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
