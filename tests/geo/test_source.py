"""Claims about hostile and damaged rasters: one line each, no bytes, no connections, no
allocation.
"""

from __future__ import annotations

import resource
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.windows import Window

from mapsight.errors import InputError
from mapsight.geo.source import check_whole, open_source, read_pixels

SECRET = b"secret bytes of another file " * 20


def write_tiff(path: Path, array: np.ndarray, **options: object) -> Path:
    """A plain TIFF (bands, H, W) without a place."""
    count, height, width = array.shape
    profile = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": count,
        "dtype": array.dtype.name,
    }
    with rasterio.open(path, "w", **profile, **options) as target:
        target.write(array)
    return path


def noise(*shape: int, dtype: str = "uint8") -> np.ndarray:
    """Values that do not compress."""
    return np.random.default_rng(1).integers(0, 255, shape).astype(dtype)


def write_header(
    path: Path, width: int, height: int, *, rows_per_strip: int = 1, offset: int = 8
) -> Path:
    """A TIFF of one band that claims any size and holds no pixels (one strip at `offset`)."""
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, offset),
        (277, 3, 1),
        (278, 4, rows_per_strip),
        (279, 4, 16),
    ]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + b"\0" * 64)
    return path


def refuse(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(InputError) as caught:
        open_source(path)
    line = str(caught.value)
    assert "\n" not in line
    assert "Traceback" not in line
    return line


@pytest.mark.parametrize(
    "text",
    [
        '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1">'
        '<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource>'
        "</VRTRasterBand></VRTDataset>",
        '<VRTDataset rasterXSize="20" rasterYSize="20"><VRTRasterBand dataType="Byte" band="1" '
        'subClass="VRTRawRasterBand"><SourceFilename relativetoVRT="1">secret.txt</SourceFilename>'
        "</VRTRasterBand></VRTDataset>",
        '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1" '
        'subClass="VRTDerivedRasterBand"><PixelFunctionLanguage>Python</PixelFunctionLanguage>'
        "<PixelFunctionType>f</PixelFunctionType></VRTRasterBand></VRTDataset>",
        '<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:9/</ServerUrl></Service></GDAL_WMS>',
        "<!doctype html><html>404</html>",
        '{"type": "STACIT"}',
        "II",
    ],
)
def test_what_is_named_tif_but_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """VRTs that read files or run Python, WMS, HTML and JSON do not get past the name of their
    file.
    """
    write_tiff(tmp_path / "a.tif", noise(1, 4, 4))
    (tmp_path / "secret.txt").write_bytes(SECRET)
    disguised = tmp_path / "image.tif"
    disguised.write_text(text)
    assert "is not a GeoTIFF" in refuse(disguised)


def test_overviews_elsewhere_are_refused_without_a_connection(tmp_path: Path) -> None:
    """Metadata that names a URL as overview is seen before GDAL follows it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        path = write_tiff(tmp_path / "a.tif", noise(3, 600, 600))
        with rasterio.open(path, "r+") as target:
            url = f"/vsicurl/http://127.0.0.1:{server.getsockname()[1]}/a.tif"
            target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=url)
        assert "points to another file" in refuse(path)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("suffix", [".msk", ".ovr"])
def test_disguised_siblings_are_refused(tmp_path: Path, suffix: str) -> None:
    """GDAL opens masks and overviews beside an image with any driver: only TIFFs may stand
    there.
    """
    path = write_tiff(tmp_path / "a.tif", noise(1, 8, 8))
    path.with_name(path.name + suffix).write_text('<VRTDataset rasterXSize="8" rasterYSize="8"/>')
    assert "is not a TIFF" in refuse(path)


def test_header_of_two_billion_pixels_square_is_refused(tmp_path: Path) -> None:
    """Sizes are judged before anything is allocated."""
    refuse(write_header(tmp_path / "a.tif", 2_000_000_000, 2_000_000_000))


def test_one_block_of_gigabytes_is_refused(tmp_path: Path) -> None:
    """A file whose smallest readable piece would not fit memory is named as such."""
    path = write_header(tmp_path / "a.tif", 60_000, 60_000, rows_per_strip=60_000)
    assert "truncated" in refuse(path) or "blocks of" in refuse(path)


def test_blocks_and_grids_beyond_the_budget_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes that the header states are compared with the budgets, before any pixel is read."""
    path = write_tiff(
        tmp_path / "a.tif", noise(3, 64, 64), tiled=True, blockxsize=64, blockysize=64
    )
    monkeypatch.setattr("mapsight.geo.source.read_pixels", None)
    with monkeypatch.context() as patch:
        patch.setattr("mapsight.geo.source.BLOCK_BUDGET_BYTES", 3 * 64 * 64 - 1)
        assert "blocks of 64 × 64" in refuse(path)
    monkeypatch.setattr("mapsight.geo.source.GRID_BUDGET_PX", 64 * 64 - 1)
    assert "3 × 64 × 64 cannot be read" in refuse(path)


def test_sparse_giant_is_read_in_windows_within_a_memory_cap(tmp_path: Path) -> None:
    """A 40 Gpx file of a few MB opens, and a window of it costs no more than a window."""
    path = tmp_path / "giant.tif"
    profile = {"driver": "GTiff", "height": 200_000, "width": 200_000, "count": 3, "dtype": "uint8"}
    with rasterio.open(
        path, "w", **profile, tiled=True, compress="deflate", SPARSE_OK=True, BIGTIFF="YES"
    ):
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_source(path) as source:
        assert read_pixels(source, [1, 2, 3], Window(150_000, 150_000, 512, 512)).sum() == 0
        with pytest.raises(InputError, match=r"40,000 Mpx need some 320\.0 GB of memory"):
            check_whole(source.height, source.width, path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("suffix", ["tif", "png", "jpg", "jp2"])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, kept: float) -> None:
    """However little is cut off, a file is refused when opened or read, and never filled with
    black.
    """
    driver = {"tif": "GTiff", "png": "PNG", "jpg": "JPEG", "jp2": "JP2OpenJPEG"}[suffix]
    source = write_tiff(tmp_path / "whole.tif", noise(3, 200, 200))
    whole = tmp_path / f"whole2.{suffix}"
    with rasterio.open(source) as opened:
        rasterio.shutil.copy(opened, whole, driver=driver)
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * kept)])
    with pytest.raises(InputError, match=r"truncated|damaged"), open_source(cut) as opened:
        read_pixels(opened, [1, 2, 3], Window(0, 0, 200, 200))


def test_damaged_block_is_named(tmp_path: Path) -> None:
    """A hole in the middle is found when its block is read, and the line says where."""
    path = write_tiff(
        tmp_path / "a.tif",
        noise(1, 512, 512),
        tiled=True,
        blockxsize=128,
        blockysize=128,
        compress="lzw",
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = b"\xff" * 4000
    path.write_bytes(content)
    with open_source(path) as source, pytest.raises(InputError, match=r"offset \d+"):
        read_pixels(source, [1], Window(0, 0, 512, 512))


def test_complex_numbers_are_no_image(tmp_path: Path) -> None:
    """Radar products are named as what they are."""
    assert "complex" in refuse(write_tiff(tmp_path / "a.tif", np.ones((1, 8, 8), np.complex64)))


def test_refusals_print_nothing(tmp_path: Path) -> None:
    """GDAL's own messages do not reach the user's terminal."""
    write_header(tmp_path / "a.tif", 2_000_000_000, 2_000_000_000)
    (tmp_path / "b.tif").write_bytes(b"II*\0" + b"\xff" * 100)
    code = (
        "import sys; from mapsight.geo.source import open_source\n"
        "for name in sys.argv[1:]:\n"
        "    try: open_source(name); sys.exit(3)\n"
        "    except Exception as error: assert type(error).__name__ == 'InputError', error\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.tif"), str(tmp_path / "b.tif")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
