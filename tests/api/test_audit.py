"""An audit from Python: in the map's position, the same from memory, from files and by command."""

from __future__ import annotations

import logging

import geopandas as gpd
import pytest
from geopandas.testing import assert_geodataframe_equal

import mapsight

from ..cli.conftest import call
from .conftest import EAST_M


@pytest.fixture(scope="module")
def audited(town, tmp_path_factory):
    """The town's map, audited by the shipped model into a folder."""
    out = tmp_path_factory.mktemp("audit")
    return mapsight.audit(town / "image.tif", str(town / "map.gpkg"), out, folds=0)


def assert_same(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> None:
    """Two tables of findings say the same, to a nanometre; when a finding was first seen aside."""
    shared = [name for name in left.columns if name not in ("first_seen", "seen_wkt")]
    assert set(left.columns) == set(right.columns)
    assert_geodataframe_equal(
        left[shared], right[shared], check_less_precise=True, check_dtype=False
    )


def test_findings_lie_on_the_map(audited, town):
    """Phantoms and misaligned findings *are* lines of the map, and it is the map's CRS."""
    mapped = gpd.read_file(town / "map.gpkg")
    assert audited.findings.crs == mapped.crs == "EPSG:4326"
    assert audited.shift_m == pytest.approx((EAST_M, 0), abs=1.0)
    metres = audited.findings.estimate_utm_crs()
    roads = gpd.GeoSeries(mapped.to_crs(metres).geometry).union_all()
    own = audited.findings[audited.findings["kind"] != "missing"].to_crs(metres)
    assert len(own) >= 2
    on_map = own.geometry.intersection(roads.buffer(0.3))
    assert on_map.length.to_numpy() == pytest.approx(own.length.to_numpy(), abs=0.5)


def test_seen_roads_lie_on_the_map(audited):
    """What the imagery shows is given in the map's position, too: roads over roads."""
    metres = audited.findings.estimate_utm_crs()
    mapped = audited.map_lines.to_crs(metres).buffer(2.5).union_all()
    seen = audited.seen_lines.to_crs(metres)
    inside = seen.geometry.intersection(mapped).length.sum() / seen.length.sum()
    beside = seen.translate(EAST_M, 0).intersection(mapped).length.sum() / seen.length.sum()
    assert inside > 0.8 > beside


def test_memory_and_files_say_the_same(audited, town):
    """Without a folder nothing is written, and the findings are those of the files."""
    before = sorted(town.iterdir())
    held = mapsight.audit(town / "image.tif", town / "map.gpkg", folds=0)
    again = mapsight.read_audit(audited.folder)
    assert_same(held.findings, audited.findings)
    assert_geodataframe_equal(again.findings, audited.findings)
    for name in ("area_km2", "road_km", "threshold", "shift_m", "notes", "statuses"):
        assert getattr(held, name) == getattr(audited, name) == getattr(again, name), name
    assert (held.probability.array == again.probability.array).all()
    assert held.folder is None and sorted(town.iterdir()) == before
    assert_geodataframe_equal(
        held.seen_lines, again.seen_lines, check_less_precise=True, check_like=True
    )


def test_the_command_says_the_same(audited, town, tmp_path):
    """`mapsight audit` is a caller of `mapsight.audit`."""
    out = tmp_path / "by-command"
    assert call("audit", town / "image.tif", town / "map.gpkg", "--out", out, "--folds", 0) == 0
    assert_same(mapsight.read_audit(out).findings, audited.findings)
    assert {p.name for p in out.iterdir()} == {p.name for p in audited.folder.iterdir()}


def test_a_table_of_lines_is_a_map(audited, town):
    """A GeoDataFrame is audited as the file would be that holds it."""
    lines = gpd.read_file(town / "map.gpkg")
    held = mapsight.audit(town / "image.tif", lines, folds=0)
    assert_same(held.findings, audited.findings)


def test_ranked(audited):
    """Findings as values, in the order of the table."""
    assert len(audited.ranked) == len(audited.findings) >= 3
    for finding, (_, row) in zip(audited.ranked, audited.findings.iterrows(), strict=True):
        assert isinstance(finding, mapsight.Finding)
        assert (finding.finding_id, finding.kind) == (row["finding_id"], row["kind"])
        assert finding.line.equals(row["geometry"]) and finding.status == "new"
        assert (finding.seen is not None) == bool(row["seen_wkt"])
    scores = [finding.score for finding in audited.ranked]
    assert scores == sorted(scores, reverse=True)


def test_score(audited, town):
    """An audit, its table and its file get one score, whatever way the truth is given."""
    truth = town / "planted.geojson"
    report = mapsight.score(audited, truth).to_json()
    assert report["planted"] == 6 and report["kind_aware"]["detection_rate"]["hits"] >= 3
    sizes = {"area_km2": audited.area_km2, "road_km": audited.road_km}
    others = [
        mapsight.score(audited.folder / "findings.gpkg", truth),
        mapsight.score(audited.findings, gpd.read_file(truth).fillna({"true_wkt": ""}), **sizes),
    ]
    assert all(other.to_json() == report for other in others)
    with pytest.raises(mapsight.MapsightError, match="area"):
        mapsight.score(audited.findings, truth)


def test_silent_by_default(town, capfd, caplog):
    """Nothing is printed; what happens is logged; progress is shown when asked."""
    caplog.set_level(logging.INFO, "mapsight")
    mapsight.audit(town / "image.tif", town / "map.gpkg", folds=0)
    assert capfd.readouterr() == ("", "")
    assert "threshold" in caplog.text and "shift" in caplog.text


def test_verdicts_are_read_and_learnt_from(town, tmp_path):
    """What people said is in the findings, and the next audit takes it along."""
    from mapsight.roads.verdicts.store import VerdictStore

    out = tmp_path / "a"
    first = mapsight.audit(town / "image.tif", town / "map.gpkg", out, folds=0)
    name = first.findings["finding_id"].iloc[0]
    with VerdictStore(out / "findings.gpkg") as store:
        store.add(name, "reject", revision=0)
    assert mapsight.read_audit(out).ranked[0].verdict == "reject"
    for second in (
        mapsight.audit(town / "image.tif", town / "map.gpkg", out, folds=0, verdicts=True),
        mapsight.audit(town / "image.tif", town / "map.gpkg", previous=out, folds=0),
    ):
        row = second.findings.set_index("finding_id").loc[name]
        assert (row["status"], row["verdict"]) == ("dismissed", "reject")
        assert second.statuses["dismissed"] == 1
    with pytest.raises(mapsight.MapsightError, match="previous"):
        mapsight.audit(town / "image.tif", town / "map.gpkg", verdicts=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image": "nowhere.tif"}, "nowhere.tif"),
        ({"map": "nowhere.gpkg"}, "nowhere.gpkg"),
        ({"map": gpd.GeoDataFrame(geometry=[], crs="EPSG:4326")}, "empty"),
        ({"coverage": "some"}, "auto or all"),
        ({"model": "nowhere.safetensors"}, "nowhere.safetensors"),
        ({"m_per_px": 0.5}, "--model none"),
        ({"previous": "nowhere"}, "nowhere"),
        ({"bands": (1, 2)}, "bands"),
    ],
)
def test_faults_say_what_to_do(town, tmp_path, change, told):
    """One kind of error, before anything is written."""
    wanted = {"image": town / "image.tif", "map": town / "map.gpkg", "out": tmp_path / "out"}
    with pytest.raises(mapsight.MapsightError, match=told):
        mapsight.audit(**wanted | change)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_an_audit(tmp_path, audited):
    """`read_audit` names what is missing."""
    with pytest.raises(mapsight.MapsightError, match=r"findings\.gpkg"):
        mapsight.read_audit(tmp_path)
    (tmp_path / "findings.gpkg").write_bytes((audited.folder / "findings.gpkg").read_bytes())
    with pytest.raises(mapsight.MapsightError, match=r"audit\.json"):
        mapsight.read_audit(tmp_path)
