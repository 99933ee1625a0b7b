"""How a net is judged while it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.runtime import find_place
from mapsight.roads.chips import Scene, balance_sets
from mapsight.roads.train import make_score


class Bright(torch.nn.Module):
    """Says road where the first band is bright."""

    stride_px = 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 20 * x[:, :1] - 10


def _scene(side_px: int, *, road: bool) -> Scene:
    """The left half is bright; it is a road or not."""
    image = np.zeros((3, side_px, side_px), np.uint8)
    image[:, :, : side_px // 2] = 255
    truth = (image[0] > 0) & road
    return Scene("", image, truth.astype(np.uint8), np.ones_like(truth))


def test_balanced_judges_count_the_same():
    """Right on a small set, wrong on one of nine times its pixels: pooled by pixel 9 wrong ones on 1 right one."""
    scenes = [_scene(64, road=True), _scene(192, road=False)]
    card, place = ModelCard("roadnet", 1.0, scale_mean=0.0, scale_std=1.0), find_place("cpu", "fp32")
    pooled = make_score(scenes, card, place)(Bright())["score"]
    balanced = make_score(balance_sets(scenes, ["small", "large"]), card, place)(Bright())["score"]
    assert pooled == pytest.approx(2 / (2 + 9))
    assert balanced == pytest.approx(2 / (2 + 1))
