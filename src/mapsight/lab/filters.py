"""Filters that people chose before networks learnt them, their feature maps, and what they answer
to.

All are meant for cross-correlation (see `convolution.py`): the top left weight lies on the top left
pixel.
"""

from __future__ import annotations

import math

import numpy as np

from mapsight.errors import InputError
from mapsight.lab.lecture import SOBEL_X

_LARGEST = 31  # rows or columns of a filter of one's own

SOBEL_Y = SOBEL_X.T
PREWITT_X = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
SCHARR_X = np.array([[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]])
LAPLACIAN_4 = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
LAPLACIAN_8 = np.array([[1, 1, 1], [1, -8, 1], [1, 1, 1]])


def make_gaussian(size: int, sigma_px: float) -> np.ndarray:
    """(size, size), sum 1: the bell exp(−(x² + y²)/2σ²), sampled at whole pixels around the
    middle.
    """
    x = np.arange(size) - (size - 1) / 2
    bell = np.exp(-(x**2) / (2 * sigma_px**2))
    gaussian: np.ndarray = np.outer(bell, bell) / bell.sum() ** 2
    return gaussian


def make_gabor(size: int, *, wavelength_px: float, angle_deg: float, sigma_px: float) -> np.ndarray:
    """(size, size), sum 0: a wave under a bell; angle 0 varies along a row, 90 down a column
    (Daugman 1985).
    """
    x, y = np.meshgrid(*[np.arange(size) - (size - 1) / 2] * 2)
    turned = x * math.cos(math.radians(angle_deg)) + y * math.sin(math.radians(angle_deg))
    bell = np.exp(-(x**2 + y**2) / (2 * sigma_px**2))
    wave = np.cos(2 * math.pi * turned / wavelength_px)
    # without the mean: a flat patch is answered with 0
    gabor: np.ndarray = bell * (wave - (bell * wave).sum() / bell.sum())
    return gabor


FILTERS: dict[str, np.ndarray] = {
    "sobel-x": SOBEL_X,
    "sobel-y": SOBEL_Y,
    "prewitt-x": PREWITT_X,
    "prewitt-y": PREWITT_X.T,
    "scharr-x": SCHARR_X,
    "scharr-y": SCHARR_X.T,
    "laplacian-4": LAPLACIAN_4,
    "laplacian-8": LAPLACIAN_8,
    "gaussian": make_gaussian(5, 1.0),
    "gabor-0": make_gabor(9, wavelength_px=6, angle_deg=0, sigma_px=2),
    "gabor-45": make_gabor(9, wavelength_px=6, angle_deg=45, sigma_px=2),
    "gabor-90": make_gabor(9, wavelength_px=6, angle_deg=90, sigma_px=2),
}


def parse_filter(text: str) -> np.ndarray:
    """A name of FILTERS, or rows of numbers as '-1 0 1; -2 0 2; -1 0 1' (commas do as well)."""
    if text in FILTERS:
        return FILTERS[text]
    remedy = "write rows as '-1 0 1; -2 0 2; -1 0 1' or choose one of " + ", ".join(FILTERS)
    try:
        rows = [
            [float(word) for word in row.replace(",", " ").split()]
            for row in text.strip(" ;").split(";")
        ]
    except ValueError:
        raise InputError(
            f"filter '{text}'", "is neither a known name nor numbers", remedy
        ) from None
    width = len(rows[0])
    if not width or any(len(row) != width for row in rows):
        raise InputError(f"filter '{text}'", "has rows of different lengths", remedy)
    if max(width, len(rows)) > _LARGEST:
        raise InputError(
            f"filter of {len(rows)}×{width}",
            f"is larger than {_LARGEST}×{_LARGEST}",
            "give a smaller one",
        )
    if not np.isfinite(rows).all():
        raise InputError(f"filter '{text}'", "has weights that are no finite numbers", remedy)
    return np.array(rows)


def find_response_range(weights: np.ndarray) -> tuple[float, float]:
    """Smallest and largest answer that the filter can give to pixels between 0 and 255."""
    return 255.0 * float(np.minimum(weights, 0).sum()), 255.0 * float(np.maximum(weights, 0).sum())


def normalise_map(feature_map: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The lecture's normalised feature map, uint8: the filter's whole range becomes 0 to 255, half
    rounded up.

    For Sobel's −1020 to 1020 this is floor((s + 1020)/2040 · 255 + ½), and 128 means 'no answer'.
    """
    low, high = find_response_range(weights)
    if high == low:  # all weights 0
        return np.full(feature_map.shape, 128, np.uint8)
    return np.clip(np.floor((feature_map - low) / (high - low) * 255 + 0.5), 0, 255).astype(
        np.uint8
    )


def make_edge(angle_deg: float, size: int) -> np.ndarray:
    """(size, size) of 0 and 1: 1 on the side that the angle points to; 0 = right (a vertical edge),
    90 = below.
    """
    x, y = np.meshgrid(*[np.arange(size) - (size - 1) / 2] * 2)
    across = x * math.cos(math.radians(angle_deg)) + y * math.sin(math.radians(angle_deg))
    edge: np.ndarray = (across > 1e-9).astype(float)
    return edge


def answer_edge(weights: np.ndarray, angle_deg: float) -> float:
    """The filter's answer with the largest magnitude along a unit edge of that direction."""
    size = 2 * max(weights.shape) + 2
    edge = make_edge(angle_deg, size)
    height, width = weights.shape
    answers = [
        round(float((weights * edge[row : row + height, col : col + width]).sum()), 12)
        for row in range(size - height + 1)
        for col in range(size - width + 1)
    ]
    return max(answers, key=abs)
