"""Verdicts that come back: MapRoulette's statuses by name and number, a judged page, a spreadsheet;
nothing is lost.
"""

from __future__ import annotations

import json

import geopandas as gpd
import pytest
from shapely.geometry import LineString

from mapsight.errors import InputError
from mapsight.geo.network import write_lines
from mapsight.roads.export.read_back import import_verdicts, read_judgements
from mapsight.roads.verdicts.store import VerdictStore, read_verdicts

IDS = {"aaaa000001", "aaaa000002", "aaaa000003", "aaaa000004"}


@pytest.fixture
def package(tmp_path):
    """A findings.gpkg with four findings."""
    table = gpd.GeoDataFrame(
        {"finding_id": sorted(IDS), "kind": "missing", "score": 0.5},
        geometry=[LineString([(0, k), (50, k)]) for k in range(4)],
        crs=32632,
    )
    write_lines(tmp_path / "findings.gpkg", table, layer="findings")
    return tmp_path / "findings.gpkg"


def take(package, source, **options):
    return import_verdicts(package, source, IDS, reviewer="them", **options)


def task(name, status, **more):
    """A task as MapRoulette's GeoJSON export has it."""
    properties = {"mr_taskId": "1", "mr_taskName": name, "mr_taskStatus": status, **more}
    return {"type": "Feature", "properties": properties, "geometry": None}


def read_words(package):
    return read_verdicts(package).set_index("finding_id")["verdict"].to_dict()


def test_maproulette_statuses(package, tmp_path):
    """Fixed is right, not an issue is wrong, too hard is unsure; what nobody has looked at says
    nothing.
    """
    tasks = [
        task("aaaa000001", "Fixed"),
        task("aaaa000002", "Not_An_Issue"),
        task("aaaa000003", "Too_Hard"),
        task("aaaa000004", "Created"),
        task("elsewhere", "Fixed"),
    ]
    source = tmp_path / "tasks.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": tasks}))
    done = take(package, source)
    assert done == (3, 0, 0, 1)
    assert read_words(package) == {
        "aaaa000001": "accept",
        "aaaa000002": "reject",
        "aaaa000003": "unsure",
    }
    assert take(package, source) == (0, 3, 0, 1)
    assert len(read_verdicts(package, history=True)) == 3


def test_what_we_wrote_comes_back(package, tmp_path):
    """Our own line-delimited tasks, with statuses added to them, are read, too: the id in the
    properties counts.
    """
    from mapsight.roads.export.maproulette import _make_feature

    line = LineString([(9, 45), (9.1, 45)])
    tasks = [
        {
            "type": "FeatureCollection",
            "features": [
                _make_feature(name, line, {"id": name, "mr_taskStatus": status}),
                _make_feature(f"{name}-seen", line, {"id": f"{name}-seen"}),
            ],
        }
        for name, status in (("aaaa000001", 2), ("aaaa000002", "5"))
    ]
    source = tmp_path / "tasks.geojson"
    source.write_text("".join(f"\x1e{json.dumps(body)}\n" for body in tasks))
    assert take(package, source) == (2, 0, 0, 0)
    assert read_words(package) == {"aaaa000001": "reject", "aaaa000002": "accept"}


def test_maproulette_table_with_comments(package, tmp_path):
    """The CSV of a challenge, a comment with a line break in it."""
    source = tmp_path / "challenge.csv"
    source.write_text(
        'TaskID,TaskName,TaskStatus,Comments\n1,aaaa000001,Not an issue,"a'
        ' farm\ntrack"\n2,aaaa000002,Skipped,\n'
    )
    assert take(package, source) == (1, 0, 0, 0)
    (row,) = read_verdicts(package).itertuples()
    assert (row.verdict, row.note, row.reviewer) == ("reject", "a farm\ntrack", "them")


def test_spreadsheet_and_page(package, tmp_path):
    """Our own CSV with a filled verdict column, and the file that a page saves."""
    table = tmp_path / "findings.csv"
    table.write_bytes(
        "rank,finding_id,verdict,note\n1,aaaa000001,accepted,Straße\n2,aaaa000002,,\n".encode(
            "utf-8-sig"
        )
    )
    assert take(package, table) == (1, 0, 0, 0)
    page = tmp_path / "verdicts.json"
    rows = [
        {"finding_id": "aaaa000002", "verdict": "unsure", "note": ""},
        {"finding_id": "aaaa000001", "verdict": "none"},
    ]
    page.write_text(json.dumps({"type": "mapsight-verdicts", "verdicts": rows}))
    assert take(package, page) == (1, 0, 1, 0)
    assert read_words(package) == {"aaaa000001": "accept", "aaaa000002": "unsure"}


def test_what_a_person_said_stays_unless_overwritten(package, tmp_path):
    """An import does not turn a verdict round unasked; the old one stays in the history, and so
    does a drawn line.
    """
    with VerdictStore(package) as store:
        store.add(
            "aaaa000001",
            "accept",
            revision=0,
            reviewer="Ada",
            geometry_wkt="LINESTRING (0 0, 40 1)",
        )
    source = tmp_path / "t.geojson"
    source.write_text(
        json.dumps({"type": "FeatureCollection", "features": [task("aaaa000001", "Not_An_Issue")]})
    )
    assert take(package, source) == (0, 0, 1, 0)
    assert read_words(package) == {"aaaa000001": "accept"}
    assert take(package, source, overwrite=True) == (1, 0, 0, 0)
    history = read_verdicts(package, history=True)
    assert list(history["verdict"]) == ["accept", "reject"] and list(history["reviewer"]) == [
        "Ada",
        "them",
    ]
    assert history["geometry_wkt"].iloc[1] == "LINESTRING (0 0, 40 1)"


def test_another_note_is_another_word(package, tmp_path):
    """The same verdict with another note stays as it was, with its reviewer; without a note it is
    known.
    """
    with VerdictStore(package) as store:
        store.add("aaaa000001", "accept", revision=0, reviewer="Ada", note="a lane")
        store.add("aaaa000002", "accept", revision=0, reviewer="Ada")
    table = tmp_path / "t.csv"
    table.write_text(
        "finding_id,verdict,note\naaaa000001,accept,a drive\naaaa000002,accept,a path\n"
    )
    assert take(package, table) == (0, 0, 2, 0)
    assert set(read_verdicts(package)["reviewer"]) == {"Ada"}
    assert take(package, table, overwrite=True) == (2, 0, 0, 0)
    assert list(read_verdicts(package)["note"]) == ["a drive", "a path"]
    table.write_text("finding_id,verdict,note\naaaa000001,accept,\n")
    assert take(package, table) == (0, 1, 0, 0)


def test_a_note_that_is_cut_is_the_same_the_next_time(package, tmp_path):
    """MapRoulette's comments may be longer than a note: read again, they are no other word."""
    source = tmp_path / "t.geojson"
    tasks = [task("aaaa000001", "Fixed", mr_comments="x" * 5000)]
    source.write_text(json.dumps({"type": "FeatureCollection", "features": tasks}))
    assert take(package, source) == (1, 0, 0, 0)
    assert take(package, source) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.geojson", "<html>"),
        ("a.geojson", "[" * 100_000),
        ("a.geojson", "[1]"),
        ("a.geojson", '{"features": 3}'),
        ("a.geojson", '{"type": "FeatureCollection", "features": []}'),
        ("a.csv", "x,y\n1,2\n"),
        ("a.csv", "finding_id,verdict\nq,maybe\n"),
        ("a.json", '{"type": "mapsight-verdicts"}'),
        ("a.json", '{"type": "mapsight-verdicts", "verdicts": [3]}'),
    ],
)
def test_other_files_are_refused(tmp_path, name, content):
    """One line with what would be read."""
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=r"MapRoulette|no judgement"):
        read_judgements(tmp_path / name)
