"""Verdicts live in findings.gpkg: nothing acknowledged is lost, nobody overwrites unseen, other
tools still read it.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time

import geopandas as gpd
import pyogrio
import pytest
from shapely.geometry import LineString

from mapsight.errors import InputError
from mapsight.geo.network import write_lines
from mapsight.roads.verdicts import file as verdict_file
from mapsight.roads.verdicts.store import (
    COLUMNS,
    StaleVerdictError,
    VerdictStore,
    read_verdicts,
)

KILLS = int(os.environ.get("MAPSIGHT_KILLS", "6"))  # 200 by hand


@pytest.fixture
def package(tmp_path):
    """Fifty findings, f0 … f49, as `audit` writes them."""
    lines = [
        LineString([(500_000 + 10 * n, 5_000_000), (500_000 + 10 * n, 5_000_050)])
        for n in range(50)
    ]
    table = gpd.GeoDataFrame(
        {"finding_id": [f"f{n}" for n in range(50)], "kind": "missing", "score": 0.5},
        geometry=lines,
        crs="EPSG:32632",
    )
    path = tmp_path / "findings.gpkg"
    write_lines(path, table, layer="findings")
    return path


def look(path, sql):
    """One value, read by plain SQLite."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchone()[0]


def spoil(path, *statements):
    """What somebody else did to the file."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def test_what_is_said_is_kept(package):
    """The last word counts, the history stays, and a new process reads the same."""
    with VerdictStore(package) as store:
        assert store.read() == []
        first = store.add("f1", "accept", revision=0, note="ja\n<b>", reviewer="ä")
        second = store.add("f1", "reject", revision=1, geometry_wkt="LINESTRING (1 2, 3 4)")
        assert (first.revision, second.revision) == (1, 2)
        assert store.read() == [second]
        assert store.read_history("f1") == [first, second]
    table = read_verdicts(package)
    assert list(table.columns) == list(COLUMNS)
    assert table.loc[0, ["finding_id", "verdict", "geometry_wkt", "revision"]].tolist() == [
        "f1",
        "reject",
        "LINESTRING (1 2, 3 4)",
        2,
    ]
    assert read_verdicts(package, history=True)["note"].tolist() == ["ja\n<b>", ""]


def test_nobody_judged_yet(package):
    """An audit as it was written has no verdicts, and reading does not change it."""
    before = package.read_bytes()
    assert read_verdicts(package).empty
    assert list(read_verdicts(package).columns) == list(COLUMNS)
    assert package.read_bytes() == before


def test_stale_is_refused(package):
    """Two people on one finding: the second learns what the first said, and nothing of the first is
    lost.
    """
    with VerdictStore(package) as ann, VerdictStore(package) as bob:
        ann.add("f3", "accept", revision=0, reviewer="ann")
        with pytest.raises(StaleVerdictError) as stale:
            bob.add("f3", "reject", revision=0, reviewer="bob")
        assert (stale.value.current.verdict, stale.value.current.reviewer) == ("accept", "ann")
        assert bob.add("f3", "reject", revision=1, reviewer="bob").revision == 2
        assert [v.reviewer for v in ann.read_history("f3")] == ["ann", "bob"]


def test_two_at_once(package):
    """Eight threads over two connections want the same revision: one of them has it, seven hear
    that they are late.
    """
    outcomes = []
    with VerdictStore(package) as one, VerdictStore(package) as two:
        start = threading.Barrier(8)

        def judge(store, name):
            start.wait()
            try:
                outcomes.append(store.add("f0", "accept", revision=0, reviewer=name).reviewer)
            except StaleVerdictError:
                outcomes.append(None)

        threads = [
            threading.Thread(target=judge, args=((one, two)[n % 2], f"r{n}")) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = filter(None, outcomes)
        assert len(outcomes) == 8
        assert [v.reviewer for v in one.read()] == [winner]


@pytest.mark.parametrize(
    ("finding", "verdict", "more", "match"),
    [
        ("f1", "maybe", {}, "is no verdict"),
        ("nope", "accept", {}, "is not in this audit; start the review again"),
        ("f1", "accept", {"note": "x" * 4001}, "longer than 4000"),
        ("f1", "accept", {"note": "\ud800"}, "no text"),
        ("f1", "accept", {"reviewer": "x" * 101}, "longer than 100"),
        ("f1", "accept", {"geometry_wkt": "POINT (1 1)"}, "no line"),
        ("f1", "accept", {"geometry_wkt": "LINESTRING (1 1, 1 1)"}, "no line"),
        ("f1", "accept", {"geometry_wkt": "LINESTRING (nan 1, 1 1)"}, "no line"),
        ("f1", "accept", {"geometry_wkt": "LINESTRING (1e300 1, 1 1)"}, "no line"),
        ("f1", "accept", {"geometry_wkt": "LINESTRING ((("}, "no line"),
    ],
)
def test_nonsense_is_refused(package, finding, verdict, more, match):
    """One line that says what is wrong, and nothing is kept."""
    with VerdictStore(package) as store:
        with pytest.raises(InputError, match=match):
            store.add(finding, verdict, revision=0, **more)
        assert store.read() == []


def test_other_tools_still_read_it(package):
    """GDAL lists both tables and reads them; the marks of a GeoPackage have not moved."""
    marks = [look(package, f"PRAGMA {name}") for name in ("application_id", "user_version")]
    with VerdictStore(package) as store:
        store.add("f7", "unsure", revision=0, note="trees", reviewer="me")
        assert look(package, "PRAGMA journal_mode") == "wal"
        assert store._database.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
        layers = {str(name) for name, _ in pyogrio.list_layers(package)}
        assert layers == {"findings", "verdicts"}
        seen = pyogrio.read_dataframe(package, layer="verdicts")
        assert (seen.loc[0, "finding_id"], seen.loc[0, "verdict"]) == ("f7", "unsure")
        assert seen.loc[0, "time_utc"].year >= 2024
    assert [look(package, f"PRAGMA {name}") for name in ("application_id", "user_version")] == marks
    assert len(pyogrio.read_dataframe(package, layer="findings")) == 50
    assert [p.name for p in package.parent.iterdir()] == [
        "findings.gpkg"
    ]  # no -wal is left to be forgotten in a copy


@pytest.mark.parametrize(
    "trap",
    [
        "CREATE TRIGGER t AFTER INSERT ON gpkg_contents BEGIN DELETE FROM findings; END",
        "CREATE VIEW verdicts AS SELECT * FROM findings",
        "CREATE VIEW mapsight_schema AS SELECT 'verdicts' AS component, 1 AS version",
    ],
)
def test_traps_are_refused(package, trap):
    """A file that would act by itself is neither written nor read (bad-input rule 26)."""
    spoil(package, trap)
    with pytest.raises(InputError, match="that mapsight has not made"):
        VerdictStore(package)
    with pytest.raises(InputError, match="that mapsight has not made"):
        read_verdicts(package)
    assert look(package, "SELECT count(*) FROM findings") == 50


def test_a_view_is_no_table_of_findings(package):
    """`findings` itself must be plain."""
    spoil(
        package,
        "ALTER TABLE findings RENAME TO hidden",
        "CREATE VIEW findings AS SELECT * FROM hidden",
    )
    with pytest.raises(InputError, match="no table findings"):
        VerdictStore(package)


@pytest.mark.parametrize("content", [b"", b"<html>", b"SQLite format 3\0" + b"x" * 5000])
def test_no_geopackage(tmp_path, content):
    """Any other file: one line."""
    path = tmp_path / "findings.gpkg"
    path.write_bytes(content)
    with pytest.raises(InputError):
        VerdictStore(path)
    with pytest.raises(InputError):
        read_verdicts(path)


def test_migrations_run_once_and_in_order(package, monkeypatch):
    """A table of version 1 gets what version 2 adds and keeps its rows; version 1 then refuses
    it.
    """
    with VerdictStore(package) as store:
        store.add("f1", "accept", revision=0)
    later = (
        *verdict_file.MIGRATIONS,
        ("ALTER TABLE verdicts ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'",),
    )
    database = verdict_file.connect(package, writable=True)
    for _ in range(2):
        verdict_file.migrate(package, database, later)
    database.close()
    assert look(package, "SELECT mood FROM verdicts") == "calm"
    with pytest.raises(InputError, match="newer mapsight"):
        VerdictStore(package)


def test_a_failed_migration_leaves_all_as_it_was(package):
    """The second statement of a step fails: the first is undone, too."""
    broken = (("CREATE TABLE verdicts (fid INTEGER PRIMARY KEY)", "CREATE NONSENSE"),)
    database = verdict_file.connect(package, writable=True)
    with pytest.raises(sqlite3.OperationalError):
        verdict_file.migrate(package, database, broken)
    database.close()
    assert read_verdicts(package).empty


def test_a_replaced_file_is_noticed(package, tmp_path):
    """An audit that writes the same folder again does not swallow verdicts into a file that is
    gone.
    """
    with VerdictStore(package) as store:
        fresh = tmp_path / "new.gpkg"
        fresh.write_bytes(package.read_bytes())
        os.replace(fresh, package)
        with pytest.raises(InputError, match="replaced"):
            store.add("f1", "accept", revision=0)


def test_a_folder_that_cannot_be_written(package):
    """Reading works on a medium that is read-only."""
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    package.parent.chmod(0o555)
    try:
        assert read_verdicts(package).empty
        with pytest.raises(InputError, match="cannot be written"):
            VerdictStore(package)
    finally:
        package.parent.chmod(0o755)


WRITER = """
import sys, itertools
from pathlib import Path
from mapsight.roads.verdicts.store import VerdictStore
store = VerdictStore(Path(sys.argv[1]))
revisions = {v.finding_id: v.revision for v in store.read()}
for n in itertools.count():
    name = f"f{n % 50}"
    last = revisions.get(name, 0)
    revisions[name] = store.add(name, "accept", revision=last, note=sys.argv[2]).revision
    print(name, revisions[name], flush=True)
"""


def test_kill_loses_nothing(package):
    """kill −9 in the middle of writing, again and again: every acknowledged verdict is there, the
    file is sound.
    """
    chance, acknowledged = random.Random(1), set()
    for round_ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(package), f"round {round_}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(chance.randrange(1, 40)):
            name, revision = writer.stdout.readline().split()
            acknowledged.add((name, int(revision)))
        time.sleep(chance.random() * 0.01)
        writer.kill()
        rest = writer.communicate()[0].splitlines()
        acknowledged |= {
            (line.split()[0], int(line.split()[1])) for line in rest if len(line.split()) == 2
        }
        kept = read_verdicts(package, history=True)
        assert acknowledged <= set(zip(kept["finding_id"], kept["revision"], strict=True))
        assert look(package, "PRAGMA integrity_check") == "ok"
    assert len(acknowledged) >= KILLS
