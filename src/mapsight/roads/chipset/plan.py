"""Which chips of an image teach and which are held out: blocks of space with a gap between, never
neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

from mapsight.errors import InputError
from mapsight.geo.grid import spatial_folds

SPLITS = ("train", "val", "test")
_FOLDS = 8  # six of eight blocks train, one chooses, one tests
_BLOCK_CHIPS = (3, 2, 1)  # chips along the side of a block: the most that gives eight blocks


class PlannedChip(NamedTuple):
    """A window of chip_px² at (row, col), and the split it belongs to."""

    row: int
    col: int
    split: str


def plan_chips(
    height: int, width: int, *, chip_px: int, gap_px: int, seed: int = 0
) -> list[PlannedChip]:
    """Chips side by side in blocks of up to 3 × 3, each block of one split: 6 of 8 train, one is
    val, one test.

    Blocks stand at least gap_px apart, so no pixel of a training chip lies within the gap of a
    pixel that is held out (the larger of the steps down and across). Raises InputError where fewer
    than three blocks fit.
    """
    rows, cols = _count_blocks(height, width, chip_px, gap_px)
    folds = spatial_folds(rows, cols, folds=min(_FOLDS, rows * cols), block_px=1, seed=seed)
    chips = []
    for i in range(rows):
        for j in range(cols):
            split = {0: "test", 1: "val"}.get(int(folds[i, j]), "train")
            tops = _place_along(height, i, rows, chip_px, gap_px)
            lefts = _place_along(width, j, cols, chip_px, gap_px)
            chips += [PlannedChip(row, col, split) for row in tops for col in lefts]
    return sorted(chips)


def _count_blocks(height: int, width: int, chip_px: int, gap_px: int) -> tuple[int, int]:
    rows = cols = 0
    for side in _BLOCK_CHIPS:
        rows, cols = ((n + gap_px) // (side * chip_px + gap_px) for n in (height, width))
        if rows * cols >= _FOLDS:
            return rows, cols
    if rows * cols < len(SPLITS):
        raise InputError(
            f"image of {width} × {height} px",
            f"has no room for three chips of {chip_px} px with gaps of {gap_px}",
            "take smaller chips, or say the splits yourself with --pairs",
        )
    return rows, cols


def _place_along(length: int, block: int, blocks: int, chip_px: int, gap_px: int) -> list[int]:
    """Starts of the chips of one block along one axis, the gap after it left free."""
    start = block * (length + gap_px) // blocks
    end = (block + 1) * (length + gap_px) // blocks - gap_px
    count = (end - start) // chip_px
    first = start + (end - start - count * chip_px) // 2
    return [first + k * chip_px for k in range(count)]
