"""Spatial folds of an image, dealt out where its map has something to teach."""

from __future__ import annotations

import numpy as np

from mapsight.geo.grid import draw_blocks, spatial_folds

_LEAST_SHARE = 0.25  # of what the fullest block holds; from less a net learns too little


def deal_folds(
    taught: np.ndarray, *, folds: int, block_px: int, seed: int
) -> tuple[np.ndarray, int]:
    """(the fold of every pixel (H, W) int8, how many there are) for what is taught (H, W) bool.

    Blocks of about block_px a side that hold something to learn are dealt out evenly; the others
    are of fold 0. There are fewer folds where there are fewer such blocks, and none where there are
    fewer than two.
    """
    rows, cols = (max(round(n / block_px), 1) for n in taught.shape)
    tops, lefts = (
        -(-np.arange(blocks) * n // blocks)
        for n, blocks in zip(taught.shape, (rows, cols), strict=True)
    )
    held = np.add.reduceat(np.add.reduceat(taught, tops, axis=0, dtype=np.int64), lefts, axis=1)
    walk = np.arange(rows * cols).reshape(rows, cols)
    walk[1::2] = walk[
        1::2, ::-1
    ].copy()  # like an ox ploughs: what follows each other are neighbours
    full = walk[(held >= max(_LEAST_SHARE * held.max(), 1)).ravel()[walk]]
    count = min(folds, len(full))
    grid = np.zeros(rows * cols, np.int8)
    if count < 2:
        return np.zeros(taught.shape, np.int8), 0
    grid[full] = spatial_folds(1, len(full), folds=count, block_px=1, seed=seed)[0]
    return draw_blocks(grid.reshape(rows, cols), *taught.shape), count
