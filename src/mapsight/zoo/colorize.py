"""Colour for grey photographs: 313 classes, rebalanced, with annealed mean, beside regression
(Zhang et al. 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mapsight.cnn.fit import FitSettings
from mapsight.cnn.losses import soft_pixel_loss
from mapsight.errors import InputError
from mapsight.zoo.colour_scores import (
    MEASURES,
    compare_colours,
    count_colours,
    find_curves,
    make_grey,
    measure_answers,
    tell_bounds,
)
from mapsight.zoo.colours import anneal_mean, find_bins, find_nearest_bins, soften_bins, weigh_bins
from mapsight.zoo.figure import BLUE, GREY, INK, ORANGE, make_figure, show_table, tidy
from mapsight.zoo.images import MORE_FORMATS, open_upright
from mapsight.zoo.photos import (
    SHOWN,
    Photos,
    list_photos,
    paint_photo,
    read_lab,
    read_photo,
    render_photo,
    thin,
    vary_photo,
)
from mapsight.zoo.recipe import Contender, Data, Fold, Judged, Outcome, Recipe

# folders of photographs to learn from, to test, and to show in the figure
_PARTS = (("train", "test", "show"), ("train", "val", "show"), ("bsds_train", "bsds_test", "cc0"))
_MOST = 1000  # photographs whose colours are counted, and that are tested: evenly taken of all
_MANY = 20_000  # from so many photographs on, the full width
_FEW_WIDTH = 1 / 8
_LEAST_VIEWS, _VIEWS = (
    8,
    7_500,
)  # how often each photograph is seen at least, how many views there are at least
_AB_SCALE = 25.0  # what a regressor's 1 is in ab
_GREY_CHROMA = 8.0
# where in the circle of hues of Lab a colour ends, in degrees
_HUES = (
    ("pink", 20),
    ("red", 50),
    ("orange or brown", 80),
    ("yellow", 108),
    ("green", 165),
    ("turquoise", 220),
    ("blue", 312),
    ("violet", 335),
    ("pink", 360),
)
LABELS = ("grey", *dict.fromkeys(name for name, _ in _HUES))
_WIDEST = 5  # photographs in the figure at most


def read_colours(folder: Path) -> Data:
    """Photographs below `train/` and `test/` or `val/`, at any depth; those below `show/` are for
    the figure only.
    """
    train, test, shown = (list_photos(folder / part) for part in _find_parts(folder))
    if len(train) < 2 or not test:
        found = f"{len(train)} photographs to learn from, {len(test)} to test"
        raise InputError(
            folder, found, "put photographs into train/ and test/ (or val/), at any depth"
        )
    test, shown = take_evenly(test, _MOST), take_evenly(shown, _WIDEST)
    fold = Fold(
        "",
        Photos(tuple(train), count_weights(take_evenly(train, _MOST))),
        None,
        Photos((*test, *shown), shown=len(shown)),
    )
    many = len(train) >= _MANY
    return Data(
        (fold,),
        LABELS,
        f"{len(train)} colour photographs to learn from, {len(test)} to test",
        options={"width": 1.0 if many else _FEW_WIDTH},
        settings={"epochs": max(_VIEWS // len(train), _LEAST_VIEWS)}
        | ({"batch_size": 40} if many else {}),
    )


def _find_parts(folder: Path) -> tuple[str, str, str]:
    for parts in _PARTS:
        if all((folder / part).is_dir() for part in parts[:2]):
            return parts
    raise InputError(
        folder, "holds no train/ and test/ (or val/)", "put photographs there, at any depth"
    )


def take_evenly(paths: Sequence[Path], most: int) -> list[Path]:
    """All of them, or as many as `most` from all over the list."""
    chosen = (
        np.linspace(0, len(paths) - 1, most).astype(int) if len(paths) > most else range(len(paths))
    )
    return [paths[at] for at in chosen]


def count_weights(paths: Iterable[Path]) -> np.ndarray:
    """(313,) rebalancing weights by the colours of photographs."""
    counts = sum(
        np.bincount(find_nearest_bins(thin(read_lab(p)[1:])).ravel(), minlength=len(find_bins()))
        for p in paths
    )
    return weigh_bins(np.asarray(counts, float))


def class_colour_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Rebalanced cross-entropy against soft targets (eq. 2 and 3); truth (B, 3, h, w): a, b,
    weight.
    """
    return soft_pixel_loss(logits, *soften_bins(truth[:, :2]), truth[:, 2])


def ab_loss(output: Tensor, truth: Tensor) -> Tensor:
    """Squared distance in ab (eq. 1), every pixel alike."""
    return F.mse_loss(output.float(), truth[:, :2] / _AB_SCALE)


def answer_classes(logits: Tensor) -> Tensor:
    """(B, 313, h, w) → (B, 3, h, w): annealed mean, likeliest bin."""
    return torch.cat([anneal_mean(logits), logits.argmax(dim=1, keepdim=True).float()], dim=1)


def answer_ab(output: Tensor) -> Tensor:
    """(B, 2, h, w) → (B, 3, h, w): ab, the nearest bin to it."""
    ab = (output * _AB_SCALE).cpu()
    nearest = find_nearest_bins(ab.numpy().swapaxes(0, 1))
    return torch.cat([ab, torch.from_numpy(nearest)[:, None].float()], dim=1)


def measure_colours(judged: Judged, data: Data) -> dict[str, Any]:
    """Area under the share of pixels within a distance in ab, rebalanced (the score) and plain;
    likeliest bin right.
    """
    kept = judged.names != SHOWN
    measures = measure_answers(judged.outputs[kept], judged.truth[kept])
    return {"score": measures["auc_rebalanced"], **measures}


def draw_colours(outcome: Outcome) -> Figure:
    """Curves and table of the measures; below them photographs: grey, each net's colours, as
    taken.
    """
    shown = _choose_shown(outcome)
    pictures = [_paint_row(outcome, at) for at in shown]
    heights = [row[0].height / row[0].width for row in pictures]
    columns, answers = 2 + len(outcome.results), len(outcome.results) + 1
    lower = 12 / columns * sum(heights) + 0.35
    figure = make_figure(12, 3.7 + 0.3 * answers + lower)
    grid = figure.add_gridspec(3, 1, height_ratios=(3.4, 0.3 + 0.3 * answers, lower))
    _draw_curves(figure.add_subfigure(grid[0]).subplots(1, 2), outcome)
    show_table(figure.add_subfigure(grid[1]).subplots(), *_list_answers(outcome))
    spots = figure.add_subfigure(grid[2]).subplots(
        len(pictures),
        columns,
        squeeze=False,
        gridspec_kw={"height_ratios": heights, "hspace": 0.02, "wspace": 0.02},
    )
    for row, painted in zip(spots, pictures, strict=True):
        for spot, picture in zip(row, painted, strict=True):
            spot.imshow(picture)
            spot.set_axis_off()
    names = {
        "colorizer": "313 classes, rebalanced, annealed mean",
        "colorizer-ab": "regression of ab",
    }
    titles = (
        "what the nets see",
        *(names.get(r.net, r.net) for r in reversed(outcome.results)),
        "as taken",
    )
    for spot, title in zip(spots[0], titles, strict=True):
        spot.set_title(title, fontsize=10, color=INK)
    return figure


def _choose_shown(outcome: Outcome) -> list[int]:
    """The photographs that are only shown, or, where there are none, some of those tested."""
    names = outcome.results[0].judged.names
    shown = np.flatnonzero(names == SHOWN)
    every = (
        shown
        if len(shown)
        else np.linspace(0, len(names) - 1, min(len(names), _WIDEST)).astype(int)
    )
    return [int(at) for at in every]


def _paint_row(outcome: Outcome, at: int) -> list[Image.Image]:
    picture = open_upright(outcome.tests[0].paths[at], MORE_FORMATS).convert("RGB")  # type: ignore[attr-defined]
    picture.thumbnail((360, 360))
    colours = [np.zeros((2, 1, 1)), *(r.judged.outputs[at, :2] for r in reversed(outcome.results))]
    return [*(paint_photo(picture, ab) for ab in colours), picture]


def _list_judged(outcome: Outcome) -> tuple[list[tuple[str, str, np.ndarray]], np.ndarray]:
    """(name, colour, answers) of each net and of grey; the truth; without what is only shown."""
    first = outcome.results[0].judged
    kept = first.names != SHOWN
    rows = [
        (r.net, colour, r.judged.outputs[kept])
        for r, colour in zip(outcome.results, (BLUE, ORANGE), strict=False)
    ]
    truth = first.truth[kept]
    return [*rows, ("all grey", GREY, np.stack([make_grey(known) for known in truth]))], truth


def _draw_curves(spots: Sequence[Axes], outcome: Outcome) -> None:
    rows, truth = _list_judged(outcome)
    for name, colour, answers in rows:
        curves, distances = find_curves(answers, truth)
        for axes, curve in zip(spots, curves, strict=True):
            axes.plot(distances, 100 * curve, color=colour, linewidth=1.8, label=name)
    for axes, title in zip(
        spots, ("every pixel counts alike", "rebalanced: every colour counts alike"), strict=True
    ):
        tidy(axes, title, "distance in ab", "pixels within it, %")
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.grid(color=GREY, alpha=0.25, linewidth=0.7)
    spots[0].legend(frameon=False, fontsize=9.5, loc="lower right")


def _list_answers(outcome: Outcome) -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
    rows, truth = _list_judged(outcome)
    counts = [
        count_colours([answers[at] for _, _, answers in rows], truth[at])
        for at in range(len(truth))
    ]
    rates, bounds, _ = compare_colours(counts)
    head = (
        "",
        "parameters",
        "AuC",
        "AuC, rebalanced",
        "bin right",
        "bin right, rebalanced",
        "seconds of\ntraining",
    )
    listed = []
    for at, (name, _, _) in enumerate(rows):
        known = [
            (f"{r.parameters:,}", f"{r.seconds:.0f}") for r in outcome.results[at : at + 1]
        ] or [("", "")]
        cells = (_tell(rates[at, k], tell_bounds(bounds[:, at, k])) for k in range(len(MEASURES)))
        listed.append((name, known[0][0], *cells, known[0][1]))
    return head, listed, f"{outcome.data.about}; intervals: 95 %, over photographs"


def _tell(value: float, bounds: tuple[float, float] | None) -> str:
    return f"{value:.1%}" if bounds is None else f"{value:.1%} [{bounds[0]:.1%}, {bounds[1]:.1%}]"


def tell_colours(output: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """The colour that most of the picture gets, and the share of each."""
    hue = np.degrees(np.arctan2(output[1], output[0])) % 360
    names = np.array([name for name, _ in _HUES])[
        np.searchsorted([end for _, end in _HUES], hue.ravel())
    ]
    names = np.where(np.hypot(*output[:2]).ravel() < _GREY_CHROMA, "grey", names)
    share = {name: round(float((names == name).mean()), 4) for name in labels}
    share = dict(sorted(((k, v) for k, v in share.items() if v), key=lambda pair: -pair[1]))
    return {"answer": next(iter(share)), "share": share}


RECIPE = Recipe(
    name="colorize",
    title=(
        "colour for grey photographs: 313 classes of colour beside regression, on any folder of"
        " photographs"
    ),
    source=(
        "Zhang, Isola, Efros 2016; here: photographs of BSDS (Martin et al. 2001; non-commercial"
        " research), by hand"
    ),
    folder="colour",
    read=read_colours,
    contenders=(
        Contender("colorizer"),
        Contender("colorizer-ab", own={"loss": ab_loss, "answer": answer_ab}),
    ),
    loss=class_colour_loss,
    metric=measure_colours,
    draw=draw_colours,
    read_input=read_photo,
    tell=tell_colours,
    render=render_photo,
    headline="auc_rebalanced",
    settings=FitSettings(
        epochs=125, batch_size=6, learning_rate=2e-3, weight_decay=1e-2, ema_decay=0.99, patience=0
    ),
    vary=vary_photo,
    answer=answer_classes,
    judge_batch=10,
)
