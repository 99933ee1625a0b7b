"""Equivariance to translation, measured: does a shifted image give a shifted map, f(shift x) =
shift f(x)?

The image is a window of a larger scene, so that a shift brings new pixels in at the border, as a
camera's would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mapsight.lab.convolution import correlate_grid
from mapsight.lab.lecture import SOBEL_X
from mapsight.lab.pooling import pool_max

Mechanism = Callable[[np.ndarray], np.ndarray]  # (H, W) → (h, w)


@dataclass(frozen=True)
class Layer:
    """A mechanism, its total stride, and how many output cells at each side can see the border."""

    run: Mechanism
    stride: int = 1
    border: int = 0


def relu(grid: np.ndarray) -> np.ndarray:
    positive: np.ndarray = np.maximum(grid, 0)
    return positive


def _run_small_cnn(grid: np.ndarray) -> np.ndarray:
    for _ in range(2):
        grid = pool_max(relu(correlate_grid(grid, SOBEL_X, "same")))[0]
    return grid


LAYERS: dict[str, Layer] = {
    "convolution, valid": Layer(lambda x: correlate_grid(x, SOBEL_X)),
    "convolution, same": Layer(lambda x: correlate_grid(x, SOBEL_X, "same"), border=1),
    "convolution, ReLU": Layer(lambda x: relu(correlate_grid(x, SOBEL_X, "same")), border=1),
    "max pool 2×2, stride 1": Layer(lambda x: pool_max(x, 2, 1)[0]),
    "max pool 2×2, stride 2": Layer(lambda x: pool_max(x)[0], stride=2),
    "convolution, stride 2": Layer(
        lambda x: correlate_grid(x, SOBEL_X, "same", stride=2), stride=2, border=1
    ),
    "(conv, ReLU, pool) twice": Layer(_run_small_cnn, stride=4, border=1),
}


def measure_equivariance(
    layer: Layer, scene: np.ndarray, shift_px: int, *, size_px: int = 48, inside: bool = True
) -> float:
    """Largest |f(shift x) − shift f(x)| over the largest |f(x)|; 0 is equivariance. The shift is to
    the right.

    A shift that the stride does not divide has no whole shift of the map to go with: the better
    neighbour counts. inside: only cells that see no border.
    """
    top, left = (scene.shape[0] - size_px) // 2, (scene.shape[1] - size_px) // 2
    still = layer.run(scene[top : top + size_px, left : left + size_px])
    moved = layer.run(scene[top : top + size_px, left - shift_px : left - shift_px + size_px])
    cells = shift_px // layer.stride
    choices = (cells,) if shift_px % layer.stride == 0 else (cells, cells + 1)
    return min(_compare(still, moved, c, layer.border if inside else 0) for c in choices)


def _compare(still: np.ndarray, moved: np.ndarray, cells: int, border: int) -> float:
    """What of the still map reappears `cells` to the right in the moved one."""
    rows = slice(border, still.shape[0] - border)
    before = still[rows, border : still.shape[1] - cells - border]
    after = moved[rows, border + cells : moved.shape[1] - border]
    return float(np.abs(before - after).max() / np.abs(still).max())


def measure_rotation(weights: np.ndarray, scene: np.ndarray) -> float:
    """The same for a quarter turn: largest |f(turn x) − turn f(x)| over the largest |f(x)|, valid
    convolution.
    """
    still = correlate_grid(scene, weights)
    turned = correlate_grid(np.rot90(scene), weights)
    return float(np.abs(turned - np.rot90(still)).max() / np.abs(still).max())
