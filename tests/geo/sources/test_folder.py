"""Mosaics of files in different CRSs and resolutions, compared with the formula they were painted
from.
"""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from rasterio.warp import transform_bounds
from tests import earth

from mapsight.errors import InputError, OverlapError
from mapsight.geo.raster import open_image
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.folder import fetch_folder

AREA = Area(11.570, 48.130, 11.5755, 48.1335)  # 409 × 389 m


def write_painted(path, bounds_deg, crs, unit, *, dtype="uint8", factor=1, **profile):
    """A GeoTIFF of the painted earth over bounds in degrees, north-up in any CRS."""
    left, bottom, right, top = transform_bounds("EPSG:4326", crs, *bounds_deg, densify_pts=21)
    width, height = round((right - left) / unit), round((top - bottom) / unit)
    pixels = earth.paint(
        left, top - height * unit, left + width * unit, top, width, height, crs=crs
    )
    profile |= {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 3,
        "dtype": dtype,
        "crs": crs,
        "transform": Affine(unit, 0, left, 0, -unit, top),
    }
    tags = profile.pop("tags", {})
    with rasterio.open(path, "w", **profile) as target:
        target.write(pixels.transpose(2, 0, 1).astype(dtype) * factor)
        target.update_tags(**tags)
    return path


def halves(area, *, overlap=0.0004):
    """West and east of the area, with a margin around."""
    middle, (west, south, east, north) = (area.west + area.east) / 2, area.bbox
    box = (west - 0.001, south - 0.001, east + 0.001, north + 0.001)
    return (box[0], box[1], middle + overlap, box[3]), (middle - overlap, box[1], box[2], box[3])


@pytest.fixture
def mixed(tmp_path):
    """A western half in UTM 32 at 0.7 m, an eastern one in LAEA, turned by 2°, at 1 m, and one far
    away.
    """
    folder = tmp_path / "mixed"
    (folder / "east").mkdir(parents=True)
    west, east = halves(AREA)
    write_painted(
        folder / "west.tif",
        west,
        "EPSG:25832",
        0.7,
        tags={"TIFFTAG_COPYRIGHT": "Painters of Munich"},
    )
    write_painted(folder / "east" / "east.TIFF", east, "EPSG:3035", 1.0)
    write_painted(folder / "far.tif", (12, 48, 12.001, 48.001), "EPSG:25833", 1.0)
    return folder


def test_mixture_of_crs(mixed, tmp_path):
    """Both halves lie where the formula says, without a gap, at one resolution in one CRS."""
    record = fetch_folder(AREA, mixed, out=tmp_path / "image.tif", m_per_px=1.0)
    with open_image(tmp_path / "image.tif") as reader:
        image = reader.read_all()
    assert image.valid.all()
    assert image.geobox.m_per_px == 1.0
    error = np.abs(image.array - earth.expect(image.geobox)).max(axis=0)
    assert np.percentile(error, 99) < 1.5  # the waves rise by 9 levels a metre
    assert error.max() < 7  # where one file ends, its last half pixel is flat
    assert record.details["files"] == ["west.tif", "east/east.TIFF"]  # the finer one first
    assert record.attribution == "Painters of Munich"
    with rasterio.open(tmp_path / "image.tif") as source:
        assert source.tags()["TIFFTAG_COPYRIGHT"] == "Painters of Munich"


def test_place_without_imagery_is_no_data(mixed, tmp_path):
    """Half an area without a file is not valid, and said to be."""
    (mixed / "east" / "east.TIFF").unlink()
    record = fetch_folder(AREA, mixed, out=tmp_path / "image.tif", m_per_px=1.0)
    with open_image(tmp_path / "image.tif") as reader:
        image = reader.read_all()
    assert record.share_valid == pytest.approx(image.valid.mean())
    assert 0.5 < image.valid.mean() < 0.65
    assert (image.array[:, ~image.valid] == 0).all()


def test_sixteen_bits_share_one_scale(tmp_path):
    """Two files of 16 bits with different contents are scaled alike: no step where they meet."""
    west, east = halves(AREA)
    folder = tmp_path / "deep"
    folder.mkdir()
    for name, part in (("a.tif", west), ("b.tif", east)):
        write_painted(folder / name, part, "EPSG:25832", 1.0, dtype="uint16", factor=100)
    record = fetch_folder(AREA, folder, out=tmp_path / "image.tif", m_per_px=1.0, scale=(0, 25500))
    with open_image(tmp_path / "image.tif") as reader:
        image = reader.read_all()
    assert np.abs(image.array - earth.expect(image.geobox)).max() < 5
    assert "0–25500 of the files became 0–255" in record.notes
    fetch_folder(AREA, folder, out=tmp_path / "auto.tif", m_per_px=1.0)
    with open_image(tmp_path / "auto.tif") as reader:
        auto = reader.read_all().array.astype(float)
    slope, base = np.polyfit(
        image.array[:, 20:-20].ravel().astype(float), auto[:, 20:-20].ravel(), 1
    )
    rest = auto - np.clip(slope * image.array + base, 0, 255)
    assert (
        np.abs(rest).max() < 25
    )  # one straight line fits both halves; clipped at the 2nd and 98th percentile


@pytest.mark.parametrize(
    "fault", ["truncated", "html", "empty folder", "missing", "elsewhere", "vrt"]
)
def test_faults(mixed, tmp_path, fault):
    """A damaged file is named; nothing is written."""
    target = mixed / "west.tif"
    area, folder, kind = AREA, mixed, InputError
    if fault == "truncated":
        target.write_bytes(target.read_bytes()[:-5000])
    elif fault == "html":
        target.write_text("<html>")
    elif fault == "vrt":
        target.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>')
    elif fault == "empty folder":
        folder = tmp_path / "none"
        folder.mkdir()
    elif fault == "missing":
        folder = tmp_path / "nowhere"
    else:
        area, kind = Area(10, 50, 10.01, 50.01), OverlapError
    with pytest.raises(kind) as caught:
        fetch_folder(area, folder, out=tmp_path / "image.tif", m_per_px=1.0)
    assert ("west.tif" in str(caught.value)) == (fault in ("truncated", "html", "vrt"))
    assert not (tmp_path / "image.tif").exists()


def test_parts_are_seamless(tmp_path):
    """An image of several parts (over 1024 px) equals the formula across their borders, in bounded
    windows.
    """
    area = Area(11.570, 48.130, 11.590, 48.135)  # 1489 × 556 m
    write_painted(
        tmp_path / "a.tif", (11.569, 48.129, 11.591, 48.136), "EPSG:25832", 1.3, tiled=True
    )
    fetch_folder(area, tmp_path / "a.tif", out=tmp_path / "image.tif", m_per_px=0.8)
    with open_image(tmp_path / "image.tif") as reader:
        image = reader.read_all()
    assert image.geobox.width > 1500
    assert np.abs(image.array - earth.expect(image.geobox)).max() < 5


def test_utm_of_the_area(tmp_path, mixed):
    """The image lies in the UTM zone of the area, north-up, square: what an audit reads without
    resampling.
    """
    fetch_folder(AREA, mixed, out=tmp_path / "image.tif", m_per_px=0.5)
    with open_image(tmp_path / "image.tif") as reader:
        assert pyproj.CRS.from_wkt(reader.geobox.crs.to_wkt()).to_epsg() == 32632
        assert reader.geobox == reader.source_geobox
