"""The steps beside an audit, from Python: predict, extract, plant, train, evaluate."""

from __future__ import annotations

import csv

import geopandas as gpd
import numpy as np
import pytest
from geopandas.testing import assert_geodataframe_equal

import mapsight
from mapsight.geo.burn import burn_lines
from mapsight.geo.raster import Raster, read_raster, write_raster


def test_predict_and_extract(town, tmp_path):
    """A probability in memory is that of the file, and so are its lines."""
    seen = mapsight.predict(town / "image.tif")
    path = mapsight.predict(town / "image.tif", tmp_path / "p.tif")
    assert path == tmp_path / "p.tif" and seen.array.shape == (1, 500, 500)
    assert 0 <= seen.array.min() < seen.array.max() <= 1
    stored = read_raster(path)
    assert (stored.array == seen.array).all() and stored.geobox == seen.geobox
    lines = mapsight.extract(seen, tmp_path / "r.gpkg")
    assert_geodataframe_equal(lines, mapsight.extract(path))
    assert len(lines) == len(gpd.read_file(tmp_path / "r.gpkg")) > 3
    with pytest.raises(mapsight.MapsightError, match="float64"):
        mapsight.predict(town / "image.tif", dtype="float64")


def test_plant(town, tmp_path):
    """Mistakes in a table of lines are those in its file; the files hold what is returned."""
    wanted = {"deleted": 1, "added": 1, "shifted": 1, "seed": 3}
    made = mapsight.plant(
        town / "true_roads.gpkg",
        town / "image.tif",
        tmp_path / "m.gpkg",
        tmp_path / "new" / "t.geojson",
        **wanted,
    )
    held = mapsight.plant(gpd.read_file(town / "true_roads.gpkg"), town / "image.tif", **wanted)
    assert_geodataframe_equal(made.lines, held.lines)
    assert sorted(made.mistakes["kind"]) == ["misaligned", "missing", "phantom"]
    assert len(gpd.read_file(tmp_path / "m.gpkg")) == len(made.lines)
    assert len(gpd.read_file(tmp_path / "new" / "t.geojson")) == 3


def test_train_and_evaluate(town, tmp_path, capfd):
    """A model comes back as its file has it, and is measured as its file is."""
    truth = read_raster(town / "image.tif")
    roads = gpd.read_file(town / "true_roads.gpkg")
    mask = burn_lines(roads[roads["visible"]], truth.geobox)[None] * 255
    write_raster(tmp_path / "mask.tif", Raster(mask, truth.transform, truth.crs))
    with open(tmp_path / "pairs.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["set", "name", "image", "mask", "split"])
        rows.writerow(["town", "one", town / "image.tif", "mask.tif", "test"])
    model = mapsight.train(
        [town / "image.tif"],
        town / "true_roads.gpkg",
        tmp_path / "m.safetensors",
        net="roadnet-tiny",
        epochs=1,
        chips=4,
        chip_px=64,
    )
    assert "image.tif" in model.card.trained_on
    reports = [
        mapsight.evaluate(tmp_path / "pairs.csv", model=one, panels=tmp_path / "panels")
        for one in (model, tmp_path / "m.safetensors")
    ]
    assert reports[0].to_json() == reports[1].to_json()
    assert reports[0].together.means.images == 1 and list((tmp_path / "panels").iterdir())
    assert np.isfinite(reports[0].together.pooled.f1)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(mapsight.MapsightError, match="--pairs"):
        mapsight.train(out=tmp_path / "n.safetensors")
    assert not (tmp_path / "n.safetensors").exists()
