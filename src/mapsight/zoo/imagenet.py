"""Photographs by what they show: AlexNet, VGG, GoogLeNet, ResNet on ImageNet, or any folder of
pictures by class.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from mapsight.cnn.fit import FitSettings
from mapsight.errors import InputError
from mapsight.zoo.compare import describe_net
from mapsight.zoo.fetch import Remote
from mapsight.zoo.figure import INK, make_figure, show_table
from mapsight.zoo.images import cut_square, open_upright
from mapsight.zoo.recipe import Contender, Data, Fold, Item, Judged, Outcome, Recipe
from mapsight.zoo.scores import measure_classes, soften, tell_class

_SIDE_PX, _MARGIN_PX = 128, 16
_KINDS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_JUDGE_EVERY = 20  # one training picture in twenty decides which epoch is kept
_AUXILIARY = 0.3  # GoogLeNet's weight of its side classifiers


class Pictures(NamedTuple):
    """Items read from files as they are needed; `side_px` large, upright as taken."""

    paths: tuple[Path, ...]
    truth: np.ndarray
    side_px: int

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Item:  # type: ignore[override]
        return cut_square(open_upright(self.paths[index]), self.side_px), self.truth[index]


def read_folder(folder: Path) -> Data:
    """`train/CLASS/picture` and `val/CLASS/picture`, in the folder or in the one folder within
    it.
    """
    root = _find_root(folder)
    classes = tuple(sorted(path.name for path in (root / "train").iterdir() if path.is_dir()))
    train, test = (_list_pictures(root / part, classes) for part in ("train", "val"))
    if len(classes) < 2 or not len(test[0]) or len(train[0]) < 2 * _JUDGE_EVERY:
        found = (
            f"{len(classes)} classes, {len(train[0])} pictures to learn from, {len(test[0])} to"
            " test"
        )
        raise InputError(
            root, found, "give two classes or more, and pictures of each in train/ and val/"
        )
    judged = np.arange(len(train[0])) % _JUDGE_EVERY == 0
    fold = Fold(
        "",
        _take(train, ~judged, _SIDE_PX + _MARGIN_PX),
        _take(train, judged, _SIDE_PX),
        _take(test, np.ones(len(test[0]), bool), _SIDE_PX),
    )
    about = (
        f"{root.name}: {len(classes)} classes, {len(fold.train)} pictures to learn from,"
        f" {len(fold.test)} to test"
    )
    return Data((fold,), classes, about, options={"classes": len(classes)})


def _find_root(folder: Path) -> Path:
    for root in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if (root / "train").is_dir() and (root / "val").is_dir():
            return root
    raise InputError(
        folder, "holds no train/ and val/", "put pictures into train/CLASS and val/CLASS"
    )


def _list_pictures(folder: Path, classes: Sequence[str]) -> tuple[list[Path], np.ndarray]:
    found = [
        (path, at)
        for at, name in enumerate(classes)
        for path in sorted((folder / name).glob("*"))
        if path.suffix.lower() in _KINDS
    ]
    return [path for path, _ in found], np.array([at for _, at in found], np.int64)


def _take(listed: tuple[list[Path], np.ndarray], kept: np.ndarray, side_px: int) -> Pictures:
    return Pictures(
        tuple(path for path, keep in zip(listed[0], kept, strict=True) if keep),
        listed[1][kept],
        side_px,
    )


def vary_picture(item: Item, rng: np.random.Generator) -> Item:
    """A window of it, mirrored or not."""
    image, truth = item
    top, left = rng.integers(0, _MARGIN_PX + 1, 2)
    image = image[:, top : top + _SIDE_PX, left : left + _SIDE_PX]
    return (image[..., ::-1] if rng.random() < 0.5 else image), truth


def class_loss(output: Tensor | tuple[Tensor, ...], truth: Tensor) -> Tensor:
    """Cross-entropy with softened labels (0.1); GoogLeNet's side classifiers count three tenths."""
    outputs = (output,) if isinstance(output, Tensor) else output
    losses = torch.stack([F.cross_entropy(each, truth, label_smoothing=0.1) for each in outputs])
    return losses[0] + _AUXILIARY * losses[1:].sum()


def measure_pictures(judged: Judged, data: Data) -> dict[str, Any]:
    """Accuracy (the score), and whether the truth is among the five likeliest."""
    among = np.argsort(-judged.outputs, axis=1)[:, :5] == judged.truth[:, None]
    return measure_classes(judged.truth, judged.outputs) | {"top5": float(among.any(axis=1).mean())}


def draw_imagenet(outcome: Outcome) -> Figure:
    """The nets side by side (what they cost, what they reach), and test pictures with what the kept
    net says.
    """
    figure = make_figure(12, 3.4 + 0.32 * len(outcome.results))
    grid = figure.add_gridspec(2, 6, height_ratios=(0.5 + 0.32 * len(outcome.results), 2.3))
    show_table(figure.add_subplot(grid[0, :]), *_list_nets(outcome), outcome.data.about)
    judged = outcome.results[0].judged
    for at, index in enumerate(np.linspace(0, len(judged.truth) - 1, 6).astype(int)):
        axes = figure.add_subplot(grid[1, at])
        axes.imshow(outcome.tests[0][int(index)][0].transpose(1, 2, 0))
        axes.set_axis_off()
        said = int(judged.outputs[index].argmax())
        name, sure = outcome.data.labels[said], soften(judged.outputs[index])[said]
        wrong = (
            ""
            if said == judged.truth[index]
            else f"\n(is {outcome.data.labels[judged.truth[index]]})"
        )
        axes.set_title(
            f"{name} {sure:.0%}{wrong}", fontsize=9, color=INK if not wrong else "#b02a00"
        )
    return figure


def _list_nets(outcome: Outcome) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head = ("net", "of", "layers", "parameters", "multiply-adds at 224 px", "accuracy", "seconds")
    rows: list[tuple[str, ...]] = []
    for result in outcome.results:
        facts = describe_net(result.net)
        low, high = result.measures["accuracy_95"]
        accuracy = f"{result.measures['accuracy']:.1%} [{low:.1%}, {high:.1%}]"
        rows.append(
            (
                result.net,
                facts.source,
                str(facts.layers),
                f"{facts.parameters:,}",
                f"{facts.multiply_adds / 1e9:.2f} G",
                accuracy,
                f"{result.seconds:.0f}",
            )
        )
    return head, rows


RECIPE = Recipe(
    name="imagenet",
    title=(
        "photographs by class: ResNet, GoogLeNet, VGG, AlexNet side by side, on any folder of"
        " pictures"
    ),
    source=(
        "Krizhevsky 2012, Simonyan 2014, Szegedy 2014, He 2015; --download: Imagenette, ten classes"
        " of ImageNet"
    ),
    folder="imagenet",
    read=read_folder,
    contenders=tuple(Contender(net) for net in ("resnet18", "googlenet", "vgg11-bn", "alexnet")),
    loss=class_loss,
    metric=measure_pictures,
    draw=draw_imagenet,
    read_input=lambda path: (cut_square(open_upright(path), _SIDE_PX),),
    tell=tell_class,
    headline="accuracy",
    settings=FitSettings(
        epochs=30, batch_size=64, learning_rate=2e-3, weight_decay=0.05, ema_decay=0.999, patience=0
    ),
    vary=vary_picture,
    scale_mean=0.45,
    scale_std=0.225,
    files=(
        Remote(
            "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
            "md5:e793b78cc4c9e9a4ccc0c1155377a412",
            "imagenette2-160.tgz",
            unpack=True,
        ),
    ),
)
