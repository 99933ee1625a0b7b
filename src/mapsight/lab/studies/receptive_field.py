"""The receptive field of any net, layer by layer, confirmed by gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from mapsight.errors import InputError
from mapsight.lab.counting import count_layers, name_kind, sum_rows
from mapsight.lab.drawing import BLUE, ORANGE, finish_curves, frame_cells, name_axes, new_figure
from mapsight.lab.nets import find_net, open_net
from mapsight.lab.receptive import (
    Field,
    confirm_by_gradient,
    find_extent,
    find_fields,
    find_output_sight,
    measure_gradient,
    trace_unclipped,
)
from mapsight.lab.study import Study, Table

_MOST_MULTIPLIES = (
    6e10  # what is confirmed without being asked to: some seconds of a processor's time
)


def study_receptive_field(
    name: str, shape: tuple[int, ...] | None = None, *, confirm: bool | None = None
) -> Study:
    """Fields of a net's layers; `confirm` compares the output's with a gradient (None: where that
    is quick).
    """
    net, inputs = open_net(name, shape)
    if len(inputs) != 1 or inputs[0].dim() != 4 or inputs[0].is_floating_point() is False:
        raise InputError(f"net '{name}'", "does not read one image", "choose a net that does")
    entry = find_net(name)
    trace = trace_unclipped(net, shape or entry.shape)
    size = tuple(trace.inputs[0].shape[1:])
    fields, sight = find_fields(trace), find_output_sight(trace)
    work = sum_rows(count_layers(trace)).multiplies
    if confirm is None:
        confirm = work <= _MOST_MULTIPLIES
    opened = confirm_by_gradient(entry.make, size) if confirm else None
    seen = [hi - lo + 1 for lo, hi in sight]
    remarks = [f"the middle of the output sees {seen[0]}×{seen[1]} of {size[1]}×{size[2]} px"]
    if opened is None:
        remarks.append(
            f"not confirmed by a gradient: {work / 1e9:,.0f} G multiply-adds; --confirm does it all"
            " the same"
        )
    else:
        measured = find_extent(opened)
        same = (
            "the same"
            if measured == sight
            else f"rows {measured[0]}, columns {measured[1]} instead"
        )
        remarks.append(
            f"gradients reach {same}: rows {sight[0][0]} to {sight[0][1]}, columns {sight[1][0]} to"
            f" {sight[1][1]}"
        )
    rows = tuple(
        (
            f.layer,
            name_kind(f.kind),
            "×".join(map(str, f.map_shape)),
            f"{f.size_px[0]}×{f.size_px[1]}",
            f.jump_px,
            "yes" if f.whole else "",
        )
        for f in fields
    )
    return Study(
        title=f"receptive fields of {name} on {'×'.join(map(str, size))}",
        table=Table(
            ("layer", "operation", "map", "sees, px", "step, px", "to the border"), _thin(rows)
        ),
        draw=lambda: _draw(
            name, fields, opened, _probe(entry.make, size) if opened is not None else None, sight
        ),
        remarks=tuple(remarks),
    )


def _probe(make: Callable[[], nn.Module], size: tuple[int, ...]) -> np.ndarray:
    """The gradient of the net as it starts, mean over a few random images: what the field is really
    used for.
    """
    torch.manual_seed(0)
    net = make().eval()
    gradients = [measure_gradient(net, torch.rand(1, *size), linear=False) for _ in range(4)]
    mean: np.ndarray = np.mean(gradients, axis=0)
    return mean


def _thin(rows: tuple[tuple[object, ...], ...], most: int = 60) -> tuple[tuple[object, ...], ...]:
    """All rows, or of a very deep net every n-th and the last."""
    step = -(-len(rows) // most)
    return (*rows[:-1:step], rows[-1])


def _draw(
    name: str,
    fields: list[Field],
    opened: np.ndarray | None,
    real: np.ndarray | None,
    sight: tuple[tuple[int, int], ...],
) -> Figure:
    figure = new_figure(11.4 if opened is not None else 6, 4.1)
    widths = (1.0,) if opened is None else (1.25, 1.0, 1.0)
    axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    axes[0].plot(
        range(1, len(fields) + 1), [f.size_px[0] for f in fields], "-o", ms=3, color=BLUE, lw=1.6
    )
    finish_curves(axes[0], f"{name}: px seen, by layer", x="operation", y="px", legend=False)
    (top, bottom), (left, right) = sight
    for axis, gradient, title in zip(
        axes[1:],
        (opened, real),
        ("can see (linear, positive weights)", "does look at (as it starts)"),
        strict=False,
    ):
        assert gradient is not None
        with np.errstate(divide="ignore"):
            shades = np.log10(gradient / gradient.max())
        axis.imshow(shades, cmap="magma", vmin=-6, vmax=0, interpolation="nearest")
        name_axes(axis, title)
        frame_cells(axis, top, left, (bottom - top + 1, right - left + 1), ORANGE, 1.6)
    if opened is not None:
        figure.supxlabel(
            "|∂ middle output / ∂ pixel|, logarithmic; black: a millionth, white: nothing; frame:"
            " computed",
            fontsize=9.5,
        )
    return figure
