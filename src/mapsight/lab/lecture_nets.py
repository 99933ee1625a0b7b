"""The lecture's digit network and the dense peer that it is compared with."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def make_lecture_cnn() -> nn.Module:
    """(B, 1, 28, 28) → (B, 10) logits: 2,315,018 parameters. 'Valid' convolutions, MXNet's default;
    dropout 0.4.
    """
    return nn.Sequential(
        nn.Conv2d(1, 64, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 64, 12, 12)
        nn.Conv2d(64, 128, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 128, 4, 4)
        nn.Flatten(),
        nn.Linear(2048, 1024),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Linear(1024, 10),
    )


def make_lecture_dense() -> nn.Module:
    """(B, 1, 28, 28) → (B, 10) logits through three dense layers of 1024: 2,913,290 parameters."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 1024),
        nn.ReLU(),
        nn.Linear(1024, 1024),
        nn.ReLU(),
        nn.Linear(1024, 1024),
        nn.ReLU(),
        nn.Linear(1024, 10),
    )


LECTURE_NETS: dict[str, Callable[[], nn.Module]] = {
    "lecture-cnn": make_lecture_cnn,
    "lecture-dense": make_lecture_dense,
}
LECTURE_INPUT = (1, 28, 28)
