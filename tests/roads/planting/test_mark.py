"""Scores of findings: one ranking counted by hand, scikit-learn, and empty tables."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString
from sklearn.metrics import average_precision_score

from mapsight.roads.planting.mark import ScoreReport, ScoreSettings, score_findings

NOWHERE = 1000.0


def _line(y: float, length: float = 100.0) -> LineString:
    return LineString([(0, y), (length, y)])


def _findings(rows: list[tuple[str, float, float]]) -> gpd.GeoDataFrame:
    columns = {
        "finding_id": [f"f{k}" for k in range(len(rows))],
        "kind": np.array([row[0] for row in rows], object),
        "score": np.array([row[1] for row in rows], float),
    }
    return gpd.GeoDataFrame(columns, geometry=[_line(row[2]) for row in rows], crs="EPSG:26986")


def _planted(rows: list[tuple[str, float, str]]) -> gpd.GeoDataFrame:
    lines = [_line(y) for _, y, _ in rows]
    columns: dict[str, Any] = {
        "planted_id": [f"p{k}" for k in range(len(rows))],
        "kind": np.array([kind for kind, _, _ in rows], object),
        "length_m": np.array([line.length for line in lines], float),
        "true_wkt": np.array([wkt for _, _, wkt in rows], object),
    }
    return gpd.GeoDataFrame(columns, geometry=lines, crs="EPSG:26986")


PLANTED = _planted(
    [
        ("missing", 0, ""),
        ("phantom", 100, ""),
        ("misaligned", 200, _line(215).wkt),
        ("missing", 300, ""),
    ]
)
RANKING = _findings(
    [
        ("missing", 0.9, 2),  # hit
        ("missing", 0.8, -2),  # duplicate
        ("phantom", 0.7, NOWHERE),  # false
        ("phantom", 0.6, 101),  # hit
        ("missing", 0.5, 215),  # the shifted road's true place: false kind-aware, hit kind-blind
        ("phantom", 0.4, 200),  # the shifted road: false kind-aware, duplicate kind-blind
        ("missing", 0.3, NOWHERE + 100),  # false
    ]
)


def _score(
    findings: gpd.GeoDataFrame = RANKING, planted: gpd.GeoDataFrame = PLANTED, **ground: Any
) -> ScoreReport:
    ground = {"area_km2": 0.5, "road_km": 4.0} | ground
    return score_findings(findings, planted, **ground)


def test_a_ranking_counted_by_hand() -> None:
    """Hits, duplicates, false alarms, detection and average precision of seven findings and four
    mistakes.
    """
    aware, blind = _score().kind_aware, _score().kind_blind
    assert (aware.hits, aware.duplicates, aware.false_alarms.count) == (2, 1, 4)
    assert (blind.hits, blind.duplicates, blind.false_alarms.count) == (3, 2, 2)
    assert (aware.detection.value, blind.detection.value) == (2 / 4, 3 / 4)
    assert aware.average_precision == pytest.approx((1 + 2 / 3) / 4)
    assert blind.average_precision == pytest.approx((1 + 2 / 3 + 3 / 4) / 4)


def test_precision_leaves_duplicates_out_but_shows_them() -> None:
    """Among the first five shown are two hits, a duplicate and two false alarms: precision 2/4; ten
    are not there.
    """
    at = _score().kind_aware.precision_at
    assert list(at) == [5]
    assert (at[5].hits, at[5].total) == (2, 4)


def test_kinds_are_scored_apart() -> None:
    """Each kind's average precision and detection by hand; nothing found of a kind is 0."""
    report = _score()
    assert report.average_precision_by_kind == {"missing": 0.5, "phantom": 0.5, "misaligned": 0.0}
    assert {kind: rate.value for kind, rate in report.kind_aware.detection_by_kind.items()} == {
        "missing": 0.5,
        "phantom": 1.0,
        "misaligned": 0.0,
    }
    assert report.found_by == {"p0": "f0", "p1": "f3", "p2": None, "p3": None}
    assert report.outcomes["f1"] == "duplicate"


def test_false_alarms_per_area_and_road() -> None:
    """Four false alarms on half a square kilometre with 4 km of road are 8 a km² and 1 a km."""
    alarms = _score().kind_aware.false_alarms
    assert (alarms.per_km2, alarms.per_road_km) == (8.0, 1.0)
    kinds = _findings(
        [
            ("missing", 0.5, NOWHERE),
            ("phantom", 0.4, NOWHERE + 100),
            ("misaligned", 0.3, NOWHERE + 200),
        ]
    )
    assert _score(kinds).kind_aware.false_alarms.about_mapped_roads == 2
    nowhere = _score(area_km2=0.0, road_km=0.0).kind_aware.false_alarms
    assert (nowhere.per_km2, nowhere.per_road_km) == (None, None)


def test_false_alarms_at_the_score_that_finds_enough() -> None:
    """Kind-blind, three of four (≥ .7) are found at score .5, above which one is false; aware,
    never.
    """
    report = _score()
    at = report.kind_blind.false_alarms_at_recall
    assert at is not None
    assert (at.score, at.count, at.per_km2) == (0.5, 1, 2.0)
    assert report.kind_aware.false_alarms_at_recall is None


def test_false_alarms_at_a_recall_have_an_interval() -> None:
    """A hundred mistakes found in turn with forty phantoms among the first hundred: 28 up to recall
    .7, give or take.

    The cut moves by √(.7 · .3 / 100) of them (± 2) and chance adds √28: together a 95 % interval of
    about 28 ± 11.
    """
    spot = 300.0 * np.arange(140)
    rows = [("phantom" if k % 7 in (2, 5) else "missing", 1 - k / 200, spot[k]) for k in range(140)]
    planted = _planted([("missing", spot[k], "") for k in range(140) if k % 7 not in (2, 5)])
    at = _score(_findings(rows), planted).kind_aware.false_alarms_at_recall
    assert at is not None and at.count == at.about_mapped_roads == 28
    assert at.count_interval is not None and at.about_mapped_interval is not None
    (low, high), (low_mapped, high_mapped) = at.count_interval, at.about_mapped_interval
    assert 14 <= low <= 20 and 36 <= high <= 43
    assert abs(low - low_mapped) <= 2 and abs(high - high_mapped) <= 2


def test_equal_scores_are_shown_together() -> None:
    """False alarms with the very score at which enough is found are counted with it."""
    findings = _findings(
        [("missing", 0.5, 0), ("missing", 0.5, NOWHERE), ("missing", 0.4, NOWHERE + 100)]
    )
    at = _score(findings, _planted([("missing", 0, "")])).kind_aware.false_alarms_at_recall
    assert at is not None
    assert (at.score, at.count) == (0.5, 1)


def test_a_finding_on_two_mistakes_is_one_hit() -> None:
    """A false alarm, then a finding that answers two mistakes of three: precision ½, recall 2/3, so
    ½ · 2/3.
    """
    findings = _findings([("missing", 0.9, NOWHERE), ("missing", 0.8, 4)])
    planted = _planted([("missing", 0, ""), ("missing", 8, ""), ("missing", 300, "")])
    aware = _score(findings, planted).kind_aware
    assert aware.hits == 1
    assert aware.detection.hits == 2
    assert aware.average_precision == pytest.approx(1 / 2 * 2 / 3)


def test_recall_counts_what_is_shown() -> None:
    """Recall at k looks at the first k findings, duplicates too: one mistake in three findings, two
    in four.
    """
    tally = score_findings(
        RANKING, PLANTED, area_km2=0.5, road_km=4.0, settings=ScoreSettings(recall_ks=(3, 4, 60))
    ).kind_aware
    assert {k: rate.hits for k, rate in tally.recall_at.items()} == {3: 1, 4: 2, 60: 2}


def test_precision_among_twenty_a_square_kilometre() -> None:
    """On 0.2 km² a reviewer looks at 4 findings: two hits, one duplicate, one false; on 0 km² at
    one.
    """
    first, rate = _score(area_km2=0.2).kind_aware.precision_per_km2
    assert (first, rate.hits, rate.total) == (4, 2, 3)
    assert _score(area_km2=0.0).kind_aware.precision_per_km2[0] == 1


def test_sizes_are_told_apart() -> None:
    """A mistake of exactly an edge's length belongs to the class above it."""
    planted = PLANTED.assign(length_m=[74.9, 75.0, 150.0, 400.0])
    sizes = _score(planted=planted).kind_aware.detection_by_size
    assert {size: (rate.hits, rate.total) for size, rate in sizes.items()} == {
        "under 75 m": (1, 1),
        "75 to 150 m": (1, 1),
        "from 150 m": (0, 2),
    }


def test_calibration_of_scores_by_hand() -> None:
    """Duplicates are real errors: the shares of .9, .8 and .6 come true, the others do not."""
    said = _score().kind_aware.calibration
    assert said.ece == pytest.approx((0.1 + 0.2 + 0.7 + 0.4 + 0.5 + 0.4 + 0.3) / 7)


@given(st.lists(st.booleans(), min_size=1, max_size=25).filter(any))
@settings(max_examples=15)
def test_average_precision_is_scikit_learns(real: list[bool]) -> None:
    """Where every mistake is found once, average precision is scikit-learn's; one more, unfound,
    scales it down.
    """
    scores = np.linspace(0.95, 0.05, len(real))
    findings = _findings(
        [
            ("missing", s, 40.0 * k if r else -NOWHERE - 40 * k)
            for k, (r, s) in enumerate(zip(real, scores, strict=True))
        ]
    )
    rows = [("missing", 40.0 * k, "") for k, r in enumerate(real) if r]
    expected = average_precision_score(real, scores)
    assert _score(findings, _planted(rows)).kind_aware.average_precision == pytest.approx(expected)
    more = _score(findings, _planted([*rows, ("missing", 5000.0, "")])).kind_aware.average_precision
    assert more == pytest.approx(expected * len(rows) / (len(rows) + 1))


def test_order_of_rows_does_not_matter() -> None:
    """Findings are ranked by score, however the table is sorted."""
    shuffled = RANKING.sample(frac=1, random_state=3)
    assert _score(shuffled).to_json() == _score().to_json() | {
        "outcomes": _score(shuffled).outcomes
    }


def test_intervals_hold_their_figures() -> None:
    """Each interval contains its figure; all found of ten has Wilson's bound .72, not a false
    certainty.
    """
    aware = _score().kind_aware
    low, high = aware.average_precision_interval
    assert low <= aware.average_precision <= high
    assert aware.detection.low <= 0.5 <= aware.detection.high
    rows = [("missing", 50.0 * k, "") for k in range(10)]
    found = _score(
        _findings([("missing", 0.5, y) for _, y, _ in rows]), _planted(rows)
    ).kind_aware.detection
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.7225, abs=1e-3)


def test_bootstrap_of_average_precision_resamples() -> None:
    """The interval is that of drawing mistakes and false alarms with replacement and scoring anew,
    by brute force.
    """
    rows = [("missing", 50.0 * k, "") for k in range(12)]
    rng = np.random.default_rng(5)
    real = rng.random(30) < 0.3
    spots = iter([50.0 * k for k in range(12)])
    findings = _findings(
        [
            ("missing", 1 - k / 40, next(spots) if r else -NOWHERE - 50 * k)
            for k, r in enumerate(real)
        ]
    )
    low, high = _score(findings, _planted(rows)).kind_aware.average_precision_interval
    values = []
    hits, alarms = np.flatnonzero(real), np.flatnonzero(~real)
    for _ in range(1500):
        drawn, false = rng.integers(0, 12, 12), rng.choice(alarms, len(alarms))
        ranks = np.sort(hits[drawn[drawn < len(hits)]])
        # equal mistakes share one finding: all of its copies are counted when it comes
        seen = np.array(
            [
                (ranks <= rank).sum() / ((ranks <= rank).sum() + (false < rank).sum())
                for rank in ranks
            ]
        )
        values.append(seen.sum() / 12)
    np.testing.assert_allclose([low, high], np.percentile(values, [2.5, 97.5]), atol=0.03)


def test_empty_tables_do_not_crash() -> None:
    """No findings, no planted mistakes, or neither: figures are null, and JSON takes them."""
    for findings, planted in (
        (RANKING.iloc[:0], PLANTED),
        (RANKING, PLANTED.iloc[:0]),
        (RANKING.iloc[:0], PLANTED.iloc[:0]),
    ):
        said = json.loads(json.dumps(_score(findings, planted).to_json(), allow_nan=False))
        assert said["kind_aware"]["average_precision"] == (0 if len(planted) else None)
        assert said["kind_aware"]["detection_rate"]["value"] == (0 if len(planted) else None)
        assert said["kind_aware"]["false_alarms"]["count"] == len(findings)


def test_report_is_plain_json() -> None:
    """The report of a full ranking survives a round trip through strict JSON unchanged."""
    said = _score().to_json()
    assert json.loads(json.dumps(said, allow_nan=False)) == json.loads(json.dumps(said))
    assert {"kind_aware", "kind_blind", "outcomes", "settings"} <= said.keys()


def test_different_places_are_refused() -> None:
    """Findings and planted mistakes in different CRSs are an error, not a score of zero."""
    with pytest.raises(ValueError, match="EPSG"):
        _score(planted=PLANTED.to_crs("EPSG:4326"))
