"""Layers exchanged inside a GeoPackage: GDAL reads the new ones, and what others keep in the file
stays.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing

import geopandas as gpd
import pyogrio
import pytest
from shapely.geometry import LineString

from mapsight.errors import InputError
from mapsight.geo.geopackage import copy_with_layers, replace_layers


def write_layer(path, count, *, layer="findings", crs="EPSG:32632", **options):
    """A layer of `count` streets, by GDAL."""
    lines = [
        LineString([(500_000, 5_000_000 + 10 * k), (500_100, 5_000_000 + 10 * k)])
        for k in range(count)
    ]
    frame = gpd.GeoDataFrame({"number": list(range(count))}, geometry=lines, crs=crs)
    pyogrio.write_dataframe(frame, path, driver="GPKG", layer=layer, **options)
    return path


def keep_something(path, *, wal=False):
    """A table of somebody else's in the file."""
    with closing(sqlite3.connect(path)) as database:
        if wal:
            database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE kept (word TEXT)")
        database.execute("INSERT INTO kept VALUES ('verdict')")
        database.commit()


def read_kept(path):
    with closing(sqlite3.connect(path)) as database:
        return [word for (word,) in database.execute("SELECT word FROM kept")]


@pytest.mark.parametrize("wal", [False, True])
def test_layers_are_exchanged_and_the_rest_stays(tmp_path, wal):
    """GDAL finds the new features, by attribute and through the spatial index; the foreign table is
    untouched.
    """
    old = write_layer(tmp_path / "old.gpkg", 3)
    write_layer(old, 4, layer="earlier", append=True)
    keep_something(old, wal=wal)
    fresh = write_layer(tmp_path / "fresh.gpkg", 50, crs="EPSG:26986")
    replace_layers(old, fresh, ("findings", "earlier"))
    assert pyogrio.list_layers(old)[:, 0].tolist() == ["findings", "kept"]
    found = gpd.read_file(old, layer="findings")
    assert len(found) == 50 and found.crs.to_epsg() == 26986
    some = gpd.read_file(old, layer="findings", bbox=(499_999, 4_999_999, 500_101, 5_000_041))
    assert some["number"].tolist() == [0, 1, 2, 3, 4]
    assert read_kept(old) == ["verdict"]
    with closing(sqlite3.connect(old)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM rtree_findings_geom").fetchone() == (50,)


def test_gdal_can_go_on_editing(tmp_path):
    """The spatial index follows what GDAL appends later: its triggers are in place."""
    old, fresh = write_layer(tmp_path / "old.gpkg", 1), write_layer(tmp_path / "fresh.gpkg", 2)
    replace_layers(old, fresh, ("findings",))
    write_layer(old, 3, append=True)
    assert pyogrio.read_info(old, layer="findings")["features"] == 5
    with closing(sqlite3.connect(old)) as database:
        assert database.execute("SELECT count(*) FROM rtree_findings_geom").fetchone() == (5,)


def test_copy_takes_what_is_only_in_the_log(tmp_path):
    """A copy is made of what was committed, also where SQLite still has it in the write-ahead
    log.
    """
    source, fresh = (
        write_layer(tmp_path / "source.gpkg", 1),
        write_layer(tmp_path / "fresh.gpkg", 2),
    )
    with closing(sqlite3.connect(source)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE kept (word TEXT)")
        database.execute("INSERT INTO kept VALUES ('late')")
        database.commit()
        assert (tmp_path / "source.gpkg-wal").stat().st_size > 0
        copy_with_layers(tmp_path / "copy.gpkg", source, fresh, ("findings",))
    assert read_kept(tmp_path / "copy.gpkg") == ["late"]
    assert pyogrio.read_info(tmp_path / "copy.gpkg", layer="findings")["features"] == 2
    assert pyogrio.read_info(source, layer="findings")["features"] == 1
    assert sorted(p.name for p in tmp_path.glob("*copy*")) == ["copy.gpkg"]


def test_killed_in_the_middle_leaves_the_old_file(tmp_path):
    """A process that dies inside the exchange changes nothing: the next reader sees the old layer,
    whole.
    """
    old = write_layer(tmp_path / "old.gpkg", 3)
    keep_something(old)
    fresh = write_layer(tmp_path / "fresh.gpkg", 2000)
    script = """
        import os, sys
        from pathlib import Path
        from mapsight.geo import geopackage
        def die(*arguments):
            os.kill(os.getpid(), 9)
        geopackage._copy_register = die
        geopackage.replace_layers(Path(sys.argv[1]), Path(sys.argv[2]), ("findings",))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), old, fresh], check=False)
    assert done.returncode == -9
    assert len(gpd.read_file(old, layer="findings")) == 3
    assert read_kept(old) == ["verdict"]


@pytest.mark.parametrize("content", [b"", b"<html>", b"SQLite format 3\0" + b"x" * 200])
def test_what_is_no_geopackage_is_refused(tmp_path, content):
    """One line, and the file stays as it was."""
    path = tmp_path / "findings.gpkg"
    path.write_bytes(content)
    with pytest.raises(InputError):
        replace_layers(path, write_layer(tmp_path / "fresh.gpkg", 1), ("findings",))
    assert path.read_bytes() == content


def test_a_view_for_a_register_is_refused(tmp_path):
    """A register that is a view would run what somebody wrote into it."""
    path = write_layer(tmp_path / "old.gpkg", 1)
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE gpkg_contents RENAME TO hidden")
        database.execute("CREATE VIEW gpkg_contents AS SELECT * FROM hidden")
        database.commit()
    with pytest.raises(InputError, match="sound GeoPackage"):
        replace_layers(path, write_layer(tmp_path / "fresh.gpkg", 1), ("findings",))


def test_a_file_that_another_holds_is_refused(tmp_path, monkeypatch):
    """One line instead of waiting for ever."""
    from mapsight.geo import geopackage

    monkeypatch.setattr(geopackage, "_WAIT_S", 0.1)
    old, fresh = write_layer(tmp_path / "old.gpkg", 3), write_layer(tmp_path / "fresh.gpkg", 1)
    with closing(sqlite3.connect(old, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="close the program"):
            replace_layers(old, fresh, ("findings",))
        other.execute("ROLLBACK")
    assert len(gpd.read_file(old, layer="findings")) == 3
