"""Pictures of an evaluation: the lecture's four panels, curves over thresholds, reliability.

Colours stay apart for colour-blind readers (Okabe & Ito 2008) and no meaning hangs on colour alone:
curves differ in stroke, too.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mapsight.atomic import write_atomically
from mapsight.cnn.calibration import Calibration
from mapsight.cnn.metrics import Curves, Measures, count_pixels, measure_at

# the lecture's yellow, red and blue
FOUND, FALSE, MISSED = (255, 225, 25), (225, 40, 15), (50, 135, 255)
_INK, _PAPER, _NO_DATA = "#22262b", "#ffffff", (205, 205, 205)
_STROKES = {
    "precision": ("#0072b2", (0, (6, 2))),
    "recall": ("#d55e00", (0, (2, 1.4))),
    "f1": ("#111111", "solid"),
    "accuracy": ("#009e73", (0, (7, 2, 1.5, 2))),
}


def draw_panels(
    image: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    *,
    threshold: float = 0.5,
    valid: np.ndarray | None = None,
    title: str = "",
) -> Figure:
    """The lecture's four panels: truth, prediction, right and wrong over the photograph, the
    photograph.

    image (3, H, W) uint8; truth (H, W) bool; prediction (H, W): a bool mask, or a probability that
    the threshold cuts; valid (H, W) bool.
    """
    kept = np.ones(truth.shape, bool) if valid is None else valid.astype(bool)
    truth, mask = (
        truth.astype(bool),
        prediction if prediction.dtype == bool else prediction >= threshold,
    )
    photo = np.where(kept[..., None], np.moveaxis(image[:3], 0, -1), np.uint8(_NO_DATA[0]))
    measured = measure_at(count_pixels(mask.astype(np.float32), truth, kept), 0.5)
    figure, axes = _lay_out_panels(*truth.shape)
    cut = "" if prediction.dtype == bool else f", cut at {threshold:.3g}"
    _show(axes[0], _paint_mask(truth, kept), "truth")
    _show(
        axes[1], _paint_mask(prediction, kept), "prediction, probability" if cut else "prediction"
    )
    _show(axes[2], paint_overlay(photo, truth, mask, kept), f"right and wrong{cut}")
    _show(axes[3], photo, "photograph")
    figure.suptitle(
        "   ".join(filter(None, [title, _describe(measured)])),
        x=0.5,
        y=0.985,
        fontsize=12,
        color=_INK,
    )
    _add_legend(figure, measured)
    return figure


def paint_overlay(
    photo: np.ndarray, truth: np.ndarray, mask: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """(H, W, 3) uint8: true positives yellow, false positives red, false negatives blue on the grey
    photo.
    """
    grey = photo.astype(float) @ [0.299, 0.587, 0.114]
    painted = np.repeat((50 + 0.75 * grey)[..., None], 3, axis=2)
    for where, colour in ((truth & mask, FOUND), (mask & ~truth, FALSE), (truth & ~mask, MISSED)):
        painted[where] = 0.25 * painted[where] + 0.75 * np.array(colour)
    painted[~valid] = _NO_DATA
    return np.round(painted).astype(np.uint8)


def draw_threshold_curves(
    curves: Curves,
    *,
    chosen: float,
    interval: tuple[float, float] | None = None,
    f1_band: tuple[np.ndarray, np.ndarray] | None = None,
    title: str = "Measures over all thresholds (pooled)",
) -> Figure:
    """The lecture's figure: precision, recall, F1 and accuracy over thresholds; the chosen one is
    marked.

    interval: the chosen threshold's 95 % interval, shaded; f1_band: (low, high) of the F1 curve,
    (1001,) each.
    """
    figure = Figure(figsize=(8.2, 5.2), dpi=110, facecolor=_PAPER, layout="constrained")
    axes = figure.add_subplot()
    if interval is not None and np.isfinite(interval).all():
        axes.axvspan(
            *interval,
            color="#f0c808",
            alpha=0.28,
            lw=0,
            label=f"threshold, 95 %: {interval[0]:.2f}–{interval[1]:.2f}",
        )
    if f1_band is not None and np.ndim(f1_band[0]):
        axes.fill_between(
            curves.thresholds, *f1_band, color="#111111", alpha=0.15, lw=0, label="F1, 95 %"
        )
    for name, (colour, dashes) in _STROKES.items():
        # a precision of nothing is no figure: the line ends where no pixel is predicted
        values = (
            np.where(curves.predicted > 0, getattr(curves, name), np.nan)
            if name == "precision"
            else getattr(curves, name)
        )
        label = "F1" if name == "f1" else name
        axes.plot(
            curves.thresholds,
            values,
            color=colour,
            ls=dashes,
            lw=2.8 if name == "f1" else 1.8,
            label=label,
        )
    _mark_chosen(axes, curves, chosen)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="threshold", ylabel="measure")
    _finish(axes, title)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=10,
        handlelength=3.5,
    )
    return figure


def draw_reliability(
    calibration: Calibration, *, title: str = "Said and come true", unit: str = "pixels"
) -> Figure:
    """What was said against what came true, the number of cases below; the diagonal can be
    believed.
    """
    figure = Figure(figsize=(5.6, 6.4), dpi=110, facecolor=_PAPER, layout="constrained")
    axes, below = figure.subplots(2, 1, height_ratios=[3.2, 1], sharex=True)
    full = calibration.counts > 0
    said, true = calibration.mean_probability[full], calibration.true_share[full]
    axes.plot([0, 1], [0, 1], color="#8a8f98", ls=(0, (4, 3)), lw=1.4, label="as said")
    axes.vlines(
        said,
        np.minimum(said, true),
        np.maximum(said, true),
        color="#d55e00",
        lw=5,
        alpha=0.45,
        label="error",
    )
    axes.plot(said, true, "o-", color="#0072b2", lw=2, ms=7, label="come true")
    axes.set(
        ylim=(0, 1.02),
        ylabel=(
            f"share of {unit} that are road"
            if unit == "pixels"
            else f"share of {unit} that are right"
        ),
    )
    axes.legend(loc="upper left", frameon=False, fontsize=10)
    _finish(
        axes,
        f"{title}\nexpected calibration error {calibration.ece:.3f}, Brier score"
        f" {calibration.brier:.3f}",
    )
    width = np.diff(calibration.edges)
    below.bar(
        calibration.edges[:-1],
        calibration.counts,
        width,
        align="edge",
        color="#0072b2",
        alpha=0.75,
        edgecolor=_PAPER,
    )
    if full.any() and calibration.counts.max() > 50 * calibration.counts[full].min():
        below.set_yscale("log")
    below.set(xlim=(0, 1), xlabel="probability said", ylabel=unit)
    _finish(below, "")
    return figure


def encode_png(figure: Figure, *, dpi: float | None = None) -> bytes:
    """The figure as PNG bytes, equal from run to run."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi or figure.dpi, metadata={"Software": None})
    return buffer.getvalue()


def write_figure(path: Path | str, figure: Figure, *, dpi: float | None = None) -> None:
    """Write a PNG whole or not at all."""
    data = encode_png(figure, dpi=dpi)
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)


def _lay_out_panels(height: int, width: int) -> tuple[Figure, list[Axes]]:
    """Two by two, or four in a row for tall images; a screen pixel an image pixel, but 340 to 760 a
    panel.
    """
    columns = 4 if height > 1.4 * width else 2
    rows, dpi = 4 // columns, 110
    wide = np.clip(width, 340, 760) / dpi
    tall = wide * height / width
    margin, gap, head, foot = 0.12, 0.12, 0.30, 0.42
    size = (columns * wide + (columns - 1) * gap + 2 * margin, rows * (tall + head) + foot + head)
    figure = Figure(figsize=size, dpi=dpi, facecolor=_PAPER)
    axes = []
    for k in range(4):
        row, column = divmod(k, columns)
        left, bottom = margin + column * (wide + gap), foot + (rows - 1 - row) * (tall + head)
        axes.append(
            figure.add_axes((left / size[0], bottom / size[1], wide / size[0], tall / size[1]))
        )
    return figure, axes


def _paint_mask(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    grey = np.round(values.astype(float) * 255)
    painted = np.repeat(np.nan_to_num(grey)[..., None], 3, axis=2).astype(np.uint8)
    painted[~valid] = _NO_DATA
    return painted


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    axes.imshow(picture, interpolation="antialiased")
    axes.set_title(title, fontsize=10.5, color=_INK, loc="left", pad=3)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#c8ccd2")


def _describe(m: Measures) -> str:
    if not m.true_positives + m.false_negatives:
        return f"no road in the truth, {m.false_positives} px taken for road"
    return f"precision {m.precision:.3f}  recall {m.recall:.3f}  F1 {m.f1:.3f}"


def _add_legend(figure: Figure, m: Measures) -> None:
    entries = (
        (FOUND, "true positive", m.true_positives),
        (FALSE, "false positive", m.false_positives),
        (MISSED, "false negative", m.false_negatives),
    )
    handles = [
        Patch(
            facecolor="#{:02x}{:02x}{:02x}".format(*c),
            edgecolor=_INK,
            lw=0.6,
            label=f"{text}, {n:,} px",
        )
        for c, text, n in entries
    ]
    figure.legend(
        handles=handles, loc="lower center", ncols=3, frameon=False, fontsize=10, labelcolor=_INK
    )


def _mark_chosen(axes: Axes, curves: Curves, chosen: float) -> None:
    k = round(chosen * (len(curves.thresholds) - 1))
    height = float(curves.f1[k])
    axes.axvline(chosen, color=_INK, lw=1, ls=(0, (1, 2)))
    axes.plot([chosen], [height], "o", ms=9, mfc=_PAPER, mec="#111111", mew=2, zorder=5)
    text = (
        f"F1 {height:.3f} at {chosen:.3g}\nprecision {curves.precision[k]:.3f}\nrecall"
        f" {curves.recall[k]:.3f}"
    )
    box = {"boxstyle": "round,pad=0.35", "fc": _PAPER, "ec": "#c8ccd2", "alpha": 0.92}
    # at the foot of the line, where the curves seldom are
    side, align = (10, "left") if chosen < 0.6 else (-10, "right")
    where: dict[str, Any] = {
        "xytext": (side, 12),
        "textcoords": "offset points",
        "ha": align,
        "va": "bottom",
    }
    axes.annotate(text, (chosen, 0), fontsize=10, color=_INK, bbox=box, zorder=6, **where)


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=12, color=_INK, loc="left")
    axes.grid(color="#e3e6ea", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=10)
    axes.spines[["top", "right"]].set_visible(False)
