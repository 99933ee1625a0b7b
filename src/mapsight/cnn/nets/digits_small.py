"""The lecture's digit CNN in small: the same order of layers with an eightieth of its parameters.

Small enough that a browser can compute it and a page can draw every one of its maps. No batch norm
and no padding, so that each number is one sum of products, as the lecture writes them.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

_MAPS = (8, 24)
_HIDDEN = 64


class DigitsSmall(nn.Module):
    """(B, 1, 28, 28) in [0, 1], bright ink on dark → (B, 10) logits of the digits 0 … 9; 30,322
    parameters.
    """

    input_px = 28

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, _MAPS[0], 5)
        self.conv2 = nn.Conv2d(_MAPS[0], _MAPS[1], 5)
        self.dense1 = nn.Linear(_MAPS[1] * 4 * 4, _HIDDEN)
        self.drop = nn.Dropout(dropout)
        self.dense2 = nn.Linear(_HIDDEN, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (B, 8, 24, 24) → (B, 8, 12, 12)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 24, 8, 8) → (B, 24, 4, 4)
        x = F.relu(self.dense1(x.flatten(1)))  # (B, 384) → (B, 64)
        logits: Tensor = self.dense2(self.drop(x))  # (B, 10)
        return logits
