"""What people said of findings, as labels and as a bend of the ranking."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.roads.scoring.rerank import learn_verdicts
from mapsight.roads.scoring.table import FEATURES, score_evidence
from mapsight.roads.verdicts.judged import (
    Judged,
    correct_labels,
    gather_judged,
    place_judged,
    read_lessons,
)

from ..conftest import BOX, make_lines


def make_findings(*rows: tuple[str, str, list[tuple[float, float]], str]) -> gpd.GeoDataFrame:
    """(id, kind, coordinates, where it is seen as WKT) → a table as an audit writes it."""
    lines = make_lines(*[line for _, _, line, _ in rows])
    features = [json.dumps(dict.fromkeys(FEATURES[kind], 0.1)) for _, kind, _, _ in rows]
    columns = {
        "finding_id": [r[0] for r in rows],
        "kind": [r[1] for r in rows],
        "score": 0.5,
        "features": features,
        "seen_wkt": [r[3] for r in rows],
    }
    return gpd.GeoDataFrame(columns, geometry=lines.geometry)


def say(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """(id, verdict, the line as drawn) → a table of verdicts."""
    return pd.DataFrame(rows, columns=["finding_id", "verdict", "geometry_wkt"])


STREET, LANE, BESIDE = [(100, 300), (300, 300)], [(100, 100), (300, 100)], [(400, 400), (600, 400)]
SEEN = shapely.to_wkt(make_lines([(400, 410), (600, 410)]).geometry[0])


@pytest.fixture
def judged():
    """A missing street and a misaligned one accepted, a phantom accepted, another finding rejected,
    one unsure.
    """
    findings = make_findings(
        ("a", "missing", STREET, ""),
        ("b", "phantom", LANE, ""),
        ("c", "misaligned", BESIDE, SEEN),
        ("d", "missing", [(50, 50), (50, 90)], ""),
        ("e", "phantom", [(700, 50), (700, 200)], ""),
    )
    said = [(name, "accept", "") for name in "abcz"]
    return gather_judged(findings, say(*said, ("d", "reject", ""), ("e", "unsure", "")))


def test_labels_are_those_of_the_mended_map(judged):
    """What was accepted is mended in the labels, what was rejected stays as the map has it, unsure
    says nothing.
    """
    mapped = make_lines(LANE, BESIDE, [(700, 50), (700, 200)])
    truth, weight = correct_labels(
        burn_lines(mapped, BOX), np.ones(BOX.shape, np.float32), judged, BOX
    )

    def at(array, x, y):
        return array[BOX.height - 1 - y, x]

    assert at(truth, 200, 300) == 1  # the missing street
    assert at(truth, 200, 100) == 0  # the phantom
    assert (
        at(truth, 500, 410) == 1 and at(truth, 500, 399) == 0
    )  # where it is seen, not where it was
    assert at(truth, 50, 70) == 0 and at(weight, 50, 70) == 1  # rejected
    assert at(weight, 700, 100) == 0 and at(weight, 200, 300) == 1


def test_a_drawn_line_is_what_teaches():
    """A reviewer's own line takes the place of the one proposed."""
    drawn = shapely.to_wkt(make_lines([(100, 500), (300, 500)]).geometry[0])
    judged = gather_judged(make_findings(("a", "missing", STREET, "")), say(("a", "accept", drawn)))
    truth, _ = correct_labels(
        np.zeros(BOX.shape, np.uint8), np.ones(BOX.shape, np.float32), judged, BOX
    )
    assert truth[BOX.height - 1 - 500, 200] == 1 and truth[BOX.height - 1 - 300, 200] == 0


def test_placing_moves_both_lines(judged):
    """Findings in the map's position are brought onto the imagery, the line that is seen with
    them.
    """
    moved = place_judged(judged, BOX.crs, lambda lines: lines.set_geometry(lines.translate(5, 0)))
    for column in ("geometry", "seen"):
        before, after = gpd.GeoSeries(judged.table[column]), gpd.GeoSeries(moved.table[column])
        assert (after.bounds["minx"] - before.bounds["minx"]).to_numpy() == pytest.approx(5)


def test_lessons_are_verdicts_that_say_yes_or_no(judged):
    """Accepted is right, rejected is wrong; an unsure phantom and a finding whose features are
    those of an older audit teach nothing.
    """
    lessons = read_lessons(judged)
    assert list(lessons.kinds) == ["missing", "phantom", "misaligned", "missing"]
    assert list(lessons.right) == [True, True, True, False]
    older = judged.table.assign(features=[{"length": 0.1}] * len(judged))
    assert not read_lessons(Judged(older)).kinds
    bend = learn_verdicts(lessons, dict.fromkeys(FEATURES, 0.0))
    features = dict.fromkeys(FEATURES["phantom"], 0.1)
    assert bend.score("phantom", features) > score_evidence("phantom", features)


def test_findings_without_features_are_refused():
    """An audit of an older version does not say what its scores are made of."""
    with pytest.raises(InputError, match="audit again"):
        gather_judged(make_findings(("a", "missing", STREET, "")).drop(columns="features"), say())
