"""Steering: what a camera sees → how the wheel is turned (Bojarski et al. 2016), learnt from a
drive of a small car.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mapsight.cnn.bootstrap import bootstrap_mean
from mapsight.cnn.fit import FitSettings
from mapsight.errors import InputError
from mapsight.zoo.drives import Frame, read_drive
from mapsight.zoo.figure import BLUE, GREY, INK, ORANGE, make_figure, tidy
from mapsight.zoo.images import open_picture, open_upright
from mapsight.zoo.recipe import Arrays, Contender, Data, Fold, Item, Judged, Outcome, Recipe
from mapsight.zoo.saliency import find_salience

_SIZE_PX = (200, 66)  # width, height: PilotNet's input
_SKY = 1 / 3  # the upper part of the image is cut off: no road there
_TRAIN, _JUDGE = 0.7, 0.8  # shares of the drive, in its order
_GAP_S = 2.0  # left out at each border: neighbouring frames show the same
_BLOCK = 40  # frames that are drawn together for the interval: about two seconds


def read_steering(folder: Path) -> Data:
    """A drive, split by time: first 70 % to learn from, then 10 % to judge, the last 20 % to
    test.
    """
    drive = read_drive(folder)
    cuts = [int(len(drive) * share) for share in (0.0, _TRAIN, _JUDGE, 1.0)]
    parts = [drive[low:high] for low, high in zip(cuts, cuts[1:], strict=False)]
    parts[1:] = [
        _drop_start(part, before[-1:]) for before, part in zip(parts, parts[1:], strict=False)
    ]
    if min(map(len, parts)) < 1:
        raise InputError(
            folder, f"{len(drive)} frames are too few to split by time", "give a longer drive"
        )
    train, judge, test = (_load(part) for part in parts)
    about = (
        f"{len(drive)} frames of a drive: the first {len(train)} to learn from, the last"
        f" {len(test)} to test"
    )
    # the rival that knows nothing but how the wheel mostly stood
    return Data(
        (Fold("", train, judge, test),),
        (),
        about,
        facts={"median": float(np.median(train.columns[-1]))},
    )


def _drop_start(part: list[Frame], last: list[Frame]) -> list[Frame]:
    return [frame for frame in part if last and frame.time_s - last[0].time_s >= _GAP_S]


def _load(frames: list[Frame]) -> Arrays:
    images = np.stack([crop_road(open_picture(frame.path)) for frame in frames])
    return Arrays((images, np.array([[frame.angle] for frame in frames], np.float32)))


def crop_road(picture: Image.Image) -> np.ndarray:
    """The lower two thirds of a picture as (3, 66, 200) uint8."""
    wide, high = picture.size
    road = picture.convert("RGB").resize(
        _SIZE_PX, Image.Resampling.BILINEAR, (0, round(high * _SKY), wide, high)
    )
    return np.asarray(road).transpose(2, 0, 1)


def vary_view(item: Item, rng: np.random.Generator) -> Item:
    """Mirrored with the angle turned round, brighter or darker, a shadow over one side."""
    image, angle = item
    light = np.full(image.shape[-1], 1 + rng.uniform(-0.3, 0.3), np.float32)
    if rng.random() < 0.3:
        light[
            slice(rng.integers(200), None) if rng.random() < 0.5 else slice(None, rng.integers(200))
        ] *= 0.7
    image = np.clip(image * light, 0, 255).astype(np.uint8)
    return (image[..., ::-1], -angle) if rng.random() < 0.5 else (image, angle)


def steering_loss(output: Tensor, angle: Tensor) -> Tensor:
    """Huber's loss: like the error itself where it is large, gentle where it is small."""
    return F.smooth_l1_loss(output, angle, beta=0.1)


def measure_steering(judged: Judged, data: Data) -> dict[str, Any]:
    """Mean absolute error (minus it is the score), its 95 % interval over blocks of two seconds;
    the median's error.
    """
    error = np.abs(judged.outputs - judged.truth)[:, 0]
    baseline = np.abs(judged.truth - data.facts["median"])[:, 0]
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(error), _BLOCK)]
    low, high = bootstrap_mean(np.array([error[block].mean() for block in blocks]))
    return {
        "score": -float(error.mean()),
        "mae": float(error.mean()),
        "mae_95": (low, high) if low == low else None,
        "mae_of_median": float(baseline.mean()),
        "frames": len(error),
    }


def draw_steering(outcome: Outcome) -> Figure:
    """Predicted and true angle over the last part of the drive; frames of it with both, and what
    the net looked at.
    """
    result = outcome.results[0]
    figure = make_figure(12, 6)
    grid = figure.add_gridspec(3, 6, height_ratios=(3, 0.85, 0.85))
    truth, said = result.judged.truth[:, 0], result.judged.outputs[:, 0]
    chart = figure.add_subplot(grid[0, :])
    chart.plot(truth, color=GREY, linewidth=1.6, label="driver")
    chart.plot(said, color=BLUE, linewidth=1.1, label="net")
    m = result.measures
    tidy(
        chart,
        f"{m['frames']} frames the net has not seen: mean error {m['mae']:.3f}, of the median angle"
        f" {m['mae_of_median']:.3f} (range −1 … 1)",
        "frame",
        "steering (right is positive)",
    )
    chart.legend(frameon=False, fontsize=9, loc="upper right", ncols=2)
    chart.margins(x=0.01)
    for at, index in enumerate(np.linspace(0, len(truth) - 1, 8).astype(int)[1:-1]):
        image = outcome.tests[0][int(index)][0]
        _show_frame(
            figure.add_subplot(grid[1, at]), image, truth[index], said[index], f"frame {index}"
        )
        _show_salience(figure.add_subplot(grid[2, at]), image, find_salience(outcome.net, image))
    return figure


def _show_frame(axes: Axes, image: np.ndarray, truth: float, said: float, title: str) -> None:
    axes.imshow(image.transpose(1, 2, 0))
    for angle, colour, width in ((truth, "white", 3.5), (said, ORANGE, 2)):
        end = 100 + 55 * np.sin(angle * np.pi / 3), 64 - 45 * np.cos(angle * np.pi / 3)
        axes.annotate(
            "", end, (100, 64), arrowprops={"arrowstyle": "->", "color": colour, "linewidth": width}
        )
    axes.set_axis_off()
    axes.set_title(f"{title}: {truth:+.2f}, net {said:+.2f}", fontsize=9, color=INK)


def _show_salience(axes: Axes, image: np.ndarray, salience: np.ndarray) -> None:
    axes.imshow(image.mean(axis=0), cmap="gray", vmin=0, vmax=350)
    axes.imshow(salience, cmap="inferno", alpha=np.clip(1.5 * salience, 0, 0.8), vmin=0, vmax=1)
    axes.set_axis_off()
    axes.set_title("looked at", fontsize=9, color=INK)


def tell_angle(output: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """The angle, and in words."""
    angle = float(output[0])
    side = "straight on" if abs(angle) < 0.05 else "right" if angle > 0 else "left"
    return {"answer": side, "angle": round(angle, 4)}


RECIPE = Recipe(
    name="steering",
    title="from camera frames to the steering angle: PilotNet on a drive of a small car",
    source=(
        "Bojarski et al. 2016; a drive as the Donkey car or Udacity's simulator record it, yours or"
        " another's"
    ),
    folder="donkey",
    read=read_steering,
    contenders=(Contender("pilotnet", {"dropout": 0.2}),),
    loss=steering_loss,
    metric=measure_steering,
    draw=draw_steering,
    read_input=lambda path: (crop_road(open_upright(path)),),
    tell=tell_angle,
    headline="mae",
    settings=FitSettings(
        epochs=14, batch_size=32, learning_rate=1e-3, weight_decay=1e-2, ema_decay=0.99, patience=0
    ),
    vary=vary_view,
)
