"""Claims about GeoPackages and shapefiles, hostile ones too."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely

from mapsight.errors import InputError
from mapsight.geo.maps.formats import name_faults
from mapsight.geo.maps.tables import iterate_vector_ways, read_vector_crs
from mapsight.geo.maps.ways import Tally, Way

EVERYWHERE = [(-1e9, -1e9, 1e9, 1e9)]


def frame(crs: str | None = "EPSG:32633", **columns: list[object]) -> gpd.GeoDataFrame:
    """Three lines of which the last has two parts."""
    lines = [
        shapely.LineString([(0, 0), (10, 0)]),
        shapely.LineString([(0, 5), (10, 5)]),
        shapely.MultiLineString([[(0, 9), (4, 9)], [(6, 9), (10, 9)]]),
    ]
    return gpd.GeoDataFrame({"name": ["a", "b", "c"], **columns}, geometry=lines, crs=crs)


def write(path: Path, gdf: gpd.GeoDataFrame, **options: object) -> Path:
    """The lines as a file of the kind that the suffix says."""
    pyogrio.write_dataframe(gdf, path, **options)
    return path


def read(
    path: Path, layer: str | None = None, near: list[tuple[float, ...]] = EVERYWHERE
) -> tuple[list[Way], Tally]:
    """All ways near, and the tally."""
    tally = Tally()
    return list(iterate_vector_ways(path, layer, near, tally)), tally


def alter(path: Path, *statements: str) -> Path:
    """A GeoPackage after SQL."""
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_lines_come_with_identity_and_tags(tmp_path: Path, suffix: str) -> None:
    """Parts of a way belong to it; all columns of text and numbers come along."""
    path = write(
        tmp_path / f"m.{suffix}",
        frame(OSM_ID=["7", "8", "9"], notes=["x", "y", "z"], tunnel=["F", "T", ""]),
    )
    ways, tally = read(path)
    assert [way.way_id for way in ways] == ["7", "8", "9"]
    assert ways[1].tags == {"osm_id": "8", "name": "b", "notes": "y", "tunnel": "T"}
    assert [line.tolist() for line in ways[2].lines] == [[[0, 9], [4, 9]], [[6, 9], [10, 9]]]
    assert tally.elsewhere == 0
    crs = read_vector_crs(path)
    assert crs is not None
    assert crs.to_epsg() == 32633


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_whole_numbers_stay_whole(tmp_path: Path, suffix: str) -> None:
    """A column with gaps holds its integers as floats: an identity is still an integer, a width a
    fraction.
    """
    numbers = {"osm_id": [123456789012.0, None, 7.0], "width_m": [4.5, 6.0, None]}
    ways, _ = read(write(tmp_path / f"m.{suffix}", frame(**numbers)))
    assert [way.way_id for way in ways][::2] == ["123456789012", "7"]
    assert [way.tags.get("width_m") for way in ways] == ["4.5", "6", None]


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_only_what_is_near_is_read(tmp_path: Path, suffix: str) -> None:
    """With an index or without one, what lies elsewhere is counted."""
    ways, tally = read(write(tmp_path / f"m.{suffix}", frame()), near=[(-1, 4, 11, 6)])
    assert [way.tags["name"] for way in ways] == ["b"]
    assert tally.elsewhere == 2


def test_swapped_axes_are_seen(tmp_path: Path) -> None:
    """Nothing near, but something where x and y change places."""
    ways, tally = read(write(tmp_path / "m.gpkg", frame()), near=[(4, -1, 6, 11.5)])
    assert len(ways) == 3
    ways, tally = read(
        write(tmp_path / "n.gpkg", frame().translate(100, 0).to_frame("geometry")),
        near=[(-1, 99, 11, 111)],
    )
    assert ways == []
    assert tally.swapped == 3


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_file_without_crs_says_nothing(tmp_path: Path, suffix: str) -> None:
    """An undefined CRS, or a missing .prj, is None, not a guess."""
    path = write(tmp_path / f"m.{suffix}", frame(None))
    assert read_vector_crs(path) is None


def test_shapefile_without_its_index_is_refused(tmp_path: Path) -> None:
    """The missing .shx is named."""
    path = write(tmp_path / "m.shp", frame())
    path.with_suffix(".shx").unlink()
    with pytest.raises(InputError, match=r"\.shx"):
        read(path)


@pytest.mark.parametrize(("suffix", "word"), [("gpkg", "GeoPackage"), ("shp", "shapefile")])
@pytest.mark.parametrize(
    "content", [b"<html>", b"{}", b"<OGRVRTDataSource/>", b"SQLite format 3\0" + b"\0" * 500]
)
def test_what_is_not_what_its_name_says_is_refused(
    tmp_path: Path, suffix: str, word: str, content: bytes
) -> None:
    """HTML, JSON, an OGR VRT, a broken database."""
    (tmp_path / f"m.{suffix}").write_bytes(content)
    with pytest.raises(InputError, match=word):
        read(tmp_path / f"m.{suffix}")


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    """A cut GeoPackage or shapefile never ends in a traceback."""
    for suffix in ("gpkg", "shp"):
        content = write(tmp_path / f"whole.{suffix}", frame()).read_bytes()
        for share in (0.1, 0.5, 0.9):
            path = write(tmp_path / f"m.{suffix}", frame())
            path.write_bytes(content[: int(len(content) * share)])
            with pytest.raises(InputError), name_faults(path):
                read(path)


def test_layers_must_be_chosen(tmp_path: Path) -> None:
    """Two layers of lines: their names are told; a layer of points is not in the way."""
    path = write(tmp_path / "m.gpkg", frame(), layer="roads")
    points = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs="EPSG:32633")
    write(path, points, layer="signs", append=True)
    assert len(read(path)[0]) == 3
    write(path, frame(), layer="rails", append=True)
    with pytest.raises(InputError, match="rails, roads"):
        read(path)
    with pytest.raises(InputError, match="no layer 'road'"):
        read(path, "road")
    assert len(read(path, "roads")[0]) == 3


def test_map_of_points_is_no_map_of_lines(tmp_path: Path) -> None:
    """No layer of lines at all."""
    points = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs="EPSG:32633")
    with pytest.raises(InputError, match="no layer of lines"):
        read(write(tmp_path / "m.gpkg", points))


VIEW = (
    "ALTER TABLE m RENAME TO hidden",
    "CREATE VIEW m AS SELECT fid, geom, load_extension('/tmp/x') AS name FROM hidden",
)
CATALOGUE = (
    "ALTER TABLE gpkg_contents RENAME TO contents",
    "CREATE VIEW gpkg_contents AS SELECT * FROM contents",
)


@pytest.mark.parametrize("statements", [VIEW, CATALOGUE])
def test_views_in_place_of_tables_are_refused(tmp_path: Path, statements: tuple[str, ...]) -> None:
    """A view runs what its author wrote; a layer and the catalogue must be tables."""
    path = alter(write(tmp_path / "m.gpkg", frame()), *statements)
    with pytest.raises(InputError, match="view"):
        read(path)


def test_computed_columns_are_refused(tmp_path: Path) -> None:
    """So does a computed column."""
    path = alter(
        write(tmp_path / "m.gpkg", frame()),
        "ALTER TABLE m ADD COLUMN class TEXT AS (upper(name)) VIRTUAL",
    )
    with pytest.raises(InputError, match="computed"):
        read(path)


def test_triggers_do_not_fire_and_nothing_is_written(tmp_path: Path) -> None:
    """A GeoPackage with triggers is read, and is the same file afterwards, alone in its folder."""
    path = alter(
        write(tmp_path / "m.gpkg", frame()),
        "CREATE TRIGGER t AFTER UPDATE ON gpkg_contents BEGIN DELETE FROM m; END",
        "CREATE TRIGGER u AFTER INSERT ON m BEGIN DELETE FROM m; END",
    )
    before = hashlib.sha256(path.read_bytes()).digest()
    assert len(read(path)[0]) == 3
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert list(tmp_path.iterdir()) == [path]


def test_layer_name_is_no_sql(tmp_path: Path) -> None:
    """Quotes and semicolons in a layer's name are a name."""
    name = 'a"; DROP TABLE x; --'
    assert len(read(write(tmp_path / "m.gpkg", frame(), layer=name))[0]) == 3


def test_unusable_geometries_are_counted(tmp_path: Path) -> None:
    """Null, empty and foreign geometries are dropped by reason."""
    gdf = gpd.GeoDataFrame(
        geometry=[
            None,
            shapely.LineString(),
            shapely.Point(1, 1),
            shapely.LineString([(0, 0), (1, 1)]),
        ],
        crs="EPSG:32633",
    )
    ways, tally = read(
        write(tmp_path / "m.gpkg", gdf, geometry_type="Unknown"),
        near=[(-9e99, -9e99, 9e99, float("inf"))],
    )
    assert [len(way.lines) for way in ways] == [0, 0, 0, 1]
    assert [way.fault for way in ways] == ["no geometry", "no geometry", "not a line", ""]
    assert tally.elsewhere == 0
