"""A drawn aerial scene for every experiment that is given no image: two roads, roofs, a pond,
fields.
"""

from __future__ import annotations

import numpy as np

_FIELD, _MEADOW, _WATER = (122, 134, 82), (96, 124, 76), (58, 84, 110)
_ROAD, _LINE, _ROOFS = (
    (176, 174, 168),
    (232, 230, 220),
    ((168, 82, 62), (96, 96, 104), (196, 150, 110)),
)


def draw_scene(size_px: int = 96, seed: int = 0) -> np.ndarray:
    """(size, size, 3) uint8; equal seeds give equal scenes."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size_px, :size_px] * (96 / size_px)
    scene = np.where((x + 0.4 * y < 62)[..., None], _FIELD, _MEADOW).astype(float)
    scene += (
        10 * np.sin(2 * np.pi * (x + 0.4 * y) / 6)[..., None] * (x + 0.4 * y < 34)[..., None]
    )  # furrows
    scene[(x - 78) ** 2 / 120 + (y - 78) ** 2 / 70 < 1] = _WATER
    _paint_road(scene, np.abs(y - 30 - 4 * np.sin(x / 18)), width_px=8)
    _paint_road(scene, np.abs(x - 44 - 0.18 * (y - 48)) / np.hypot(1, 0.18), width_px=6)
    for k, (row, col) in enumerate(
        ((8, 10), (8, 26), (42, 58), (44, 76), (54, 12), (70, 20), (12, 66), (10, 80))
    ):
        scene[(y >= row) & (y < row + 9) & (x >= col) & (x < col + 11)] = _ROOFS[k % 3]
    return np.clip(np.round(scene + random.normal(0, 2, (size_px, size_px, 1))), 0, 255).astype(
        np.uint8
    )


def _paint_road(scene: np.ndarray, distance_px: np.ndarray, *, width_px: float) -> None:
    scene[distance_px <= width_px / 2] = _ROAD
    scene[distance_px <= 0.5] = _LINE


def to_grey(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 → (H, W) float: luma of ITU-R BT.601, whole numbers."""
    return np.round(image[..., :3].astype(float) @ [0.299, 0.587, 0.114])
