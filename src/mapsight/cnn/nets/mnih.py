"""Mnih's net for aerial images (thesis 2013, chapter 3): the roads of the middle of a patch, with
its surroundings.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import scale_width, start_he


class MnihPatch(nn.Module):
    """(B, 3, 64, 64) → (B, 1, 16, 16) logits of the 16 × 16 px in the middle."""

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        first, second, third, hidden = (scale_width(n, width) for n in (64, 112, 80, 4096))
        self.conv1 = nn.Conv2d(3, first, 16, stride=4)
        self.conv2 = nn.Conv2d(first, second, 4)
        self.conv3 = nn.Conv2d(second, third, 3)
        self.fc1 = nn.Linear(third * 7 * 7, hidden)
        self.fc2 = nn.Linear(hidden, 16 * 16)
        start_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2, 1)  # (B, 64, 13, 13) → (B, 64, 12, 12)
        x = F.relu(self.conv3(F.relu(self.conv2(x))))  # (B, 112, 9, 9) → (B, 80, 7, 7)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        logits: Tensor = self.fc2(x)  # (B, 256)
        return logits.view(-1, 1, 16, 16)
