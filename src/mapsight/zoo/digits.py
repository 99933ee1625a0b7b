"""Handwritten digits: the lecture's CNN ('CNN in MXNet') on MNIST, and a dense net with more
parameters beside it.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch.nn import functional as F

from mapsight.cnn.fit import FitSettings
from mapsight.errors import InputError
from mapsight.zoo.fetch import Remote
from mapsight.zoo.figure import BLUE, GREY, INK, ORANGE, make_figure, show_confusion, tidy
from mapsight.zoo.images import open_upright
from mapsight.zoo.recipe import Arrays, Contender, Data, Fold, Item, Judged, Outcome, Recipe, Result
from mapsight.zoo.scores import confuse, measure_classes, tell_class

_JUDGES = 5000  # the last of the training images decide which epoch is kept
_SIDE_PX = 28
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist"
_CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
}
_KINDS = {2051: 3, 2049: 1}  # magic number → dimensions


def read_digits(folder: Path) -> Data:
    """The four files of MNIST, as published (or unpacked)."""
    images, labels = (_read_pair(folder, part) for part in ("train", "t10k")), tuple("0123456789")
    (x, y), (test_x, test_y) = images
    cut = len(x) - min(_JUDGES, len(x) // 6)
    fold = Fold(
        "", Arrays((x[:cut], y[:cut])), Arrays((x[cut:], y[cut:])), Arrays((test_x, test_y))
    )
    return Data(
        (fold,),
        labels,
        f"MNIST: {cut} images to learn from, {len(x) - cut} to judge, {len(test_x)} to test",
    )


def _read_pair(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    x = read_idx(_find(folder, f"{part}-images-idx3-ubyte"))[:, None]
    y = read_idx(_find(folder, f"{part}-labels-idx1-ubyte")).astype(np.int64)
    if len(x) != len(y) or not len(y) or x.shape[2:] != (_SIDE_PX, _SIDE_PX) or y.max() > 9:
        raise InputError(
            folder,
            f"images {x.shape} and labels {y.shape} of '{part}' do not belong together",
            "fetch them again",
        )
    return x, y


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise InputError(
        folder / f"{name}.gz",
        "is missing",
        "give --data DIR with MNIST's four files, or --download",
    )


def read_idx(path: Path) -> np.ndarray:
    """An idx file of bytes, gzipped or not (Y. LeCun's format): (N,) or (N, rows, columns)
    uint8.
    """
    try:
        opened = gzip.open(path) if path.suffix == ".gz" else open(path, "rb")  # noqa: SIM115
        with opened as file:
            magic, count = struct.unpack(">II", file.read(8))
            dimensions = _KINDS.get(magic)
            if dimensions is None:
                raise InputError(
                    path, f"has the magic number {magic}", "give one of MNIST's idx files"
                )
            shape = (count, *struct.unpack(f">{dimensions - 1}I", file.read(4 * (dimensions - 1))))
            wanted = int(np.prod(shape, dtype=object))
            if wanted > 1 << 30:
                raise InputError(path, f"states {wanted} bytes", "give one of MNIST's idx files")
            body = file.read(wanted + 1)
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise InputError(path, f"cannot be read ({error})", "fetch it again") from None
    if len(body) != wanted:
        raise InputError(
            path, f"holds {len(body)} bytes where its head states {wanted}", "fetch it again"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


def move_digit(item: Item, rng: np.random.Generator) -> Item:
    """The digit up to two pixels elsewhere; its border is empty, so nothing is lost."""
    image, label = item
    down, right = rng.integers(-2, 3, 2)
    return np.roll(image, (down, right), (1, 2)), label


def measure_digits(judged: Judged, data: Data) -> dict[str, Any]:
    """Accuracy, and the confusion matrix."""
    said = judged.outputs.argmax(axis=1)
    return measure_classes(judged.truth, judged.outputs) | {
        "confusion": confuse(judged.truth, said, 10).tolist()
    }


def read_photo(path: Path) -> tuple[np.ndarray, ...]:
    """A picture of one digit, dark on light or light on dark, made as MNIST's are: 20 px large,
    mass in the middle.
    """
    grey = np.asarray(open_upright(path).convert("L"), float)
    ink = grey if np.median(grey) < 128 else 255 - grey
    ink = np.clip(ink - np.median(ink), 0, None)
    if not ink.max() > 0:
        raise InputError(path, "shows nothing but one grey", "give a picture of one digit")
    rows, columns = np.nonzero(ink > 0.3 * ink.max())
    cut = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    cut = cut * (255 / cut.max())
    scale = 20 / max(cut.shape)
    size = (max(round(cut.shape[1] * scale), 1), max(round(cut.shape[0] * scale), 1))
    small = np.asarray(
        Image.fromarray(cut.astype(np.uint8)).resize(size, Image.Resampling.LANCZOS), float
    )
    weight = small.sum()
    top = round(14 - float((small.sum(1) * (np.arange(size[1]) + 0.5)).sum() / weight))
    left = round(14 - float((small.sum(0) * (np.arange(size[0]) + 0.5)).sum() / weight))
    top, left = min(max(top, 0), _SIDE_PX - size[1]), min(max(left, 0), _SIDE_PX - size[0])
    image = np.zeros((1, _SIDE_PX, _SIDE_PX), np.uint8)
    image[0, top : top + size[1], left : left + size[0]] = small.astype(np.uint8)
    return (image,)


def draw_digits(outcome: Outcome) -> Figure:
    """Confusion matrix of the lecture's net; accuracy over seconds of both nets; the digits it got
    wrong.
    """
    figure = make_figure(12, 8.2)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.9, 1))
    ours = outcome.results[0]
    accuracy = ours.measures["accuracy"]
    title = f"{ours.net}, {len(ours.judged.truth)} test digits: {accuracy:.2%} right"
    show_confusion(
        figure.add_subplot(grid[0, 0]),
        np.array(ours.measures["confusion"]),
        outcome.data.labels,
        title,
    )
    _draw_race(figure.add_subplot(grid[0, 1]), outcome.results)
    _draw_wrong(figure.add_subplot(grid[1, :]), outcome)
    return figure


def find_seconds_to(result: Result, accuracy: float) -> float | None:
    """Seconds of training until the judging images were first right at that rate."""
    for seconds, row in zip(
        accumulate(r["seconds"] for r in result.history), result.history, strict=True
    ):
        if row["accuracy"] >= accuracy:
            return seconds
    return None


def _draw_race(axes: Axes, results: tuple[Result, ...]) -> None:
    tidy(axes, "error on the judging images while learning", "seconds of training", "wrong, %")
    for result, colour, stroke in zip(
        results, (BLUE, ORANGE), ("solid", (0, (5, 2))), strict=False
    ):
        seconds = list(accumulate(r["seconds"] for r in result.history))
        wrong = [max(100 * (1 - r["accuracy"]), 0.01) for r in result.history]
        to_99 = find_seconds_to(result, 0.99)
        reached = f"99 % after {to_99:.0f} s" if to_99 is not None else "never 99 %"
        test = 100 * (1 - result.measures["accuracy"])
        label = (
            f"{result.net}: {result.parameters:,} parameters, {reached}, test {test:.2f} % wrong"
        )
        axes.plot(
            seconds, wrong, color=colour, linestyle=stroke, marker="o", markersize=3.5, label=label
        )
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, -0.11))


def _draw_wrong(axes: Axes, outcome: Outcome) -> None:
    judged = outcome.results[0].judged
    said = judged.outputs.argmax(axis=1)
    wrong = np.flatnonzero(said != judged.truth)
    sure = (
        judged.outputs.max(axis=1)
        - np.take_along_axis(judged.outputs, judged.truth[:, None], 1)[:, 0]
    )
    worst = wrong[np.argsort(-sure[wrong])][:24]
    axes.set_axis_off()
    axes.set_title(
        f"the {len(worst)} worst of {len(wrong)} mistakes: truth → said",
        fontsize=11,
        color=INK,
        loc="left",
    )
    for at, index in enumerate(worst):
        spot = axes.inset_axes((at % 12 / 12, 0.5 - at // 12 * 0.5, 0.065, 0.36))
        spot.imshow(outcome.tests[0][int(index)][0][0], cmap="gray_r")
        spot.set_axis_off()
        spot.set_title(f"{judged.truth[index]} → {said[index]}", fontsize=9, color=INK, pad=2)


RECIPE = Recipe(
    name="digits",
    title="handwritten digits: the lecture's CNN, and a dense net with more parameters",
    source="the lecture, 'CNN in MXNet'; MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0)",
    folder="mnist",
    read=read_digits,
    contenders=(Contender("digit-cnn"), Contender("digit-dense")),
    loss=F.cross_entropy,
    metric=measure_digits,
    draw=draw_digits,
    read_input=read_photo,
    tell=tell_class,
    headline="accuracy",
    settings=FitSettings(
        epochs=13,
        batch_size=64,
        learning_rate=1.5e-3,
        optimiser="adam",
        weight_decay=0.0,
        ema_decay=0.995,
        patience=0,
    ),  # four times all images
    items_per_epoch=18304,
    vary=move_digit,
    files=tuple(
        Remote(f"{_MIRROR}/{name}", checksum, name) for name, checksum in _CHECKSUMS.items()
    ),
)
