"""Thresholds are the ones that a search by hand finds."""

from __future__ import annotations

import numpy as np
import pytest

from mapsight.errors import InputError
from mapsight.roads.prediction.threshold import choose_threshold, count_blocks


def scene(seed=0, size=120):
    rng = np.random.default_rng(seed)
    truth = rng.random((size, size)) < 0.1
    return np.clip(np.where(truth, 0.6, 0.25) + rng.normal(0, 0.15, truth.shape), 0, 1), truth


def measure(p, t, threshold):
    mask = p >= threshold
    hit = (mask & t).sum()
    return hit / max(mask.sum(), 1), hit / t.sum()


def test_highest_f1_is_the_highest():
    """No threshold of a fine grid has a higher pooled F1; the interval holds the choice."""
    p, t = scene()
    choice = choose_threshold(count_blocks(p, t, np.ones_like(t), block_px=30))
    f1s = [
        2 * a * b / max(a + b, 1e-9) for a, b in (measure(p, t, k / 1000) for k in range(1, 1000))
    ]
    assert choice.f1 == pytest.approx(max(f1s), abs=1e-9)
    assert choice.low <= choice.value <= choice.high
    assert choice.high - choice.low < 0.3


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.9])
def test_precision_is_reached(wanted):
    """The lowest threshold that reaches the precision: a step lower does not."""
    p, t = scene()
    choice = choose_threshold(count_blocks(p, t, np.ones_like(t), block_px=30), precision=wanted)
    assert measure(p, t, choice.value)[0] >= wanted
    assert measure(p, t, choice.value - 0.001)[0] < wanted
    assert f"{wanted:g}" in choice.mode


def test_unreachable_precision_takes_the_most_precise():
    """Where noise allows no such precision, the best there is is taken, and its precision told."""
    rng = np.random.default_rng(0)
    p, t = rng.random((60, 60)), rng.random((60, 60)) < 0.3
    choice = choose_threshold(count_blocks(p, t, np.ones_like(t), block_px=30), precision=0.999)
    assert 0 <= choice.value <= 1
    assert choice.precision < 1.0 or choice.recall < 0.05


def test_one_part_tells_nothing_of_the_spread():
    """A single part has no bootstrap: the interval is all there is, not NaN."""
    p, t = scene()
    choice = choose_threshold(count_blocks(p, t, np.ones_like(t), block_px=1000))
    assert (choice.low, choice.high) == (0.0, 1.0)


def test_no_pixel_chooses_no_threshold():
    """Where nothing is valid, a sentence says so."""
    p, t = scene()
    with pytest.raises(InputError, match="no valid pixel"):
        choose_threshold(count_blocks(p, t, np.zeros_like(t), block_px=30))


def test_blocks_add_up_to_the_scene():
    """Blocks count every valid pixel once."""
    p, t = scene(size=101)
    valid = np.ones_like(t)
    valid[:50, :50] = False
    parts = count_blocks(p, t, valid, block_px=25)
    assert sum(h.positives.sum() + h.negatives.sum() for h in parts) == valid.sum()
