"""What answers a planted mistake, on lines drawn by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from shapely import LineString, MultiLineString, affinity

from mapsight.roads.finding.overlap import OverlapSettings, answer_planted, measure_overlap

ROAD = LineString([(0, 0), (100, 0)])


def _findings(*rows: tuple[str, LineString]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"kind": [kind for kind, _ in rows]}, geometry=[line for _, line in rows]
    )


def _planted(kind: str, line: LineString = ROAD, true_wkt: str = "") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"kind": [kind], "true_wkt": [true_wkt]}, geometry=[line])


def _outcomes(
    findings: gpd.GeoDataFrame, planted: gpd.GeoDataFrame, *, kind_aware: bool = True
) -> list[str]:
    return list(answer_planted(findings, planted, kind_aware=kind_aware).outcome)


@pytest.mark.parametrize(
    ("line", "share"),
    [
        (ROAD, 1.0),
        (affinity.translate(ROAD, 0, 9.9), 1.0),
        (affinity.translate(ROAD, 0, 10.1), 0.0),
        (affinity.translate(ROAD, 60, 0), 0.5),  # from 60 on, and ten metres before its beginning
        (LineString([(100, 3), (0, 3)]), 1.0),
        (LineString([(50, -50), (50, 50)]), 0.0),
        (affinity.rotate(ROAD, 45), 0.0),
        (MultiLineString([[(0, 0), (20, 0)], [(60, 0), (80, 0)]]), 0.7),
        (LineString([(0, 0), (0, 0)]), 0.0),
    ],
)
def test_overlap_by_hand(line: LineString, share: float) -> None:
    """Overlap counts what lies within 10 m and runs the same way, forth or back; crossings do
    not.
    """
    assert measure_overlap(ROAD, line, OverlapSettings()) == pytest.approx(share, abs=0.011)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (
            LineString([(75, 5), (275, 5)]),
            "hit",
        ),  # 35 % of the road, its reach of 10 m included; 17 % of itself
        (LineString([(40, 0), (45, 0)]), "hit"),  # 25 % of the road, but all of itself
        (LineString([(85, 2), (185, 2)]), "false"),  # 25 % of either
        (
            LineString([(50, -12), (50, 12)]),
            "false",
        ),  # a crossing, though most of it is within 10 m
    ],
)
def test_what_answers_a_missing_road(line: LineString, outcome: str) -> None:
    """30 % of the planted line, or half of the finding; a crossing line is no answer however
    short.
    """
    assert _outcomes(_findings(("missing", line)), _planted("missing")) == [outcome]


def test_the_first_answer_counts_and_others_are_duplicates() -> None:
    """Three findings on one mistake are one hit and two duplicates, in the order given."""
    findings = _findings(
        ("missing", ROAD), ("missing", LineString([(0, 4), (50, 4)])), ("missing", ROAD)
    )
    answers = answer_planted(findings, _planted("missing"), kind_aware=True)
    assert list(answers.outcome) == ["hit", "duplicate", "duplicate"]
    assert list(answers.found_by) == [0]


def test_kind_must_be_named_unless_blind() -> None:
    """A phantom finding over a missing road is false kind-aware, a hit kind-blind."""
    findings, planted = _findings(("phantom", ROAD)), _planted("missing")
    assert _outcomes(findings, planted) == ["false"]
    assert _outcomes(findings, planted, kind_aware=False) == ["hit"]


def test_a_shifted_road_found_as_phantom_and_missing() -> None:
    """Phantom on the map, missing where it is: blind, a hit and its duplicate; aware, two false
    alarms.
    """
    true_line = affinity.translate(ROAD, 0, 15)
    findings, planted = (
        _findings(("phantom", ROAD), ("missing", true_line)),
        _planted("misaligned", ROAD, true_line.wkt),
    )
    assert _outcomes(findings, planted, kind_aware=False) == ["hit", "duplicate"]
    assert _outcomes(findings, planted) == ["false", "false"]
    assert _outcomes(_findings(("misaligned", ROAD)), planted) == ["hit"]


def test_one_finding_may_answer_two_mistakes() -> None:
    """A long finding over two planted pieces finds both, and is one hit."""
    planted = gpd.GeoDataFrame(
        {"kind": ["missing"] * 2, "true_wkt": [""] * 2},
        geometry=[LineString([(0, 0), (60, 0)]), LineString([(100, 0), (160, 0)])],
    )
    answers = answer_planted(
        _findings(("missing", LineString([(0, 0), (160, 0)]))), planted, kind_aware=True
    )
    assert list(answers.outcome) == ["hit"]
    np.testing.assert_array_equal(answers.found_by, [0, 0])


def test_nothing_to_match() -> None:
    """No findings, no planted mistakes, or neither: empty answers."""
    none, some = _findings().astype({"kind": str}), _findings(("missing", ROAD))
    planted = _planted("missing")
    assert list(answer_planted(none, planted, kind_aware=True).found_by) == [-1]
    assert _outcomes(some, planted.iloc[:0]) == ["false"]
    assert _outcomes(none, planted.iloc[:0], kind_aware=False) == []
