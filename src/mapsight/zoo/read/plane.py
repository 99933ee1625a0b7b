"""A plane seen in perspective: homographies (Hartley & Zisserman 2004, section 4.1) and pictures
warped by them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def find_homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) that takes four points (4, 2) to four others, x before y, its last entry 1."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.append(
        np.linalg.solve(np.array(rows, float), np.asarray(target, float).ravel()), 1
    ).reshape(3, 3)


def warp_picture(
    picture: Image.Image, homography: np.ndarray, size: tuple[int, int]
) -> Image.Image:
    """The picture as `homography` (picture → result) moves it, on `size` (width, height) pixels;
    black elsewhere.
    """
    back = np.linalg.inv(homography)
    return picture.transform(
        size,
        Image.Transform.PERSPECTIVE,
        tuple((back / back[2, 2]).ravel()[:8]),
        Image.Resampling.BICUBIC,
    )


def list_corners(width: float, height: float) -> np.ndarray:
    """(4, 2): upper left, upper right, lower right, lower left."""
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
