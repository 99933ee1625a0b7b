"""The 2D convolution step by step: each output cell with its window, its products and its sum."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mapsight.errors import InputError
from mapsight.lab.convolution import (
    Steps,
    convolve,
    correlate,
    find_steps,
    find_window,
    pad_zeros,
    spell_cell,
    spell_products,
    transpose_correlate,
)
from mapsight.lab.drawing import ORANGE, draw_lattice, frame_cells, new_figure, show_numbers
from mapsight.lab.lecture import LETTERS
from mapsight.lab.study import Study, Table

_INPUT = np.arange(1, 10).reshape(3, 3)  # the lecture's a … i
_WEIGHTS = np.array([[1, 2], [3, 4]])
_MOST_CELLS, _MOST_FRAMES = 15, 36


def study_conv(
    image: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    *,
    mode: str = "valid",
    stride: int = 1,
    dilation: int = 1,
    flip: bool = False,
    transposed: bool = False,
) -> Study:
    """One filter over one channel; without an image, the lecture's 3×3 with a … i = 1 … 9 and w11 …
    w22 = 1 … 4.
    """
    own = image is not None or weights is not None
    pixels = _INPUT if image is None else image
    kernel = _WEIGHTS if weights is None else weights
    steps = find_steps(mode, (kernel.shape[0], kernel.shape[1]), stride=stride, dilation=dilation)
    if transposed:
        return _study_transposed(pixels, kernel, steps)
    used = kernel[::-1, ::-1] if flip else kernel
    out = (convolve if flip else correlate)(pixels[None], kernel[None, None], steps)[0]
    padded = pad_zeros(pixels, steps.padding)
    cells = [(i, j) for i in range(out.shape[0]) for j in range(out.shape[1])]
    spelt = (
        spell_products(LETTERS, 2, 2)
        if not own and (mode, stride, dilation, flip) == ("valid", 1, 1, False)
        else []
    )
    rows = tuple(
        (
            f"s{i + 1}{j + 1}" if max(out.shape) < 10 else f"s({i + 1},{j + 1})",
            spell_cell(padded[find_window(i, j, used.shape, steps)], used),
        )
        for i, j in cells[:_MOST_CELLS]
    )
    hidden = len(cells) - len(rows)
    kind = (
        "convolution (filter turned by 180°)"
        if flip
        else "cross-correlation (what CNNs call convolution)"
    )
    return Study(
        title=(
            f"{kind}: {_size(pixels)} under {_size(kernel)}, padding {mode}, stride {stride},"
            f" dilation {dilation} → "
        )
        + _size(out),
        table=Table(("cell", "products and sum"), rows),
        draw=lambda: _draw(padded, used, out, steps),
        remarks=(
            *spelt,
            _spell_size(pixels.shape[0], kernel.shape[0], steps),
            *([f"{hidden} more cells"] if hidden else []),
        ),
    )


def _size(values: np.ndarray) -> str:
    return f"{values.shape[0]}×{values.shape[1]}"


def _spell_size(size: int, kernel: int, steps: Steps) -> str:
    zeros, span = sum(steps.padding[0]), (kernel - 1) * steps.dilation[0] + 1
    rows = (size + zeros - span) // steps.stride[0] + 1
    return (
        f"rows of the output: floor(({size} + {zeros} zeros − {span}) / {steps.stride[0]}) + 1 ="
        f" {rows}"
    )


def _draw(padded: np.ndarray, weights: np.ndarray, out: np.ndarray, steps: Steps) -> list[Figure]:
    _check_drawable(padded, out)
    top, left = steps.padding[0][0], steps.padding[1][0]
    inner = (padded.shape[0] - sum(steps.padding[0]), padded.shape[1] - sum(steps.padding[1]))
    filled, frames = np.full(out.shape, np.nan), []
    for i, j in np.ndindex(*out.shape):
        filled[i, j] = out[i, j]
        figure, axes = _lay_out(padded, weights, out)
        rows, columns = find_window(i, j, weights.shape, steps)
        _show_cells(axes[0], padded, "input" + (", zeros around" if inner != padded.shape else ""))
        frame_cells(axes[0], top, left, inner, "#22262b", 1.2)
        for row in range(*rows.indices(padded.shape[0])):
            for col in range(*columns.indices(padded.shape[1])):
                frame_cells(axes[0], row, col, (1, 1), ORANGE)
        _show_cells(axes[1], weights, "filter")
        _show_cells(axes[2], filled, "output", out)
        frame_cells(axes[2], i, j, (1, 1), ORANGE)
        products = spell_cell(padded[rows, columns], weights)
        figure.supxlabel(products if len(products) < 76 else f"… = {out[i, j]:g}", fontsize=9.5)
        frames.append(figure)
    return frames


def _study_transposed(values: np.ndarray, weights: np.ndarray, steps: Steps) -> Study:
    out = transpose_correlate(values[None], weights[None, None], steps)[0]
    rows = tuple(
        (
            f"x{i + 1}{j + 1} = {values[i, j]:g}",
            f"rows {i * steps.stride[0] + 1}–, columns {j * steps.stride[1] + 1}–",
            " ".join(f"{v:g}" for v in (values[i, j] * weights).ravel()),
        )
        for i, j in list(np.ndindex(*values.shape))[:_MOST_CELLS]
    )
    return Study(
        title=(
            f"transposed convolution: {_size(values)} times {_size(weights)}, stride"
            f" {steps.stride[0]}: {_size(out)}"
        ),
        table=Table(("value", "stamped at", "value · filter, row after row"), rows),
        draw=lambda: _draw_transposed(values, weights, steps),
        remarks=(f"sum of the output: {out.sum():g}; where stamps overlap, they add up",),
    )


def _draw_transposed(values: np.ndarray, weights: np.ndarray, steps: Steps) -> list[Figure]:
    bare = Steps(steps.stride, steps.dilation)
    out = transpose_correlate(values[None], weights[None, None], bare)[0]
    _check_drawable(out, values)
    frames, so_far = [], np.zeros_like(values)
    for i, j in np.ndindex(*values.shape):
        so_far[i, j] = values[i, j]
        figure, axes = _lay_out(values, weights, out)
        _show_cells(axes[0], values, "input")
        frame_cells(axes[0], i, j, (1, 1))
        _show_cells(axes[1], weights, "filter")
        grown = transpose_correlate(so_far[None], weights[None, None], bare)[0].astype(float)
        _show_cells(axes[2], grown, "output so far", out)
        rows, columns = find_window(i, j, weights.shape, bare)
        frame_cells(
            axes[2],
            rows.start,
            columns.start,
            (rows.stop - rows.start, columns.stop - columns.start),
        )
        frames.append(figure)
    return frames


def _check_drawable(padded: np.ndarray, out: np.ndarray) -> None:
    if max(padded.shape) > 14 or out.size > _MOST_FRAMES:
        raise InputError(
            f"input of {padded.shape[0]}×{padded.shape[1]} with {out.size} outputs",
            f"an animation shows up to 14×14 inputs and {_MOST_FRAMES} outputs",
            "use a smaller image, or a larger stride",
        )


def _lay_out(left: np.ndarray, middle: np.ndarray, right: np.ndarray):  # type: ignore[no-untyped-def]
    widths = [part.shape[1] for part in (left, middle, right)]
    tallest = max(part.shape[0] for part in (left, middle, right))
    cell_in = min(0.62, 8.2 / sum(widths))
    figure = new_figure(max(cell_in * sum(widths) + 1.2, 4.6), cell_in * tallest + 1.0)
    return figure, figure.subplots(1, 3, width_ratios=widths)


def _show_cells(
    axes: Axes, values: np.ndarray, title: str, scale: np.ndarray | None = None
) -> None:
    limit = float(np.abs(values if scale is None else scale).max()) or 1
    show_numbers(
        axes,
        values.astype(float),
        title,
        cmap="RdBu_r",
        limits=(-1.6 * limit, 1.6 * limit),
        size=9.5,
    )
    draw_lattice(axes, *values.shape)
