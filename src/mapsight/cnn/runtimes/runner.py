"""What every runtime gives: a function from images to probabilities, and what it must be fed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mapsight.cnn.checkpoint import ModelCard


@dataclass(frozen=True)
class Runner:
    """A net that is ready to predict.

    Parameters
    ----------
    predict
        (B, 3, H, W) uint8 → (B, H, W) float32 probability; H and W are multiples of `stride_px`.
    stride_px
        What the height and width of an image must divide by.
    card
        What the model's file says of it.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    stride_px: int
    card: ModelCard


def average_flips(runner: Runner) -> Runner:
    """The mean over four mirrored views: four times the work, a little better
    (docs/experiments.md).
    """
    views: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))

    def averaged(images: np.ndarray) -> np.ndarray:
        seen = [
            np.flip(runner.predict(np.flip(images, axes).copy()), tuple(a - 1 for a in axes))
            for axes in views
        ]
        mean: np.ndarray = np.mean(seen, axis=0)
        return mean

    return replace(runner, predict=averaged)
