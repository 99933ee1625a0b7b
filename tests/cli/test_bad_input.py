"""What a user does wrong ends in one line that names it, with exit status 2, and leaves nothing
half written.
"""

from __future__ import annotations

import json
import pickle
import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import LineString


@pytest.fixture
def bad(town, tmp_path):
    """A folder of inputs that cannot be used, by name."""
    with rasterio.open(town / "image.tif") as image:
        array, profile = image.read(), image.profile
    whole = (town / "image.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "page.tif").write_text("<html>not here</html>")
    with rasterio.open(tmp_path / "bands2.tif", "w", **{**profile, "count": 2}) as file:
        file.write(array[:2])
    with rasterio.open(tmp_path / "nocrs.tif", "w", **{**profile, "crs": None}) as file:
        file.write(array)
    with rasterio.open(tmp_path / "blank.tif", "w", **{**profile, "nodata": 0}) as file:
        file.write(np.zeros_like(array))
    far = {**profile, "transform": from_origin(100_000, 100_000, 1, 1)}
    with rasterio.open(tmp_path / "far.tif", "w", **far) as file:
        file.write(array)
    (tmp_path / "vrt.tif").write_text(
        f'<VRTDataset rasterXSize="1" rasterYSize="1"><x>{town}</x></VRTDataset>'
    )
    roads = gpd.read_file(town / "true_roads.gpkg")
    roads.iloc[:0].to_file(tmp_path / "none.gpkg")
    degrees = roads.to_crs(4326)
    swapped = [LineString([(y, x) for x, y in line.coords]) for line in degrees.geometry]
    features = [
        {"type": "Feature", "properties": {}, "geometry": g.__geo_interface__} for g in swapped
    ]
    (tmp_path / "swapped.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    (tmp_path / "deep.geojson").write_text('{"a":' * 5000 + "1" + "}" * 5000)
    (tmp_path / "model.safetensors").write_bytes(pickle.dumps({"weights": [1]}))
    shutil.copy(town / "map.gpkg", tmp_path / "map.gpkg")
    shutil.copy(town / "image.tif", tmp_path / "image.tif")
    (tmp_path / "file").write_text("a file, no folder")
    columns = "set,name,image,mask,split\n"
    (tmp_path / "short.csv").write_text(f"{columns}a,x,image.tif\n")
    (tmp_path / "escape.csv").write_text(f"{columns}a,../../x,image.tif,image.tif,test\n")
    return tmp_path


AUDIT = "audit {image} {map} --out {out} --model none --folds 2 --steps 10"
CASES = {
    "truncated image": (AUDIT, {"image": "cut.tif"}, "cut.tif"),
    "empty image": (AUDIT, {"image": "empty.tif"}, "empty"),
    "HTML as TIFF": (AUDIT, {"image": "page.tif"}, "not a GeoTIFF"),
    "VRT as TIFF": (AUDIT, {"image": "vrt.tif"}, "not a GeoTIFF"),
    "two bands": (AUDIT, {"image": "bands2.tif"}, "bands"),
    "no CRS": (AUDIT, {"image": "nocrs.tif"}, "CRS"),
    "all no data": (AUDIT, {"image": "blank.tif"}, "no valid pixel"),
    "absent image": (AUDIT, {"image": "absent.tif"}, "absent.tif"),
    "disjoint": (AUDIT, {"image": "far.tif"}, "no overlap"),
    "empty map": (AUDIT, {"map": "none.gpkg"}, "empty"),
    "swapped axes": (AUDIT, {"map": "swapped.geojson"}, "swapped"),
    "deep JSON": (AUDIT, {"map": "deep.geojson"}, "deep.geojson"),
    "image as map": (AUDIT, {"map": "image.tif"}, "image.tif"),
    "out is a file": (AUDIT.replace("{out}", "{file}"), {}, "is a file"),
    "URL as image": ("audit https://example.org/i.tif {map} --out {out}", {}, "no such file"),
    "GDAL path": ("audit /vsicurl/http://127.0.0.1:1/i.tif {map} --out {out}", {}, "local file"),
    "pickle as model": ("predict {image} --model {model} --out {out}/p.tif", {}, "safetensors"),
    "CRS from the net": (
        "predict {image} --crs http://127.0.0.1:1/crs --out {out}/p.tif",
        {},
        "CRS",
    ),
    "bad bands": ("predict {image} --bands 1,x --out {out}/p.tif", {}, "1,2,3"),
    "image as probability": ("extract {image} --out {out}/r.gpkg", {}, "no probability"),
    "map as findings": ("score {map} --truth {map} --json {out}/s.json", {}, "findings"),
    "unknown net": ("train {image} --map {map} --net vgg --out {out}/m.safetensors", {}, "roadnet"),
    "net that marks no roads": (
        "train {image} --map {map} --net digits-small --out {out}/m.safetensors",
        {},
        "unknown",
    ),
    "unknown device": ("audit {image} {map} --out {out} --device abacus", {}, "auto, cpu"),
    "neither images nor pairs": ("train --out {out}/m.safetensors", {}, "--pairs"),
    "no table": ("evaluate --pairs {out}/none.csv --json {out}/e.json", {}, "no such table"),
    "short row": (
        "evaluate --pairs {pairs} --json {out}/e.json",
        {"pairs": "short.csv"},
        "lacks mask, split",
    ),
    "pair that leads out": (
        "evaluate --pairs {pairs} --json {out}/e.json",
        {"pairs": "escape.csv"},
        "lies outside",
    ),
    "one image to clean": (
        "train {image} --map {map} --clean --out {out}/m.safetensors",
        {},
        "two images",
    ),
    "odd chip": (
        "train {image} --map {map} --chip-px 70 --out {out}/m.safetensors",
        {},
        "multiple of 16",
    ),
    "negative count": ("plant {map} --image {image} --deleted -1", {}, "deleted"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused(run, bad, case):
    """One line names the value and the remedy, the status is 2, no traceback, no new file."""
    template, given, complaint = CASES[case]
    paths = {
        "image": "image.tif",
        "map": "map.gpkg",
        "model": "model.safetensors",
        "file": "file",
        "out": "new",
        **given,
    }
    command = template.format(**{name: bad / path for name, path in paths.items()})
    before = {p.name for p in bad.iterdir()}
    done = run(*command.split())
    assert done.status == 2, done
    last = done.err.strip().splitlines()[-1]
    assert complaint.lower() in done.err.lower(), done.err
    assert "Traceback" not in done.err
    assert "rror" in last or "rror" in done.err
    made = {p.name for p in bad.iterdir()} - before
    assert not made or (made == {"new"} and not any((bad / "new").rglob("*.*")))


def test_no_data_is_no_evidence(run, town, tmp_path):
    """Half an image without data: the map there is 'not judged', never a phantom."""
    with rasterio.open(town / "image.tif") as image:
        array, profile = image.read(), image.profile
    array = np.maximum(array, 1)
    array[:, :, 300:] = 0
    with rasterio.open(tmp_path / "half.tif", "w", **{**profile, "nodata": 0}) as file:
        file.write(array)
        middle = file.bounds.left + 300
    done = run(
        "audit",
        tmp_path / "half.tif",
        town / "map.gpkg",
        "--out",
        tmp_path / "a",
        "--model",
        "none",
        "--folds",
        2,
        "--steps",
        10,
    )
    assert done.status == 0, done.err
    found = gpd.read_file(tmp_path / "a" / "findings.gpkg")
    assert not len(found) or found.geometry.bounds["minx"].max() < middle + 5
    assert "no imagery here" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8").lower()


def test_remedies_can_be_followed(run, town, tmp_path):
    """A map of two layers and an image of six bands: what the message asks for is an option of
    every command.
    """
    roads = gpd.read_file(town / "true_roads.gpkg")
    many, image = tmp_path / "many.gpkg", tmp_path / "six.tif"
    for layer in ("old", "new"):
        roads.to_file(many, layer=layer, driver="GPKG")
    with rasterio.open(town / "image.tif") as file:
        profile, bands = file.profile, file.read()
    with rasterio.open(image, "w", **{**profile, "count": 6, "photometric": "MINISBLACK"}) as file:
        file.write(np.concatenate([bands, bands]))
    commands = (
        ("chips", image, "--map", many, "--chip-px", 64, "--out", tmp_path / "chips"),
        (
            "train",
            image,
            "--map",
            many,
            "--net",
            "roadnet-tiny",
            "--epochs",
            1,
            "--chips",
            8,
            "--chip-px",
            64,
            "--out",
            tmp_path / "model.safetensors",
        ),
        (
            "plant",
            many,
            "--image",
            image,
            "--deleted",
            1,
            "--added",
            0,
            "--shifted",
            0,
            "--out",
            tmp_path / "planted.gpkg",
            "--truth",
            tmp_path / "planted.geojson",
        ),
    )
    for command in commands:
        assert "--bands" in run(*command).err
        assert "--layer: new, old" in run(*command, "--bands", "1,2,3").err
        done = run(*command, "--bands", "1,2,3", "--layer", "new")
        assert done.status == 0, done.err
