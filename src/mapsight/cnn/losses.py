"""Losses of a binary segmentation, all of one shape so that they are rows of one table.

Each takes logits, target and weight, (B, 1, H, W) float32, target in [0, 1] and weight ≥ 0 (0 = no data: never
trained on), and gives a scalar. A batch without any weight gives 0, not NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from mapsight.errors import InputError

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def bce_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over the weights."""
    return _weighted_mean(F.binary_cross_entropy_with_logits(logits, target, reduction="none"), weight)


def focal_loss(logits: Tensor, target: Tensor, weight: Tensor, gamma: float = 2.0) -> Tensor:
    """Focal loss without class balance (Lin et al. 2017, eq. 4): easy pixels fade by (1 − p_t)^gamma."""
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _weighted_mean((1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy, weight)


def dice_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Soft Dice over the whole batch (Milletari et al. 2016), smoothed by one pixel: 0 where nothing is weighed."""
    probability = torch.sigmoid(logits.float())
    overlap = (weight * probability * target).sum()
    total = (weight * (probability + target)).sum()
    return 1 - (2 * overlap + 1) / (total + 1)


def bce_dice_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy and soft Dice in equal parts."""
    return bce_loss(logits, target, weight) + dice_loss(logits, target, weight)


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp_min(1.0)


LOSSES: dict[str, Loss] = {"bce": bce_loss, "focal": focal_loss, "dice": dice_loss, "bce+dice": bce_dice_loss}


def find_loss(name: str) -> Loss:
    """The loss of that name; raises InputError with the names there are."""
    if name not in LOSSES:
        raise InputError(f"loss '{name}'", "unknown", f"choose one of {', '.join(LOSSES)}")
    return LOSSES[name]
