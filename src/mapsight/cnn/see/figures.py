"""The figures of `mapsight see`: one function a kind, arrays in, matplotlib figure out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

from mapsight.cnn.see.maps import Occlusion, paint_drop
from mapsight.cnn.see.peaks import Cause
from mapsight.cnn.see.pictures import make_mosaic, paint_signed

_INK, _PAPER, _FAINT, _MARK = "#22262b", "#ffffff", "#5b626b", "#ff2fd0"
_DPI = 110
_SIDES = ("outputs", "inputs")
_AROUND = (0.36, 0.55, 0.72)  # a blue that neither asphalt, roofs nor ink have
_RULE_NAMES = {
    "deconvnet": "deconvnet (Zeiler & Fergus)",
    "guided": "guided backpropagation",
    "gradient": "gradient",
}


@dataclass(frozen=True, eq=False)
class Scene:
    """What all figures of one look share.

    photo (H, W, 3) in 0 … 1; probability: (H, W), or (K,) of the classes; classes: their names;
    place: (row, col) of the pixel in question, or None; title: what is explained, in words.
    """

    photo: np.ndarray
    probability: np.ndarray
    classes: tuple[str, ...]
    place: tuple[int, int] | None
    title: str


def draw_filters(
    first: Sequence[np.ndarray], kernels: np.ndarray, names: tuple[str, str]
) -> Figure:
    """The first layer's filters (C, h, w) as pictures, and the second's kernels (out, in, h, w), a
    row an output.
    """
    figure = _open_figure(11.5, 6.6, "Filters")
    left, right = figure.subplots(1, 2)
    columns = int(np.ceil(np.sqrt(len(first))))
    scaled = [_enlarge(paint_signed(f, float(np.abs(f).max()))) for f in first]
    _show(
        left,
        make_mosaic(scaled, columns, gap=3),
        f"{names[0]}: {len(first)} filters in pixels of the image",
    )
    _note(
        left, f"{first[0].shape[1]} × {first[0].shape[2]} px each, on its own scale; grey is zero"
    )
    shown = kernels[:16, :16]
    scale = float(np.percentile(np.abs(shown), 99.5)) or 1.0
    flat = [_enlarge(plane) for row in shown for plane in row]
    mosaic = make_mosaic(flat, shown.shape[1], gap=2, paper=np.nan)
    _show(
        right,
        mosaic,
        f"{names[1]}: kernels, a row an output map",
        cmap="PuOr_r",
        vmin=-scale,
        vmax=scale,
    )
    of_all = " × ".join(
        f"{n} of {total} {what}"
        for n, total, what in zip(shown.shape, kernels.shape, _SIDES, strict=False)
    )
    _note(right, f"{of_all}, one scale; orange +, violet −")
    return figure


def draw_features(
    photo: np.ndarray, rows: Sequence[tuple[str, np.ndarray, Sequence[int]]]
) -> Figure:
    """Feature maps, a layer a row: (words, maps (n, h, w) or (1, 1, K), numbers of the
    channels).
    """
    figure = _open_figure(12.5, 1.0 + 1.52 * len(rows), "Feature maps, from the image on")
    grid = figure.add_gridspec(len(rows), 2, width_ratios=[1, 5.2])
    _show(figure.add_subplot(grid[: min(2, len(rows)), 0]), photo, "the image")
    for k, (words, maps, numbers) in enumerate(rows):
        axes = figure.add_subplot(grid[k, 1])
        if maps.shape[1] == 1:
            axes.imshow(maps[0], aspect="auto", cmap="magma", interpolation="nearest")
            axes.set(xticks=[], yticks=[])
        else:
            _show_strip(axes, maps, numbers)
        axes.set_title(
            words, fontsize=9.5, color=_INK, loc="left", pad=13 if maps.shape[1] > 1 else 4
        )
    if len(rows) > 2:
        text = (
            "Each row: the maps that\ndiffer most from place to\nplace, each on its own\n"
            "scale, black is its lowest.\nThe small number is the\nchannel."
        )
        figure.add_subplot(grid[2:, 0]).text(0, 1, text, va="top", fontsize=9.5, color=_FAINT)
        figure.axes[-1].axis("off")
    return figure


def draw_top9(
    blocks: Sequence[tuple[int, Sequence[Cause]]],
    photos: Sequence[Sequence[np.ndarray]],
    title: str,
) -> Figure:
    """For each channel its strongest answers: what the deconvnet puts into the pixels, beside the
    patches.
    """
    rows = -(-len(blocks) // 2)
    figure = _open_figure(12.5, 0.9 + 3.35 * rows, title)
    for axes in (cells := figure.subplots(rows, 4, squeeze=False)).flat:
        axes.axis("off")
    for k, ((channel, causes), patches) in enumerate(zip(blocks, photos, strict=True)):
        left, right = cells[k // 2, 2 * (k % 2)], cells[k // 2, 2 * (k % 2) + 1]
        gap = max(causes[0].patch.shape[1] // 24, 1)
        _show(
            left,
            make_mosaic([paint_signed(c.projection) for c in causes], 3, gap=gap),
            f"channel {channel}: {causes[0].value:.3g} … {causes[-1].value:.3g}",
        )
        _show(right, make_mosaic(list(patches), 3, gap=gap), "their patches")
    return figure


def draw_occlusion(scene: Scene, occlusion: Occlusion) -> Figure:
    """The image, the net's answer, and by how much the answer fell where a square was laid."""
    height, width = scene.photo.shape[:2]
    figure = _open_figure(12.5, 4.9 if height <= 1.2 * width else 6, f"Occlusion: {scene.title}")
    left, middle, right = figure.subplots(1, 3)
    _show(left, scene.photo, "the image, and the size of the square")
    side = occlusion.size_px
    fill = tuple(scene.photo.mean((0, 1)))
    left.add_patch(Rectangle((0.02 * width, 0.02 * height), side, side, fc=fill, ec=_MARK, lw=1.2))
    _mark(left, scene)
    _show_answer(middle, scene)
    drop = paint_drop(occlusion, height, width)
    scale = max(float(np.abs(drop).max()), 1e-6)
    _show(
        right,
        scene.photo.mean(2),
        f"its log-odds, {occlusion.before:.1f}, fall by",
        cmap="gray",
        vmin=-0.6,
        vmax=1.4,
    )
    shown = right.imshow(
        drop, cmap="PuOr_r", vmin=-scale, vmax=scale, alpha=0.72, interpolation="bilinear"
    )
    _mark(right, scene)
    figure.colorbar(shown, ax=right, shrink=0.75, pad=0.02).ax.tick_params(labelsize=9, colors=_INK)
    _note(right, "orange: it falls when this is covered; violet: it rises")
    return figure


def draw_gradcam(
    scene: Scene, rows: Sequence[tuple[str, Sequence[tuple[str, np.ndarray]]]]
) -> Figure:
    """Grad-CAM, a target a row, a layer a column, beside the image and the answer."""
    first = 1 if len(rows) > 1 else 2  # image and answer stand one below the other, or side by side
    columns = first + len(rows[0][1])
    figure = _open_figure(
        0.4 + 3.9 * columns, 0.9 + 4.1 * len(rows), "Grad-CAM: what speaks for it, layer by layer"
    )
    cells = figure.subplots(len(rows), columns, squeeze=False)
    _show(cells[0, 0], scene.photo, "the image")
    _mark(cells[0, 0], scene)
    _note(
        cells[0, 0],
        "bright: the layer held something there that raises\nthe target's logit; each picture on"
        " its own scale",
    )
    _show_answer(cells[1, 0] if first == 1 else cells[0, 1], scene)
    for k, (target, cams) in enumerate(rows):
        for axes, (layer, cam) in zip(cells[k, first:], cams, strict=True):
            _show(
                axes, scene.photo.mean(2), f"{target}, by {layer}", cmap="gray", vmin=-0.3, vmax=1.3
            )
            peak = float(cam.max())
            axes.imshow(cam / peak if peak else cam, cmap="inferno", vmin=0, vmax=1, alpha=0.62)
            if not peak:
                _note(axes, "nothing here speaks for it")
            if target == "the pixel":
                _mark(axes, scene)
    return figure


def draw_cause(
    scene: Scene,
    projections: dict[str, np.ndarray],
    notes: dict[str, str],
    cut_out: tuple[np.ndarray, str],
) -> Figure:
    """From an answer back to the photograph: the image, the answer, and what each rule puts into
    the pixels.

    projections: by rule, (C, H, W); notes: below each; cut_out: the pixels (H, W) bool shown alone,
    and a note.
    """
    figure = _open_figure(13.5, 10.2, f"What caused it: {scene.title}")
    cells = figure.subplots(2, 3)
    _show(cells[0, 0], scene.photo, "the photograph")
    _show_answer(cells[0, 1], scene)
    around = np.array(_AROUND) + 0.15 * scene.photo
    _show(
        cells[0, 2],
        np.where(cut_out[0][..., None], scene.photo, around),
        "the pixels that caused it",
    )
    _note(cells[0, 2], cut_out[1])
    for axes, (rule, projection) in zip(cells[1], projections.items(), strict=True):
        _show(axes, paint_signed(projection), _RULE_NAMES.get(rule, rule))
        _note(axes, notes.get(rule, ""))
    for axes in cells.flat[:1] if scene.classes else cells.flat:
        _mark(axes, scene)
    return figure


def _open_figure(width: float, height: float, title: str) -> Figure:
    layout = ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.06, hspace=0.03)
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor=_PAPER, layout=layout)
    figure.suptitle(title, x=0.008, ha="left", fontsize=13, color=_INK)
    return figure


def _enlarge(picture: np.ndarray, times: int = 4) -> np.ndarray:
    return picture.repeat(times, 0).repeat(times, 1)


def _show(axes: Axes, picture: np.ndarray, title: str, **options: object) -> None:
    axes.axis("on")
    axes.imshow(picture, interpolation="nearest", **options)  # type: ignore[arg-type]
    axes.set_title(title, fontsize=10.5, color=_INK, loc="left", pad=4)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#c8ccd2")


def _show_strip(axes: Axes, maps: np.ndarray, numbers: Sequence[int]) -> None:
    """Maps side by side with their numbers above, each on its own scale."""
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    scaled = (maps - low) / np.where(high > low, high - low, 1)
    gap = max(maps.shape[2] // 24, 1)
    axes.imshow(
        make_mosaic(list(scaled), len(maps), gap=gap, paper=np.nan),
        cmap="magma",
        interpolation="nearest",
    )
    for k, number in enumerate(numbers):
        axes.text(
            k * (maps.shape[2] + gap),
            -0.04 * maps.shape[1] - 0.5,
            str(number),
            fontsize=8,
            color=_FAINT,
        )
    axes.set_anchor("W")
    axes.axis("off")


def _show_answer(axes: Axes, scene: Scene) -> None:
    if not scene.classes:
        _show(axes, scene.probability, "the probability", cmap="gray", vmin=0, vmax=1)
        _mark(axes, scene)
        return
    axes.axis("on")
    axes.barh(range(len(scene.classes)), scene.probability, color="#0072b2")
    axes.set(
        yticks=range(len(scene.classes)), yticklabels=scene.classes, xlim=(0, 1), xticks=[0, 0.5, 1]
    )
    axes.invert_yaxis()
    axes.tick_params(labelsize=9.5, colors=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("the probability", fontsize=10.5, color=_INK, loc="left", pad=4)


def _mark(axes: Axes, scene: Scene) -> None:
    if scene.place is not None:
        axes.plot(scene.place[1], scene.place[0], "o", ms=11, mfc="none", mec="white", mew=3)
        axes.plot(scene.place[1], scene.place[0], "o", ms=11, mfc="none", mec=_MARK, mew=1.6)


def _note(axes: Axes, text: str) -> None:
    axes.set_xlabel(text, fontsize=9, color=_FAINT, loc="left", labelpad=4)
