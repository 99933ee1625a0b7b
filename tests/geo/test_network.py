"""Claims about road maps read for an image, and lines written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import osmium
import pyogrio
import pyproj
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from mapsight.errors import InputError, OverlapError
from mapsight.geo.network import ROAD_WIDTH_M, read_map, write_lines
from mapsight.geo.raster import GeoBox, Raster, open_image, pixel_box, write_raster

DATA = Path(__file__).parents[3] / "shared" / "data" / "georef"
BOX = GeoBox(400, 600, Affine(1, 0, 500_000, 0, -1, 5_000_400), CRS.from_epsg(32633))
LEFT, BOTTOM = 500_000, 5_000_000
COLUMNS = ["geometry", "road_id", "road_class", "width_m", "visible", "name"]


def line(*points: tuple[float, float]) -> shapely.LineString:
    """A line given in metres from the lower left corner of the box."""
    return shapely.LineString([(LEFT + x, BOTTOM + y) for x, y in points])


def frame(*lines: Any, crs: str | None = "EPSG:32633", **columns: list[Any]) -> gpd.GeoDataFrame:
    """A map of the lines."""
    return gpd.GeoDataFrame(columns, geometry=list(lines), crs=crs)


CROSS = (line((50, 200), (550, 200)), line((300, 20), (300, 380)))


def write(path: Path, gdf: gpd.GeoDataFrame, **options: Any) -> Path:
    """The map as the suffix says; GeoJSON in degrees."""
    if path.suffix == ".geojson":
        path.write_text(gdf.to_crs("EPSG:4326").to_json(drop_id=True), encoding="utf-8")
    else:
        pyogrio.write_dataframe(gdf, path, **options)
    return path


def write_osm(path: Path, gdf: gpd.GeoDataFrame) -> Path:
    """The lines as OSM ways with the columns as tags."""
    degrees = gdf.to_crs("EPSG:4326")
    number = 1
    with osmium.SimpleWriter(str(path)) as writer:
        ways = []
        for way, (_, row) in enumerate(degrees.iterrows(), 1):
            nodes = range(number, number + len(row.geometry.coords))
            for node, place in zip(nodes, row.geometry.coords, strict=True):
                writer.add_node(osmium.osm.mutable.Node(id=node, version=1, location=place))
            tags = {key: str(row[key]) for key in row.index if key != "geometry" and row[key]}
            ways.append(osmium.osm.mutable.Way(id=way, version=1, nodes=list(nodes), tags=tags))
            number = nodes.stop
        for entry in ways:
            writer.add_way(entry)
    return path


@pytest.mark.parametrize("name", ["m.gpkg", "m.geojson", "m.shp", "m.osm", "m.osm.pbf"])
@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", "EPSG:3857"])
def test_every_format_is_the_same_map(tmp_path: Path, name: str, crs: str) -> None:
    """Lines come back where they were drawn, within 2 cm, in the CRS of the image, whatever the
    file's.
    """
    gdf = frame(*CROSS, highway=["primary", "residential"], name=["A", "B"]).to_crs(crs)
    path = tmp_path / name
    write_osm(path, gdf) if ".osm" in name else write(path, gdf)
    found = read_map(path, box=BOX)
    assert list(found.lines.columns) == COLUMNS
    assert found.lines.crs.to_epsg() == 32633
    assert found.lines["road_class"].tolist() == ["primary", "residential"]
    assert found.lines["width_m"].tolist() == [ROAD_WIDTH_M["primary"], ROAD_WIDTH_M["residential"]]
    assert found.lines["name"].tolist() == ["A", "B"]
    assert found.lines["visible"].all()
    for drawn, read in zip(CROSS, found.lines.geometry, strict=True):
        assert shapely.hausdorff_distance(drawn, read) < 0.02
    assert found.overlap.ways == found.overlap.ways_inside == 2
    assert found.overlap.km_inside == pytest.approx(0.86, abs=1e-3)
    assert (
        str(found.overlap) == "2 of 2 ways of the map (100%) and 0.86 km of road lie in the image"
    )
    assert found.dropped == {}


def test_map_is_clipped_to_the_image_and_a_margin(tmp_path: Path) -> None:
    """Lines end 50 m beyond the image; what lies wholly beyond is left out; kilometres count inside
    only.
    """
    past = line((-200, 300), (100, 700))  # its bounds reach in, itself it does not
    gdf = frame(
        line((-5000, 100), (5000, 100)),
        line((-40, 0), (-40, 400)),
        line((900, 0), (900, 400)),
        past,
    )
    found = read_map(write(tmp_path / "m.gpkg", gdf), box=BOX)
    assert found.lines.total_bounds.tolist() == [LEFT - 50, BOTTOM, LEFT + 650, BOTTOM + 400]
    assert len(found.lines) == 2
    assert found.overlap.ways == 4
    assert found.dropped == {}
    assert found.overlap.ways_inside == 1
    assert found.overlap.km_inside == pytest.approx(0.6)


def test_other_ways_are_kept_apart_and_tunnels_are_hidden(tmp_path: Path) -> None:
    """Railways, runways, tracks, paths and waters are no roads; tunnels and plans are roads not to
    be seen.
    """
    kinds = [
        {"highway": "residential"},
        {"highway": "residential", "tunnel": "yes"},
        {"highway": "construction", "construction": "primary"},
        {"railway": "rail"},
        {"aeroway": "runway"},
        {"highway": "track"},
        {"highway": "steps"},
        {"waterway": "river"},
        {"highway": "pedestrian", "area": "yes"},
    ]
    keys = sorted({key for tags in kinds for key in tags})
    columns = {key: [tags.get(key, "") for tags in kinds] for key in keys}
    gdf = frame(*(line((10, 10 * i), (500, 10 * i)) for i in range(1, 10)), **columns)
    found = read_map(write_osm(tmp_path / "m.osm", gdf), box=BOX)
    assert found.lines["road_class"].tolist() == ["residential", "residential", "primary"]
    assert found.lines["visible"].tolist() == [True, False, False]
    assert found.other_ways["road_class"].tolist() == [
        "railway",
        "runway",
        "track",
        "steps",
        "waterway",
    ]
    assert list(found.other_ways.columns) == ["geometry", "road_class"]
    assert found.dropped == {"not a road": 1}


def test_unusable_geometry_is_dropped_and_counted(tmp_path: Path) -> None:
    """Null, one point, no length, NaN, infinity, 1e308, latitude 91: skipped by reason, the rest is
    read.
    """
    good = [[lon, lat] for lon, lat in frame(CROSS[0]).to_crs("EPSG:4326").geometry[0].coords]
    bad = [
        [[15.0, 45.15]],
        [[15.001, 45.155]] * 3,
        [[15.0, 45.15], [15.1, float("nan")]],
        [[15.0, 45.15], [float("inf"), 45.15]],
        [[15.0, 45.15], [1e308, 45.15]],
        [[15.0, 45.15], [15.0, 91.0]],
    ]
    features = [
        {"geometry": {"type": "LineString", "coordinates": points}} for points in [good, *bad]
    ]
    features += [{"geometry": None}, {"geometry": {"type": "Polygon", "coordinates": [good]}}]
    (tmp_path / "m.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    found = read_map(tmp_path / "m.geojson", box=BOX)
    assert len(found.lines) == 1
    assert found.dropped == {
        "no length": 2,
        "coordinates not finite": 2,
        "coordinates not on earth": 2,
        "no geometry": 1,
        "not a line": 1,
    }


def test_lines_are_simple_and_drawn_once(tmp_path: Path) -> None:
    """A line over itself is cut where it crosses; doubled and reversed ways are one."""
    eight = line((100, 100), (300, 300), (300, 100), (100, 300))
    gdf = frame(eight, *CROSS, CROSS[0].reverse(), CROSS[1], road_id=["e", "a", "b", "c", "d"])
    found = read_map(write(tmp_path / "m.gpkg", gdf), box=BOX)
    assert found.lines.geometry.is_simple.all()
    assert set(found.lines["road_id"]) == {"e", "a", "b"}
    assert found.lines[found.lines["road_id"] == "e"].length.sum() == pytest.approx(eight.length)
    assert found.dropped == {"drawn twice": 2}
    assert "1 lines cross themselves and are cut there" in found.reading.notes


def test_map_over_the_antimeridian_is_whole(tmp_path: Path) -> None:
    """A road from 179.999° E to 179.999° W runs through an image that lies over the line, without
    going round.
    """
    utm = pyproj.Transformer.from_crs(4326, 32660, always_xy=True)
    x, y = utm.transform(180.0, -17.0)
    box = GeoBox(400, 400, Affine(1, 0, x - 200, 0, -1, y + 200), CRS.from_epsg(32660))
    over, east = (
        [[179.9985, -17.0], [-179.9985, -17.0]],
        [[-179.9990, -17.001], [-179.9990, -16.999]],
    )
    text = {"type": "MultiLineString", "coordinates": [over, east]}
    (tmp_path / "m.geojson").write_text(json.dumps(text))
    found = read_map(tmp_path / "m.geojson", box=box)
    assert len(found.lines) == 3
    assert found.lines.geometry[2].length == pytest.approx(221, abs=2)
    merged = shapely.line_merge(
        shapely.union_all(shapely.set_precision(found.lines.geometry.to_numpy()[:2], 0.01))
    )
    assert merged.geom_type == "LineString"
    assert merged.length == pytest.approx(319, abs=2)


@pytest.mark.parametrize("suffix", ["gpkg", "geojson"])
@pytest.mark.parametrize("middle", [180.0, 285.0, 0.0])
def test_longitudes_may_run_to_360(tmp_path: Path, suffix: str, middle: float) -> None:
    """East of the antimeridian, in America, at Greenwich: each road once, whether longitudes end at
    180 or at 360.
    """
    zone = 32600 + int(((middle + 180) % 360) // 6) + 1
    x, y = pyproj.Transformer.from_crs(4326, zone, always_xy=True).transform(middle, 17.0)
    box = GeoBox(400, 400, Affine(1, 0, x - 200, 0, -1, y + 200), CRS.from_epsg(zone))
    spans = [(-0.0015, -0.001), (0.001, 0.0015), (-0.0005, 0.0005)]
    lines = [
        shapely.LineString([((middle + a) % 360, 17.0), ((middle + b) % 360, 17.0)])
        for a, b in spans
    ]
    gdf = gpd.GeoDataFrame(geometry=lines, crs="EPSG:4326")
    found = read_map(write(tmp_path / f"m.{suffix}", gdf), box=box)
    assert found.lines["road_id"].nunique() == 3
    assert found.lines.length.sum() == pytest.approx(213, abs=2)
    assert found.dropped == {}


def test_places_that_do_not_overlap_are_refused(tmp_path: Path) -> None:
    """Another town; swapped axes are recognised as such, in degrees and in metres, in every
    reader.
    """
    far = frame(*CROSS).translate(50_000, 0).to_frame("geometry")
    with pytest.raises(OverlapError, match=r"no overlap.*swapped axes\?"):
        read_map(write(tmp_path / "far.gpkg", far), box=BOX)
    for name, crs in (("s.gpkg", "EPSG:4326"), ("s.shp", "EPSG:32633"), ("s.geojson", "EPSG:4326")):
        turned = frame(*CROSS).to_crs(crs)
        turned = turned.set_geometry(
            shapely.transform(turned.geometry.to_numpy(), lambda xy: xy[:, ::-1]), crs=crs
        )
        path = tmp_path / name
        path.write_text(turned.to_json()) if name.endswith("json") else write(path, turned)
        with pytest.raises(OverlapError, match="look swapped"):
            read_map(path, box=BOX)


def test_map_beside_the_image_is_no_overlap(tmp_path: Path) -> None:
    """Lines in the margin alone do not count as a map of the image."""
    with pytest.raises(OverlapError, match="no overlap"):
        read_map(write(tmp_path / "m.gpkg", frame(line((-30, 0), (-30, 400)))), box=BOX)


def test_empty_maps_are_refused_as_empty(tmp_path: Path) -> None:
    """No features, no lines, no roads: three sentences, none of them 'all roads are missing'."""
    empty = frame(*CROSS).iloc[:0]
    with pytest.raises(InputError, match="empty"):
        read_map(write(tmp_path / "e.gpkg", empty, geometry_type="LineString"), box=BOX)
    with pytest.raises(InputError, match="empty"):
        read_map(write(tmp_path / "e.shp", empty, geometry_type="LineString"), box=BOX)
    (tmp_path / "e.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(InputError, match="empty"):
        read_map(tmp_path / "e.geojson", box=BOX)
    areas = gpd.GeoDataFrame(geometry=[CROSS[0].buffer(5)], crs="EPSG:32633")
    with pytest.raises(InputError, match=r"no usable line.*1 not a line"):
        read_map(write(tmp_path / "a.geojson", areas), box=BOX)
    with pytest.raises(InputError, match="no road in the image, only 2 other ways"):
        read_map(write(tmp_path / "p.gpkg", frame(*CROSS, highway=["path", "steps"])), box=BOX)


def test_file_must_say_its_crs_or_be_told(tmp_path: Path) -> None:
    """No .prj: refused, read once the CRS is given; a given CRS overrides a wrong one."""
    path = write(tmp_path / "m.shp", frame(*CROSS))
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match="does not say its CRS"):
        read_map(path, box=BOX)
    assert len(read_map(path, box=BOX, crs="EPSG:32633").lines) == 2
    wrong = write(tmp_path / "w.gpkg", frame(*CROSS).set_crs("EPSG:32634", allow_override=True))
    assert len(read_map(wrong, box=BOX, crs=32633).lines) == 2
    with pytest.raises(InputError, match="not the name of a CRS"):
        read_map(path, box=BOX, crs="http://127.0.0.1:9/crs")


@pytest.mark.parametrize("name", ["m.vrt", "m.kml", "m.gpx", "m.zip", "m.csv", "m"])
def test_other_formats_are_not_tried(tmp_path: Path, name: str) -> None:
    """What is not on the list is refused by its name, with the list."""
    (tmp_path / name).write_text("<x/>")
    with pytest.raises(InputError, match=r"\.gpkg, \.shp, \.geojson"):
        read_map(tmp_path / name, box=BOX)


@pytest.mark.parametrize(
    "name",
    ["http://127.0.0.1:9/m.pbf", "/vsicurl/http://127.0.0.1:9/m.gpkg", "/vsizip/m.zip/m.shp"],
)
def test_remote_maps_are_not_fetched(name: str) -> None:
    """URLs and virtual paths are no local files."""
    with pytest.raises(InputError, match="local file"):
        read_map(name, box=BOX)


def test_pixel_images_take_pixel_maps(tmp_path: Path) -> None:
    """Without a place both are in pixels, y up; a placed map is refused for an image without a
    place.
    """
    box = pixel_box(100, 200, m_per_px=0.5)
    gdf = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, -20), (100, -20)])])
    for name in ("m.gpkg", "m.geojson"):
        write_lines(tmp_path / name, gdf)
        found = read_map(tmp_path / name, box=box)
        assert found.lines.crs is None
        assert found.lines.geometry[0].equals(gdf.geometry[0])
    with pytest.raises(InputError, match="georeference the image"):
        read_map(write(tmp_path / "p.gpkg", frame(*CROSS)), box=box)


def test_a_mask_is_a_map(tmp_path: Path) -> None:
    """A raster map is traced on the grid of the image: near the lines that were burnt, with their
    width.
    """
    from mapsight.geo.burn import burn_lines

    mask = burn_lines(frame(*CROSS), BOX, width_m=8.0)
    write_raster(tmp_path / "m.tif", Raster(mask[None] * 255, BOX.transform, BOX.crs))
    found = read_map(tmp_path / "m.tif", box=BOX)
    assert list(found.lines.columns) == COLUMNS
    assert found.lines.length.sum() == pytest.approx(860, rel=0.05)
    assert (
        shapely.hausdorff_distance(
            found.lines.union_all(), shapely.union_all(list(CROSS)), densify=0.05
        )
        < 5
    )
    assert found.lines["width_m"].median() == pytest.approx(8.0, abs=1.0)
    write_raster(tmp_path / "e.tif", Raster(mask[None] * 0, BOX.transform, BOX.crs))
    with pytest.raises(InputError, match="no roads"):
        read_map(tmp_path / "e.tif", box=BOX)


@pytest.mark.parametrize("suffix", ["gpkg", "geojson"])
def test_written_maps_are_read_again(tmp_path: Path, suffix: str) -> None:
    """A map survives writing and reading: classes, widths, what is visible, names, identities,
    places.
    """
    gdf = frame(
        *CROSS,
        road_class=["primary", "service"],
        width_m=[11.5, 3.0],
        visible=[False, True],
        name=["Ä", ""],
        road_id=["x1", "x2"],
    )
    write_lines(tmp_path / f"m.{suffix}", gdf, layer="roads")
    lines = read_map(tmp_path / f"m.{suffix}", box=BOX).lines
    for column in ("road_class", "width_m", "visible", "name", "road_id"):
        assert lines[column].tolist() == gdf[column].tolist(), column
    assert shapely.hausdorff_distance(lines.union_all(), gdf.union_all()) < 0.02


def test_written_geojson_follows_the_rfc(tmp_path: Path) -> None:
    """WGS 84, seven decimals, no crs member, finite numbers only, also for no lines at all."""
    gdf = frame(*CROSS, offset_m=[float("nan"), 2.5])
    write_lines(tmp_path / "m.geojson", gdf)

    def refuse(name: str) -> None:
        raise AssertionError(name)

    document = json.loads((tmp_path / "m.geojson").read_text(), parse_constant=refuse)
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document
    assert document["features"][0]["properties"]["offset_m"] is None
    lon, lat = document["features"][0]["geometry"]["coordinates"][0]
    assert 14.9 < lon < 15.1
    assert 45 < lat < 46
    assert len(str(lon).split(".")[1]) <= 7
    write_lines(tmp_path / "e.geojson", gdf.iloc[:0])
    assert json.loads((tmp_path / "e.geojson").read_text())["features"] == []
    write_lines(tmp_path / "e.gpkg", gdf.iloc[:0])
    assert pyogrio.read_info(tmp_path / "e.gpkg")["features"] == 0


def test_failed_writes_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another suffix, or a disk that fills up half-way: one line, no file, no temporary file."""
    with pytest.raises(InputError, match="suffix"):
        write_lines(tmp_path / "m.shp", frame(*CROSS))

    def write_half(gdf: gpd.GeoDataFrame, path: Path, **_: Any) -> None:
        path.write_bytes(b"half of it")
        raise pyogrio.errors.DataSourceError("no space left")

    monkeypatch.setattr(pyogrio, "write_dataframe", write_half)
    with pytest.raises(InputError, match="no space left"):
        write_lines(tmp_path / "m.gpkg", frame(*CROSS))
    assert list(tmp_path.iterdir()) == []


def open_scene(folder: str, image: str) -> GeoBox:
    """The working grid of a real scene, or skip."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not on this machine")
    with open_image(DATA / folder / image) as reader:
        return reader.geobox


def test_cambridge_centrelines_lie_on_the_osm_mask() -> None:
    """Two independent maps of one real scene agree: most of the city's lines run over the mask's
    roads.
    """
    from mapsight.geo.masks import read_mask

    box = open_scene("cambridge", "mass_23279035_rgb_1m.tif")
    found = read_map(DATA / "cambridge" / "cambridge_centerlines_clip.geojson", box=box)
    assert len(found.lines) == 64
    assert found.overlap.km_inside == pytest.approx(6.16, abs=0.1)
    mask = read_mask(DATA / "cambridge" / "mass_23279035_osm_mask.tif", geobox=box).array[0]
    points = np.vstack(
        [shapely.get_coordinates(shapely.segmentize(road, 2)) for road in found.lines.geometry]
    )
    cols, rows = _find_pixels(box, points)
    inside = (rows >= 0) & (rows < box.height) & (cols >= 0) & (cols < box.width)
    assert mask[rows[inside], cols[inside]].mean() > 0.8


def _find_pixels(box: GeoBox, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    col, row = ~box.transform * (points[:, 0], points[:, 1])
    return np.floor(col).astype(int), np.floor(row).astype(int)


def test_vegas_map_lies_in_its_image() -> None:
    """The real map in degrees lands in the image's UTM grid, all of it."""
    box = open_scene("vegas", "RGB-PanSharpen_AOI_2_Vegas_img0.tif")
    found = read_map(DATA / "vegas" / "AOI_2_Vegas_img0_roads.geojson", box=box)
    assert found.overlap.ways_inside == found.overlap.ways == 38
    assert found.overlap.km_inside == pytest.approx(4.46, abs=0.1)


def test_vegas_map_is_refused_for_cambridge() -> None:
    """Two real scenes do not overlap."""
    box = open_scene("cambridge", "mass_23279035_rgb_1m.tif")
    with pytest.raises(OverlapError):
        read_map(DATA / "vegas" / "AOI_2_Vegas_img0_roads.geojson", box=box)


@pytest.mark.parametrize(
    ("name", "lon", "lat", "epsg"),
    [
        ("monaco.osm.pbf", 7.42, 43.735, 32632),
        ("liechtenstein.osm.pbf", 9.52, 47.14, 32632),
        ("osmnx_small.osm", 10.0696, 48.1357, 32632),
        ("Helsinki.osm.pbf", 24.94, 60.17, 32635),
    ],
)
def test_real_extracts_are_clipped_and_sorted(name: str, lon: float, lat: float, epsg: int) -> None:
    """Real extracts give simple roads of known classes within the image and its margin."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not on this machine")
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    box = GeoBox(1500, 1500, Affine(1, 0, x - 750, 0, -1, y + 750), CRS.from_epsg(epsg))
    found = read_map(DATA / "osm" / name, box=box)
    assert set(found.lines["road_class"]) <= set(ROAD_WIDTH_M)
    assert found.lines.geometry.is_simple.all()
    assert found.lines.geometry.is_valid.all()
    assert (found.lines.length > 0).all()
    left, _, _, top = found.lines.total_bounds
    assert left >= box.bounds[0] - 50.001
    assert top <= box.bounds[3] + 50.001
    assert 0.3 < found.overlap.km_inside < 100
