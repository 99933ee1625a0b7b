"""How many errors a map holds, told by its candidates: known mixtures of scores, and what they are
moved to.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from mapsight.roads.scoring.prior import (
    PriorSettings,
    believe_lacking,
    estimate_offsets,
    find_offsets,
    measure_lacking,
)
from mapsight.roads.scoring.table import FEATURES, read_share, score_evidence

from ..conftest import make_candidates
from .test_table import draw_features

VAGUE = PriorSettings(mean=0.0, spread=100.0, weight=1.0)
FITTED = 0.4  # the share of errors where the scores below were 'fitted'


def draw_scores(share: float, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(scores, right) of candidates of which a share is right, scored as if it were FITTED.

    One normal trait, its mean +1 for errors and −1 for others: the logit of the score is 2 · trait
    + logit FITTED.
    """
    rng = np.random.default_rng(seed)
    right = rng.random(count) < share
    trait = rng.normal(np.where(right, 1.0, -1.0))
    return expit(2 * trait + logit(FITTED)), right


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4, 0.8])
def test_the_share_is_found(share):
    """Among many candidates the offset is the one of the true share, and the moved scores sum to
    what is right.
    """
    scores, right = draw_scores(share, 20_000)
    offset = find_offsets({"phantom": (scores, FITTED)}, VAGUE)["phantom"]
    assert offset == pytest.approx(logit(share) - logit(FITTED), abs=0.15)
    assert expit(logit(scores) + offset).sum() == pytest.approx(right.sum(), rel=0.1)


def test_few_candidates_move_little():
    """Doubtful candidates of a small map leave the belief; the more there are, the farther it
    goes.
    """
    scores, _ = draw_scores(0.02, 1000)
    settings = PriorSettings(mean=0.0)
    offsets = [
        find_offsets({"missing": (scores[:n], FITTED)}, settings)["missing"]
        for n in (0, 10, 100, 1000)
    ]
    assert offsets == sorted(offsets, reverse=True)
    assert offsets[0] == 0 and offsets[1] > -1 and offsets[-1] < -2


def test_a_map_full_of_errors_is_believed():
    """Candidates that all look like errors raise their scores, against the belief that errors are
    few.
    """
    scores, _ = draw_scores(1.0, 400)
    assert find_offsets({"missing": (scores, FITTED)}, PriorSettings())["missing"] > 1


def test_kinds_learn_from_each_other():
    """A kind without candidates follows the others; one with many of its own departs from them."""
    many, few = (draw_scores(share, 400)[0] for share in (0.8, 0.02))
    found = find_offsets(
        {"missing": (many, FITTED), "phantom": (few, FITTED), "misaligned": (few[:0], FITTED)},
        PriorSettings(),
    )
    assert found["phantom"] < found["misaligned"] < found["missing"]


def draw_rows(length_m: float, count: int, beyond: float = 0.0) -> list[dict]:
    """Candidates of each kind, equally long."""
    return [
        {
            "kind": kind,
            "features": {**draw_features(kind, seed), "beyond": beyond},
            "length_m": length_m,
        }
        for kind in FEATURES
        for seed in range(count)
    ]


def test_candidates_of_an_audit_are_scored_by_the_table():
    """The offsets of candidates are those of their scores, with the shares of the table."""
    rows = draw_rows(30, 30)
    scored = {
        kind: (
            np.array(
                [score_evidence(kind, row["features"]) for row in rows if row["kind"] == kind]
            ),
            read_share(kind),
        )
        for kind in FEATURES
    }
    assert estimate_offsets(make_candidates(rows, seen_m=20_000)) == find_offsets(
        scored, PriorSettings()
    )


def test_a_map_that_lacks_much_of_what_is_seen_is_believed_to():
    """The same candidates promise more where they are most of the roads seen; other kinds follow
    less.
    """
    rows = draw_rows(100, 10)
    offsets = [
        estimate_offsets(make_candidates(rows, seen_m=seen_m)) for seen_m in (20_000, 2_500, 1_500)
    ]
    missing, phantom = ([offset[kind] for offset in offsets] for kind in ("missing", "phantom"))
    assert missing[0] < missing[1] < missing[2]
    assert phantom[2] - phantom[0] < missing[2] - missing[0]


def test_little_that_is_seen_says_little():
    """Of a hundred metres seen all may lie beside the map: that is no reason to doubt it."""
    settings = PriorSettings()
    assert believe_lacking(0, 0, settings) == believe_lacking(100, 100, settings) == 0
    assert believe_lacking(10_000, 20_000, settings) == settings.lacking_rise


def test_only_what_lies_within_reach_counts():
    """Roads beyond the map's reach make it look neither complete nor incomplete; phantoms are not
    what it lacks.
    """
    assert measure_lacking(make_candidates(draw_rows(80, 1), seen_m=500, beyond_m=900)) == (80, 500)
    lacking_m, _ = measure_lacking(make_candidates(draw_rows(80, 1, beyond=0.75), seen_m=500))
    assert lacking_m == pytest.approx(20)
