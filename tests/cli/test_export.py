"""The loop over a town: audit, judge elsewhere, mend the map, audit again; and the ways out as
commands.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import geopandas as gpd
import pytest

from mapsight.roads.export.formats import FORMATS
from mapsight.roads.verdicts.store import VerdictStore, read_verdicts

from .conftest import call


@pytest.fixture(scope="module")
def audited(town, tmp_path_factory):
    """An audit of the town by the shipped model as it is."""
    out = tmp_path_factory.mktemp("first") / "audit"
    assert call("audit", town / "image.tif", town / "map.gpkg", "--out", out, "--folds", 0) == 0
    return out


@pytest.fixture
def audit_dir(audited, tmp_path):
    """A copy of that audit to write into; the image lies beside it as before."""
    copy = tmp_path / "audit"
    shutil.copytree(audited, copy)
    facts = json.loads((copy / "audit.json").read_text())
    facts["sources"] = {
        k: str((audited / v).resolve()) if k in ("image", "map") else v
        for k, v in facts["sources"].items()
    }
    (copy / "audit.json").write_text(json.dumps(facts))
    return copy


def read_layer(folder, layer="findings"):
    return gpd.read_file(folder / "findings.gpkg", layer=layer)


def judge(folder, verdicts):
    """A file as a page saves it."""
    rows = [
        {"finding_id": name, "verdict": verdict, "note": "seen"}
        for name, verdict in verdicts.items()
    ]
    path = folder.parent / "verdicts.json"
    path.write_text(json.dumps({"type": "mapsight-verdicts", "verdicts": rows}))
    return path


def test_first_audit_is_all_new(audited):
    """Status and date are in the layers and in audit.json; nothing is listed as earlier."""
    table = read_layer(audited)
    assert len(table) >= 4
    assert set(table["status"]) == {"new"} and (table["first_seen"].str.len() == 20).all()
    assert json.loads((audited / "audit.json").read_text())["statuses"] == {"new": len(table)}
    features = json.loads((audited / "findings.geojson").read_text())["features"]
    assert {f["properties"]["status"] for f in features} == {"new"}


def test_the_loop(run, town, audit_dir):
    """Same map: all still there. Mended map: solved; what was rejected stays dismissed; no verdict
    is lost.
    """
    first = read_layer(audit_dir)
    before = json.loads((audit_dir / "audit.json").read_text())["created"]
    rejected, accepted = first["finding_id"][0], first["finding_id"][1]
    done = run(
        "verdicts",
        audit_dir,
        "--from",
        judge(audit_dir, {rejected: "reject", accepted: "accept"}),
        "--reviewer",
        "Ada",
    )
    assert done.status == 0 and "2 new verdicts" in done.err
    assert done.out.split()[:6] == ["accept", "1", "reject", "1", "unsure", "0"]

    done = run("audit", town / "image.tif", town / "map.gpkg", "--out", audit_dir, "--folds", 0)
    assert done.status == 0, done.err
    second = read_layer(audit_dir)
    assert set(second["finding_id"]) == set(first["finding_id"])
    status = second.set_index("finding_id")["status"]
    assert status[rejected] == "dismissed" and second["finding_id"].iloc[-1] == rejected
    assert set(status.drop(rejected)) == {"still there"}
    assert set(second["first_seen"]) == {before}
    report = (audit_dir / "report.html").read_text()
    assert "1 finding dismissed by a person earlier" in report and "still there" in report

    new = audit_dir.parent / "mended"
    done = run(
        "audit",
        town / "image.tif",
        town / "true_roads.gpkg",
        "--out",
        new,
        "--folds",
        0,
        "--previous",
        audit_dir,
    )
    assert done.status == 0, done.err
    assert "solved" in done.err
    third, earlier = read_layer(new), read_layer(new, "earlier")
    assert set(first["finding_id"]) <= {*third["finding_id"], *earlier["finding_id"]}
    assert (earlier["status"] == "solved").sum() >= len(first) / 2
    everything = {
        **third.set_index("finding_id")["status"],
        **earlier.set_index("finding_id")["status"],
    }
    assert everything[rejected] == "dismissed"
    said = read_verdicts(new / "findings.gpkg").set_index("finding_id")
    assert said["verdict"].to_dict() == {rejected: "reject", accepted: "accept"}
    assert set(said["reviewer"]) == {"Ada"}
    with closing(sqlite3.connect(new / "findings.gpkg")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    done = run("diff", audit_dir, new, "--out", new / "diff.geojson")
    assert done.status == 0, done.err
    rows = json.loads((new / "diff.geojson").read_text())["features"]
    changes = [row["properties"]["change"] for row in rows]
    assert changes.count("solved") == (earlier["status"] == "solved").sum()
    assert f"{changes.count('solved')} solved" in done.err
    assert len(done.out.splitlines()) == len(rows)


def test_an_audit_goes_on_while_a_review_is_open(town, audit_dir):
    """A verdict that is given before the audit by a store that stays open is kept, and so is one
    after it.

    The audit is a process of its own, as in life: two SQLite libraries (Python's and GDAL's) in one
    process do not see each other's locks.
    """
    name, other = read_layer(audit_dir)["finding_id"][:2]
    with VerdictStore(audit_dir / "findings.gpkg") as store:
        store.add(name, "reject", revision=0)
        command = [
            sys.executable,
            "-m",
            "mapsight",
            "audit",
            town / "image.tif",
            town / "map.gpkg",
            "--folds",
            "0",
        ]
        done = subprocess.run(
            [*command, "--out", audit_dir], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        store.add(other, "accept", revision=0)
    assert read_verdicts(audit_dir / "findings.gpkg")["verdict"].tolist() == ["reject", "accept"]
    assert read_layer(audit_dir).set_index("finding_id")["status"][name] == "dismissed"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "onnx"])
def test_every_format_as_a_command(run, audit_dir, name):
    """One file below DIR/export, and a line that says how many findings are in it."""
    done = run("export", audit_dir, "--to", name, *(("--verdict", "open") if name == "osc" else ()))
    assert done.status == 0, done.err
    assert (audit_dir / "export" / FORMATS[name].file).is_file()
    assert done.err.rstrip().endswith("findings") and "Warning" not in done.err
    assert sorted(p.name for p in (audit_dir / "export").iterdir()) == [FORMATS[name].file]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "{d}", "--to", "kml"), "choose one of"),
        (("export", "{d}", "--to", "osc"), "judge findings first"),
        (("export", "{d}/none", "--to", "csv"), "has no findings.gpkg"),
        (("export", "{d}", "--to", "csv", "--out", "{d}/nowhere/a.csv"), "no such folder"),
        (("verdicts", "{d}", "--from", "{d}/audit.json"), "no judgement"),
        (("verdicts", "{d}", "--from", "{d}/report.html"), "cannot be read"),
        (("diff", "{d}", "{d}/none"), "no such file"),
        (("diff", "{d}", "{d}", "--out", "{d}/findings.gpkg"), "the audit's own file"),
        (("diff", "{d}", "{d}", "--out", "{d}/kept.gpkg"), "holds verdicts"),
        (("export", "{d}", "--to", "gpkg", "--out", "{d}/kept.gpkg"), "holds verdicts"),
        (
            ("audit", "{t}/image.tif", "{t}/map.gpkg", "--out", "{d}/new", "--previous", "{t}"),
            "has no findings.gpkg",
        ),
    ],
)
def test_mistakes_end_in_one_line(run, town, audit_dir, arguments, says):
    """Exit status 2, one line, a remedy, and the verdicts' files untouched."""
    shutil.copy(audit_dir / "findings.gpkg", audit_dir / "kept.gpkg")
    VerdictStore(audit_dir / "kept.gpkg").close()
    before = [(audit_dir / name).read_bytes() for name in ("findings.gpkg", "kept.gpkg")]
    done = run(*(str(a).format(d=audit_dir, t=town) for a in arguments))
    assert done.status == 2 and says in done.err
    assert len(done.err.strip().splitlines()) == 1 and "Traceback" not in done.err
    assert [(audit_dir / name).read_bytes() for name in ("findings.gpkg", "kept.gpkg")] == before
