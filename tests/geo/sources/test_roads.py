"""Road sources that are files: what they say is kept, cut to the area, and read back by an audit as
it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from mapsight.errors import InputError, OverlapError
from mapsight.geo.maps.ways import Tally, Way
from mapsight.geo.network import read_map, write_lines
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.roads import frame_roads, pad_area, read_roads

MONACO = Area(7.415, 43.728, 7.425, 43.736)
SMALL = Area(11.0, 48.0, 11.01, 48.01)


def write_osm(path: Path, *, count: int = 3, nodes: int = 6, head: str = "") -> Path:
    """Ways of two nodes each, of which every second is a building, and nodes."""
    places = "".join(
        f'<node id="{i + 1}" version="1" lat="{48 + i % 100 / 1e4:.7f}"'
        f' lon="{11 + i // 100 / 1e5:.7f}"/>\n'
        for i in range(nodes)
    )
    kinds = ("highway", "building")
    ways = "".join(
        f'<way id="{w + 1}" version="1"><nd ref="{2 * w + 1}"/><nd ref="{2 * w + 2}"/>'
        f'<tag k="{kinds[w % 2]}" v="service"/><tag k="surface" v="gravel &amp; sand"/></way>\n'
        for w in range(count)
    )
    path.write_text(f'<?xml version="1.0"?>{head}<osm version="0.6">\n{places}{ways}</osm>')
    return path


def sum_lengths(lines, bounds, keys):
    """Metres inside some bounds by the values of some columns, from a metre on."""
    inside = (
        lines.assign(length_m=lines.clip_by_rect(*bounds).length).groupby(keys)["length_m"].sum()
    )
    return inside[inside > 1]


@pytest.mark.parametrize("name", ["monaco.osm.pbf", "Helsinki.osm.pbf", "liechtenstein.osm.pbf"])
def test_an_audit_reads_the_gathered_map_like_the_extract(osm_extract, tmp_path, name):
    """Oracle: `read_map` on the extract itself. Classes, widths, names, visibility and metres
    agree.
    """
    places = {
        "monaco": MONACO,
        "Helsin": Area(24.94, 60.165, 24.95, 60.175),
        "liecht": Area(9.51, 47.13, 9.53, 47.15),
    }
    area, extract = places[name[:6]], osm_extract(name)
    roads = read_roads(area, extract)
    write_lines(tmp_path / "map.gpkg", roads, layer="roads")
    box = area.choose_grid(1.0)
    direct, gathered = read_map(extract, box=box), read_map(tmp_path / "map.gpkg", box=box)
    assert len(direct.lines) > 100
    columns = ["road_class", "width_m", "visible", "name"]
    for kind, keys in (("lines", columns), ("other_ways", ["road_class"])):
        sums = [sum_lengths(getattr(found, kind), box.bounds, keys) for found in (direct, gathered)]
        assert set(sums[0].index) == set(sums[1].index)
        assert (sums[0] - sums[1]).abs().max() < 0.5


def test_all_tags_are_kept(osm_extract):
    """Oracle: the tags as osmium reads them, way by way."""
    import osmium

    extract = osm_extract("monaco.osm.pbf")
    said = {
        str(way.id): {tag.k.lower(): tag.v for tag in way.tags}
        for way in osmium.FileProcessor(str(extract), osmium.osm.WAY)
    }
    roads = read_roads(MONACO, extract)
    assert all(
        json.loads(tags) == said[way]
        for way, tags in zip(roads["road_id"], roads["tags"], strict=True)
    )
    assert {"surface", "lanes", "oneway"} <= {
        key for tags in roads["tags"] for key in json.loads(tags)
    }
    assert "OpenStreetMap" in roads.attrs["attribution"]


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp"])
def test_vector_files_of_another_crs(tmp_path, suffix):
    """A line of 100 m in UTM comes in degrees, with its columns as tags, whatever the format."""
    crs = "EPSG:4326" if suffix == "geojson" else "EPSG:32632"
    line = gpd.GeoSeries(
        [shapely.LineString([(649_400, 5_318_600), (649_500, 5_318_600)])], crs="EPSG:32632"
    )
    frame = gpd.GeoDataFrame({"highway": ["residential"], "surface": ["asphalt"]}, geometry=line)
    pyogrio.write_dataframe(frame.to_crs(crs), tmp_path / f"m.{suffix}")
    roads = read_roads(SMALL, tmp_path / f"m.{suffix}")
    assert roads.crs.to_epsg() == 4326
    assert json.loads(roads["tags"][0])["surface"] == "asphalt"
    assert roads.to_crs("EPSG:32632").length.sum() == pytest.approx(100, abs=0.1)
    assert roads["road_class"].tolist() == ["residential"]


def test_longitudes_may_run_to_360(tmp_path):
    """America as 285° east is found through the file's index, and comes as 75° west."""
    line = shapely.LineString([(285.002, 48.005), (285.004, 48.005)])
    frame = gpd.GeoDataFrame({"highway": ["service"]}, geometry=[line], crs="EPSG:4326")
    pyogrio.write_dataframe(frame, tmp_path / "m.gpkg")
    roads = read_roads(Area(-75.0, 48.0, -74.99, 48.01), tmp_path / "m.gpkg")
    assert roads.total_bounds == pytest.approx([-74.998, 48.005, -74.996, 48.005])


def test_lines_are_cut_at_the_margin():
    """A way across the area ends 50 m beyond it on both sides (within 1 %), and is one line."""
    way = Way("1", {"highway": "primary"}, [np.array([[10.9, 48.005], [11.1, 48.005]])])
    roads = frame_roads([way], SMALL, Tally())
    length_m = roads.to_crs("EPSG:32632").length
    assert length_m.tolist() == pytest.approx([SMALL.width_m + 100], rel=0.01)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.floats(10.98, 11.03), st.floats(47.98, 48.03)), min_size=2, max_size=12)
)
def test_nothing_outside_nothing_invented(points):
    """Any line: what is kept lies in the padded area and on the line."""
    way = Way("1", {"highway": "service"}, [np.array(points)])
    roads = frame_roads([way], SMALL, Tally())
    near = shapely.box(*pad_area(SMALL)).buffer(1e-9)
    original = shapely.LineString(points).buffer(1e-9)
    assert all(near.contains(line) and original.contains(line) for line in roads.geometry)
    inside = shapely.LineString(points).intersection(shapely.box(*SMALL.bbox)).length
    assert shapely.length(roads.geometry.to_numpy()).sum() >= inside - 1e-9


def test_other_places_are_named(tmp_path):
    """No overlap, swapped axes, nothing in it, no CRS: each its own sentence."""
    far = write_osm(tmp_path / "far.osm")
    with pytest.raises(OverlapError, match="no overlap of map and area"):
        read_roads(MONACO, far)
    swapped = {"type": "LineString", "coordinates": [[48.001, 11.001], [48.002, 11.002]]}
    (tmp_path / "s.geojson").write_text(json.dumps(swapped))
    with pytest.raises(OverlapError, match="swapped"):
        read_roads(SMALL, tmp_path / "s.geojson")
    (tmp_path / "e.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(InputError, match="empty"):
        read_roads(SMALL, tmp_path / "e.geojson")
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])])
    pyogrio.write_dataframe(line, tmp_path / "n.gpkg")
    with pytest.raises(InputError, match="EPSG"):
        read_roads(SMALL, tmp_path / "n.gpkg")
    with pytest.raises(InputError, match="is GPX"):
        read_roads(SMALL, write_osm(tmp_path / "m.gpx"))


def test_entity_bombs_are_refused(tmp_path):
    """Eight levels of ten entities would be 10⁸ letters; not one is expanded."""
    levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 9))
    head = f'<!DOCTYPE osm [<!ENTITY e0 "a">{levels}]>'
    with pytest.raises(InputError, match="entities"):
        read_roads(SMALL, write_osm(tmp_path / "m.osm", head=head))


WATCH = """
import sys, threading
from mapsight.geo.maps import osm
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.roads import read_roads

def held():
    lines = open("/proc/self/status")
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) / 1024

osm._MEMORY_BYTES = int(sys.argv[2])
before, peak, done = held(), [0.0], threading.Event()

def watch():
    while not done.wait(0.005):
        peak[0] = max(peak[0], held())

thread = threading.Thread(target=watch)
thread.start()
read_roads(Area(11.0, 48.0, 11.0003, 48.0003), sys.argv[1])
done.set()
thread.join()
print(peak[0] - before)
"""


def measure_held_mb(path: Path, *, memory_bytes: int) -> float:
    """Peak of a process's own memory, files that the system may drop aside, while it reads an
    extract.
    """
    command = [sys.executable, "-c", WATCH, str(path), str(memory_bytes)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs /proc to see what a process holds"
)
def test_places_of_nodes_are_not_held_in_memory(tmp_path):
    """800,000 nodes of 16 bytes, all elsewhere but a few: 12 MB less are held, of which the system
    may hide some.
    """
    path = write_osm(tmp_path / "m.osm", count=1000, nodes=800_000)
    on_disk, in_memory = (measure_held_mb(path, memory_bytes=limit) for limit in (0, 10**12))
    assert on_disk < in_memory - 6, (on_disk, in_memory)


def test_extract_says_its_crs():
    """What is written is WGS 84."""
    assert frame_roads([], SMALL, Tally()).crs == CRS.from_epsg(4326).to_wkt()
