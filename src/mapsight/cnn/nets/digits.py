"""The lecture's digit CNN ('CNN in MXNet') and a dense net to stand beside it.

The lecture's text says dropout 'p = 0.2 %', its code 0.4: the code is taken. MXNet convolves
'valid' by default.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DigitCNN(nn.Module):
    """(B, 1, 28, 28) → (B, classes): 2,315,018 parameters at its full width."""

    def __init__(self, *, classes: int = 10, dropout: float = 0.4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 5)
        self.conv2 = nn.Conv2d(64, 128, 5)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.drop = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (B, 64, 12, 12)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 128, 4, 4)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        logits: Tensor = self.fc2(self.drop(x))  # (B, classes)
        return logits


class DigitDense(nn.Sequential):
    """784-1024-1024-1024-classes, ReLU between: more parameters than the CNN, and no idea of
    neighbourhood.
    """

    def __init__(self, *, classes: int = 10, dropout: float = 0.4) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(28 * 28, 1024),
            nn.ReLU(),
            nn.Linear(1024, 1024),
            nn.ReLU(),
            nn.Linear(1024, 1024),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(1024, classes),
        )
