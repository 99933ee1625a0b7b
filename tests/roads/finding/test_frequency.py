"""How many errors a map holds, told by its candidates, and what verdicts add."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapsight.roads.finding.candidates import Candidate
from mapsight.roads.finding.frequency import estimate_offsets, learn_bend, measure_lacking
from mapsight.roads.scoring.prior import PriorSettings, find_offsets
from mapsight.roads.scoring.rerank import Lessons
from mapsight.roads.scoring.table import FEATURES, read_share, score_evidence

from ..conftest import make_candidates
from ..scoring.test_table import draw_features


def draw_listed(length_m: float, count: int, beyond: float = 0.0) -> list[Candidate]:
    """Candidates of each kind, equally long."""
    line = shapely.LineString([(0, 0), (length_m, 0)])
    return [
        Candidate(kind=kind, line=line, features={**draw_features(kind, seed), "beyond": beyond})
        for kind in FEATURES
        for seed in range(count)
    ]


def test_candidates_of_an_audit_are_scored_by_the_table():
    """The offsets of candidates are those of their scores, with the shares of the table."""
    listed = draw_listed(30, 30)
    scored = {
        kind: (
            np.array([score_evidence(kind, one.features) for one in listed if one.kind == kind]),
            read_share(kind),
        )
        for kind in FEATURES
    }
    assert estimate_offsets(make_candidates(listed, seen_m=20_000)) == find_offsets(
        scored, PriorSettings()
    )


def test_a_map_that_lacks_much_of_what_is_seen_is_believed_to():
    """The same candidates promise more where they are most of the roads seen; other kinds follow
    less.
    """
    listed = draw_listed(100, 10)
    offsets = [
        estimate_offsets(make_candidates(listed, seen_m=seen_m))
        for seen_m in (20_000, 2_500, 1_500)
    ]
    missing, phantom = ([offset[kind] for offset in offsets] for kind in ("missing", "phantom"))
    assert missing[0] < missing[1] < missing[2]
    assert phantom[2] - phantom[0] < missing[2] - missing[0]


def test_only_what_lies_within_reach_counts():
    """Roads beyond the map's reach make it look neither complete nor incomplete; phantoms are not
    what it lacks.
    """
    assert measure_lacking(make_candidates(draw_listed(80, 1), seen_m=500, beyond_m=900)) == (
        80,
        500,
    )
    lacking_m, _ = measure_lacking(make_candidates(draw_listed(80, 1, beyond=0.75), seen_m=500))
    assert lacking_m == pytest.approx(20)


def test_bend_starts_from_what_the_candidates_tell():
    """Without verdicts the offset is that of the candidates; verdicts on one kind leave it for the
    others.
    """
    found = make_candidates(
        Candidate(
            kind=kind,
            line=shapely.LineString([(0, 0), (50, 0)]),
            features={**dict.fromkeys(FEATURES[kind], 0.1), "beyond": 0.0},
        )
        for kind in FEATURES
        for _ in range(20)
    )
    rejected = Lessons(["phantom"], [dict.fromkeys(FEATURES["phantom"], 0.1)], [False])
    alone, told = learn_bend(found), learn_bend(found, rejected)
    assert alone.offset == alone.start == told.start != told.offset
    assert not any(learn_bend(None).start.values())  # nobody looked at the candidates
    features = dict.fromkeys(FEATURES["missing"], 0.1)
    logit = np.log(score_evidence("missing", features) / (1 - score_evidence("missing", features)))
    assert alone.score("missing", features) == pytest.approx(
        1 / (1 + np.exp(-logit - alone.start["missing"]))
    )
    assert told.offset["missing"] == alone.start["missing"]
