"""All filters of the lab over one image, and the edges that each of them answers to."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mapsight.lab.convolution import correlate_grid
from mapsight.lab.drawing import new_figure, show_picture, show_signed
from mapsight.lab.filters import FILTERS, answer_edge, find_response_range, parse_filter
from mapsight.lab.scenes import draw_scene, to_grey
from mapsight.lab.study import Study, Table


def study_filters(image: np.ndarray | None = None, own: str | None = None) -> Study:
    """Every filter of FILTERS (and one of one's own) over an image (H, W) of 0 to 255."""
    pixels = to_grey(draw_scene()) if image is None else image
    filters = dict(FILTERS) | ({"own": parse_filter(own)} if own else {})
    rows = tuple(
        (
            name,
            f"{weights.shape[0]}×{weights.shape[1]}",
            float(weights.sum().round(12)),
            *find_response_range(weights),
            *(answer_edge(weights, angle) for angle in (0, 90, 45)),
        )
        for name, weights in filters.items()
    )
    columns = ("filter", "size", "sum", "smallest", "largest", "edge |", "edge —", "edge /")
    maps = {name: correlate_grid(pixels, weights, "same") for name, weights in filters.items()}
    return Study(
        title=(
            f"{len(filters)} filters, 'same' padding, over {pixels.shape[0]}×{pixels.shape[1]}"
            " pixels"
        ),
        table=Table(columns, rows),
        draw=lambda: _draw(pixels, filters, maps),
        remarks=(
            (
                "smallest, largest: the range of answers to pixels of 0 to 255. edge: the answer to"
                " a unit edge."
            ),
            (
                "A filter that sums to 0 says nothing to a flat patch; one that sums to 1 keeps its"
                " grey value."
            ),
        ),
    )


def _draw(
    pixels: np.ndarray, filters: dict[str, np.ndarray], maps: dict[str, np.ndarray]
) -> Figure:
    columns = 5
    lines = -(-(len(maps) + 1) // columns)
    figure = new_figure(1.8 * columns, 2.05 * lines)
    axes = figure.subplots(lines, columns).ravel()
    show_picture(axes[0], pixels, "image")
    for axis, (name, values) in zip(axes[1:], maps.items(), strict=False):
        if values.min() >= 0:
            show_picture(axis, values, name)
        else:
            show_signed(axis, values, name, float(np.quantile(np.abs(values), 0.995)))
        inset = axis.inset_axes((0.02, 0.02, 0.26, 0.26))
        show_signed(inset, filters[name], "")
    for axis in axes[len(maps) + 1 :]:
        axis.set_axis_off()
    return figure
