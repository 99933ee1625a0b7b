"""An image in sheets is audited as the image in one piece."""

from __future__ import annotations

import geopandas as gpd
import pytest
import rasterio
import shapely
from rasterio.windows import Window

import mapsight
from mapsight.errors import InputError, MapsightError
from tests.api.test_audit import assert_same, audited

__all__ = ["audited"]


@pytest.fixture(scope="module")
def sheets(town, tmp_path_factory):
    """The town's image as four files that overlap by 40 px."""
    folder = tmp_path_factory.mktemp("sheets")
    with rasterio.open(town / "image.tif") as whole:
        for row, top in enumerate((0, 230)):
            for col, left in enumerate((0, 230)):
                window = Window(left, top, 270, 270)
                profile = whole.profile | {
                    "height": 270,
                    "width": 270,
                    "transform": whole.window_transform(window),
                }
                with rasterio.open(folder / f"s{row}{col}.tif", "w", **profile) as file:
                    file.write(whole.read(window=window))
    return folder


def test_sheets_are_one_image(town, audited, sheets, tmp_path):
    """The same findings with the same scores; review finds what it shows in the audit's folder."""
    out = tmp_path / "audit"
    done = mapsight.audit(sorted(sheets.glob("*.tif")), town / "map.gpkg", out, folds=0)
    assert len(done.findings) and len(done.findings) == len(audited.findings)
    assert_same(done.findings, audited.findings)
    with rasterio.open(out / "mosaic.tif") as mosaic, rasterio.open(town / "image.tif") as whole:
        assert (mosaic.read() == whole.read()).all()
    assert any("4 sheets" in note for note in done.notes)


def test_a_folder_is_its_sheets(town, sheets):
    """A folder is named in one word, and nothing is written where nothing is asked for."""
    done = mapsight.audit(sheets, town / "map.gpkg", folds=0)
    assert len(done.findings)
    assert sorted(path.name for path in sheets.iterdir()) == [
        "s00.tif",
        "s01.tif",
        "s10.tif",
        "s11.tif",
    ]


def test_no_sheet_is_written_over(town, sheets, tmp_path):
    """A mosaic of an earlier audit that is given as a sheet is not replaced by the new one."""
    (tmp_path / "mosaic.tif").write_bytes((sheets / "s00.tif").read_bytes())
    given = [tmp_path / "mosaic.tif", sheets / "s01.tif"]
    with pytest.raises(InputError, match="is one of the sheets"):
        mapsight.audit(given, town / "map.gpkg", tmp_path, folds=0)
    assert (tmp_path / "mosaic.tif").read_bytes() == (sheets / "s00.tif").read_bytes()


def test_only_the_area_is_judged(town, audited, tmp_path):
    """Inside the polygon the findings are those of the whole; outside there is none."""
    with rasterio.open(town / "image.tif") as whole:
        left, bottom, right, top = whole.bounds
        crs = whole.crs.to_wkt()
    half = shapely.box(left, bottom, (left + right) / 2, top)
    gpd.GeoDataFrame(geometry=[half], crs=crs).to_crs(4326).to_file(tmp_path / "area.geojson")
    done = mapsight.audit(
        town / "image.tif", town / "map.gpkg", folds=0, area=tmp_path / "area.geojson"
    )
    inside = audited.findings.to_crs(crs).geometry.centroid.x < half.bounds[2] - 30
    found = done.findings.to_crs(crs).geometry.centroid.x
    assert 0 < len(found) < len(audited.findings) and (found < half.bounds[2] + 10).all()
    assert len(found) >= inside.sum() - 1
    assert 0.4 < done.road_km / audited.road_km < 0.6


@pytest.mark.parametrize(
    ("name", "said"),
    [("line.geojson", "holds no polygon"), ("far.geojson", "outside of the image")],
)
def test_areas_that_cannot_be(town, tmp_path, name, said):
    """An area without polygons, or elsewhere, is one line."""
    shape = (
        shapely.box(0, 0, 1, 1) if name == "far.geojson" else shapely.LineString([[0, 0], [1, 1]])
    )
    gpd.GeoDataFrame(geometry=[shape], crs=4326).to_file(tmp_path / name)
    with pytest.raises(MapsightError, match=said):
        mapsight.audit(town / "image.tif", town / "map.gpkg", folds=0, area=tmp_path / name)
