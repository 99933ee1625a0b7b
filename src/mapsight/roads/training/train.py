"""Scenes → a model: which net, which chips, which loss, and how it is measured while it learns."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from mapsight.cnn.augment import NO_AUGMENTATION
from mapsight.cnn.checkpoint import Model, ModelCard, fingerprint
from mapsight.cnn.compute import Compute
from mapsight.cnn.counts import weigh_counts
from mapsight.cnn.fit import Batch, BatchLoss, FitResult, FitSettings, Score, fit
from mapsight.cnn.losses import find_loss
from mapsight.cnn.metrics import (
    Histogram,
    best_threshold,
    count_pixels,
    measure_at,
    sum_counts,
)
from mapsight.cnn.nets import count_parameters, make_net
from mapsight.cnn.nets.roadnet import RoadNet, can_widen, widen
from mapsight.cnn.runtimes import Runner, open_runner
from mapsight.cnn.runtimes.torch_runtime import scale_images
from mapsight.errors import InputError
from mapsight.roads.prediction.predict import predict_array
from mapsight.roads.prediction.suit import (
    SEPARATION,
    SURENESS,
    measure_separation,
    measure_sureness,
)
from mapsight.roads.prediction.threshold import choose_threshold, count_blocks
from mapsight.roads.training.chips import ChipData, ChipSettings, Scene

_log = logging.getLogger(__name__)

_BLOCK_PX = 200
_WHOLE_PX = 1536  # images up to so many pixels a side are predicted in one piece
_PIECE_PX, _CONTEXT_PX, _STRIDE_PX = 1024, 64, 32  # larger ones in pieces, with what is around them


@dataclass(frozen=True)
class TrainSettings:
    """A recipe: net, loss, chips and how it is fitted; input = (uint8 / 255 − scale_mean) /
    scale_std.
    """

    net: str = "roadnet"
    loss: str = "bce+dice"
    scale_mean: float = 0.5
    scale_std: float = 0.25
    chips: ChipSettings = ChipSettings()
    fit: FitSettings = FitSettings(
        batch_size=4, learning_rate=2e-3, optimiser="muon", ema_decay=0.995
    )


# Klein & Goschenhofer's settings: crops of 512 with over 5 % road, BCE, Adam at 1e-4, batches of 4,
# patience 10
LECTURE = TrainSettings(
    net="unet-lecture",
    loss="bce",
    scale_mean=0.0,
    scale_std=1.0,
    chips=ChipSettings(
        chip_px=512, chips_per_epoch=720, min_road_share=0.05, augment=NO_AUGMENTATION
    ),
    fit=FitSettings(
        epochs=100,
        batch_size=4,
        learning_rate=1e-4,
        optimiser="adam",
        weight_decay=0.0,
        schedule="constant",
        ema_decay=0.0,
        clip_norm=float("inf"),
        patience=10,
    ),
)


def find_recipe(net: str) -> TrainSettings:
    """The recipe that goes with a net: the lecture's for the lecture's, ours for the others."""
    return LECTURE if net == LECTURE.net else dataclasses.replace(TrainSettings(), net=net)


def train_model(
    scenes: Sequence[Scene],
    held_out: Sequence[Scene],
    settings: TrainSettings,
    *,
    m_per_px: float,
    compute: Compute,
    start: Model | None = None,
    state_path: Path | None = None,
    identity: str = "",
    title: str = "train",
) -> tuple[Model, FitResult]:
    """Trains on scenes, measured by the F1 of scenes held out; threshold and its interval are
    chosen on those.

    Without scenes held out the last epoch counts and the threshold stays where it was. A start that
    is a narrower net of the same kind is widened. Raises InputError where a chip is no multiple of
    the net's stride, or the start is another net.
    """
    torch.manual_seed(settings.fit.seed)
    net = make_net(settings.net)
    card = ModelCard(
        settings.net, m_per_px, scale_mean=settings.scale_mean, scale_std=settings.scale_std
    )
    if start is not None:
        _begin_from(start, net, settings.net)
        card = dataclasses.replace(start.card, net=settings.net, m_per_px=m_per_px)
    stride = int(net.stride_px)  # type: ignore[arg-type]
    if settings.chips.chip_px % stride:
        raise InputError(
            f"chips of {settings.chips.chip_px} px",
            f"net '{settings.net}' needs a multiple of {stride}",
            "change --chip-px",
        )
    _log.info(
        f"{title}: {settings.net}, {count_parameters(net):,} parameters, on {compute},"
        f" {len(scenes)} scenes"
    )
    score = make_score(held_out, card, compute) if held_out else None
    result = fit(
        net,
        ChipData(scenes, settings.chips),
        make_batch_loss(settings.loss, card),
        score,
        compute=compute,
        settings=settings.fit,
        state_path=state_path,
        identity=identity,
        title=title,
    )
    card = dataclasses.replace(card, settings=asdict(settings))
    card = choose_on(held_out, net, card, compute) if held_out else card
    return Model(net.cpu().eval(), card), result


def identify_training(
    scenes: Sequence[Scene],
    held_out: Sequence[Scene],
    settings: TrainSettings,
    start: Model | None,
    *others: object,
) -> str:
    """What decides a training, `others` included, as a few digits: its state goes on with nothing
    else.
    """
    held = (part for s in (*scenes, *held_out) for part in (s.image, s.truth, s.valid, s.weight))
    return fingerprint(settings, len(scenes), *(start or ()), *others, *held)


def _begin_from(start: Model, net: nn.Module, name: str) -> None:
    """Makes a fresh net say what the start says; the start itself stays as it is."""
    if start.card.net == name:
        net.load_state_dict(start.net.state_dict())
    elif (
        isinstance(start.net, RoadNet)
        and isinstance(net, RoadNet)
        and can_widen(start.net.shape, net.shape)
    ):
        widen(start.net, net)
    else:
        raise InputError(
            f"net '{name}'",
            f"the model to start from is a '{start.card.net}', which cannot become one",
            "leave --net out, or start from another model",
        )


def choose_on(
    held_out: Sequence[Scene], net: nn.Module, card: ModelCard, compute: Compute
) -> ModelCard:
    """The card with the threshold of the highest pooled F1 on these scenes, its interval, that F1,
    how sure the net is of itself there, and by how much it parts roads from ground.
    """
    parts = _count_parts(net, held_out, card, compute)
    choice, total = choose_threshold(parts), sum_counts(parts)
    separation = {}
    if total.positives.any() and total.negatives.any():
        separation = {SEPARATION: round(measure_separation(total), 2)}
    return dataclasses.replace(
        card,
        threshold=choice.value,
        threshold_low=choice.low,
        threshold_high=choice.high,
        measures={
            "f1_pooled_validation": choice.f1,
            "images": len(held_out),
            SURENESS: round(measure_sureness(total), 4),
        }
        | separation,
    )


def make_batch_loss(name: str, card: ModelCard) -> BatchLoss:
    """The loss of a batch (image uint8, truth, weight) as `fit` wants it."""
    loss = find_loss(name)

    def batch_loss(net: nn.Module, batch: Batch) -> torch.Tensor:
        image, truth, weight = batch
        logits = net(scale_images(image, card).contiguous(memory_format=torch.channels_last))
        return loss(logits.float(), truth, weight)

    return batch_loss


def make_score(scenes: Sequence[Scene], card: ModelCard, compute: Compute) -> Score:
    """F1 pooled over whole scenes, each by its weight, at their best threshold (chosen where it is
    measured: for stopping, no claim).
    """
    weights = np.array([[scene.weight for scene in scenes]])

    def score(net: nn.Module) -> dict[str, float]:
        (total,) = weigh_counts(count_scenes(net, scenes, card, compute), weights)
        threshold = best_threshold(total)
        return {"score": measure_at(total, threshold).f1, "threshold": threshold}

    return score


def _count_parts(
    net: nn.Module, scenes: Sequence[Scene], card: ModelCard, compute: Compute
) -> list[Histogram]:
    """The counts of each scene, or of the blocks of a single one: what a bootstrap can draw
    from.
    """
    if len(scenes) > 1:
        return count_scenes(net, scenes, card, compute)
    scene = scenes[0]
    probability = _predict_held_out(scene, open_runner(Model(net, card), compute))
    return count_blocks(probability, scene.truth, scene.valid, block_px=_BLOCK_PX)


def count_scenes(
    net: nn.Module, scenes: Sequence[Scene], card: ModelCard, compute: Compute
) -> list[Histogram]:
    """The pixel counts of each scene."""
    run = open_runner(Model(net, card), compute)
    return [count_pixels(_predict_held_out(s, run), s.truth > 0, s.valid) for s in scenes]


def _predict_held_out(scene: Scene, run: Runner) -> np.ndarray:
    """Probability (H, W) where the scene is valid, at least; of a large one piece by piece, so
    memory stays flat.
    """
    height, width = scene.valid.shape
    if max(height, width) <= _WHOLE_PX:
        return predict_array(scene.image, run)
    probability = np.zeros((height, width), np.float32)
    for row, col in product(range(0, height, _PIECE_PX), range(0, width, _PIECE_PX)):
        piece = scene.valid[row : row + _PIECE_PX, col : col + _PIECE_PX]
        for rows, cols in ndimage.find_objects(
            piece.astype(np.uint8)
        ):  # the box of what is valid, where anything is
            top, left = row + rows.start, col + cols.start
            bottom, right = row + rows.stop, col + cols.stop
            above, before = (
                max(n - _CONTEXT_PX, 0) // _STRIDE_PX * _STRIDE_PX for n in (top, left)
            )
            seen = predict_array(
                scene.image[:, above : bottom + _CONTEXT_PX, before : right + _CONTEXT_PX], run
            )
            probability[top:bottom, left:right] = seen[
                top - above : bottom - above, left - before : right - before
            ]
    return probability
