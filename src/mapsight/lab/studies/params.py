"""Parameters, connections, multiply-adds and activation memory of any net, layer by layer."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mapsight.lab.counting import LayerCount, count_layers, group_rows, name_kind, sum_rows
from mapsight.lab.drawing import BLUE, GREEN, INK, ORANGE, new_figure
from mapsight.lab.nets import open_net
from mapsight.lab.study import Study, Table
from mapsight.lab.trace import trace_net


def study_params(name: str, shape: tuple[int, ...] | None = None, *, most_rows: int = 40) -> Study:
    """Counts of a net of the lab by name; layers are joined by the first parts of their names until
    they fit.
    """
    net, inputs = open_net(name, shape)
    rows = count_layers(trace_net(net, inputs))
    shown, total = group_rows(rows, most_rows), sum_rows(rows)
    sizes = ", ".join("×".join(map(str, x.shape[1:])) for x in inputs)
    columns = (
        "layer",
        "kind",
        "output",
        "parameters",
        "connections",
        "multiply-adds",
        "activations",
    )
    return Study(
        title=f"{name} on {sizes}: {total.parameters:,} parameters",
        table=Table(columns, tuple(_list_row(row) for row in [*shown, total])),
        draw=lambda: _draw(name, shown, total),
        remarks=(
            (
                "connections leave out the padding; multiply-adds are those of convolutions and"
                " products;"
            ),
            "activations are all values that one pass over one item makes, those in place aside.",
            (
                f"in fp32: weights {_megabytes(total.parameters)}, activations"
                f" {_megabytes(total.activations)} an item"
            ),
        ),
    )


def _megabytes(values: int) -> str:
    return f"{values * 4 / 1e6:,.2f} MB"


def _list_row(row: LayerCount) -> tuple[object, ...]:
    shape = "×".join(map(str, row.shape)) if row.layer != "sum" else ""
    counts = (row.parameters, row.connections, row.multiplies, row.activations)
    return row.layer, name_kind(row.kind), shape, *counts


def _draw(name: str, rows: list[LayerCount], total: LayerCount) -> Figure:
    figure = new_figure(
        10.6,
        max(2.6, 0.24 * len(rows) + 1.3),
        f"{name}: where the weights, the work and the memory are",
    )
    axes = figure.subplots(1, 3, sharey=True)
    places = np.arange(len(rows))
    for axis, field, colour, title in (
        (axes[0], "parameters", BLUE, "parameters"),
        (axes[1], "multiplies", ORANGE, "multiply-adds"),
        (axes[2], "activations", GREEN, "activations"),
    ):
        values = np.array([getattr(row, field) for row in rows], float)
        shares = values / (values.sum() or 1)
        axis.barh(places, shares, color=colour, height=0.72)
        for place, share, value in zip(places, shares, values, strict=True):
            if value:
                axis.text(
                    share + 0.02 * shares.max(),
                    place,
                    _shorten(value),
                    va="center",
                    fontsize=8,
                    color=INK,
                )
        axis.set_title(f"{title}: {getattr(total, field):,}", fontsize=10, color=INK, loc="left")
        axis.set(xlim=(0, 1.25 * shares.max() or 1), xticks=[])
        axis.spines[["top", "right", "bottom"]].set_visible(False)
        axis.tick_params(length=0, labelsize=8.5, labelcolor=INK)
    axes[0].set_yticks(places, [f"{row.layer}  {name_kind(row.kind)}" for row in rows])
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    return figure


def _shorten(value: float) -> str:
    for size, mark in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {mark}"
    return f"{value:.0f}"
