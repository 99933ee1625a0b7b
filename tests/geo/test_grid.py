from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapsight.errors import InputError
from mapsight.geo.grid import (
    Window,
    blend_weights,
    draw_blocks,
    spatial_folds,
    tile_windows,
    window_core,
    window_weights,
)

sides = st.integers(1, 90)
tilings = st.integers(1, 40).flatmap(
    lambda size: st.tuples(st.just(size), st.integers(0, size // 2))
)
fold_grids = st.tuples(
    st.integers(1, 9), st.integers(1, 9), st.integers(2, 6), st.integers(0, 99)
).filter(lambda grid: grid[0] * grid[1] >= grid[2])


def _add(canvas: np.ndarray, window: Window, values: np.ndarray | float) -> None:
    """Adds a window's values (or one number) to the part of the canvas it covers."""
    full = np.broadcast_to(values, (window.height, window.width))
    top, left = max(-window.row, 0), max(-window.col, 0)
    target = canvas[
        max(window.row, 0) : window.row + window.height,
        max(window.col, 0) : window.col + window.width,
    ]
    target += full[top : top + target.shape[0], left : left + target.shape[1]]


@given(sides, sides, tilings)
def test_cores_partition_the_image(height, width, tiling):
    """Every pixel lies in exactly one core, and each core inside its window."""
    size, overlap = tiling
    count = np.zeros((height, width))
    for window in tile_windows(height, width, size_px=size, overlap_px=overlap):
        core = window_core(window, height, width, overlap_px=overlap)
        assert min(core.height, core.width) >= 1
        assert min(core.row, core.col) >= 0
        assert window.row <= core.row
        assert core.row + core.height <= window.row + window.height
        _add(count, core, 1)
    assert (count == 1).all()


@given(sides, sides, tilings)
def test_windows_cover_on_a_regular_grid(height, width, tiling):
    """All windows have the wished size, start at minus half the overlap, and step by size −
    overlap.
    """
    size, overlap = tiling
    windows = tile_windows(height, width, size_px=size, overlap_px=overlap)
    assert {(w.height, w.width) for w in windows} == {(size, size)}
    for starts in (sorted({w.row for w in windows}), sorted({w.col for w in windows})):
        assert starts[0] == -(overlap // 2)
        assert set(np.diff(starts)) <= {size - overlap}
    assert windows == sorted(windows)  # row by row, so that a reader can stream bands
    cover = np.zeros((height, width))
    for window in windows:
        _add(cover, window, 1)
    assert cover.min() >= 1


@given(tilings)
def test_blend_weights_sum_to_one_inside_the_grid(tiling):
    """Away from the outer windows' own ramps the weights are a partition of unity."""
    size, overlap = tiling
    total = np.zeros((3 * size, 3 * size))
    for window in tile_windows(3 * size, 3 * size, size_px=size, overlap_px=overlap):
        _add(total, window, blend_weights(size, overlap))
    inner = np.s_[overlap : 3 * size - overlap]
    assert np.allclose(total[inner, inner], 1, atol=1e-6)


@given(sides, sides, tilings)
def test_window_weights_sum_to_one_up_to_the_edges(height, width, tiling):
    """With the outer ramps flattened the weights need no division anywhere in the image."""
    size, overlap = tiling
    total = np.zeros((height, width))
    for window in tile_windows(height, width, size_px=size, overlap_px=overlap):
        _add(total, window, window_weights(window, height, width, overlap_px=overlap))
    assert np.allclose(total, 1, atol=1e-6)


def test_blend_weights_are_smooth_and_separable():
    """The ramp is gentle (no step above π/2 a ramp's length), symmetric, and the outer product of
    two lines.
    """
    weights = blend_weights(64, 16)
    assert weights.shape == (64, 64)
    assert weights.dtype == np.float32
    assert np.abs(np.diff(weights, axis=0)).max() <= np.pi / 2 / 16
    assert np.array_equal(weights, weights.T)
    assert np.array_equal(weights, weights[::-1])
    assert np.linalg.matrix_rank(weights) == 1


def test_inner_windows_keep_their_blend_weights():
    """A window with neighbours on all sides is weighted by blend_weights unchanged."""
    window = tile_windows(200, 200, size_px=64, overlap_px=16)[6]
    assert np.array_equal(window_weights(window, 200, 200, overlap_px=16), blend_weights(64, 16))


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (64, 33), (64, -1)])
def test_impossible_tilings_are_refused(size, overlap):
    """Overlaps beyond half a window, or negative ones, get a sentence with a remedy."""
    with pytest.raises(InputError, match="at most"):
        tile_windows(100, 100, size_px=size, overlap_px=overlap)


@given(fold_grids)
def test_folds_are_balanced_and_mixed(case):
    """Fold sizes differ by one block at most, and every block has a side in common with another
    fold's block.
    """
    rows, cols, folds, seed = case
    grid = spatial_folds(rows * 50, cols * 50, folds=folds, block_px=50, seed=seed)
    assert grid.shape == (rows, cols)
    sizes = np.bincount(grid.ravel(), minlength=folds)
    assert sizes.size == folds
    assert sizes.max() - sizes.min() <= 1
    assert sizes.min() >= 1
    padded = np.pad(grid, 1, constant_values=-1)
    shifted = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    other = [(side != grid) & (side >= 0) for side in shifted]
    assert np.logical_or.reduce(other).all()


@given(st.integers(40, 300), st.integers(40, 300), st.integers(2, 4), st.integers(0, 9))
def test_blocks_drawn_are_even_and_of_one_fold(height, width, folds, seed):
    """Pixels of a block share its fold, and the blocks are equal to within a pixel a side."""
    options = {"folds": folds, "block_px": 20, "seed": seed}
    grid = spatial_folds(height, width, **options)
    mask = draw_blocks(grid.astype(np.int8), height, width)
    assert mask.shape == (height, width)
    assert mask.dtype == np.int8
    row_edges, col_edges = (
        -(-np.arange(b + 1) * n // b) for n, b in zip(mask.shape, grid.shape, strict=True)
    )
    for edges in (row_edges, col_edges):
        assert np.ptp(np.diff(edges)) <= 1
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            block = mask[row_edges[i] : row_edges[i + 1], col_edges[j] : col_edges[j + 1]]
            assert (block == grid[i, j]).all()


def test_folds_depend_on_the_seed_alone():
    """The same seed deals the same folds; another seed others."""
    first, again, other = (
        spatial_folds(900, 900, folds=4, block_px=100, seed=s) for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_more_folds_than_blocks_are_refused():
    """An image of two blocks cannot be split into three folds; the sentence says what to do."""
    with pytest.raises(InputError, match="smaller blocks"):
        spatial_folds(100, 200, folds=3, block_px=100, seed=0)
