"""Every way out, read back by others' readers: GDAL, pyarrow, osmium, csv, a JSON schema, pystac,
ONNX Runtime, and the makers of PMTiles.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import resource
import shutil
import sqlite3
import struct
import subprocess
import zipfile
from contextlib import closing
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import osmium
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mapsight.errors import InputError, MapsightError
from mapsight.roads.export import maproulette
from mapsight.roads.export.formats import FORMATS, export_run
from mapsight.roads.export.read_back import import_verdicts
from mapsight.roads.export.run import ExportSettings, read_run, to_degrees
from mapsight.roads.export.spreadsheet import make_safe, read_cell
from mapsight.roads.folder.read import read_stored_findings
from mapsight.roads.verdicts.store import VerdictStore, read_verdicts

from .conftest import DRAWN, EVIL, SEEN
from .mvt import read_tile

OFFERED = {0, 1, 2, 4, 5}  # all but the rejected one


def numbers(ids):
    return {int(name.removeprefix("id")) for name in ids}


def read_lines(audit_dir):
    """The findings as a neutral party sees them, in degrees."""
    return (
        gpd.read_file(audit_dir / "findings.gpkg", layer="findings")
        .to_crs(4326)
        .set_index("finding_id")
        .geometry
    )


def read_columns(audit_dir, *names):
    """Columns of the findings, as they are stored."""
    table = pyogrio.read_dataframe(
        audit_dir / "findings.gpkg", layer="findings", read_geometry=False
    )
    return [table[name].tolist() for name in names]


def apart_m(line, other):
    """Hausdorff distance of two lines in degrees, in metres (47° north)."""
    scale = shapely.transform(
        shapely.GeometryCollection([line, other]), lambda xy: xy * [77_000, 111_000]
    )
    return shapely.hausdorff_distance(*scale.geoms)


def test_geojson_by_schema_and_gdal(audit_dir):
    """RFC 7946: WGS 84, at most 7 decimals, no crs member; GDAL reads the lines where they are."""
    path, count, _ = export_run(audit_dir, "geojson")
    body = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in body and count == 5
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(body, GEOJSON_SCHEMA)
    for feature in body["features"]:
        assert feature["id"] == feature["properties"].get("finding_id", feature["id"])
        for lon, lat in feature["geometry"]["coordinates"]:
            assert 8.9 < lon < 9.1 and 45 < lat < 46
            assert round(lon, 7) == lon and round(lat, 7) == lat
    lines = read_lines(audit_dir)
    found = gpd.read_file(path)
    assert numbers(f["id"] for f in body["features"]) == OFFERED
    for feature, line in zip(body["features"], found.geometry, strict=True):
        assert apart_m(line, lines[feature["id"]]) < 0.02


GEOJSON_SCHEMA = {
    "type": "object",
    "required": ["type", "features"],
    "not": {"required": ["crs"]},
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "properties", "geometry"],
                "properties": {
                    "type": {"const": "Feature"},
                    "id": {"type": ["string", "number"]},
                    "properties": {"type": ["object", "null"]},
                    "geometry": {
                        "type": "object",
                        "required": ["type", "coordinates"],
                        "not": {"required": ["crs"]},
                        "properties": {
                            "type": {"const": "LineString"},
                            "coordinates": {
                                "type": "array",
                                "minItems": 2,
                                "items": {
                                    "type": "array",
                                    "minItems": 2,
                                    "maxItems": 2,
                                    "items": {"type": "number"},
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_geopackage_has_its_style(audit_dir):
    """GDAL reads both layers; the default style is well-formed QML in the table that QGIS looks
    into.
    """
    path, _, _ = export_run(audit_dir, "gpkg", verdicts=("all",))
    found = gpd.read_file(path, layer="findings")
    assert len(found) == 6 and found.crs.to_epsg() == 32632
    proposed = gpd.read_file(path, layer="proposed").set_index("finding_id").geometry
    assert numbers(proposed.index) == {0, 2, 3, 4}
    left, bottom = 500_000, 5_000_000
    assert proposed["id00000004"].equals(
        shapely.LineString([(left + x, bottom + y) for x, y in DRAWN])
    )
    assert proposed["id00000002"].equals(
        shapely.LineString([(left + x, bottom + y) for x, y in SEEN])
    )
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles"
        )
        styles = {name: (column, qml, default) for name, column, qml, default in rows}
        kinds = dict(database.execute("SELECT table_name, data_type FROM gpkg_contents"))
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert kinds == {"findings": "features", "proposed": "features", "layer_styles": "attributes"}
    assert set(styles) == {"findings", "proposed"}
    for column, qml, default in styles.values():
        assert (column, default) == ("geom", 1)
        root = ElementTree.fromstring(qml.partition("\n")[2])
        assert root.tag == "qgis" and root.find("renderer-v2") is not None
    rules = ElementTree.fromstring(styles["findings"][1].partition("\n")[2]).findall(".//rule")
    for kind in ("missing", "phantom", "misaligned"):
        assert any(f"\"kind\" = '{kind}'" in rule.get("filter", "") for rule in rules)
    assert {"kind", "status", "verdict", "rank"} <= set(
        found.columns
    )  # what the rules and labels ask for


def test_geoparquet_by_pyarrow(audit_dir):
    """The file's own metadata says the CRS and the encoding; the WKB holds the lines; a box a row
    lets readers skip.
    """
    path, _, _ = export_run(audit_dir, "geoparquet")
    table = pq.read_table(path)
    meta = json.loads(table.schema.metadata[b"geo"])
    column = meta["columns"]["geometry"]
    assert meta["version"] == "1.1.0" and meta["primary_column"] == "geometry"
    assert column["encoding"] == "WKB" and column["geometry_types"] == ["LineString"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 32632}
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    lines = shapely.from_wkb(table.column("geometry").to_pylist())
    stored = (
        gpd.read_file(audit_dir / "findings.gpkg", layer="findings")
        .set_index("finding_id")
        .geometry
    )
    for name, line, box in zip(
        table.column("finding_id").to_pylist(), lines, table.column("bbox").to_pylist(), strict=True
    ):
        assert line.equals(stored[name])
        assert (box["xmin"], box["ymax"]) == (line.bounds[0], line.bounds[3])


def test_flatgeobuf_by_gdal_and_by_its_bytes(audit_dir):
    """GDAL finds by place; the signature and the spatial index are there for readers over HTTP."""
    path, _, _ = export_run(audit_dir, "flatgeobuf")
    assert path.read_bytes()[:7] == b"fgb\x03fgb"
    info = pyogrio.read_info(path)
    assert (info["features"], info["geometry_type"]) == (5, "LineString")
    assert info["capabilities"]["fast_spatial_filter"]
    near = pyogrio.read_dataframe(path, bbox=(500_090, 5_000_290, 500_110, 5_000_305))
    assert numbers(near["finding_id"]) == {1}


def test_pmtiles_by_its_makers_reader(audit_dir):
    """The makers' reader finds the archive and every tile; protobuf reads the findings in them,
    where they lie.
    """
    reader = pytest.importorskip("pmtiles.reader", reason="needs pmtiles")
    path, count, _ = export_run(audit_dir, "pmtiles")
    with path.open("rb") as file:
        source = reader.MmapSource(file)
        header, about = reader.Reader(source).header(), reader.Reader(source).metadata()
        tiles = {
            place: read_tile(gzip.decompress(data), *place)
            for place, data in reader.all_tiles(source)
        }
    assert (header["version"], header["tile_type"].name, header["tile_compression"].name) == (
        3,
        "MVT",
        "GZIP",
    )
    west, south, east, north = read_lines(audit_dir).drop("id00000003").total_bounds
    bounds = [header[f"{name}_e7"] / 1e7 for name in ("min_lon", "min_lat", "max_lon", "max_lat")]
    assert bounds == pytest.approx([west, south, east, north], abs=1e-5)
    assert [layer["id"] for layer in about["vector_layers"]] == ["findings"]
    assert "mapsight" in about["description"] and count == 5
    lines, scores = (
        read_lines(audit_dir),
        dict(zip(*read_columns(audit_dir, "finding_id", "score"), strict=True)),
    )
    for zoom in range(header["min_zoom"], header["max_zoom"] + 1):
        found = [
            one for place, layers in tiles.items() if place[0] == zoom for one in layers["findings"]
        ]
        assert numbers(told["finding_id"] for told, _ in found) == OFFERED
        step_m = 40_075_017 / 2**zoom / 4096
        for told, xy in found:
            assert (
                lines[told["finding_id"]].distance(shapely.Point(xy[0])) * 111_000
                < 3 * step_m + 0.5
            )
            assert told["score"] == pytest.approx(scores[told["finding_id"]], abs=1e-4)
    assert {told.get("road_id") for told, _ in found} >= {EVIL, "-71"}  # text is text


def test_pmtiles_want_a_finding(audit_dir):
    """Tiles without anything in them lie nowhere: one line, and no file."""
    with pytest.raises(InputError, match="no finding to show"):
        export_run(audit_dir, "pmtiles", min_score=0.99)
    assert not (audit_dir / "export" / "findings.pmtiles").exists()


def test_csv_is_safe_in_spreadsheets(audit_dir):
    """No text cell starts a formula; numbers, negative ones too, are numbers still."""
    path, _, _ = export_run(audit_dir, "csv", verdicts=("all",))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = {
        row["finding_id"]: row
        for row in csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    }
    assert len(rows) == 6
    assert rows["id00000001"]["road_id"] == "'" + EVIL
    assert rows["id00000005"]["road_id"] == "'@cmd"
    assert rows["id00000003"]["note"].startswith("'+a car park")
    assert rows["id00000002"]["road_id"] == "-71"
    assert float(rows["id00000002"]["offset_m"]) == 8.0 and rows["id00000001"]["offset_m"] == ""
    for row in rows.values():
        assert (
            shapely.from_wkt(row["wkt"]).distance(
                shapely.Point(float(row["lon"]), float(row["lat"]))
            )
            < 1e-6
        )
        for cell in row.values():
            assert not cell.lstrip().startswith(tuple("=+@\t\r")) and (
                not cell.startswith("-") or float(cell)
            )


@given(
    st.text(),
    st.sampled_from(["", " ", "\t", "\r", "\n", "\u00a0"]),
    st.sampled_from(list("=+-@＝＋－＠") + [""]),
)
def test_no_text_becomes_a_formula(text, blank, sign):
    """Whatever comes before and after: the first thing that a spreadsheet looks at is an apostrophe
    or harmless.
    """
    cell = make_safe(blank + sign + text)
    first = cell.lstrip(" \u00a0\0")[:1]
    assert (
        first not in "=+-@\t\r\n＝＋－＠"
        or first == ""
        or cell.replace(",", ".").replace(".", "", 1).lstrip("+-").isdigit()
    )
    assert make_safe(-12.5) == -12.5 and make_safe("-12.5") == "-12.5" and make_safe(-3) == -3


@given(
    st.text(), st.sampled_from(["", "'", "''", " ", "' "]), st.sampled_from(list("=+-@＝'") + [""])
)
def test_cells_are_read_back_as_they_were(text, before, sign):
    """The apostrophe that guards a cell comes off again, and no other does."""
    said = (before + sign + text).replace("\0", "")
    assert read_cell(make_safe(said)) == said


def test_an_untouched_table_changes_nothing(audit_dir):
    """Notes that look like formulas, with apostrophes and line ends of all kinds: the CSV brings
    nothing new.
    """
    package = audit_dir / "findings.gpkg"
    with VerdictStore(package) as store:
        store.add("id00000000", "unsure", revision=0, note="=sum?\r\nor \r not", reviewer="Ada")
        store.add("id00000001", "accept", revision=0, note="'=sum?", reviewer="Ada")
    before = read_verdicts(package, history=True)
    path, _, _ = export_run(audit_dir, "csv", verdicts=("all",))
    ids = set(read_columns(audit_dir, "finding_id")[0])
    assert import_verdicts(package, path, ids, reviewer="findings.csv") == (0, 5, 0, 0)
    assert read_verdicts(package, history=True).equals(before)


def test_maproulette_to_the_letter(audit_dir):
    """RS and one FeatureCollection a line, unique ids, no null geometry, no Z, no crs, WGS 84."""
    path, _, _ = export_run(audit_dir, "maproulette")
    lines = path.read_bytes().decode("utf-8").split("\n")
    assert lines.pop() == ""
    names = []
    for line in lines:
        assert line[0] == "\x1e" and "\x1e" not in line[1:]
        task = json.loads(line[1:])
        assert task["type"] == "FeatureCollection" and "crs" not in task
        for feature in task["features"]:
            assert feature["geometry"]["type"] == "LineString"
            assert all(
                len(point) == 2 and abs(point[0] - 9) < 0.1
                for point in feature["geometry"]["coordinates"]
            )
            assert all(value is not None for value in feature["properties"].values())
        names.append(task["features"][0]["properties"]["id"])
        assert task["features"][0]["properties"]["name"] == names[-1]
    assert len(set(names)) == len(names) and numbers(names) == OFFERED
    seen = next(json.loads(line[1:]) for line in lines if "misaligned" in line)
    assert len(seen["features"]) == 2


def test_maproulette_holds_the_first_50_000(audit_dir, monkeypatch):
    """What a challenge cannot hold is left out from the end of the list, and told."""
    monkeypatch.setattr(maproulette, "MOST_TASKS", 2)
    path, _, remarks = export_run(audit_dir, "maproulette")
    ids = [json.loads(line[1:])["features"][0]["id"] for line in path.read_text().split("\n")[:-1]]
    assert numbers(ids) == {0, 1} and "the last 3 are left out" in remarks[0]


class _Collect(osmium.SimpleHandler):
    def __init__(self):
        super().__init__()
        self.nodes, self.ways = {}, {}

    def node(self, n):
        self.nodes[n.id] = (n.location.lon, n.location.lat, n.version, n.visible)

    def way(self, w):
        self.ways[w.id] = (
            [n.ref for n in w.nodes],
            {t.k: t.v for t in w.tags},
            w.version,
            w.visible,
        )


def test_osmchange_by_osmium(audit_dir):
    """Accepted missing roads alone, as creations, along the line that the reviewer drew, with a
    source.
    """
    path, _, remarks = export_run(audit_dir, "osc")
    root = ElementTree.parse(path).getroot()
    assert root.tag == "osmChange" and {child.tag for child in root} == {"create"}
    found = _Collect()
    found.apply_file(str(path))
    assert len(found.ways) == 1
    refs, tags, version, visible = found.ways[-1]
    assert (version, visible) == (1, True) and all(ref < 0 for ref in refs)
    assert (
        tags["highway"] == "road"
        and tags["source"] == "image.tif"
        and "id00000004" in tags["fixme"]
    )
    drawn = shapely.LineString([found.nodes[ref][:2] for ref in refs])
    wanted = to_degrees(read_run(audit_dir).findings).set_index("finding_id")["proposed_wkt"][
        "id00000004"
    ]
    assert apart_m(drawn, shapely.from_wkt(wanted)) < 0.02
    assert "1 phantom or misaligned left out" in remarks[1]


def test_osmchange_of_what_nobody_accepted_is_refused(audit_dir):
    """Unjudged lines become ways only when they are asked for by name."""
    with pytest.raises(InputError, match="no accepted missing road"):
        export_run(audit_dir, "osc", kinds=("phantom",))
    path, count, _ = export_run(audit_dir, "osc", verdicts=("open",), kinds=("missing",))
    assert count == 1 and "id00000000" in path.read_text()


def test_osmchange_shares_nodes_and_splits_long_ways(tmp_path):
    """Lines that meet in a point meet in a node; a way has at most 2,000 nodes."""
    from mapsight.roads.export.osmchange import write_new_ways

    long = shapely.LineString([(9 + k * 1e-5, 45) for k in range(4500)])
    other = shapely.LineString([(9, 45), (9, 45.001)])
    table = gpd.GeoDataFrame(
        {"finding_id": ["a", "b"], "kind": "missing", "note": "", "proposed_wkt": ""},
        geometry=[long, other],
        crs=4326,
    )
    write_new_ways(table, tmp_path / "n.osc", "osc", "photo")
    found = _Collect()
    found.apply_file(str(tmp_path / "n.osc"))
    assert [len(refs) for refs, *_ in found.ways.values()] == [2000, 2000, 502, 2]
    assert found.ways[-1][0][-1] == found.ways[-2][0][0]
    assert found.ways[-4][0][0] == found.ways[-1][0][0]
    assert len(found.nodes) == 4501


def test_josm_session(audit_dir):
    """A zip with session.jos whose layers are there: new ways by osmium, tracks and markers by
    GDAL.
    """
    path, _, _ = export_run(audit_dir, "josm")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        session = ElementTree.fromstring(archive.read("session.jos"))
        archive.extractall(path.parent / "out")
    assert session.tag == "josm-session" and session.get("version") == "0.1"
    layers = session.findall("layers/layer")
    assert [layer.get("type") for layer in layers] == ["osm-data", "tracks", "markers"]
    assert [layer.get("index") for layer in layers] == ["1", "2", "3"] and layers[2].get(
        "depends"
    ) == "2"
    files = [path.parent / "out" / layer.findtext("file") for layer in layers]
    found = _Collect()
    found.apply_file(str(files[0]))
    assert len(found.ways) == 1 and found.ways[-1][1]["highway"] == "road"
    assert 'version="' not in files[0].read_text().partition("<node")[2]
    assert pyogrio.read_info(files[1], layer="tracks", force_feature_count=True)["features"] == 6
    assert pyogrio.read_info(files[2], layer="waypoints", force_feature_count=True)["features"] == 5


@pytest.mark.parametrize("name", ["osc", "josm", "gpx"])
def test_xml_holds_what_xml_can(audit_dir, name):
    """A vertical tab pasted into a note, an image's name out of another encoding: left out, and the
    rest is read.
    """
    with VerdictStore(audit_dir / "findings.gpkg") as store:
        store.add("id00000004", "accept", revision=1, note="a\x0b b\x1b\ufffe\uffff\tc & ü 🛣")
    settings = ExportSettings(source="photo\udcfc\x01")
    path, _, _ = export_run(audit_dir, name, settings=settings)
    if name == "josm":
        with zipfile.ZipFile(path) as archive:
            texts = [archive.read(each) for each in archive.namelist()]
    else:
        texts = [path.read_bytes()]
    roots = [ElementTree.fromstring(text) for text in texts]
    said = [
        text
        for root in roots
        for each in root.iter()
        for text in (each.text, *each.attrib.values())
    ]
    assert "a b\tc & ü 🛣" in said
    assert ("photo" in said) == (name != "gpx")


@pytest.mark.parametrize(
    "wkt", ["LINESTRING (1 1", "POINT (1 1)", "LINESTRING (nan 1, 1 1)", "LINESTRING (1e30 1, 1 1)"]
)
@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("onnx", "stac")])
def test_a_line_that_cannot_be_read_is_none(audit_dir, name, wkt):
    """One bad line in the verdicts (edited by hand) stops no export; the finding goes out as it was
    seen.
    """
    with VerdictStore(audit_dir / "findings.gpkg") as store:
        store.add("id00000002", "accept", revision=0)
    with closing(sqlite3.connect(audit_dir / "findings.gpkg")) as database, database:
        database.execute("UPDATE verdicts SET geometry_wkt = ?", (wkt,))
    path, _, _ = export_run(audit_dir, name, kinds=("missing", "misaligned"))
    assert path.stat().st_size
    if name == "gpkg" and not wkt.startswith("LINESTRING (1e30"):
        proposed = gpd.read_file(path, layer="proposed").set_index("finding_id").geometry
        left, bottom = 500_000, 5_000_000
        assert proposed["id00000002"].equals(
            shapely.LineString([(left + x, bottom + y) for x, y in SEEN])
        )
        assert (
            apart_m(proposed.to_crs(4326)["id00000004"], read_lines(audit_dir)["id00000004"]) < 0.02
        )


def test_gpx_by_gdal(audit_dir):
    """Tracks lie where the findings lie; a waypoint each says what is to be checked; hostile text
    stays text.
    """
    path, _, _ = export_run(audit_dir, "gpx")
    tracks, points = (gpd.read_file(path, layer=name) for name in ("tracks", "waypoints"))
    assert len(points) == 5 and len(tracks) == 6
    lines = read_lines(audit_dir)
    first = shapely.get_parts(tracks.geometry[0])[0]
    assert apart_m(first, lines["id00000000"]) < 0.02
    assert points["name"][0] == "1 missing" and "<b>surely</b>" in points["desc"][0]
    assert tracks["name"][3] == "3 misaligned as seen"


def test_stac_item_by_pystac(audit_dir):
    """Valid by STAC 1.1; footprint, CRS and assets are those of the run; nothing of the machine is
    told.
    """
    pystac = pytest.importorskip("pystac")
    path, _, _ = export_run(audit_dir, "stac")
    item = pystac.Item.from_file(str(path))
    core = pystac.Item.from_dict(
        {**item.to_dict(), "stac_extensions": []}
    )  # schemas of extensions are on the web
    assert core.validate()
    assert item.properties["proj:code"] == "EPSG:32632" and item.properties["proj:shape"] == [
        600,
        800,
    ]
    assert item.datetime.isoformat() == "2026-02-03T04:05:06+00:00"
    footprint = gpd.GeoSeries([shapely.geometry.shape(item.geometry)], crs=4326).to_crs(32632)[0]
    assert (
        shapely.box(500_000, 5_000_000, 500_800, 5_000_600).symmetric_difference(footprint).area
        < 10
    )
    assert shapely.geometry.shape(item.geometry).exterior.is_ccw
    for asset in item.assets.values():
        assert (path.parent / asset.href).is_file()
    assert str(audit_dir) not in path.read_text()


def test_onnx_gives_torchs_probabilities(audit_dir):
    """ONNX Runtime on RGB in 0 … 1 equals the runner of the audit; Deepness finds its keys, each as
    JSON.
    """
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from mapsight.cnn.checkpoint import Model, ModelCard, write_model
    from mapsight.cnn.compute import find_compute
    from mapsight.cnn.nets import make_net
    from mapsight.cnn.runtimes.torch_runtime import open_torch

    net = make_net("roadnet-tiny").eval()
    card = ModelCard("roadnet-tiny", 0.5, threshold=0.37, scale_mean=0.4, scale_std=0.2)
    write_model(audit_dir / "m.safetensors", net, card)
    settings = ExportSettings(model=audit_dir / "m.safetensors", tile_px=64)
    path, _, _ = export_run(audit_dir, "onnx", settings=settings)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (put,), (got,) = session.get_inputs(), session.get_outputs()
    assert (
        put.shape[1:] == [3, 64, 64]
        and got.shape[1:] == [1, 64, 64]
        and put.type == "tensor(float)"
    )
    pixels = np.random.default_rng(3).integers(0, 256, (3, 3, 64, 64), dtype=np.uint8)
    wanted = open_torch(Model(net, card), find_compute("cpu", "fp32")).predict(pixels)
    (found,) = session.run(None, {put.name: (pixels / 255).astype(np.float32)})
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-5)
    told = {
        key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()
    }
    assert told["model_type"].capitalize() == "Segmentor" and told["class_names"] == {"0": "road"}
    assert (float(told["resolution"]), int(told["tile_size"]), int(told["tiles_overlap"])) == (
        50.0,
        64,
        25,
    )
    assert float(told["seg_thresh"]) == 0.37 and int(told["seg_small_segment"]) == 400
    with pytest.raises(InputError, match="multiple of 16"):
        export_run(
            audit_dir,
            "onnx",
            settings=ExportSettings(model=audit_dir / "m.safetensors", tile_px=100),
        )


@pytest.mark.parametrize(
    ("model", "says"), [("none", "its map alone"), ("lost.safetensors", "no longer where")]
)
def test_onnx_of_a_model_that_is_gone_is_refused(audit_dir, model, says):
    """Another model than the one that judged is never exported in its place."""
    pytest.importorskip("onnxscript")
    facts = json.loads((audit_dir / "audit.json").read_text())
    facts["sources"]["model"] = model
    (audit_dir / "audit.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match=says):
        export_run(audit_dir, "onnx")


@pytest.mark.parametrize("name", [name for name, kind in FORMATS.items() if kind.placed])
def test_pixels_cannot_go_where_a_place_is_needed(pixel_dir, name):
    """One line that says which formats can."""
    with pytest.raises(
        InputError, match="only pixels; choose gpkg, geoparquet, flatgeobuf, csv, html, onnx"
    ):
        export_run(pixel_dir, name)
    assert not any((pixel_dir / "export").glob("*"))


@pytest.mark.parametrize("name", ["gpkg", "geoparquet", "flatgeobuf", "csv", "html"])
def test_pixels_go_where_none_is_needed(pixel_dir, name):
    """Lines stay in pixels, without a CRS."""
    path, count, _ = export_run(pixel_dir, name, verdicts=("all",))
    assert count == 6
    if name in ("gpkg", "flatgeobuf"):
        found = pyogrio.read_dataframe(path, layer="findings")
        assert found.crs is None or "Undefined" in str(found.crs) or "Unknown" in str(found.crs)
        assert found.total_bounds[3] <= 0
    if name == "geoparquet":
        meta = json.loads(pq.read_metadata(path).metadata[b"geo"])
        assert meta["columns"]["geometry"]["crs"] is None


@pytest.mark.parametrize(
    "name", [name for name in FORMATS if name not in ("onnx", "osc", "pmtiles")]
)
def test_no_findings_are_a_file_as_well(audit_dir, name):
    """A run without findings (or none selected) gives an empty file of the format, no fault."""
    path, count, _ = export_run(audit_dir, name, min_score=0.99)
    assert count == 0 and (path.stat().st_size > 0 or name == "maproulette")


def test_own_files_are_not_overwritten(audit_dir):
    """findings.gpkg holds verdicts: no export takes its name."""
    before = (audit_dir / "findings.gpkg").read_bytes()
    with pytest.raises(InputError, match="may hold verdicts"):
        export_run(audit_dir, "gpkg", out=audit_dir / "findings.gpkg")
    with pytest.raises(InputError, match="should end in"):
        export_run(audit_dir, "csv", out=audit_dir / "findings.gpkg")
    assert (audit_dir / "findings.gpkg").read_bytes() == before


def test_verdicts_of_another_audit_are_not_overwritten(audit_dir, tmp_path):
    """A GeoPackage that people's verdicts are in is left as it is, wherever it lies; any other may
    be written anew.
    """
    other = tmp_path / "elsewhere.gpkg"
    shutil.copy(audit_dir / "findings.gpkg", other)
    before = other.read_bytes()
    with pytest.raises(InputError, match=r"holds verdicts that people gave; choose another --out"):
        export_run(audit_dir, "gpkg", out=other)
    assert other.read_bytes() == before
    for content in (b"", b"something else"):
        (tmp_path / "plain.gpkg").write_bytes(content)
        export_run(audit_dir, "gpkg", out=tmp_path / "plain.gpkg")
    assert export_run(audit_dir, "gpkg", out=tmp_path / "plain.gpkg")[1] == 5
    other.write_bytes(before[:100] + bytes(4000))
    with pytest.raises(InputError, match=r"cannot be read .*; choose another --out"):
        export_run(audit_dir, "gpkg", out=other)


def test_large_files_are_findings_too(audit_dir):
    """What kind of file it is stands in its first bytes; a GeoPackage of 1 GiB (with a hole in it)
    is one as well.
    """
    path, memory = audit_dir / "findings.gpkg", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    os.truncate(path, 1 << 30)
    assert len(read_stored_findings(path)) == 6
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024 < 300  # MiB


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"name": "kml"}, "choose one of geojson"),
        ({"name": "csv", "verdicts": ("good",)}, "choose accepted"),
        ({"name": "csv", "kinds": ("odd",)}, "choose missing"),
    ],
)
def test_unknown_words_are_told(audit_dir, arguments, match):
    """One line with what there is."""
    with pytest.raises(MapsightError, match=match):
        export_run(audit_dir, **arguments)


def test_undefined_wkb_is_ours(audit_dir):
    """Lines in every vector format are plain XY: no Z sneaks in from a drawn line."""
    path, _, _ = export_run(audit_dir, "geoparquet")
    for wkb in pq.read_table(path).column("geometry").to_pylist():
        assert struct.unpack("<I", wkb[1:5])[0] == 2


def test_qgis_takes_the_style(audit_dir):
    """QGIS itself opens the layers in colour, with labels, without being told to."""
    script = """
import sys
from qgis.core import QgsApplication, QgsVectorLayer
app = QgsApplication([], False)
app.initQgis()
names = ("findings", "proposed")
f, p = (QgsVectorLayer(sys.argv[1] + "|layername=" + name, name, "ogr") for name in names)
rules = [rule.filterExpression() for rule in f.renderer().rootRule().children()]
colour = p.renderer().symbol().color().name()
print("seen", f.featureCount(), len(rules), f.labelsEnabled(), colour, flush=True)
import os
os._exit(0)
"""
    python = shutil.which("python3", path="/usr/bin")
    there = (
        python
        and subprocess.run(
            [python, "-c", "import qgis.core"], capture_output=True, check=False
        ).returncode
        == 0
    )
    if not there:
        pytest.skip("QGIS is not installed (Debian: python3-qgis)")
    path, _, _ = export_run(audit_dir, "gpkg", verdicts=("all",))
    env = {"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin", "HOME": str(path.parent)}
    done = subprocess.run(
        [python, "-c", script, path],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "seen 6 4 True #2e7d32" in done.stdout, done.stderr
