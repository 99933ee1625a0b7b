"""Windows over an image, the weights that blend them, and blocks for spatial cross-validation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mapsight.errors import InputError


class Window(NamedTuple):
    """Pixels row … row + height, col … col + width of an image; may hang over its edges."""

    row: int
    col: int
    height: int
    width: int


def tile_windows(height: int, width: int, *, size_px: int, overlap_px: int) -> list[Window]:
    """Square windows, row by row, that cover an image.

    They start at −overlap_px // 2 and follow each other at size_px − overlap_px pixels. So the
    outer ones hang over the edges: mirror the image there. What `window_core` leaves of each is a
    partition of the image.

    Parameters
    ----------
    height, width
        Of the image, in pixels.
    size_px
        Side of every window, in pixels.
    overlap_px
        What neighbours share, in pixels; at most half a window.

    Raises
    ------
    InputError
        For sizes below one pixel or a larger overlap.
    """
    if min(height, width) < 1:
        raise InputError(
            f"image of {height}×{width} pixels", "nothing to cover", "give at least one pixel"
        )
    stride = _stride(size_px, overlap_px)
    rows, cols = (range(-(overlap_px // 2), n - overlap_px // 2, stride) for n in (height, width))
    return [Window(row, col, size_px, size_px) for row in rows for col in cols]


def window_core(window: Window, height: int, width: int, *, overlap_px: int) -> Window:
    """The part of the image that the window answers for: it without half its overlaps, cut at the
    edges.
    """
    stride, margin = window.height - overlap_px, overlap_px // 2
    row, col = window.row + margin, window.col + margin
    return Window(row, col, min(stride, height - row), min(stride, width - col))


def blend_weights(size_px: int, overlap_px: int) -> np.ndarray:
    """Weights (size_px, size_px) float32 of one window: 1 inside, a cos² ramp over the overlaps.

    Over the endless regular grid they sum to one at every pixel. At the image's edge, where the
    outer windows have no neighbour, either divide by the summed weights or take `window_weights`,
    which need no division.
    """
    _stride(size_px, overlap_px)
    line = _ramps(size_px, overlap_px, first=False, last=False)
    return np.outer(line, line).astype(np.float32)


def window_weights(window: Window, height: int, width: int, *, overlap_px: int) -> np.ndarray:
    """`blend_weights` of this window, without the ramps that lie on the image's edges.

    Over `tile_windows` of the image they sum to one at every pixel, so predictions can simply be
    added up, and a row of windows is final as soon as the next row has been added to it.
    """
    stride, margin = window.height - overlap_px, overlap_px // 2
    down, across = (
        _ramps(window.height, overlap_px, first=start <= 0, last=start + margin + stride >= end)
        for start, end in ((window.row, height), (window.col, width))
    )
    return np.outer(down, across).astype(np.float32)


def spatial_folds(height: int, width: int, *, folds: int, block_px: int, seed: int) -> np.ndarray:
    """Fold numbers of the blocks that an image is cut into.

    Folds hold equally many blocks, one more or less. Every block shares a side with a block of
    another fold: each place is judged by a net that has seen its neighbourhood. The blocks are
    walked as an ox ploughs, and dealt a fresh permutation of the folds at a time.

    Parameters
    ----------
    height, width
        Of the image, in pixels.
    folds
        How many, 2 … 127.
    block_px
        About how long a block's sides are, in pixels; blocks are equal to within a pixel.
    seed
        Of the permutations.

    Returns
    -------
    ndarray
        (rows, cols) numbers 0 … folds − 1.

    Raises
    ------
    InputError
        For another number of folds, or fewer blocks than folds.
    """
    rows, cols = (max(round(n / block_px), 1) for n in (height, width))
    if not 2 <= folds <= 127 or rows * cols < folds:
        raise InputError(
            f"{folds} folds over {rows}×{cols} blocks of about {block_px} pixels",
            "needs 2 … 127 folds and a block for each",
            "take smaller blocks, fewer folds or a larger image",
        )
    rng = np.random.default_rng(seed)
    dealt = np.concatenate([rng.permutation(folds) for _ in range(-(-rows * cols // folds))])
    for seam in range(
        folds, dealt.size, folds
    ):  # a hand may not begin with the fold that the last one ended with
        if dealt[seam] == dealt[seam - 1]:
            dealt[seam : seam + folds] = np.roll(dealt[seam : seam + folds], -1)
    grid = dealt[: rows * cols].reshape(rows, cols)
    grid[1::2] = grid[1::2, ::-1].copy()
    return grid


def draw_blocks(grid: np.ndarray, height: int, width: int) -> np.ndarray:
    """What holds of every pixel (height, width), from what holds of the blocks (rows, cols) of
    `spatial_folds`.
    """
    rows, cols = (
        np.arange(n) * blocks // n for n, blocks in zip((height, width), grid.shape, strict=True)
    )
    return grid[np.ix_(rows, cols)]


def _stride(size_px: int, overlap_px: int) -> int:
    if not 0 <= 2 * overlap_px <= size_px or size_px < 1:
        raise InputError(
            f"windows of {size_px} pixels with an overlap of {overlap_px}",
            "an overlap lies between 0 and half a window",
            f"take an overlap of at most {max(size_px // 2, 0)}",
        )
    return size_px - overlap_px


def _ramps(size_px: int, overlap_px: int, *, first: bool, last: bool) -> np.ndarray:
    line = np.ones(size_px)
    if overlap_px:
        up = (
            np.sin(np.pi / 2 * (np.arange(overlap_px) + 0.5) / overlap_px) ** 2
        )  # up[k] + up[-1 - k] = 1
        if not first:
            line[:overlap_px] = up
        if not last:
            line[-overlap_px:] = up[::-1]
    return line
