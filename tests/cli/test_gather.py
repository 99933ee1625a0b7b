"""From a bounding box to findings, over servers on loopback."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features
import rasterio.transform
import rasterio.warp
from rasterio.warp import transform_bounds
from skimage.registration import phase_cross_correlation
from tests import earth
from tests.servers import Answer, serve
from tests.tileserver import serve_map

from mapsight.geo.network import read_map
from mapsight.geo.raster import open_image

CAMBRIDGE = Path(__file__).parents[3] / "shared" / "data" / "georef" / "cambridge"
MUNICH = (11.570, 48.130, 11.5755, 48.1335)


@pytest.fixture
def gather(run, tmp_path):
    """`mapsight gather` into tmp_path/gathered, with a cache of its own."""

    def gather(*arguments, bbox=MUNICH):
        common = ("--out", tmp_path / "gathered", "--cache", tmp_path / "cache", "--rate", 200)
        return run("gather", "--bbox", *bbox, *common, *arguments)

    gather.out = tmp_path / "gathered"
    return gather


def shrink(bounds, crs, share=0.08):
    """The middle of an image as west, south, east, north."""
    left, bottom, right, top = bounds
    aside, up = share * (right - left), share * (top - bottom)
    return transform_bounds(crs, "EPSG:4326", left + aside, bottom + up, right - aside, top - up)


def measure_offset_px(gathered, source):
    """(down, right) between a gathered image and its source, on the grid of the gathered one, by
    phase correlation.
    """
    with open_image(gathered) as reader:
        seen = reader.read_all()
    expected = np.zeros((3, *seen.geobox.shape), np.uint8)
    with rasterio.open(source) as opened:
        for band in (1, 2, 3):
            rasterio.warp.reproject(
                rasterio.band(opened, band),
                expected[band - 1],
                dst_transform=seen.geobox.transform,
                dst_crs=seen.geobox.crs,
                resampling=rasterio.enums.Resampling.cubic,
            )
    inner = slice(32, -32)
    grey = [array.mean(axis=0)[inner, inner] for array in (expected, seen.array)]
    shift, _, _ = phase_cross_correlation(*grey, upsample_factor=50)
    return shift, np.corrcoef(grey[0].ravel(), grey[1].ravel())[0, 1]


def write_osm(path, lines):
    """Lines as an OpenStreetMap file, with their class as highway tag."""
    root, number = ET.Element("osm", version="0.6"), 0
    kinds = {
        "motorway",
        "trunk",
        "primary",
        "secondary",
        "tertiary",
        "residential",
        "service",
        "unclassified",
    }
    ways = []
    for key, (geometry, kind) in enumerate(
        zip(lines.to_crs("EPSG:4326").geometry, lines["road_class"], strict=True)
    ):
        way = ET.Element("way", id=str(key + 1), version="1")
        for lon, lat in geometry.coords:
            number += 1
            ET.SubElement(
                root, "node", id=str(number), version="1", lon=f"{lon:.8f}", lat=f"{lat:.8f}"
            )
            ET.SubElement(way, "nd", ref=str(number))
        ET.SubElement(way, "tag", k="highway", v=kind if kind in kinds else "residential")
        ET.SubElement(way, "tag", k="surface", v="asphalt")
        ways.append(way)
    root.extend(ways)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def test_from_a_box_to_findings(gather, run, town, tmp_path):
    """A town behind a tile server and its map as an OpenStreetMap file become an audit.

    The image lies on its source within a twentieth of a pixel; the map keeps its tags; the mask is
    the map's; every finding lies in the area, and among them are planted mistakes.
    """
    mapped = gpd.read_file(town / "map.gpkg")
    write_osm(tmp_path / "town.osm", mapped)
    with rasterio.open(town / "image.tif") as source:
        bbox = shrink(source.bounds, source.crs)
    with serve_map(town / "image.tif") as server:
        done = gather(
            "--imagery",
            server.url + "/{z}/{x}/{y}.png",
            "--roads",
            tmp_path / "town.osm",
            "--m-per-px",
            1,
            "--attribution",
            "drawn by hand",
            bbox=bbox,
        )
    assert done.status == 0, done.err
    shift, likeness = measure_offset_px(gather.out / "image.tif", town / "image.tif")
    assert np.abs(shift).max() <= 0.06
    assert likeness > 0.97

    with open_image(gather.out / "image.tif") as reader:
        box = reader.geobox
        assert reader.read_all().valid.all()
    roads = gpd.read_file(gather.out / "map.gpkg")
    assert {"surface": "asphalt"}.items() <= json.loads(roads["tags"][0]).items()
    inside = mapped.to_crs(roads.crs).clip(bbox)
    assert roads.clip(bbox).to_crs(mapped.crs).length.sum() == pytest.approx(
        inside.to_crs(mapped.crs).length.sum(), rel=0.01
    )
    with rasterio.open(gather.out / "mask.tif") as mask:
        assert (mask.transform, mask.shape) == (box.transform, box.shape)
        on = mask.read(1) > 0
    lines = read_map(gather.out / "map.gpkg", box=box).lines
    area_m2 = (
        lines.geometry.buffer(lines["width_m"] / 2)
        .union_all()
        .intersection(
            gpd.GeoSeries.from_wkt(
                [
                    f"POLYGON(({box.bounds[0]} {box.bounds[1]},{box.bounds[2]} {box.bounds[1]},"
                    f"{box.bounds[2]} {box.bounds[3]},{box.bounds[0]} {box.bounds[3]},"
                    f"{box.bounds[0]} {box.bounds[1]}))"
                ]
            )[0]
        )
        .area
    )
    assert on.sum() == pytest.approx(area_m2, rel=0.03)

    done = run(
        "audit",
        gather.out / "image.tif",
        gather.out / "map.gpkg",
        "--folds",
        0,
        "--out",
        tmp_path / "audit",
    )
    assert done.status == 0, done.err
    findings = gpd.read_file(tmp_path / "audit" / "findings.gpkg")
    left, bottom, right, top = box.bounds
    assert set(findings["kind"]) <= {"missing", "phantom", "misaligned"}
    found = findings.to_crs(box.crs.to_wkt()).total_bounds
    assert left - 60 <= found[0] <= found[2] <= right + 60
    assert bottom - 60 <= found[1] <= found[3] <= top + 60
    with rasterio.open(tmp_path / "audit" / "probability.tif") as probability:
        assert probability.shape == box.shape
    done = run(
        "score",
        tmp_path / "audit" / "findings.gpkg",
        "--truth",
        town / "planted.geojson",
        "--json",
        tmp_path / "score.json",
    )
    assert done.status == 0, done.err
    score = json.loads((tmp_path / "score.json").read_text())
    assert len(score["found_by"]) >= 6, score["found_by"]  # of the nine planted ones


def test_record_says_what_came_from_where(gather, town, tmp_path, monkeypatch):
    """gather.json: source, attribution, times, counts, digests; the key of the service is in none
    of the files.
    """
    monkeypatch.setenv("TILE_KEY", "geheim123")
    with serve(lambda asked: earth.respond(asked)) as server:
        template = server.url + "/xyz/{z}/{x}/{y}.png?key={env:TILE_KEY}"
        done = gather("--imagery", template, "--m-per-px", 2, "--attribution", "© Painters")
        assert done.status == 0, done.err
        assert all("key=geheim123" in asked.path for asked in server.asked)
        before = len(server.asked)
        again = gather("--imagery", template, "--m-per-px", 2, "--attribution", "© Painters")
        assert "already" in again.err
        assert len(server.asked) == before
    record = json.loads((gather.out / "gather.json").read_text())
    assert record["imagery"]["attribution"] == "© Painters"
    assert record["imagery"]["source"] == template
    assert record["imagery"]["failed"] == {}
    assert record["imagery"]["fetched"] == record["imagery"]["details"]["tiles"] == before
    assert record["area"]["bbox"] == list(MUNICH)
    assert (
        record["imagery"]["files"]["image.tif"]["bytes"]
        == (gather.out / "image.tif").stat().st_size
    )
    with rasterio.open(gather.out / "image.tif") as image:
        assert image.tags()["TIFFTAG_COPYRIGHT"] == "© Painters"
    for file in [*gather.out.rglob("*"), *(tmp_path / "cache").rglob("*")]:
        assert not file.is_file() or b"geheim123" not in file.read_bytes()
    assert "geheim123" not in done.err + done.out


def test_roads_that_fail_do_not_cost_the_image(gather, town, tmp_path):
    """After a mistake about the map, the image is not fetched again; after another choice of map,
    neither.
    """
    with rasterio.open(town / "image.tif") as source:
        bbox = shrink(source.bounds, source.crs)
    with serve(earth.respond) as server:
        imagery = (
            "--imagery",
            server.url + "/xyz/{z}/{x}/{y}.png",
            "--m-per-px",
            2,
            "--cache",
            tmp_path / "empty",
        )
        assert gather(*imagery, "--roads", tmp_path / "nowhere.gpkg", bbox=bbox).status == 2
        assert not server.asked
        (tmp_path / "broken.gpkg").write_text("<html>")
        assert gather(*imagery, "--roads", tmp_path / "broken.gpkg", bbox=bbox).status == 2
        before, image = len(server.asked), (gather.out / "image.tif").stat().st_mtime_ns
        km = []
        for name in ("map.gpkg", "true_roads.gpkg"):  # the same name, another content
            shutil.copy(town / name, tmp_path / "chosen.gpkg")
            assert gather(*imagery, "--roads", tmp_path / "chosen.gpkg", bbox=bbox).status == 0
            km.append(json.loads((gather.out / "gather.json").read_text())["roads"]["km"])
        assert len(server.asked) == before
    assert (gather.out / "image.tif").stat().st_mtime_ns == image
    assert km[0] != km[1]


def test_changed_results_are_gathered_again(gather):
    """A file that was spoilt afterwards is not taken for the result; the tiles come from the
    cache.
    """
    with serve(earth.respond) as server:
        arguments = ("--imagery", server.url + "/xyz/{z}/{x}/{y}.png", "--m-per-px", 2)
        gather(*arguments)
        before, good = len(server.asked), (gather.out / "image.tif").read_bytes()
        (gather.out / "image.tif").write_bytes(good[:-1])
        assert "already" not in gather(*arguments).err
        assert len(server.asked) == before
        assert (gather.out / "image.tif").read_bytes() == good


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--bbox", 11.6, 48.1, 11.5, 48.2, "--imagery", "x"), "west must lie left"),
        (("--bbox", 179.9, -17, -179.9, -16.9, "--imagery", "x"), "antimeridian"),
        (("--bbox", *MUNICH, "--imagery", "https://t.example/tiles"), "no placeholders"),
        (("--bbox", *MUNICH, "--imagery", "stac:https://s.example/v1"), "--collection"),
        (("--bbox", *MUNICH, "--imagery", "nowhere"), "no such folder"),
        (
            ("--bbox", *MUNICH, "--imagery", "https://t.example/{lon},{lat},{zoom}.png"),
            "--accept-terms",
        ),
        (
            ("--bbox", *MUNICH, "--imagery", "https://tile.openstreetmap.org/{z}/{x}/{y}.png"),
            "usage policy",
        ),
        (("--bbox", *MUNICH, "--imagery", "x", "--scale", "low"), "two numbers"),
        (("--bbox", *MUNICH, "--imagery", "x", "--road-colour", "yelow"), "yelow"),
        (("--bbox", *MUNICH, "--imagery", "x", "--roads", "nowhere.osm"), "no such file"),
        (
            (
                "--bbox",
                *MUNICH,
                "--imagery",
                "x",
                "--roads",
                "rendered:https://t.example/{z}/{x}/{y}",
            ),
            "--road-colour",
        ),
        (("--bbox", *MUNICH, "--imagery", "x", "--m-per-px", 0), "between 0.01 and 1000"),
        (
            ("--bbox", *MUNICH, "--imagery", "https://t.example/{z}/{x}/{y}", "--m-per-px", 0.02),
            "above the limit",
        ),
    ],
)
def test_mistakes_end_in_one_line(run, tmp_path, arguments, word):
    """One line, exit status 2, no traceback, nobody asked."""
    done = run("gather", *arguments, "--out", tmp_path / "out")
    assert done.status == 2, done.err
    assert word in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.skipif(not CAMBRIDGE.is_dir(), reason="the real scene in ../shared/data is not here")
def test_cambridge(gather):
    """A real scene behind a tile server and the city's own street centrelines."""
    source = CAMBRIDGE / "mass_23279035_rgb_1m.tif"
    with rasterio.open(source) as opened:
        bbox = shrink(opened.bounds, opened.crs, share=0.25)
    with serve_map(source) as server:
        done = gather(
            "--imagery",
            server.url + "/{z}/{x}/{y}.png",
            "--m-per-px",
            1,
            "--roads",
            CAMBRIDGE / "cambridge_centerlines_clip.geojson",
            bbox=bbox,
        )
    assert done.status == 0, done.err
    shift, likeness = measure_offset_px(gather.out / "image.tif", source)
    assert np.abs(shift).max() <= 0.1
    assert likeness > 0.9
    record = json.loads((gather.out / "gather.json").read_text())
    assert 1 < record["roads"]["km"] < 4


def draw_map(lines):
    """A service that draws roads in white, 8 m wide, on the beige of a usual map."""
    shapes = lines.to_crs(3857).geometry.buffer(4 / np.cos(np.radians(48.145)))

    def respond(asked):
        z, x, y = (int(part) for part in asked.path.removesuffix(".png").split("/")[-3:])
        size, fine = earth.SIDE / 2**z, 4
        transform = rasterio.transform.from_origin(
            x * size - earth.SIDE / 2,
            earth.SIDE / 2 - y * size,
            size / 256 / fine,
            size / 256 / fine,
        )
        ink = rasterio.features.rasterize(
            shapes, out_shape=(256 * fine, 256 * fine), transform=transform
        )
        share = ink.reshape(256, fine, 256, fine).mean(axis=(1, 3))[
            ..., None
        ]  # soft edges, as renderers draw
        pixels = np.round(share * (255, 255, 255) + (1 - share) * (242, 239, 233)).astype(np.uint8)
        return Answer(earth.as_picture(pixels), content_type="image/png")

    return respond


def test_roads_of_a_drawn_map(gather, town):
    """The lecture's way: a picture and a drawn map of the same place; its white roads become the
    mask and the lines.
    """
    true = gpd.read_file(town / "true_roads.gpkg")
    with rasterio.open(town / "image.tif") as source:
        bbox = shrink(source.bounds, source.crs, share=0.2)
    with serve_map(town / "image.tif") as photo, serve(draw_map(true)) as drawn:
        done = gather(
            "--imagery",
            photo.url + "/{z}/{x}/{y}.png",
            "--m-per-px",
            1,
            "--road-colour",
            "#ffffff",
            "--roads",
            f"rendered:{drawn.url}/{{z}}/{{x}}/{{y}}.png",
            bbox=bbox,
        )
    assert done.status == 0, done.err
    with rasterio.open(gather.out / "mask.tif") as mask:
        seen, transform, shape = mask.read(1) > 0, mask.transform, mask.shape
        buffers = true.to_crs(mask.crs.to_wkt()).geometry.buffer(4)
    expected = rasterio.features.rasterize(buffers, out_shape=shape, transform=transform) > 0
    assert (seen & expected).sum() / (seen | expected).sum() >= 0.85
    traced = gpd.read_file(gather.out / "map.gpkg").to_crs(true.crs)
    near = true.clip(traced.total_bounds).geometry.buffer(3).union_all()
    assert traced.intersection(near).length.sum() / traced.length.sum() > 0.95
