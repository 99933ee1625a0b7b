"""Emotion from speech, after Anand & Verma (2015): one convolution over patches of half a second,
then maybe memory.

A sentence is a row of patches of its log-mel spectrogram. The CNN judges each patch and averages;
CNN+LSTM reads the patches in their order.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MELS, FRAMES = 40, 50  # a patch: 40 mel bands, 50 frames of 10 ms


class EmotionCNN(nn.Module):
    """(B, patches, 1, 40, 50) → (B, classes)."""

    def __init__(self, *, classes: int = 4, maps: int = 48, dropout: float = 0.5) -> None:
        super().__init__()
        self.patch = PatchFeatures(maps)
        self.drop = nn.Dropout(dropout)
        self.judge = nn.Linear(self.patch.features, classes)

    def forward(self, x: Tensor) -> Tensor:
        batch, patches = x.shape[:2]
        x = self.drop(self.patch(x.flatten(0, 1)))  # (B · patches, features)
        logits: Tensor = self.judge(x)  # (B · patches, classes)
        return logits.view(batch, patches, -1).mean(dim=1)


class EmotionLSTM(nn.Module):
    """(B, patches, 1, 40, 50) → (B, classes): the patches one after the other."""

    def __init__(
        self, *, classes: int = 4, maps: int = 48, hidden: int = 64, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.patch = PatchFeatures(maps)
        self.drop = nn.Dropout(dropout)
        self.memory = nn.LSTM(self.patch.features, hidden, batch_first=True)
        self.judge = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        batch, patches = x.shape[:2]
        x = self.drop(self.patch(x.flatten(0, 1)))
        states, _ = self.memory(x.view(batch, patches, -1))  # (B, patches, hidden)
        logits: Tensor = self.judge(self.drop(states.mean(dim=1)))  # (B, classes)
        return logits


class PatchFeatures(nn.Module):
    """One convolution, then the loudest answer of each map in four bands of pitch: (N, 1, 40, 50) →
    (N, features).
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, maps, 9, (2, 3))  # → (maps, 16, 14)
        self.norm = nn.BatchNorm2d(maps)
        self.features = 4 * maps

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(
            self.conv(x), (4, 14)
        )  # (maps, 4, 1): first the loudest, then the rest: it costs a fifth
        return torch.flatten(F.relu(self.norm(x)), 1)
