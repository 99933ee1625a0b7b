"""Roads in aerial images: Mnih's patch net (2013), an FCN (2015) and U-Nets side by side, in the
lecture's table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import expit, logit
from torch import Tensor
from torch.nn import functional as F

from mapsight.cnn.augment import ONE_LIGHT, Chip, augment_chip
from mapsight.cnn.fit import FitSettings
from mapsight.cnn.losses import bce_loss
from mapsight.cnn.metrics import (
    Histogram,
    best_threshold,
    count_pixels,
    count_relaxed,
    report_pixels,
    sum_counts,
)
from mapsight.cnn.nets import make_zoo_net
from mapsight.errors import InputError
from mapsight.zoo.compare import count_multiply_adds
from mapsight.zoo.figure import INK, make_figure, show_table
from mapsight.zoo.images import open_upright
from mapsight.zoo.pairs import ELSEWHERE, cover_images, find_side, read_pairs
from mapsight.zoo.recipe import Contender, Data, Fold, Item, Judged, Outcome, Recipe

_SIDE_PX, _STEP_PX = (
    400,
    16,
)  # the largest windows that are judged; what all nets' sides are multiples of
_PATCH_PX, _ANSWER_PX = 64, 16  # Mnih's net sees 64 px and answers for the 16 in the middle
_BORDER_PX = (_PATCH_PX - _ANSWER_PX) // 2
_LARGEST_PX = 2048
# mirrored and turned by right angles, other light
_LIGHT = replace(ONE_LIGHT, rotate=0, scale=0, blur=0, noise=0, jpeg=0)
Grouped = list[tuple[str, list[tuple[np.ndarray, np.ndarray]]]]  # image → its windows
_YELLOW, _RED, _BLUE = (
    (240, 215, 60),
    (222, 60, 40),
    (40, 110, 230),
)  # the lecture's: right, too much, missed


def read_roads(folder: Path) -> Data:
    """Windows of the three splits; `val` decides on the epoch and the threshold."""
    splits, name = read_pairs(folder)
    side = find_side([pair for pairs in splits.values() for pair in pairs], _SIDE_PX, _STEP_PX)
    fold = Fold(
        "",
        cover_images(splits["train"], side, shared=True),
        cover_images(splits["val"], side),
        cover_images(splits["test"], side),
    )
    counts = ", ".join(
        f"{len(splits[split])} to {verb}"
        for split, verb in zip(splits, ("learn from", "judge", "test"), strict=True)
    )
    return Data((fold,), ("no road", "road"), f"{name}, pairs of image and road mask: {counts}")


def cut_crop(item: Item, rng: np.random.Generator, side_px: int) -> Item:
    """A square of the window, mirrored, turned, in another light."""
    image, truth = item
    side = min(side_px, truth.shape[0])
    top, left = rng.integers(0, truth.shape[0] - side + 1, 2)
    cut = slice(top, top + side), slice(left, left + side)
    chip = Chip(image[:, *cut], truth[cut].astype(np.float32), np.ones((side, side), np.float32))
    varied = augment_chip(chip, rng, _LIGHT)
    return varied.image, varied.truth.astype(np.uint8)


def slide_patches(net: Any, inputs: Sequence[Tensor]) -> Tensor:
    """(B, 3, H, W) → (B, 1, H − 48, W − 48): a patch net's answers side by side, as large as the
    images in evaluation.

    There the images are mirrored at their borders; in training each patch shows what is really
    around it.
    """
    (x,) = inputs
    if not net.training:
        x = F.pad(x, (_BORDER_PX,) * 4, mode="reflect")
    patches = x.unfold(2, _PATCH_PX, _ANSWER_PX).unfold(
        3, _PATCH_PX, _ANSWER_PX
    )  # (B, 3, R, C, 64, 64)
    count, bands, rows, columns = patches.shape[:4]
    single = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, bands, _PATCH_PX, _PATCH_PX)
    answers: Tensor = net(single)
    answers = answers.view(count, rows, columns, _ANSWER_PX, _ANSWER_PX).permute(0, 1, 3, 2, 4)
    return answers.reshape(count, 1, rows * _ANSWER_PX, columns * _ANSWER_PX)


def road_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy, the lecture's, over what the net answers for: the middle of the truth
    (B, S, S).
    """
    border = (truth.shape[-1] - logits.shape[-1]) // 2
    target = truth[
        :, None, border : border + logits.shape[-2], border : border + logits.shape[-1]
    ].float()
    return bce_loss(logits, target, torch.ones_like(target))


def settle_threshold(judged: Judged, data: Data) -> Mapping[str, float]:
    """The threshold of the highest pooled F1 on the judging images."""
    return {"threshold": best_threshold(sum_counts(_count(_group(judged)).values()))}


def measure_roads(judged: Judged, data: Data) -> dict[str, Any]:
    """Precision, recall, F1, pooled and mean over images, at the threshold of the judging images;
    relaxed breakeven.

    The score is the breakeven of relaxed precision and recall (ρ = 3 px), for which no threshold is
    chosen; 0 where the two never meet. Slack does not reach from one window into the next. While a
    net learns, the best threshold counts.
    """
    grouped = _group(judged)
    images = _count(grouped)
    settled = data.facts.get("threshold")
    threshold = best_threshold(sum_counts(images.values())) if settled is None else settled
    relaxed = {
        name: sum_counts(count_relaxed(p, truth == 1, truth != ELSEWHERE) for p, truth in windows)
        for name, windows in grouped
    }
    report = report_pixels(images, threshold=threshold, relaxed=relaxed).to_json()
    breakeven = report["relaxed_breakeven_3px_pooled"] or 0.0
    return {
        "score": breakeven,
        "relaxed_breakeven": breakeven,
        "relaxed_breakeven_95": report["relaxed_breakeven_3px_pooled_interval"],
        **{key: value for key, value in report.items() if key.endswith(("_pooled", "_mean"))},
        "f1_pooled_95": report["f1_pooled_interval"],
        "f1_mean_95": report["f1_mean_interval"],
        "threshold": threshold,
        "images": report["images"],
    }


def _group(judged: Judged) -> Grouped:
    """Image → its windows, as (probability, truth); windows of an image follow each other."""
    chances = expit(judged.outputs[:, 0].astype(np.float64))
    rows = zip(judged.names.tolist(), chances, judged.truth, strict=True)
    return [
        (name, [row[1:] for row in rows]) for name, rows in groupby(rows, key=lambda row: row[0])
    ]


def _count(grouped: Grouped) -> dict[str, Histogram]:
    return {
        name: sum_counts(count_pixels(p, truth == 1, truth != ELSEWHERE) for p, truth in windows)
        for name, windows in grouped
    }


def draw_roads(outcome: Outcome) -> Figure:
    """The table of the nets; below it the test window with most road: image, truth, each net's
    answer.
    """
    nets = len(outcome.results)
    figure = make_figure(12, 3.6 + 0.26 * nets)
    grid = figure.add_gridspec(
        2, nets + 1, height_ratios=(0.6 + 0.26 * nets, 12 / (nets + 1) + 0.2)
    )
    show_table(figure.add_subplot(grid[0, :]), *_list_nets(outcome), outcome.data.about)
    truths = outcome.results[0].judged.truth
    at = int((truths == 1).sum(axis=(1, 2)).argmax())
    image = outcome.tests[0][at][0].transpose(1, 2, 0)
    _show(figure.add_subplot(grid[1, 0]), image, "a test image")
    for column, result in enumerate(outcome.results):
        said = result.judged.outputs[at, 0] >= logit(result.measures["threshold"])
        _show(
            figure.add_subplot(grid[1, column + 1]),
            paint_errors(image, said, truths[at] == 1),
            result.net,
        )
    figure.supxlabel(
        "yellow: road, found; red: no road, but marked; blue: road, missed", fontsize=9.5, color=INK
    )
    return figure


def _list_nets(outcome: Outcome) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head = (
        "net",
        "parameters",
        "multiply-adds\nan image",
        "precision",
        "recall",
        "F1",
        "F1, mean\nover images",
        "relaxed\nbreakeven",
        "seconds of\ntraining",
    )
    image = outcome.tests[0][0][0]
    rows = []
    for result in outcome.results:
        contender, m = result.contender, result.measures
        with torch.device("meta"):
            net, x = (
                make_zoo_net(contender.net, **contender.options).eval(),
                torch.empty(1, *image.shape),
            )
        cost = count_multiply_adds(net, (x,), contender.own.get("apply"))
        rows.append(
            (
                result.net,
                f"{result.parameters:,}",
                f"{cost / 1e9:.1f} G",
                *(f"{m[key]:.3f}" for key in ("precision_pooled", "recall_pooled")),
                *(
                    _tell(m[key], m[f"{key}_95"])
                    for key in ("f1_pooled", "f1_mean", "relaxed_breakeven")
                ),
                f"{result.seconds:.0f}",
            )
        )
    return head, rows


def _tell(value: float, interval: Sequence[float | None]) -> str:
    low, high = interval
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.2f}, {high:.2f}]"


def paint_errors(image: np.ndarray, said: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the photograph, greyer, with the lecture's colours over it."""
    base = np.repeat(0.35 * image.mean(axis=2, keepdims=True) + 0.45 * 255, 3, axis=2)
    for kind, colour in ((said & truth, _YELLOW), (said & ~truth, _RED), (~said & truth, _BLUE)):
        base[kind] = 0.3 * base[kind] + 0.7 * np.array(colour)
    return base.astype(np.uint8)


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    axes.imshow(picture)
    axes.set_axis_off()
    axes.set_title(title, fontsize=10, color=INK)


def read_aerial(path: Path) -> tuple[np.ndarray, ...]:
    """An aerial picture (about 1 m a pixel, as those of the training); up to 15 px are cut off
    right and below.
    """
    image = np.asarray(open_upright(path).convert("RGB"))
    height, width = (size // _STEP_PX * _STEP_PX for size in image.shape[:2])
    if not _PATCH_PX <= min(height, width) <= max(height, width) <= _LARGEST_PX:
        raise InputError(
            path,
            f"has {image.shape[1]} × {image.shape[0]} px",
            f"give {_PATCH_PX} to {_LARGEST_PX} px; for more there is `mapsight predict`",
        )
    return (np.ascontiguousarray(image[:height, :width].transpose(2, 0, 1)),)


def tell_roads(output: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """How much of the picture is road: the mean of the probabilities."""
    share = float(expit(output.astype(np.float64)).mean())
    return {"answer": f"about {100 * share:.0f} % of it is road", "road_share": round(share, 4)}


_CROPS = {"vary": partial(cut_crop, side_px=192)}

RECIPE = Recipe(
    name="roads",
    title="roads in aerial images: Mnih's patch net, an FCN and U-Nets side by side",
    source=(
        "Mnih 2013 (the Massachusetts roads: imagery MassGIS, masks © OpenStreetMap contributors,"
        " ODbL); Long 2015; Ronneberger 2015; the lecture's road project"
    ),
    folder="roads",
    read=read_roads,
    contenders=(
        Contender(
            "roadnet", own=_CROPS | {"items_per_epoch": 612}, settings={"learning_rate": 2e-3}
        ),
        Contender("unet-small", own=_CROPS | {"items_per_epoch": 360}),
        Contender(
            "fcn8s",
            {"classes": 1, "width": 1 / 8},
            own={"vary": partial(cut_crop, side_px=256), "items_per_epoch": 428},
        ),
        Contender(
            "mnih-patch",
            {"width": 1 / 2},
            own={
                "vary": partial(cut_crop, side_px=112),
                "apply": slide_patches,
                "items_per_epoch": 2136,
            },
            settings={"batch_size": 8, "learning_rate": 5e-4},
        ),
    ),
    loss=road_loss,
    metric=measure_roads,
    settle=settle_threshold,
    draw=draw_roads,
    read_input=read_aerial,
    tell=tell_roads,
    headline="relaxed_breakeven",
    settings=FitSettings(
        epochs=3, batch_size=4, learning_rate=1e-3, weight_decay=1e-3, ema_decay=0.98, patience=0
    ),
    judge_batch=4,
    scale_mean=0.45,
    scale_std=0.2,
)
