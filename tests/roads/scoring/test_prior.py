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
    find_offsets,
)

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


def test_little_that_is_seen_says_little():
    """Of a hundred metres seen all may lie beside the map: that is no reason to doubt it."""
    settings = PriorSettings()
    assert believe_lacking(0, 0, settings) == believe_lacking(100, 100, settings) == 0
    assert believe_lacking(10_000, 20_000, settings) == settings.lacking_rise
