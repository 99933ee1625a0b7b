"""Pooling: what is kept of a window, from where (the switches), and how it is put back."""

from __future__ import annotations

import numpy as np

from mapsight.lab.convolution import find_output_size


def pool_max(
    grid: np.ndarray, size: int = 2, stride: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) → the largest value of each window (h, w), and its row and column in the input, (h, w,
    2).

    Among equals the first wins, row after row, as in torch. What the last window does not reach is
    dropped.
    """
    step = stride or size
    height, width = (find_output_size(n, size, stride=step) for n in grid.shape)
    values, switches = np.zeros((height, width), grid.dtype), np.zeros((height, width, 2), int)
    for i in range(height):
        for j in range(width):
            top, left = i * step, j * step
            window = grid[top : top + size, left : left + size]
            row, col = divmod(int(window.argmax()), size)
            values[i, j], switches[i, j] = window[row, col], (top + row, left + col)
    return values, switches


def pool_mean(grid: np.ndarray, size: int = 2, stride: int | None = None) -> np.ndarray:
    """(H, W) → the mean of each window (h, w)."""
    step = stride or size
    height, width = (find_output_size(n, size, stride=step) for n in grid.shape)
    return np.array(
        [
            [
                grid[i * step : i * step + size, j * step : j * step + size].mean()
                for j in range(width)
            ]
            for i in range(height)
        ]
    )


def unpool(values: np.ndarray, switches: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Each value back at the place it came from, zeros elsewhere (Zeiler & Fergus 2013, Noh et al.
    2015).
    """
    grid = np.zeros(shape, values.dtype)
    for (i, j), value in np.ndenumerate(values):
        row, col = switches[i, j]
        grid[row, col] = value
    return grid


def blur(grid: np.ndarray) -> np.ndarray:
    """(H, W) → the mean of each 3×3 neighbourhood, edges repeated: what blurring is."""
    padded = np.pad(grid.astype(float), 1, mode="edge")
    return pool_mean(padded, 3, 1)
