"""Claims about maps at the command line: the unknown is said everywhere, nothing is changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pytest

TINY = ("--model", "none", "--folds", 2, "--steps", 10)


def digest(folder: Path) -> dict[str, str]:
    """Every file of a folder and what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def place(town, tmp_path) -> Path:
    """The town's image and its roads in a model that nobody knows, with a log beside the map."""
    folder = tmp_path / "place"
    folder.mkdir()
    shutil.copyfile(town / "image.tif", folder / "image.tif")
    roads = gpd.read_file(town / "true_roads.gpkg")[["geometry"]]
    roads["category"] = ["Qx"] * 5 + ["local"] * (len(roads) - 5)
    roads.to_file(tmp_path / "map.gpkg", layer="map", engine="pyogrio")
    with closing(sqlite3.connect(tmp_path / "map.gpkg", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("PRAGMA user_version = 10301")
        for path in tmp_path.glob("map.gpkg*"):
            shutil.copyfile(path, folder / path.name)
    return folder


def test_an_audit_tells_what_it_does_not_know(run, place, tmp_path):
    """On the terminal, in audit.json and in the report; the counts add up."""
    before = digest(place)
    out = tmp_path / "audit"
    done = run("audit", place / "image.tif", place / "map.gpkg", "--out", out, *TINY)
    assert done.status == 0, done.err
    assert "5 × 'Qx'; --road-values" in done.err
    facts = json.loads((out / "audit.json").read_text())["map"]
    assert facts["unknown_values"] == {"Qx": 5}
    assert facts["column"] == "category"
    used = facts["roads"] + facts["other_ways"] + facts["elsewhere"]
    assert used + sum(facts["dropped"].values()) == facts["features"]
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "Qx" in report
    assert "--road-values" in report
    assert digest(place) == before


def test_every_command_that_reads_a_map_takes_the_options(run, place, tmp_path):
    """plant and chips: with the value named all lines are roads; no input changes."""
    before = digest(place)
    image, roads = place / "image.tif", place / "map.gpkg"
    chosen = ("--road-column", "category", "--road-values", "Qx,local")
    planted = ("--out", tmp_path / "p.gpkg", "--truth", tmp_path / "t.geojson", "--deleted", 1)
    commands = (
        ("plant", roads, "--image", image, *planted, "--added", 1, "--shifted", 1),
        ("chips", image, "--map", roads, "--chip-px", 64, "--out", tmp_path / "chips"),
    )
    for command in commands:
        wrong = run(*command, "--road-column", "geom")
        assert wrong.status == 2
        assert "the map has no such column" in wrong.err
        assert "5 × 'Qx'" in run(*command).err, command[0]
        shutil.rmtree(tmp_path / "chips", ignore_errors=True)
        done = run(*command, *chosen)
        assert done.status == 0, done.err
        assert "Qx" not in done.err
    assert digest(place) == before


def test_an_audit_that_is_read_stays_as_it_is(run, place, tmp_path):
    """export and diff of findings that a program has left in WAL mode."""
    out = tmp_path / "audit"
    done = run("audit", place / "image.tif", place / "map.gpkg", "--out", out, *TINY)
    assert done.status == 0, done.err
    with closing(sqlite3.connect(out / "findings.gpkg", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    before = digest(out)
    for command in (
        ("diff", out, out, "--out", tmp_path / "diff.gpkg"),
        ("export", out, "--to", "csv", "--out", tmp_path / "findings.csv"),
    ):
        done = run(*command)
        assert done.status == 0, done.err
        assert digest(out) == before, command[0]
