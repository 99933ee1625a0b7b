"""Counts: exact at every threshold, additive over images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mapsight.cnn.counts import (
    THRESHOLDS,
    count_above,
    count_pixels,
    count_relaxed,
    sum_counts,
    weigh_counts,
)


def _scene(
    seed: int, shape: tuple[int, int] = (24, 31)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = ndimage.binary_dilation(rng.random(shape) > 0.98, iterations=2)
    probability = np.clip(0.5 * truth + rng.normal(0.3, 0.2, shape), 0, 1).astype(np.float32)
    return probability, truth, rng.random(shape) > 0.15


@given(st.integers(0, 1000), st.sampled_from([0, 1, 250, 400, 500, 700, 999, 1000]))
@settings(max_examples=30)
def test_counts_equal_a_comparison_at_every_threshold(seed: int, k: int) -> None:
    """The cumulated histogram equals counting p >= t by hand, also where p lies exactly on a
    threshold.
    """
    probability, truth, valid = _scene(seed)
    probability = np.where(
        np.arange(probability.size).reshape(probability.shape) % 3, probability, THRESHOLDS[k]
    )
    histogram = count_pixels(probability, truth, valid)
    said = (probability >= THRESHOLDS[k]) & valid
    assert count_above(histogram.positives)[k] == (said & truth).sum()
    assert count_above(histogram.negatives)[k] == (said & ~truth).sum()


def test_images_add_up_to_the_whole() -> None:
    """Two halves counted apart and added are the whole image; weights of one are the sum."""
    probability, truth, valid = _scene(7)
    halves = [count_pixels(probability[s], truth[s], valid[s]) for s in (np.s_[:11], np.s_[11:])]
    whole, total, (weighed,) = (
        count_pixels(probability, truth, valid),
        sum_counts(halves),
        weigh_counts(halves, np.ones((1, 2))),
    )
    for name in ("positives", "negatives", "probability_sum", "squared_error"):
        np.testing.assert_allclose(getattr(total, name), getattr(whole, name))
        np.testing.assert_allclose(getattr(weighed, name), getattr(whole, name))


def test_invalid_pixels_do_not_count() -> None:
    """What lies under no-data, NaN even, changes no count, relaxed or not."""
    probability, truth, valid = _scene(3)
    spoilt, other = np.where(valid, probability, np.nan), np.where(valid, truth, ~truth)
    for count in (count_pixels, count_relaxed):
        clean, dirty = count(probability, truth, valid), count(spoilt, other, valid)
        for name in vars(clean):
            np.testing.assert_array_equal(getattr(clean, name), getattr(dirty, name))


@given(st.integers(0, 1000), st.sampled_from([100, 400, 500, 800]), st.integers(0, 4))
@settings(max_examples=25)
def test_relaxed_counts_equal_dilation(seed: int, k: int, rho_px: int) -> None:
    """One maximum filter counts the same as dilating the mask of that threshold with a square."""
    probability, truth, valid = _scene(seed)
    counts = count_relaxed(probability, truth, valid, rho_px=rho_px)
    said, road, square = (
        (probability >= THRESHOLDS[k]) & valid,
        truth & valid,
        np.ones((2 * rho_px + 1,) * 2),
    )
    assert count_above(counts.predicted)[k] == said.sum()
    assert (
        count_above(counts.predicted_near)[k]
        == (said & ndimage.binary_dilation(road, square)).sum()
    )
    assert (
        count_above(counts.truth_found)[k] == (road & ndimage.binary_dilation(said, square)).sum()
    )


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.5, 255.0])
def test_probabilities_outside_are_refused(value: float) -> None:
    """A byte image or NaN passed for a probability is an error, not a figure."""
    with pytest.raises(ValueError, match="probability"):
        count_pixels(np.full((2, 2), value), np.zeros((2, 2), bool))
