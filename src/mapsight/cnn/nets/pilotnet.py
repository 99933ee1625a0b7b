"""PilotNet (Bojarski et al. 2016): from what the car sees to how it steers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.blocks import start_he

# maps, kernel, stride
_CONVOLUTIONS = ((24, 5, 2), (36, 5, 2), (48, 5, 2), (64, 3, 1), (64, 3, 1))
_DENSE = (100, 50, 10)


class PilotNet(nn.Module):
    """(B, 3, 66, 200) in [0, 1] → (B, 1) steering; 252,219 parameters (the figure's '1164' is the
    flattening: 1152).
    """

    def __init__(self, *, dropout: float = 0.0) -> None:
        super().__init__()
        maps = 3
        self.convolutions = nn.ModuleList()
        for wanted, kernel, stride in _CONVOLUTIONS:
            self.convolutions.append(nn.Conv2d(maps, wanted, kernel, stride))
            maps = wanted
        sizes = (maps * 1 * 18, *_DENSE)
        self.dense = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, sizes[1:], strict=False))
        self.drop = nn.Dropout(dropout)
        self.steer = nn.Linear(_DENSE[-1], 1)
        start_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.see(x)[-1]  # (B, 64, 1, 18)
        x = self.drop(torch.flatten(x, 1))
        for layer in self.dense:
            x = F.relu(layer(x))
        angle: Tensor = self.steer(x)  # (B, 1)
        return angle

    def see(self, x: Tensor) -> list[Tensor]:
        """The maps of each convolution, after ReLU; the paper's fixed normalisation comes first."""
        x = 2 * x - 1
        seen = []
        for layer in self.convolutions:
            x = F.relu(layer(x))
            seen.append(x)
        return seen
