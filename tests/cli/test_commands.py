"""Every command runs on a town, and what it writes can be opened with other tools."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from importlib.resources import files

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
from PIL import Image

from mapsight.cnn.checkpoint import read_model
from mapsight.cnn.nets import count_parameters
from mapsight.roads.prediction.predict import read_threshold
from mapsight.roads.scoring.table import explain_score, read_intercept


def test_town_writes_its_four_files(town):
    """Image, true roads, map and mistakes lie at one place; the map differs from the truth."""
    with rasterio.open(town / "image.tif") as image:
        assert (image.count, image.height, image.width) == (3, 600, 600)
        bounds = image.bounds
    true, mapped = gpd.read_file(town / "true_roads.gpkg"), gpd.read_file(town / "map.gpkg")
    assert true.crs == mapped.crs
    assert not true.union_all().equals(mapped.union_all())
    assert bounds.left - 60 <= mapped.total_bounds[0] <= mapped.total_bounds[2] <= bounds.right + 60
    planted = json.loads((town / "planted.geojson").read_text())
    kinds = [f["properties"]["kind"] for f in planted["features"]]
    assert {k: kinds.count(k) for k in set(kinds)} == {"missing": 3, "phantom": 3, "misaligned": 3}


def test_predict_extract(run, town, model, tmp_path):
    """predict covers the image pixel by pixel; extract writes valid lines with confidence and
    width.
    """
    done = run("predict", town / "image.tif", "--model", model, "--out", tmp_path / "p.tif")
    assert done.status == 0, done.err
    with rasterio.open(tmp_path / "p.tif") as p, rasterio.open(town / "image.tif") as image:
        assert p.transform == image.transform and p.shape == image.shape and p.crs == image.crs
        median = float(np.nanmedian(p.read(1)))
    done = run(
        "extract", tmp_path / "p.tif", "--out", tmp_path / "r.gpkg", "--threshold", f"{median:.3f}"
    )
    assert done.status == 0, done.err
    done = run("extract", tmp_path / "p.tif", "--out", tmp_path / "own.gpkg")
    assert f"at threshold {read_threshold(tmp_path / 'p.tif'):.3g}" in done.err + done.out
    roads = gpd.read_file(tmp_path / "r.gpkg")
    if len(roads):
        assert roads.is_valid.all() and roads.is_simple.all()
        assert (roads["width_m"] > 0).all() and roads["confidence"].between(0, 1).all()


def test_train_resumes_after_interruption(run, town, tmp_path, monkeypatch):
    """The state of an interrupted training is taken up, and gone when it is done."""
    from mapsight.cnn import fit

    arguments = (
        "train",
        town / "image.tif",
        "--map",
        town / "true_roads.gpkg",
        "--net",
        "roadnet-tiny",
        "--epochs",
        3,
        "--chips",
        8,
        "--chip-px",
        64,
        "--out",
        tmp_path / "m.safetensors",
    )
    real, calls = fit.write_state, []

    def interrupt(*parts):
        real(*parts)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fit, "write_state", interrupt)
    done = run(*arguments)
    assert done.status == 130
    assert "goes on" in done.err
    assert not (tmp_path / "m.safetensors").exists()
    monkeypatch.setattr(fit, "write_state", real)
    for other in (
        ("--loss", "bce"),
        ("--net", "roadnet-light"),
        ("--chip-px", 80),
        ("--m-per-px", 1.5),
    ):
        done = run(*arguments, *other)
        assert (
            done.status == 2
            and "delete it to start afresh" in done.err
            and "Traceback" not in done.err
        ), done.err
    done = run(*arguments)
    assert done.status == 0, done.err
    assert "going on after epoch 2 of 3" in done.err
    assert "nan" not in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.safetensors"]


def test_a_runtime_is_chosen_by_name(run, town, tmp_path, monkeypatch):
    """Another program predicts nearly the same and is named; an unknown one is refused."""
    pytest.importorskip("openvino")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("torch", "openvino"):
        done = run("predict", town / "image.tif", "--out", tmp_path / name, "--runtime", name)
        assert done.status == 0 and ("openvino" in done.err) == (name == "openvino"), done.err
    probability = [rasterio.open(tmp_path / name).read(1) for name in ("torch", "openvino")]
    roads = [seen > 0.3 for seen in probability]
    assert (roads[0] & roads[1]).sum() >= 0.98 * (roads[0] | roads[1]).sum() > 0
    refused = run(
        "predict", town / "image.tif", "--out", tmp_path / "no.tif", "--runtime", "abacus"
    )
    assert refused.status == 2 and "torch, onnx, openvino" in refused.err


def test_audit_of_several_images(run, town, tmp_path):
    """Images come before the map; one that is there twice changes nothing."""
    image = (town / "image.tif", town / "image.tif")
    done = run("audit", *image, town / "map.gpkg", "--out", tmp_path / "a", "--folds", 0)
    assert done.status == 0, done.err
    assert run("audit", town / "image.tif", "--out", tmp_path / "b").status == 2


def test_audit_and_score(run, town, tmp_path):
    """The whole main job from one net per fold; its files open, and the score is told."""
    out = tmp_path / "audit"
    done = run(
        "audit",
        town / "image.tif",
        town / "map.gpkg",
        "--out",
        out,
        "--model",
        "none",
        "--folds",
        2,
        "--steps",
        10,
    )
    assert done.status == 0, done.err
    written = {p.name for p in out.iterdir()}
    assert written == {
        "findings.gpkg",
        "findings.geojson",
        "layers.gpkg",
        "probability.tif",
        "report.html",
        "audit.json",
    }
    assert {str(name) for name, _ in pyogrio.list_layers(out / "layers.gpkg")} == {
        "map",
        "predicted",
        "not_judged",
    }
    facts = json.loads((out / "audit.json").read_text())
    assert 0 < facts["area_km2"] <= 0.36
    assert (out / facts["sources"]["image"]).resolve() == (town / "image.tif").resolve()
    collection = json.loads((out / "findings.geojson").read_text())
    assert collection["type"] == "FeatureCollection" and "crs" not in collection
    gpkg = gpd.read_file(out / "findings.gpkg")
    assert len(gpkg) == len(collection["features"])
    for row in gpkg.itertuples():
        terms = explain_score(row.kind, json.loads(row.features))
        logit = (
            read_intercept(row.kind) + facts["offset"][row.kind] + sum(term.logit for term in terms)
        )
        assert row.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)
    done = run(
        "score",
        out / "findings.gpkg",
        "--truth",
        town / "planted.geojson",
        "--json",
        tmp_path / "s.json",
    )
    assert done.status == 0, done.err
    assert "of 9 planted mistakes" in done.err
    assert json.loads((tmp_path / "s.json").read_text())["planted"] == 9


@pytest.mark.parametrize("coverage", ["auto", "all"])
def test_scores_heed_how_frequent_errors_are(run, town, tmp_path, coverage):
    """Where the map reaches; not where the whole image is judged, since much of it may be
    unmapped.
    """
    done = run(
        "audit",
        town / "image.tif",
        town / "map.gpkg",
        "--out",
        tmp_path,
        "--folds",
        0,
        "--coverage",
        coverage,
    )
    assert done.status == 0, done.err
    offset = json.loads((tmp_path / "audit.json").read_text())["offset"]
    assert set(offset) == {"missing", "phantom", "misaligned"} and any(offset.values()) == (
        coverage == "auto"
    )


def test_shipped_model_finds_planted_errors(run, town, tmp_path):
    """The oracle of the main job: with the shipped model most planted mistakes of a town are found,
    at the top.
    """
    done = run("audit", town / "image.tif", town / "map.gpkg", "--out", tmp_path, "--folds", 0)
    assert done.status == 0, done.err
    score = tmp_path / "s.json"
    assert (
        run(
            "score",
            tmp_path / "findings.gpkg",
            "--truth",
            town / "planted.geojson",
            "--json",
            score,
        ).status
        == 0
    )
    report = json.loads(score.read_text())
    assert report["kind_aware"]["detection_rate"]["hits"] >= 5
    assert report["kind_aware"]["precision_at"]["5"]["value"] >= 0.6


def test_the_model_for_anywhere_can_be_named(run, town, tmp_path):
    """An audit by its name is written down by its name, so that others can read the model again."""
    done = run(
        *("audit", town / "image.tif", town / "map.gpkg", "--out", tmp_path / "audit"),
        *("--folds", 0, "--model", "anywhere"),
    )
    assert done.status == 0, done.err
    told = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert told["sources"]["model"] == "anywhere"
    done = run("predict", town / "image.tif", "--model", "anywhere", "--out", tmp_path / "p.tif")
    assert done.status == 0 and "litenet" in done.err + done.out


def test_plant_is_deterministic(run, town, tmp_path):
    """Equal seeds plant equal mistakes, others do not."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = run(
            "plant",
            town / "true_roads.gpkg",
            "--image",
            town / "image.tif",
            "--seed",
            seed,
            "--deleted",
            2,
            "--added",
            2,
            "--shifted",
            2,
            "--out",
            tmp_path / f"{name}.geojson",
            "--truth",
            tmp_path / f"{name}_t.geojson",
        )
        assert done.status == 0, done.err
    a, b, c = ((tmp_path / f"{n}_t.geojson").read_bytes() for n in "abc")
    assert a == b != c


def write_pairs(town, folder):
    """A table with the town as its only pair, in all three splits."""
    from mapsight.geo.raster import open_image
    from mapsight.roads.training.scenes import read_truth

    with open_image(town / "image.tif") as reader:
        image = reader.read_all()
    truth = read_truth(town / "true_roads.gpkg", image.geobox)
    Image.fromarray(image.array.transpose(1, 2, 0)[:300, :300]).save(folder / "i.png")
    Image.fromarray(truth[:300, :300] * 255).save(folder / "m.png")
    with open(folder / "pairs.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["set", "name", "image", "mask", "split", "m_per_px"])
        for split in ("train", "val", "test"):
            writer.writerow(["towns", f"t_{split}", "i.png", "m.png", split, "1.0"])
    return folder / "pairs.csv"


def test_train_on_pairs_and_evaluate(run, town, tmp_path):
    """train --pairs and evaluate name metric, averaging and split, and draw the lecture's
    panels.
    """
    table = write_pairs(town, tmp_path)
    model = tmp_path / "m.safetensors"
    done = run(
        "train",
        "--pairs",
        table,
        "--net",
        "roadnet-tiny",
        "--epochs",
        1,
        "--chips",
        8,
        "--chip-px",
        64,
        "--out",
        model,
    )
    assert done.status == 0, done.err
    done = run(
        "evaluate",
        "--pairs",
        table,
        "--split",
        "test",
        "--set",
        "towns",
        "--model",
        model,
        "--json",
        tmp_path / "e.json",
    )
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "e.json").read_text())
    together = report["together"]
    assert {
        "f1_pooled",
        "f1_mean",
        "iou_pooled",
        "accuracy_pooled",
        "base_accuracy_pooled",
        "average_precision_pooled",
        "relaxed_breakeven_3px_pooled",
    } <= together.keys()
    iou = together["iou_pooled"]
    assert together["f1_pooled"] == pytest.approx(2 * iou / (1 + iou))
    panels = tmp_path / "e-panels"
    assert {p.name for p in panels.iterdir()} == {
        "towns",
        "threshold_curves.png",
        "reliability.png",
    }
    assert Image.open(panels / "towns" / "t_test.png").width > 300


def test_train_from_another_model(run, town, tmp_path):
    """The start decides the net, a wider one begins from it; another, or one without roads, is
    refused in one line.
    """
    arguments = (
        "train",
        town / "image.tif",
        "--map",
        town / "true_roads.gpkg",
        "--epochs",
        1,
        "--chips",
        4,
        "--chip-px",
        64,
        "--out",
        tmp_path / "m.safetensors",
    )
    done = run(*arguments, "--start", "shipped", "--net", "roadnet-tiny")
    assert (
        done.status == 2
        and "the model to start from is a 'roadnet'" in done.err
        and len(done.err.splitlines()) <= 2
    )
    digits = files("mapsight").joinpath("weights/digits-small.safetensors")
    done = run(*arguments, "--start", digits)
    assert done.status == 2 and "finds no roads" in done.err
    assert not (tmp_path / "m.safetensors").exists()
    done = run(*arguments, "--start", "shipped")
    assert done.status == 0, done.err
    _, card = read_model(tmp_path / "m.safetensors")
    assert (
        card.net == "roadnet"
        and "starting from" in card.trained_on
        and "mass_crops400" in card.trained_on
    )
    done = run(*arguments, "--start", "shipped", "--net", "roadnet-wide")
    assert done.status == 0, done.err
    net, card = read_model(tmp_path / "m.safetensors")
    assert (
        card.net == "roadnet-wide"
        and "mass_crops400" in card.trained_on
        and count_parameters(net) == 2_506_244
    )


def test_probe(run, town, model, tmp_path):
    """The probe tells of every trap and every worsening, in figures and one picture."""
    done = run(
        "probe",
        town / "image.tif",
        "--truth",
        town / "true_roads.gpkg",
        "--model",
        model,
        "--out",
        tmp_path,
    )
    assert done.status == 0, done.err
    probes = {p["name"]: p for p in json.loads((tmp_path / "probe.json").read_text())["probes"]}
    assert {
        "untouched",
        "grey blobs",
        "street-like rectangle",
        "railway",
        "JPEG quality 20",
        "turned by 90°",
    } <= set(probes)
    assert probes["untouched"]["changed"] == 0
    assert probes["grey blobs"]["taken_for_road"] is not None
    assert Image.open(tmp_path / "probe.png").width > 1000


def test_doctor(run):
    """doctor names versions, device and what is missing."""
    done = run("doctor")
    assert done.status == 0
    for word in (
        "torch",
        "GDAL",
        "device in use",
        "extra: web",
        "mapsight review",
        "model 'shipped'",
        "model 'anywhere'",
    ):
        assert word in done.out


def test_module_is_the_command():
    """`python -m mapsight` is `mapsight`, as torchrun needs it."""
    done = subprocess.run(
        [sys.executable, "-m", "mapsight", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mapsight ")


def test_no_warnings_of_libraries(tmp_path):
    """A picture without a place is nothing to be warned of in rasterio's and pyogrio's words."""
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[20:30] = 255
    Image.fromarray(picture).save(tmp_path / "map.png")
    command = [
        sys.executable,
        "-m",
        "mapsight",
        "mask-from-map",
        "map.png",
        "--colour",
        "#ffffff",
        "--out",
        "mask.tif",
        "--lines",
        "roads.gpkg",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.partition("; ")[2] for line in done.stderr.splitlines()] == [
        "wrote mask.tif",
        "wrote roads.gpkg",
    ]


def test_train_on_two_processes(town, tmp_path):
    """Under torchrun two processes train one model, and one of them writes it."""
    import os

    out = tmp_path / "m.safetensors"
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "mapsight",
        "train",
        town / "image.tif",
        "--map",
        town / "true_roads.gpkg",
        "--net",
        "roadnet-tiny",
        "--epochs",
        "1",
        "--chips",
        "16",
        "--chip-px",
        "64",
        "--out",
        out,
    ]
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*map(str, command)], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("; wrote ") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.safetensors"]
