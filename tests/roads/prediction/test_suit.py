"""A picture's threshold: the model's at home, lower where the net speaks softly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.metrics import best_threshold, count_pixels, measure_at
from mapsight.roads.prediction.predict import count_seen
from mapsight.roads.prediction.suit import (
    SURENESS,
    measure_sureness,
    split_logits,
    suit_threshold,
)


def picture(shift=0.0, *, roads=0.1, size=400, seed=0):
    """(probability, truth) whose logits are two hills; a shift makes the net speak softer."""
    rng = np.random.default_rng(seed)
    truth = rng.random((size, size)) < roads
    logits = np.where(truth, rng.normal(2.5, 1.5, truth.shape), rng.normal(-5, 1.5, truth.shape))
    return 1 / (1 + np.exp(-(logits - shift))), truth


def see(probability):
    return count_seen(probability, np.ones(probability.shape, bool))


HOME, TRUTH = picture(seed=1)
CARD = ModelCard("roadnet", 1.0, threshold=0.4, measures={SURENESS: measure_sureness(see(HOME))})


def test_a_picture_like_home_keeps_the_models_threshold():
    """Another picture of the same kind moves nothing, to the bit."""
    suited = suit_threshold(see(picture(seed=2)[0]), CARD, m_per_px=1.0)
    assert (suited.value, suited.own, suited.stranger) == (0.4, 0.4, 0.0)


@pytest.mark.parametrize("shift", [2.0, 3.0, 4.0])
def test_a_softer_voice_is_heard(shift):
    """Where the net is less sure the threshold falls, and F1 rises towards the best one's."""
    probability, truth = picture(shift)
    suited = suit_threshold(see(probability), CARD, m_per_px=1.0)
    counts = count_pixels(probability, truth)
    own, at = (measure_at(counts, t).f1 for t in (CARD.threshold, suited.value))
    assert suited.value < CARD.threshold and suited.stranger > 0.3
    best = measure_at(counts, best_threshold(counts)).f1
    assert best - at < 0.5 * (best - own)


def test_little_road_says_little():
    """A forest, or a small cut-out, does not move the threshold far; no pixel at all moves it by
    nothing.
    """
    forest = np.full((400, 400), 0.002)
    assert suit_threshold(see(forest), CARD, m_per_px=1.0).value == pytest.approx(0.4, abs=0.1)
    whole, _ = picture(3.0)
    part = suit_threshold(see(whole[:40, :40]), CARD, m_per_px=1.0)
    assert suit_threshold(see(whole), CARD, m_per_px=1.0).value < part.value < 0.4
    nothing = count_seen(whole, np.zeros(whole.shape, bool))
    assert suit_threshold(nothing, CARD, m_per_px=1.0).value == pytest.approx(0.4)


def test_a_card_that_does_not_say_how_sure_it_was_keeps_its_threshold():
    """Models of before this was measured judge as they did."""
    old = ModelCard("roadnet", 1.0, threshold=0.3)
    assert suit_threshold(see(picture(4.0)[0]), old, m_per_px=1.0).value == 0.3


def test_split_is_otsus():
    """The split of the logits is scikit-image's, to the width of a bin of probability."""
    probability, _ = picture(1.0)
    logits = np.log(probability / (1 - probability)).clip(-7.6, 7.6)
    theirs = 1 / (1 + np.exp(-threshold_otsu(logits, nbins=2000)))
    assert split_logits(see(probability)) == pytest.approx(theirs, abs=0.02)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_any_picture_has_a_threshold(values):
    """Whatever a net says, its threshold lies within 0 … 1, between its own and the picture's."""
    seen = see(np.array([values]))
    suited = suit_threshold(seen, CARD, m_per_px=100.0)
    low, high = sorted((CARD.threshold, split_logits(seen)))
    assert low - 1e-3 <= suited.value <= high + 1e-3
    assert 0 <= measure_sureness(seen) <= 1


def test_sureness_is_the_f1_that_comes_true_of_honest_probabilities():
    """If pixels are road as often as they say, the expected F1 is the measured one."""
    rng = np.random.default_rng(3)
    probability = rng.beta(0.3, 1.5, (700, 700))
    truth = rng.random(probability.shape) < probability
    counts = count_pixels(probability, truth)
    best = measure_at(counts, best_threshold(counts)).f1
    assert measure_sureness(see(probability)) == pytest.approx(best, abs=0.01)
