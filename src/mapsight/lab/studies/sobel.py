"""The lecture's first example: a table of pixels, the Sobel filter, its feature map, the map as a
picture.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mapsight.lab import lecture
from mapsight.lab.convolution import correlate_grid
from mapsight.lab.drawing import new_figure, show_numbers, show_picture, show_signed
from mapsight.lab.filters import SOBEL_Y, answer_edge, find_response_range, normalise_map
from mapsight.lab.lecture import SOBEL_X
from mapsight.lab.study import Study, Table

_NUMBERS_UP_TO = 14  # cells a side that still carry readable numbers


def study_sobel(image: np.ndarray | None = None) -> Study:
    """G_x and G_y over an image (H, W) of 0 to 255, full zero padding; the lecture's table without
    one.
    """
    pixels = lecture.IMAGE if image is None else image
    maps = {
        name: correlate_grid(pixels, weights, "full")
        for name, weights in (("G_x", SOBEL_X), ("G_y", SOBEL_Y))
    }
    rows = tuple(
        (
            name,
            f"{values.shape[0]}×{values.shape[1]}",
            float(values.min()),
            float(values.max()),
            answer_edge(weights, 0),
            answer_edge(weights, 90),
        )
        for (name, values), weights in zip(maps.items(), (SOBEL_X, SOBEL_Y), strict=True)
    )
    columns = (
        "filter",
        "feature map",
        "smallest",
        "largest",
        "answer to a vertical edge",
        "to a horizontal edge",
    )
    remarks = [
        "G_x answers edges that stand upright: it measures how brightness changes along a row."
    ]
    if image is None:
        remarks += _compare_to_lecture(maps["G_x"])
    normalised = normalise_map(maps["G_x"], SOBEL_X)
    return Study(
        title=(
            f"Sobel over {pixels.shape[0]}×{pixels.shape[1]} pixels, cross-correlation, full zero"
            " padding"
        ),
        table=Table(columns, rows),
        draw=lambda: _draw(pixels, maps, normalised),
        remarks=tuple(remarks),
    )


def _compare_to_lecture(feature_map: np.ndarray) -> list[str]:
    normalised = normalise_map(feature_map, SOBEL_X)
    equal = [
        int((a == b).sum())
        for a, b in ((feature_map, lecture.FEATURE_MAP), (normalised, lecture.NORMALISED_MAP))
    ]
    return [
        f"feature map: {equal[0]} of {lecture.FEATURE_MAP.size} entries equal the lecture's",
        f"normalised map: {equal[1]} of {lecture.NORMALISED_MAP.size} entries equal the lecture's",
    ]


def _draw(pixels: np.ndarray, maps: dict[str, np.ndarray], normalised: np.ndarray) -> Figure:
    if max(pixels.shape) > _NUMBERS_UP_TO:
        return _draw_pictures(pixels, maps)
    figure = new_figure(12.4, 4.8)
    axes = figure.subplots(1, 3, width_ratios=(pixels.shape[1], *(normalised.shape[1],) * 2))
    low, high = find_response_range(SOBEL_X)
    show_numbers(axes[0], pixels, "image")
    show_numbers(
        axes[1], maps["G_x"], "feature map of G_x", cmap="RdBu_r", limits=(low, high), size=7.5
    )
    show_numbers(axes[2], normalised, "normalised: no answer = 128")
    return figure


def _draw_pictures(pixels: np.ndarray, maps: dict[str, np.ndarray]) -> Figure:
    figure = new_figure(11, 3.2)
    axes = figure.subplots(1, 4)
    show_picture(axes[0], pixels, "image")
    limit = max(float(np.abs(values).max()) for values in maps.values())
    show_signed(axes[1], maps["G_x"], "G_x: upright edges", limit)
    show_signed(axes[2], maps["G_y"], "G_y: lying edges", limit)
    strength = np.hypot(maps["G_x"], maps["G_y"])
    show_picture(axes[3], strength, "√(G_x² + G_y²): all edges", high=float(strength.max()) or 1)
    return figure
