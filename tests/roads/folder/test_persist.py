"""Findings of two runs: identities, dates and verdicts follow the place, through shifts, splits and
merges.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from mapsight.roads.finding.findings import identify
from mapsight.roads.folder import persist
from mapsight.roads.folder.persist import DISMISSED, GONE, MERGED, NEW, NOT_JUDGED, SOLVED, STILL

KINDS = ("missing", "phantom", "misaligned")
DAY1, DAY2 = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def make_table(lines, kinds="missing", verdicts="", statuses=NEW, ids=None):
    """Findings along those lines, as a run would write them."""
    kinds = [kinds] * len(lines) if isinstance(kinds, str) else list(kinds)
    ids = ids or [identify(kind, line) for kind, line in zip(kinds, lines, strict=True)]
    columns = {
        "finding_id": ids,
        "kind": kinds,
        "score": np.linspace(0.9, 0.1, len(lines)),
        "first_seen": DAY1,
        "came_from": "",
        "verdict": verdicts,
        "status": statuses,
    }
    return gpd.GeoDataFrame(
        columns, geometry=list(lines), crs="EPSG:32632", index=range(len(lines))
    )


def along(start_m, end_m, y=0.0):
    """A straight street, bent a little so that it is no degenerate case."""
    xs = np.linspace(start_m, end_m, 5)
    return LineString(np.column_stack([500_000 + xs, 5_000_000 + y + np.sin(xs / 40)]))


@st.composite
def scenes(draw):
    """Up to twelve streets 60 m apart, of any kind, each with or without a verdict."""
    count = draw(st.integers(1, 12))
    lines = [along(0, draw(st.floats(30, 400)), y=60.0 * k) for k in range(count)]
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=count, max_size=count))
    verdicts = draw(
        st.lists(
            st.sampled_from(["", "accept", "reject", "unsure"]), min_size=count, max_size=count
        )
    )
    return make_table(lines, kinds, verdicts)


@given(scenes())
@settings(max_examples=40)
def test_the_same_run_twice_has_nothing_new(before):
    """Every finding keeps its identity; rejected ones are dismissed, at the end; nothing is
    lost.
    """
    done = persist.carry_over(before.drop(columns="verdict"), before, time_utc=DAY2)
    assert set(done.now["finding_id"]) == set(before["finding_id"])
    assert done.earlier.empty and not done.inherited
    verdict = before.set_index("finding_id")["verdict"]
    for row in done.now.itertuples():
        assert row.status == (DISMISSED if verdict[row.finding_id] == "reject" else STILL)
        assert row.first_seen == DAY1
    dismissed = (done.now["status"] == DISMISSED).to_numpy()
    assert (np.diff(dismissed.astype(int)) >= 0).all()
    offered = done.now[~dismissed]
    assert offered["score"].is_monotonic_decreasing


@given(scenes(), st.floats(0, 2 * np.pi), st.floats(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_shift_of_some_metres_in_any_order_changes_nothing(before, angle, far, random):
    """Identities are carried by geometry: the digits made anew from the moved line do not
    matter.
    """
    moved = before.geometry.translate(far * np.cos(angle), far * np.sin(angle))
    ids = [f"fresh{k:05d}" for k in range(len(before))]
    order = random.sample(range(len(before)), len(before))
    now = before.set_geometry(moved).assign(finding_id=ids).iloc[order].reset_index(drop=True)
    done = persist.carry_over(now.drop(columns="verdict"), before, time_utc=DAY2)
    assert set(done.now["finding_id"]) == set(before["finding_id"])
    for row in done.now.itertuples():
        old = before.set_index("finding_id").geometry[row.finding_id]
        assert row.geometry.hausdorff_distance(old) < far + 1e-6
    assert NEW not in done.counts


@given(scenes(), scenes())
@settings(max_examples=40)
def test_nothing_is_ever_lost_or_doubled(before, now):
    """Whatever two runs found: identities are unique, and each earlier one is found again or listed
    with its fate.
    """
    done = persist.carry_over(now.drop(columns="verdict"), before, time_utc=DAY2)
    ids = [*done.now["finding_id"], *done.earlier["finding_id"]]
    assert len(set(ids)) == len(ids)
    assert set(before["finding_id"]) <= set(ids)
    assert len(done.now) == len(now)
    assert set(done.inherited) <= set(done.now["finding_id"])
    assert set(done.inherited.values()) <= set(before["finding_id"])


def test_a_rejected_finding_that_splits_stays_dismissed():
    """Both pieces lie over what was rejected: one keeps the identity, the other inherits the
    verdict.
    """
    before = make_table([along(0, 200)], verdicts="reject")
    now = make_table([along(0, 90), along(100, 200)])
    done = persist.carry_over(now, before, time_utc=DAY2)
    assert list(done.now["status"]) == [DISMISSED, DISMISSED]
    kept = before["finding_id"][0]
    assert kept in set(done.now["finding_id"])
    other = next(name for name in done.now["finding_id"] if name != kept)
    assert done.inherited == {other: kept}
    assert done.now.set_index("finding_id")["came_from"][other] == kept
    assert done.earlier.empty


def test_two_findings_that_merge():
    """The merged one goes on as the longer of the two, the other is listed as part of it; neither
    counts as solved.
    """
    before = make_table([along(0, 60), along(70, 200)])
    done = persist.carry_over(make_table([along(0, 200)]), before, time_utc=DAY2)
    assert list(done.now["finding_id"]) == [before["finding_id"][1]]
    assert list(done.now["status"]) == [STILL]
    assert list(done.earlier["status"]) == [MERGED]
    again = persist.carry_over(
        make_table([along(0, 200)]), _put_together(done), time_utc="2026-03-01T00:00:00Z"
    )
    assert list(again.now["finding_id"]) == [before["finding_id"][1]]
    assert list(again.earlier["status"]) == [MERGED]


def test_a_verdict_on_a_short_piece_does_not_dismiss_a_long_road():
    """Somebody rejected 60 m; now 300 m are seen there: that is another question, under another
    identity.
    """
    before = make_table([along(0, 60)], verdicts="reject")
    done = persist.carry_over(make_table([along(0, 300)]), before, time_utc=DAY2)
    assert list(done.now["status"]) == [NEW]
    assert done.now["finding_id"][0] != before["finding_id"][0]
    assert done.now["came_from"][0] == before["finding_id"][0]
    assert list(done.earlier["status"]) == [DISMISSED]
    assert not done.inherited


def test_dismissed_outlives_a_run_that_does_not_find_it():
    """Not found in the second run, found in the third: still dismissed."""
    before = make_table([along(0, 100)], verdicts="reject")
    second = persist.carry_over(before.iloc[:0].drop(columns="verdict"), before, time_utc=DAY2)
    assert list(second.earlier["status"]) == [DISMISSED]
    third = persist.carry_over(make_table([along(0, 100)]), second.earlier, time_utc=DAY2)
    assert list(third.now["status"]) == [DISMISSED]


def test_solved_comes_back_as_new_with_its_old_identity():
    """What was mended and is wrong again is offered again; what had only gone unfound is still
    there.
    """
    for status, expected in ((SOLVED, NEW), (GONE, STILL), (NOT_JUDGED, STILL)):
        before = make_table([along(0, 100)], statuses=status)
        done = persist.carry_over(make_table([along(0, 100)]), before, time_utc=DAY2)
        assert list(done.now["status"]) == [expected]
        assert list(done.now["finding_id"]) == list(before["finding_id"])


def test_kinds_are_not_mixed():
    """A road that was missing and is now drawn beside its place is another finding."""
    before = make_table([along(0, 100)], kinds="missing", verdicts="reject")
    done = persist.carry_over(
        make_table([along(0, 100)], kinds="misaligned"), before, time_utc=DAY2
    )
    assert list(done.now["status"]) == [NEW]


def test_a_crossing_road_is_another_finding():
    """Lying over means running along."""
    before = make_table([along(0, 100)])
    crossing = LineString([(500_050, 4_999_950), (500_050, 5_000_050)])
    done = persist.carry_over(make_table([crossing]), before, time_utc=DAY2)
    assert list(done.now["status"]) == [NEW]


@pytest.mark.parametrize(
    ("kind", "mapped_y", "share", "fate"),
    [
        ("missing", 2.0, 1.0, SOLVED),
        ("missing", 50.0, 1.0, GONE),
        ("missing", 2.0, 0.2, NOT_JUDGED),
        ("phantom", 50.0, 1.0, SOLVED),
        ("phantom", 0.0, 1.0, GONE),
        ("misaligned", 7.0, 1.0, SOLVED),
        ("misaligned", 0.5, 1.0, GONE),
    ],
)
def test_fate(kind, mapped_y, share, fate):
    """Solved is only what the map has changed: a road drawn, deleted, or moved."""
    row = next(make_table([along(0, 100)], kinds=kind).itertuples())
    assert (
        persist.find_fate(row, shapely.MultiLineString([along(0, 200, y=mapped_y)]), share) == fate
    )


def _put_together(done):
    """As the next run reads it: all that was ever found."""
    import pandas as pd

    return pd.concat([done.now, done.earlier], ignore_index=True).fillna({"verdict": ""})
