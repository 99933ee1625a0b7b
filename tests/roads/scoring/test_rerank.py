"""What verdicts teach: nothing without them, little from a few, and the right thing from many."""

from __future__ import annotations

import numpy as np
import pytest

from mapsight.roads.scoring.rerank import Lessons, learn_verdicts, order_spread
from mapsight.roads.scoring.table import FEATURES, explain_score, score_evidence

NOWHERE = dict.fromkeys(FEATURES, 0.0)


def draw(kind: str, count: int, seed: int = 0) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    return [{name: float(rng.normal()) for name in FEATURES[kind]} for _ in range(count)]


def test_without_verdicts_scores_stay():
    """Nobody said anything: every score is the table's."""
    bend = learn_verdicts(Lessons(), NOWHERE)
    for kind in FEATURES:
        for features in draw(kind, 5):
            assert bend.score(kind, features) == pytest.approx(score_evidence(kind, features))


def test_rejections_lower_their_kind_alone():
    """Ten rejected phantoms make phantoms less likely here, and missing roads no less."""
    rejected = draw("phantom", 10)
    bend = learn_verdicts(Lessons(["phantom"] * 10, rejected, [False] * 10), NOWHERE)
    for features in draw("phantom", 5, seed=1):
        assert bend.score("phantom", features) < score_evidence("phantom", features) + 1e-9
    for features in draw("missing", 5, seed=1):
        assert bend.score("missing", features) == pytest.approx(score_evidence("missing", features))


def test_more_verdicts_weigh_more():
    """The same answer given more often moves the score farther."""
    rejected = draw("missing", 40)
    asked = draw("missing", 1, seed=9)[0]
    scores = [
        learn_verdicts(Lessons(["missing"] * n, rejected[:n], [False] * n), NOWHERE).score(
            "missing", asked
        )
        for n in (0, 2, 10, 40)
    ]
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1]


def test_what_matters_here_is_learnt():
    """Where one term alone decides, the ranking of unseen findings improves."""
    told, asked = draw("missing", 80), draw("missing", 80, seed=5)

    def is_right(features):
        return (
            next(term.logit for term in explain_score("missing", features) if term.name == "ends")
            > 0
        )

    bend = learn_verdicts(Lessons(["missing"] * 80, told, [is_right(f) for f in told]), NOWHERE)

    def share_in_order(score):
        yes = [score(f) for f in asked if is_right(f)]
        no = [score(f) for f in asked if not is_right(f)]
        return np.mean([a > b for a in yes for b in no])

    before = share_in_order(lambda f: score_evidence("missing", f))
    assert share_in_order(lambda f: bend.score("missing", f)) > before + 0.05


@pytest.mark.parametrize("count", [0, 1, 2, 7, 85, 1000])
def test_every_beginning_of_the_order_is_spread(count):
    """Each place comes once, and after n of them no part of the list longer than φ² of a fair share
    is left out.
    """
    order = order_spread(count)
    assert sorted(order) == list(range(count))
    for n in range(1, count + 1, max(1, count // 40)):
        taken = np.sort(order[:n])
        gaps = np.diff(np.concatenate([[-1], taken, [count]]))
        assert gaps.max() <= 2.62 * count / n + 2
