"""Claims about files of every format: read to their end, refused by name, never changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import osmium
import pyogrio
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from mapsight.errors import InputError, MapsightError
from mapsight.geo.geobox import GeoBox
from mapsight.geo.network import RoadChoice, RoadMap, read_map
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.roads import read_roads

BOX = GeoBox(400, 600, Affine(1, 0, 500_000, 0, -1, 5_000_400), CRS.from_epsg(32633))
CLASSES = ["primary", "residential", "rail", "", "zz"]


def draw(**columns: list[Any]) -> gpd.GeoDataFrame:
    """Five lines across the box, by default a road, a road, a railway, nothing, and the unknown."""
    lines = [
        shapely.LineString([(500_050, 5_000_050 + 60 * i), (500_500, 5_000_050 + 60 * i)])
        for i in range(5)
    ]
    return gpd.GeoDataFrame(columns or {"class": CLASSES}, geometry=lines, crs="EPSG:32633")


def save(path: Path, gdf: gpd.GeoDataFrame) -> Path:
    """The lines as the suffix says; GeoJSON in degrees."""
    if path.suffix == ".geojson":
        path.write_text(gdf.to_crs("EPSG:4326").to_json(drop_id=True), encoding="utf-8")
    else:
        pyogrio.write_dataframe(gdf, path)
    return path


def digest(folder: Path) -> dict[str, str]:
    """Every file of a folder and what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def add_up(found: RoadMap) -> int:
    """All features that the reading tells of."""
    reading = found.reading
    return reading.roads + reading.others + reading.elsewhere + sum(found.dropped.values())


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "geojson"])
def test_counts_add_up_and_the_unknown_is_listed(tmp_path: Path, suffix: str) -> None:
    """Two roads, a railway, an empty class, an unknown one, two lines far away."""
    far = draw().iloc[:2].translate(50_000, 0)
    gdf = gpd.GeoDataFrame(
        {"class": [*CLASSES, "primary", "zz"]},
        geometry=[*draw().geometry, *far],
        crs="EPSG:32633",
    )
    found = read_map(save(tmp_path / f"m.{suffix}", gdf), box=BOX)
    reading = found.reading
    assert (reading.features, reading.roads, reading.others, reading.elsewhere) == (7, 2, 1, 2)
    assert found.dropped == {"of no class": 1, "of unknown class": 1}
    assert add_up(found) == reading.features
    assert (reading.unknown, reading.column) == ({"zz": 1}, "class")
    (note,) = [note for note in reading.notes if "zz" in note]
    assert "1 × 'zz'; --road-values" in note


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*CLASSES, "footway", "fence", None]),
            st.sampled_from([0, 0, 30, 700, 60_000]),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["gpkg", "shp", "geojson"]),
)
def test_any_mixture_adds_up(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, int, bool]], suffix: str
) -> None:
    """Whatever lies where, of whatever class, with a line or without."""
    lines = [
        shapely.LineString([(500_050 + right, 5_000_010 + 9 * i), (500_300 + right, 5_000_010)])
        if there
        else None
        for i, (_, right, there) in enumerate(rows)
    ]
    gdf = gpd.GeoDataFrame({"class": [row[0] for row in rows]}, geometry=lines, crs="EPSG:32633")
    if gdf.geometry.isna().all():
        return
    path = save(tmp_path_factory.mktemp("mixed") / f"m.{suffix}", gdf)
    with contextlib.suppress(MapsightError):  # where none is a road in the box
        found = read_map(path, box=BOX)
        assert add_up(found) == found.reading.features == len(rows)


def test_maps_of_unknown_classes_are_refused_with_the_remedy(tmp_path: Path) -> None:
    """Values and counts are in the line; the options that it names are enough."""
    path = save(tmp_path / "m.gpkg", draw(**{"class": ["Q1", "Q1", "Q2", "", "Q1"]}))
    with pytest.raises(InputError, match=r"3 × 'Q1', 1 × 'Q2', 1 × empty; .*--road-values A,B"):
        read_map(path, box=BOX)
    found = read_map(path, box=BOX, choice=RoadChoice(None, ("Q1",)))
    assert (found.reading.roads, found.dropped) == (3, {"not a road": 1, "of no class": 1})
    assert read_map(path, box=BOX, choice=RoadChoice("none")).reading.roads == 5


def test_a_map_without_classes_says_that_all_are_roads(tmp_path: Path) -> None:
    """The note names the columns and the option."""
    found = read_map(save(tmp_path / "m.gpkg", draw(nr=[1, 2, 3, 4, 5])), box=BOX)
    (note,) = found.reading.notes
    assert "all 5 lines count as roads" in note
    assert "--road-column" in note


REFUSED = {
    "m.osc": ("<osmChange/>", "osmium apply-changes"),
    "m.osh": ("<osm/>", "osmium time-filter m.osh"),
    "m.osh.pbf": ("x", "osmium time-filter m.osh.pbf"),
    "m.gpx": ("<gpx/>", "ogr2ogr roads.gpkg m.gpx"),
    "m.kml": ("<kml/>", "ogr2ogr roads.gpkg m.kml"),
    "m.gml": ("<x/>", "ogr2ogr roads.gpkg m.gml"),
    "m.fgb": ("fgb", "ogr2ogr roads.gpkg m.fgb"),
    "m.parquet": ("PAR1", "ogr2ogr roads.gpkg m.parquet"),
    "m.csv": ("WKT,a\n", "ogr2ogr roads.gpkg m.csv"),
    "m.shp.zip": ("PK", "unpack it"),
    "m.dbf": ("x", r"give its \.shp"),
    "m.osm": ("<osmChange version='0.6'/>", "osmium apply-changes"),
    "n.osm": ("<gpx/>", "is GPX"),
    "c.osm": ("<osm><create><node/></create></osm>", "is a file of changes"),
    "d.osm": ("<osm><action type='modify'/></osm>", "is a file of changes"),
    "m.topojson": ('{"type": "Topology"}', "is TopoJSON"),
    "t.json": ('{"type": "Topology", "arcs": [], "objects": {}}', "is TopoJSON"),
    "e.json": ('{"geometryType": "esriGeometryPolyline", "features": []}', "f=geojson"),
    "f.geojson": ('{"features": [{"geometry": {"paths": [[[0, 0], [1, 1]]]}}]}', "f=geojson"),
    "o.json": ('{"elements": [{"type": "way", "id": 1, "nodes": [1, 2]}]}', "out geom"),
    "r.json": ('{"elements": [], "remark": "runtime error: timed out"}', "broke off"),
    "g.json": ('{"a": 1}', "no GeoJSON: a record holds 'a'"),
    "x.geojson": ('{"features": []} trailing', "not sound GeoJSON"),
    "y.geojson": ('{"type": "FeatureCollection", "features": []}\n[1', "not sound GeoJSON"),
    "p.geojson": ("PK\x03\x04", "archive"),
    "q.pbf": ("\x1f\x8b", "archive|no OpenStreetMap"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_map_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """One line with what it is and what to do; by both ways of reading a map."""
    content, match = REFUSED[name]
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=match) as caught:
        read_map(tmp_path / name, box=BOX)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=match):
        read_roads(Area(14.99, 45.15, 15.0, 45.16), tmp_path / name)


def list_records() -> list[dict[str, Any]]:
    """Two collections of GeoJSON with the drawn lines, halves of one map."""
    whole = json.loads(draw().to_crs("EPSG:4326").to_json(drop_id=True))
    return [{**whole, "features": whole["features"][a:b]} for a, b in ((0, 2), (2, 5))]


@pytest.mark.parametrize("parting", ["", "\n", "\n\x1e", ",", "\r\n\ufeff"])
def test_all_records_are_read(tmp_path: Path, parting: str) -> None:
    """One after the other, one a line, as RFC 8142, as a list."""
    text = parting.join(map(json.dumps, list_records()))
    text = f"[{text}]" if parting == "," else ("\x1e" if "\x1e" in parting else "") + text
    (tmp_path / "m.geojson").write_text(text, encoding="utf-8")
    assert read_map(tmp_path / "m.geojson", box=BOX).reading.features == 5
    lines = [json.dumps(item) for record in list_records() for item in record["features"]]
    (tmp_path / "m.geojsonl").write_text("\n".join(lines), encoding="utf-8")
    assert read_map(tmp_path / "m.geojsonl", box=BOX).reading.features == 5


def test_lines_in_collections_and_curves_are_read(tmp_path: Path) -> None:
    """Collections inside collections, beside points; every one is one way."""
    gdf = draw()
    gdf.geometry = [
        shapely.GeometryCollection([shapely.GeometryCollection([line]), shapely.Point(0, 0)])
        for line in gdf.geometry
    ]
    for name in ("m.gpkg", "m.geojson"):
        found = read_map(save(tmp_path / name, gdf), box=BOX)
        assert found.reading.roads == 2
        assert found.overlap.km_inside == pytest.approx(0.9, abs=1e-3)


def test_metres_without_a_crs_name_the_option(tmp_path: Path) -> None:
    """GeoJSON in metres is told by its numbers, and read once the CRS is given."""
    (tmp_path / "m.geojson").write_text(draw().to_json(drop_id=True).replace('"crs"', '"old"'))
    with pytest.raises(InputError, match=r"look like metres; .*--map-crs EPSG:"):
        read_map(tmp_path / "m.geojson", box=BOX)
    assert read_map(tmp_path / "m.geojson", box=BOX, crs="EPSG:32633").reading.roads == 2


@pytest.mark.parametrize("written", ["cp1252", "big5", "utf-8"])
@pytest.mark.parametrize("named", ["UTF-8", "nonsense", "cp1252", None])
def test_letters_are_no_reason_not_to_read(tmp_path: Path, written: str, named: str | None) -> None:
    """Whatever the .cpg says of whatever letters, the lines are the same."""
    name = "路" if written == "big5" else "Höhe"
    gdf = draw(**{"class": CLASSES, "name": [name] * 5})
    pyogrio.write_dataframe(gdf, tmp_path / "m.shp", encoding=written)
    (tmp_path / "m.cpg").unlink(missing_ok=True)
    if named:
        (tmp_path / "m.cpg").write_text(named)
    assert read_map(tmp_path / "m.shp", box=BOX).reading.roads == 2


JOURNALS = {
    "rows in the log": ("PRAGMA journal_mode = WAL", True),
    "an empty log": ("PRAGMA journal_mode = WAL", False),
    "a journal left behind": ("PRAGMA journal_mode = PERSIST", True),
}


@pytest.mark.parametrize("journal", JOURNALS)
@pytest.mark.parametrize("writable", [True, False])
def test_a_database_and_its_folder_stay_as_they_are(
    tmp_path: Path, journal: str, writable: bool
) -> None:
    """All rows are read, and no byte in the folder changes, whatever lies beside the file."""
    pragma, change = JOURNALS[journal]
    folder = tmp_path / "input"
    folder.mkdir()
    own = save(tmp_path / "m.gpkg", draw(**{"class": ["primary"] * 5}).iloc[:2])
    more = save(tmp_path / "n.gpkg", draw(**{"class": ["primary"] * 5}).iloc[2:])
    with closing(sqlite3.connect(own, isolation_level=None)) as database:
        database.execute(pragma)
        database.execute("PRAGMA wal_autocheckpoint = 0")
        for trigger in ("rtree_m_geom_insert", "trigger_insert_feature_count_m"):
            database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        if change:
            database.execute(f"ATTACH '{more}' AS n")
            database.execute("INSERT INTO m (geom, class) SELECT geom, class FROM n.n")
        for path in tmp_path.glob("m.gpkg*"):
            shutil.copyfile(path, folder / path.name)  # as they are while somebody works on them
    before = digest(folder)
    if not writable:
        folder.chmod(0o555)
    found = read_map(folder / "m.gpkg", box=BOX)
    folder.chmod(0o755)
    assert found.reading.features == found.reading.roads == (5 if change else 2)
    assert digest(folder) == before


@pytest.mark.parametrize("name", ["m.gpkg", "m.shp", "m.geojson", "m.osm", "m.osm.pbf"])
def test_reading_changes_nothing(tmp_path: Path, name: str) -> None:
    """No format leaves a trace in the folder of its file, read whole or refused."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    if ".osm" in name:
        with osmium.SimpleWriter(str(path)) as writer:
            for number, place in enumerate(draw().to_crs("EPSG:4326").geometry[0].coords, 1):
                writer.add_node(osmium.osm.mutable.Node(id=number, version=1, location=place))
            way = osmium.osm.mutable.Way(id=1, version=1, nodes=[1, 2], tags={"highway": "primary"})
            writer.add_way(way)
    else:
        save(path, draw())
    before = digest(tmp_path / "in")
    read_map(path, box=BOX)
    with pytest.raises(MapsightError):
        read_map(path, box=GeoBox(9, 9, Affine(1, 0, 0, 0, -1, 0), CRS.from_epsg(32601)))
    assert digest(tmp_path / "in") == before
    assert os.listdir(tmp_path) == ["in"]
