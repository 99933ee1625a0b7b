"""What a picture is to explain: one logit, or the sum of some."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mapsight.cnn.see.record import Record


@dataclass(frozen=True, eq=False)
class Target:
    """Where in a net's answer (1, K, H, W) or (1, K) the logits stand that are added up.

    mask: 1 there, 0 elsewhere, of the answer's shape; title: in words; place: (row, col) of a
    single pixel, or None.
    """

    mask: Tensor
    title: str
    place: tuple[int, int] | None = None

    def measure(self, answer: Tensor) -> Tensor:
        """(B,) the target's mean probability in each answer (B, …)."""
        probability = torch.softmax(answer, 1) if answer.ndim == 2 else torch.sigmoid(answer)
        return (probability * self.mask).flatten(1).sum(1) / self.mask.sum()

    def measure_odds(self, answer: Tensor) -> Tensor:
        """(B,) the same as log-odds, which still tell 0.99 from 0.9999."""
        return torch.logit(self.measure(answer.double()), eps=1e-9).float()


def aim_at_pixel(seen: Record, row: int, col: int) -> Target:
    """The logit of one pixel of a segmentation."""
    mask = torch.zeros_like(seen.values[seen.answer])
    mask[0, 0, row, col] = 1
    return Target(mask, "the pixel", (row, col))


def aim_at_mask(seen: Record, chosen: Tensor, title: str) -> Target:
    """The logits of all chosen pixels (H, W) bool of a segmentation (Vinogradova et al. 2020)."""
    return Target(chosen[None, None].float().expand_as(seen.values[seen.answer]), title)


def aim_at_class(seen: Record, number: int, name: str) -> Target:
    """The logit of one class."""
    mask = torch.zeros_like(seen.values[seen.answer])
    mask[0, number] = 1
    return Target(mask, f"the answer '{name}'")
