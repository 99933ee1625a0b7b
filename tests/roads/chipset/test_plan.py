"""Where chips are cut: no training pixel within the gap of a pixel that judges, nothing outside,
nothing twice.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt

from mapsight.errors import InputError
from mapsight.roads.chipset.plan import plan_chips


@settings(max_examples=80)
@given(
    st.integers(20, 300),
    st.integers(20, 300),
    st.integers(8, 40),
    st.integers(0, 30),
    st.integers(0, 5),
)
def test_no_training_pixel_is_within_the_gap_of_a_judge(height, width, chip_px, gap_px, seed):
    """Oracle: the chessboard distance of every pixel, drawn out. Chips lie inside and share no
    pixel.
    """
    try:
        chips = plan_chips(height, width, chip_px=chip_px, gap_px=gap_px, seed=seed)
    except InputError:
        assume(False)
    drawn = {split: np.zeros((height, width), int) for split in ("train", "val", "test")}
    for chip in chips:
        assert 0 <= chip.row <= height - chip_px and 0 <= chip.col <= width - chip_px
        drawn[chip.split][chip.row : chip.row + chip_px, chip.col : chip.col + chip_px] += 1
    assert max(part.max() for part in drawn.values()) == 1
    for split in drawn:  # none is empty
        assert drawn[split].any()
        distance = distance_transform_cdt(drawn[split] == 0, "chessboard")  # 1: beside
        others = sum(part for name, part in drawn.items() if name != split) > 0
        assert distance[others].min() > gap_px


def test_large_images_are_used_well():
    """A scene of 10,000 px a side gives at least 80 % of the chips that fit without gaps, most of
    them train.
    """
    chips = plan_chips(10_000, 10_000, chip_px=512, gap_px=64)
    assert len(chips) >= 0.8 * 19**2
    share = {
        split: sum(c.split == split for c in chips) / len(chips)
        for split in ("train", "val", "test")
    }
    assert 0.65 < share["train"] < 0.85 and min(share.values()) > 0.08


def test_equal_seeds_give_equal_plans():
    """Other seeds give others."""
    plans = [plan_chips(3000, 3000, chip_px=128, gap_px=16, seed=seed) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_what_is_too_small_is_told():
    """Two chips cannot be three splits."""
    with pytest.raises(InputError, match="three chips"):
        plan_chips(512, 1100, chip_px=512, gap_px=64)
