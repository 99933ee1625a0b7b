"""How much each pixel counts in training: rare classes more, and the gaps between things that
nearly touch.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def find_class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """(classes,) weights by median frequency (Eigen & Fergus 2015): that of a class is median / its
    own frequency.

    labels: (N, H, W) int; those of `classes` or more (void) count nowhere. As published, a class's
    frequency is its share of the pixels of the images that show it; a class that none shows gets 0.
    """
    counts = np.stack(
        [np.bincount(each.ravel(), minlength=classes)[:classes] for each in labels]
    ).astype(float)
    known = counts.sum(axis=1, keepdims=True)
    seen = np.where(counts > 0, known, 0).sum(axis=0)
    frequency = np.divide(counts.sum(axis=0), seen, out=np.zeros(classes), where=seen > 0)
    present = frequency > 0
    weights = np.zeros(classes)
    weights[present] = np.median(frequency[present]) / frequency[present]
    return weights


def weigh_borders(
    cells: np.ndarray, *, strength: float = 10.0, sigma_px: float = 5.0, balance: bool = True
) -> np.ndarray:
    """U-Net's weight map (Ronneberger et al. 2015, eq. 2).

    w = w_c + strength · exp(−(d1 + d2)² / 2σ²). d1 and d2 are the distances to the nearest and the
    second nearest thing, so that the ground between two of them counts most. The second term is
    that of the ground alone, as in the authors' figure.

    Parameters
    ----------
    cells
        (H, W) int: 0 is ground, each thing has its own number.
    strength
        Of the second term.
    sigma_px
        σ, in pixels.
    balance
        Let w_c balance things and ground (mean 1); otherwise it is 1.

    Returns
    -------
    ndarray
        (H, W) float32.
    """
    ground = cells == 0
    weights = np.ones(cells.shape)
    if balance and 0 < ground.mean() < 1:
        weights = np.where(ground, 0.5 / ground.mean(), 0.5 / (1 - ground.mean()))
    numbers = np.unique(cells[~ground])
    if len(numbers) >= 2:
        nearest, second = _find_two_nearest(cells, numbers)
        weights += np.where(
            ground, strength * np.exp(-((nearest + second) ** 2) / (2 * sigma_px**2)), 0
        )
    return weights.astype(np.float32)


def _find_two_nearest(cells: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    nearest = np.full(cells.shape, np.inf)
    second = nearest.copy()
    for (
        number
    ) in numbers:  # one at a time: memory stays that of a few images, however many things there are
        distance = ndimage.distance_transform_edt(cells != number)
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    return nearest, second
