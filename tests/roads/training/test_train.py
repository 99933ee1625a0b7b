"""How a net is judged while it learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mapsight.cnn.checkpoint import Model, ModelCard
from mapsight.cnn.compute import find_compute
from mapsight.cnn.metrics import count_pixels
from mapsight.cnn.runtimes import open_runner
from mapsight.roads.prediction.predict import predict_array
from mapsight.roads.training.chips import Scene, balance_sets
from mapsight.roads.training.train import (
    TrainSettings,
    count_scenes,
    identify_training,
    make_score,
)

CARD, COMPUTE = (
    ModelCard("roadnet", 1.0, scale_mean=0.0, scale_std=1.0),
    find_compute("cpu", "fp32"),
)


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
    """Right on a small set, wrong on one of nine times its pixels: pooled by pixel 9 wrong ones on
    1 right one.
    """
    scenes = [_scene(64, road=True), _scene(192, road=False)]
    pooled = make_score(scenes, CARD, COMPUTE)(Bright())["score"]
    balanced = make_score(balance_sets(scenes, ["small", "large"]), CARD, COMPUTE)(Bright())[
        "score"
    ]
    assert pooled == pytest.approx(2 / (2 + 9))
    assert balanced == pytest.approx(2 / (2 + 1))


class Blurred(Bright):
    """Looks two pixels around, and keeps how many it was shown at a time."""

    shown: list[int] = []  # noqa: RUF012  runners see with a copy of the net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(x[0, 0].numel())
        return super().forward(
            torch.nn.functional.avg_pool2d(x[:, :1], 5, 1, 2, count_include_pad=False)
        )


def test_large_scene_is_judged_in_pieces():
    """Only about where it judges, never much at a time, and with what is counted in one piece."""
    rng = np.random.default_rng(0)
    image = np.kron(
        rng.integers(60, 200, (3, 32, 34), np.uint8), np.ones((50, 50), np.uint8)
    )  # 1600 × 1700 px
    valid = np.zeros(image[0].shape, bool)
    valid[40:333, 900:1217], valid[1500:, 1600:] = True, True
    scene = Scene("", image, (image[0] > 150).astype(np.uint8), valid)
    Blurred.shown.clear()
    (counts,) = count_scenes(Blurred(), [scene], CARD, COMPUTE)
    assert max(Blurred.shown) < 500 * 400 and sum(Blurred.shown) < 0.2 * valid.size
    whole = count_pixels(
        predict_array(image, open_runner(Model(Blurred(), CARD), COMPUTE)), scene.truth > 0, valid
    )
    assert counts.positives.sum() == whole.positives.sum()
    assert counts.probability_sum.sum() == pytest.approx(whole.probability_sum.sum())
    assert counts.squared_error.sum() == pytest.approx(whole.squared_error.sum())


def test_training_is_known_by_all_that_decides_it():
    """Pixels, masks, who judges, recipe, start and remedies: each makes it another training."""
    scene, judge, settings = _scene(64, road=True), _scene(64, road=False), TrainSettings()
    start, other = Model(torch.nn.Conv2d(3, 1, 1), CARD), Model(torch.nn.Conv2d(3, 1, 1), CARD)
    brighter = dataclasses.replace(scene, image=scene.image + 1)
    unknown = dataclasses.replace(scene, valid=scene.truth > 0)
    chips = dataclasses.replace(settings.chips, chip_px=128)
    trainings = [
        ([scene], [judge], settings, start),
        ([brighter], [judge], settings, start),
        ([judge], [judge], settings, start),
        ([unknown], [judge], settings, start),
        ([scene], [], settings, start),
        ([scene, judge], [], settings, start),
        ([scene], [judge], dataclasses.replace(settings, loss="bce"), start),
        ([scene], [judge], settings, other),
        ([scene], [judge], dataclasses.replace(settings, chips=chips), start),
        ([scene], [judge], settings, None),
        ([scene], [judge], settings, start, "clean"),
    ]
    assert len({identify_training(*training) for training in trainings}) == len(trainings)
    assert identify_training(*trainings[0]) == identify_training(
        [_scene(64, road=True)], [judge], settings, start
    )
