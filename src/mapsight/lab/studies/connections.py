"""Sparse interactions and parameter sharing: the connection matrix drawn, counts, and cost against
size.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mapsight.lab.connections import Cost, build_connections, count_taps, fit_growth, measure_cost
from mapsight.lab.drawing import BLUE, CYCLE, ORANGE, finish_curves, new_figure, show_numbers
from mapsight.lab.lecture import LETTERS
from mapsight.lab.study import Study, Table

_SIDES_PX = (12, 16, 24, 32, 48)
_KERNEL = 5


def study_connections(sides_px: tuple[int, ...] = _SIDES_PX) -> Study:
    """The lecture's 3×3 under 2×2, its 100×100×3 under 5×5, and both kinds of layer timed on
    growing images.
    """
    small = build_connections((3, 3), (2, 2))
    inputs, outputs = 100 * 100 * 3, 100 * 100
    joined = 3 * count_taps(100, 5, padding=(2, 2)) ** 2
    costs = measure_cost(sides_px, _KERNEL)
    rows: list[tuple[object, ...]] = [
        (
            "3×3 → 2×2, filter 2×2",
            int(np.count_nonzero(small)),
            small.size,
            len(np.unique(small)) - 1,
            small.size,
            None,
            None,
        ),
        (
            "100×100×3 → 100×100, filter 5×5, same",
            joined,
            inputs * outputs,
            5 * 5 * 3,
            inputs * outputs,
            None,
            None,
        ),
    ]
    for side, cost in zip(sides_px, costs, strict=True):
        rows.append(
            (
                f"{side}×{side}, filter {_KERNEL}×{_KERNEL}",
                cost.sparse_multiplies,
                cost.dense_multiplies,
                _KERNEL**2,
                cost.dense_multiplies,
                round(1e6 * cost.sparse_s, 1),
                round(1e6 * cost.dense_s, 1),
            )
        )
    columns = ("layer", "connections", "if dense", "weights", "if dense", "µs", "µs if dense")
    return Study(
        title="connections and weights of a convolution and of the dense layer of its size",
        table=Table(columns, tuple(rows)),
        draw=lambda: _draw(small, costs),
        remarks=(
            (
                f"measured time grows with the pixels to the power {_grow(costs, 'sparse'):.2f}"
                f" (convolution) and {_grow(costs, 'dense'):.2f} (dense); k·n says 1, m·n says 2."
            ),
            (
                "each of the 2×2 filter's weights is used four times; an output has 4 connections,"
                " a dense one 9."
            ),
        ),
    )


def _grow(costs: list[Cost], kind: str) -> float:
    return fit_growth([c.pixels for c in costs], [getattr(c, f"{kind}_s") for c in costs])


def _draw(matrix: np.ndarray, costs: list[Cost]) -> Figure:
    figure = new_figure(11.4, 4.0)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_matrix(left, matrix)
    pixels = [c.pixels for c in costs]
    right.loglog(
        pixels, [c.dense_multiplies for c in costs], "o--", color=ORANGE, lw=2, label="dense: m·n"
    )
    right.loglog(
        pixels,
        [c.sparse_multiplies for c in costs],
        "o-",
        color=BLUE,
        lw=2,
        label="convolution: k·n",
    )
    right.set_xticks(pixels, [str(n) for n in pixels], minor=False)
    right.set_xticks([], minor=True)
    finish_curves(
        right,
        f"multiply-adds of a {_KERNEL}×{_KERNEL} map",
        x="pixels of the image",
        y="multiply-adds",
    )
    return figure


def _draw_matrix(axes: Axes, matrix: np.ndarray) -> None:
    from matplotlib.colors import ListedColormap

    names = np.array(
        [["" if w == 0 else f"w{(w - 1) // 2 + 1}{(w - 1) % 2 + 1}" for w in row] for row in matrix]
    )
    show_numbers(
        axes, names, "connection matrix: 16 of 36 are there, with 4 different weights", size=10
    )
    colours = ListedColormap(["#f4f5f7", *[f"{c}66" for c in CYCLE[:4]]])
    axes.imshow(matrix, cmap=colours, vmin=0, vmax=4, interpolation="nearest")
    axes.set_xticks(range(9), list("".join(LETTERS)))
    axes.set_yticks(range(4), ["s11", "s12", "s21", "s22"])
    axes.tick_params(length=0)
