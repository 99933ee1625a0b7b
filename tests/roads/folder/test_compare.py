"""Two runs side by side, against differences that were made on purpose."""

from __future__ import annotations

import geopandas as gpd
import pytest
from shapely.geometry import LineString

from mapsight.errors import InputError
from mapsight.roads.folder.compare import compare_findings, measure_move


def make(rows, crs=32632):
    """Findings: (id, kind, score, from x, to x, y)."""
    lines = [
        LineString([(500_000 + a, 5_000_000 + y), (500_000 + b, 5_000_000 + y)])
        for *_, a, b, y in rows
    ]
    columns = {
        "finding_id": [r[0] for r in rows],
        "kind": [r[1] for r in rows],
        "score": [r[2] for r in rows],
    }
    table = {**columns, "evidence": "seen", "seen_wkt": "", "status": "new"}
    return gpd.GeoDataFrame(table, geometry=lines, crs=crs)


BEFORE = make(
    [
        ("a", "missing", 0.9, 0, 100, 0),
        ("b", "missing", 0.5, 0, 100, 50),
        ("c", "phantom", 0.5, 0, 100, 100),
        ("d", "missing", 0.4, 0, 100, 150),
        ("e", "missing", 0.4, 0, 60, 200),
        ("f", "missing", 0.4, 70, 200, 200),
        ("g", "missing", 0.3, 0, 100, 250),
    ]
)
AFTER = make(
    [
        ("A", "missing", 0.91, 0, 100, 1),
        ("B", "missing", 0.8, 0, 100, 50),
        ("C", "missing", 0.5, 0, 100, 100),
        ("D", "missing", 0.4, 0, 100, 155),
        ("E", "missing", 0.4, 0, 200, 200),
    ]
)


def test_every_difference_is_named():
    """Still there, changed score, another kind, moved, merged, solved."""
    table = compare_findings(BEFORE, AFTER)
    by_after = table[table["finding_id"].fillna("") != ""].set_index("finding_id")
    assert by_after["change"].to_dict() == {
        "A": "still there",
        "B": "changed",
        "C": "new",
        "D": "changed",
        "E": "changed",
    }
    assert by_after["id_before"][["A", "B", "D", "E"]].tolist() == ["a", "b", "d", "f"]
    assert by_after["score_change"]["B"] == pytest.approx(0.3)
    assert by_after["moved_m"]["D"] == pytest.approx(5.0) and by_after["moved_m"][
        "A"
    ] == pytest.approx(1.0)
    lost = table[table["finding_id"].fillna("") == ""].set_index("id_before")["change"].to_dict()
    assert lost == {"c": "solved", "e": "merged", "g": "solved"}


def test_the_later_audit_may_know_better():
    """What it lists as gone or not judged is not called solved."""
    table = compare_findings(BEFORE, AFTER, fates={"g": "gone", "c": "not judged"})
    lost = table[table["finding_id"].fillna("") == ""].set_index("id_before")["change"].to_dict()
    assert (lost["g"], lost["c"]) == ("gone", "not judged")


def test_a_run_against_itself():
    """All still there, nothing moved, whatever the CRS of either file."""
    degrees = BEFORE.to_crs(4326)
    for before, after in ((BEFORE, BEFORE), (degrees, BEFORE), (BEFORE, degrees)):
        table = compare_findings(before, after)
        assert set(table["change"]) == {"still there"}
        assert table["moved_m"].max() < 0.01 and table["score_change"].abs().max() == 0


@pytest.mark.parametrize(
    ("before", "after", "change"), [(BEFORE, make([]), "solved"), (make([]), BEFORE, "new")]
)
def test_empty_runs(before, after, change):
    """All solved, or all new."""
    assert set(compare_findings(before, after)["change"]) == {change}


def test_pixels_and_places_are_not_compared():
    """One line."""
    with pytest.raises(InputError, match="not both georeferenced"):
        compare_findings(BEFORE, make([("a", "missing", 0.5, 0, 9, 0)], crs=None))
    assert len(compare_findings(make([]), make([]))) == 0


def test_move_is_measured_where_both_run():
    """A longer line on the same street has not moved."""
    assert measure_move(LineString([(0, 0), (100, 0)]), LineString([(0, 0), (300, 0)])) == 0
    assert measure_move(
        LineString([(0, 4), (100, 4)]), LineString([(0, 0), (300, 0)])
    ) == pytest.approx(4)
