"""Objects in 32 × 32 px: a small ResNet on CIFAR-10 or CIFAR-100, on 2,000 images or on all, each
with its schedule.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mapsight.cnn.fit import FitSettings
from mapsight.zoo.cifar import read_cifar
from mapsight.zoo.fetch import Remote
from mapsight.zoo.figure import BLUE, INK, make_figure, show_confusion, tidy
from mapsight.zoo.images import cut_square, open_upright
from mapsight.zoo.recipe import Arrays, Contender, Data, Fold, Item, Judged, Outcome, Recipe
from mapsight.zoo.scores import confuse, find_recalls, measure_classes, soften, tell_class
from mapsight.zoo.vary import Variation, vary_image

_SIDE_PX = 32
_MANY = 20_000  # from so many images on, the schedule of the full set
_FEW_WIDTH = 3 / 8  # what a processor core trains in minutes
# the full set: a short training with a high rate, in the manner of Page 2018 and Jordan 2024
# (airbench)
_FULL = {"epochs": 24, "batch_size": 512, "learning_rate": 0.4, "weight_decay": 5e-4}
_VARIATION = Variation(mirror=True, shift_px=4, erase_px=8, colour=0.2)


def read_objects(folder: Path) -> Data:
    """All training images to learn from: epochs are fixed beforehand, so nothing is chosen by the
    test images.
    """
    (x, y), test, names = read_cifar(folder)
    many = len(x) >= _MANY
    about = f"CIFAR-{len(names)}: {len(x)} images to learn from, {len(test[0])} to test"
    return Data(
        (Fold("", Arrays((x, y)), None, Arrays(test)),),
        names,
        about,
        options={"classes": len(names), "width": 1.0 if many else _FEW_WIDTH},
        settings=_FULL if many else {},
    )


def vary_object(item: Item, rng: np.random.Generator) -> Item:
    """The image as `_VARIATION` says."""
    return vary_image(item[0], rng, _VARIATION), item[1]


def object_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy with softened labels (0.1)."""
    return F.cross_entropy(logits, truth, label_smoothing=0.1)


def measure_objects(judged: Judged, data: Data) -> dict[str, Any]:
    """Accuracy with its interval, recall of each class, and the confusion matrix."""
    classes = len(data.labels)
    confusion = confuse(judged.truth, judged.outputs.argmax(axis=1), classes)
    recalls = find_recalls(confusion)
    return measure_classes(judged.truth, judged.outputs) | {
        "recall": {
            name: round(float(r), 4) for name, r in zip(data.labels, recalls, strict=True) if r == r
        },
        "confusion": confusion.tolist(),
    }


def draw_objects(outcome: Outcome) -> Figure:
    """What is taken for what, recall of each class, and the mistakes it was surest of."""
    figure = make_figure(12, 8.6)
    grid = figure.add_gridspec(2, 1, height_ratios=(1.7, 1))
    draw_tables(figure.add_subfigure(grid[0]), outcome.results[0].measures, outcome.data.labels)
    _draw_mistakes(figure.add_subfigure(grid[1]).subplots(2, 10).ravel(), outcome)
    return figure


def draw_tables(figure: Any, measures: dict[str, Any], labels: tuple[str, ...]) -> None:
    """Confusion matrix (beyond twenty classes the most frequent mix-ups) beside the recall of each
    class.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    confusion = np.array(measures["confusion"])
    low, high = measures["accuracy_95"]
    title = (
        f"{measures['items']} test images: {measures['accuracy']:.1%} right [{low:.1%}, {high:.1%}]"
    )
    if len(labels) <= 20:
        show_confusion(left, confusion, labels, title)
        left.tick_params(axis="x", rotation=40)
    else:
        _list_mixups(left, confusion, labels, title)
    names = sorted(measures["recall"], key=measures["recall"].get)
    names = names if len(names) <= 20 else [*names[:10], *names[-10:]]
    right.barh(names, [100 * measures["recall"][name] for name in names], color=BLUE, height=0.7)
    right.set_xlim(0, 100)
    tidy(right, "of each class" + ", the ten worst and best" * (len(labels) > 20), "found, %")


def _list_mixups(axes: Axes, confusion: np.ndarray, labels: tuple[str, ...], title: str) -> None:
    mixed = confusion - np.diag(np.diag(confusion))
    pairs = [np.unravel_index(at, mixed.shape) for at in np.argsort(-mixed, axis=None)[:20]][::-1]
    axes.barh(
        [f"{labels[a]} → {labels[b]}" for a, b in pairs],
        [mixed[a, b] for a, b in pairs],
        color=BLUE,
        height=0.7,
    )
    tidy(axes, title + "\nthe most frequent mistakes, truth → said", "images")


def _draw_mistakes(spots: Any, outcome: Outcome) -> None:
    judged = outcome.results[0].judged
    probability = soften(judged.outputs)
    said, sure = probability.argmax(axis=1), probability.max(axis=1)
    wrong = np.flatnonzero(said != judged.truth)
    for spot in spots:
        spot.set_axis_off()
    for spot, index in zip(spots, wrong[np.argsort(-sure[wrong])], strict=False):
        spot.imshow(outcome.tests[0][int(index)][0].transpose(1, 2, 0))
        names = [outcome.data.labels[n] for n in (judged.truth[index], said[index])]
        spot.set_title(f"{names[0]} →\n{names[1]} {sure[index]:.0%}", fontsize=9, color=INK)
    spots[0].figure.suptitle(
        "the mistakes it was surest of: truth → said", fontsize=11, color=INK, x=0.01, ha="left"
    )


def read_thing(path: Path) -> tuple[np.ndarray, ...]:
    """The middle square of a picture, as small as CIFAR's."""
    return (cut_square(open_upright(path), _SIDE_PX, Image.Resampling.BOX),)


def mirror(x: Tensor) -> Tensor:
    """Left to right."""
    return x.flip(-1)


RECIPE = Recipe(
    name="objects",
    title="objects in 32 × 32 px: a small ResNet on CIFAR-10, on a few images or on all",
    source=(
        "Krizhevsky 2009 (CIFAR-10; its terms are not stated); net after Page 2018, schedule after"
        " Jordan 2024"
    ),
    folder="cifar10",
    read=read_objects,
    contenders=(Contender("resnet9"),),
    loss=object_loss,
    metric=measure_objects,
    draw=draw_objects,
    read_input=read_thing,
    tell=tell_class,
    headline="accuracy",
    settings=FitSettings(
        epochs=70,
        batch_size=50,
        learning_rate=0.1,
        optimiser="sgd",
        weight_decay=1e-3,
        ema_decay=0.99,
        patience=0,
    ),
    vary=vary_object,
    views=(mirror,),
    scale_mean=0.47,
    scale_std=0.25,
    files=(
        Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "md5:c32a1d4ab5d03f1284b67883e8d87530",
            "cifar-10-binary.tar.gz",
            unpack=True,
        ),
    ),
)

HUNDRED = dataclasses.replace(
    RECIPE,
    name="objects100",
    title="the same for the hundred classes of CIFAR-100",
    source=RECIPE.source.replace("CIFAR-10", "CIFAR-100"),
    folder="cifar100",
    files=(
        Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "md5:03b5dce01913d631647c71ecec9e9cb8",
            "cifar-100-binary.tar.gz",
            unpack=True,
        ),
    ),
)
