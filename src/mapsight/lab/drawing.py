"""How the lab draws: grids of numbers, pictures, frames around windows; one look for all
figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

INK, PAPER, FAINT = "#22262b", "#ffffff", "#c8ccd2"
BLUE, ORANGE, GREEN, PINK, SKY, BLACK = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#111111",
)  # Okabe–Ito
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, BLACK, "#e69f00", "#7a7f87")
DASHES: tuple[Any, ...] = (
    "solid",
    (0, (6, 2)),
    (0, (2, 1.4)),
    (0, (7, 2, 1.5, 2)),
    (0, (1, 1)),
    (0, (9, 2)),
)
_DPI = 100


def new_figure(width_in: float, height_in: float, title: str = "") -> Figure:
    """An empty figure of the house, laid out by itself."""
    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, facecolor=PAPER, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
    return figure


def name_axes(axes: Axes, title: str) -> None:
    """A title to the left, no ticks, a faint frame."""
    axes.set_title(title, fontsize=10, color=INK, loc="left", pad=4)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def show_picture(
    axes: Axes, picture: np.ndarray, title: str, *, low: float = 0, high: float = 255
) -> None:
    """A grey (H, W) or coloured (H, W, 3) picture, its pixels square and sharp."""
    axes.imshow(picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    name_axes(axes, title)


def show_signed(axes: Axes, values: np.ndarray, title: str, limit: float | None = None) -> None:
    """(H, W) with a sign: blue below zero, white at zero, red above."""
    limit = limit or float(np.abs(values).max()) or 1.0
    axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    name_axes(axes, title)


def show_numbers(
    axes: Axes,
    values: np.ndarray,
    title: str,
    *,
    size: float = 8,
    cmap: str = "gray",
    limits: tuple[float, float] = (0, 255),
) -> None:
    """(H, W) as cells with their numbers in them; NaN is an empty cell, text is written as it
    is.
    """
    numeric = values.dtype.kind in "iufb"
    shades = values.astype(float) if numeric else np.full(values.shape, np.nan)
    image = axes.imshow(shades, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    rgba = np.asarray(image.cmap(image.norm(shades)))
    for (row, col), value in np.ndenumerate(values):
        if numeric and np.isnan(float(value)):
            continue
        text = f"{value:g}".replace("-", "−") if numeric else str(value)
        bright = not numeric or rgba[row, col, :3] @ [0.299, 0.587, 0.114] > 0.55
        axes.text(
            col,
            row,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=INK if bright else "#ffffff",
        )
    name_axes(axes, title)
    draw_lattice(axes, values.shape[0], values.shape[1])


def draw_lattice(axes: Axes, rows: int, columns: int) -> None:
    """Faint lines between the cells."""
    axes.vlines(np.arange(columns - 1) + 0.5, -0.5, rows - 0.5, color=FAINT, lw=0.6)
    axes.hlines(np.arange(rows - 1) + 0.5, -0.5, columns - 0.5, color=FAINT, lw=0.6)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))


def frame_cells(
    axes: Axes,
    row: float,
    col: float,
    shape: Sequence[float],
    colour: str = ORANGE,
    width: float = 2.4,
) -> None:
    """A frame around `shape` (rows, columns) cells from (row, col) on."""
    axes.add_patch(
        Rectangle(
            (col - 0.5, row - 0.5),
            shape[1],
            shape[0],
            fill=False,
            ec=colour,
            lw=width,
            zorder=4 + width,
            clip_on=False,
        )
    )


def finish_curves(axes: Axes, title: str, *, x: str, y: str, legend: bool = True) -> None:
    """Grid, labels, legend and open frame of a plot of curves."""
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set(xlabel=x, ylabel=y)
    axes.grid(color="#e3e6ea", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.legend(frameon=False, fontsize=9)
