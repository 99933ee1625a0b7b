"""How the zoo's figures look, and how they are written. Colours: Okabe & Ito 2008, apart for
colour-blind readers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mapsight.atomic import write_atomically

INK, GREY, BLUE, ORANGE, GREEN = "#22262b", "#8a9099", "#0072b2", "#d55e00", "#009e73"


def make_figure(width_in: float, height_in: float) -> Figure:
    """An empty white figure that keeps its parts from overlapping."""
    return Figure(figsize=(width_in, height_in), facecolor="white", layout="constrained")


def write_figure(path: Path, figure: Figure) -> None:
    """As PNG, whole or not at all."""
    with write_atomically(path) as temporary:
        figure.savefig(temporary, dpi=130)


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """No box around the data, quiet ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=10, color=INK)
    axes.set_ylabel(y, fontsize=10, color=INK)
    axes.tick_params(labelsize=9, colors=INK)


def show_confusion(axes: Axes, confusion: np.ndarray, labels: tuple[str, ...], title: str) -> None:
    """Rows = truth, shaded by share of the row, counts written in; zeros are left empty."""
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(confusion), strict=True):
        colour = "white" if share[row, column] > 0.5 else INK
        axes.text(
            column,
            row,
            str(confusion[row, column]),
            ha="center",
            va="center",
            fontsize=8.5,
            color=colour,
        )
    tidy(axes, title, "what the net said", "truth")
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)


def show_table(axes: Axes, head: tuple[str, ...], rows: list[tuple[str, ...]], title: str) -> None:
    """A table with rules between its rows and nothing else around it."""
    axes.set_axis_off()
    tidy(axes, title)
    table = axes.table(rows, colLabels=head, loc="upper center", cellLoc="left", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(9.5)
    table.auto_set_column_width(list(range(len(head))))
    lines = 1 + max(name.count("\n") for name in head)
    for (row, _), cell in table.get_celld().items():
        cell.set_edgecolor("#d5d8dc")
        cell.get_text().set_color(BLUE if row == 0 else INK)
        cell.set_height(cell.get_height() * (lines if row == 0 else 1))
