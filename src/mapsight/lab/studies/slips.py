"""All slips of the lecture as one list, and four of them as pictures."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mapsight.lab.activations import ACTIVATIONS, draw_outputs, measure_same_sign
from mapsight.lab.convolution import correlate_grid
from mapsight.lab.drawing import BLUE, INK, ORANGE, new_figure, show_picture, show_signed
from mapsight.lab.filters import make_edge
from mapsight.lab.lecture import SOBEL_X
from mapsight.lab.slips import run_slips
from mapsight.lab.slips.results import show_fewer
from mapsight.lab.study import Study, Table


def study_slips() -> Study:
    """Every experiment of `slips/`, run."""
    slips = run_slips()
    rows = tuple((k + 1, slip.name, slip.said) for k, slip in enumerate(slips))
    words = [
        fill(slip.shows, 116, initial_indent=f"{k + 1:>2}  ", subsequent_indent="    ")
        for k, slip in enumerate(slips)
    ]
    return Study(
        title=f"{len(slips)} slips of the lecture, each with an experiment that shows it",
        table=Table(("", "about", "the lecture says"), rows),
        draw=_draw,
        remarks=("what the experiments show:", *words),
    )


def _draw() -> Figure:
    figure = new_figure(10.6, 5.0)
    axes = figure.subplots(2, 4)
    _draw_edge(axes[0, 0], axes[0, 1], 0, "vertical edge")
    _draw_edge(axes[1, 0], axes[1, 1], 90, "horizontal edge")
    _draw_border(axes[0, 2], axes[0, 3])
    _draw_signs(axes[1, 2])
    _draw_counts(axes[1, 3])
    return figure


def _draw_edge(left: Axes, right: Axes, angle_deg: float, name: str) -> None:
    edge = 255 * make_edge(angle_deg, 12)
    show_picture(left, edge, f"a {name}")
    show_signed(right, correlate_grid(edge, SOBEL_X), "what G_x answers", 1020)


def _draw_border(left: Axes, right: Axes) -> None:
    white = np.full((12, 12), 255.0)
    show_picture(left, white, "flat white")
    show_signed(right, correlate_grid(white, SOBEL_X, "same"), "G_x, zero padding", 1020)


def _draw_signs(axes: Axes) -> None:
    shares = {
        name: measure_same_sign(draw_outputs(ACTIVATIONS[name]))
        for name in ("sigmoid", "relu", "tanh")
    }
    _draw_bars(axes, shares, "samples with gradients of one sign", "{:.1%}", (ORANGE, ORANGE, BLUE))


def _draw_counts(axes: Axes) -> None:
    counts = {
        f"{name}".replace("dense ", "dense\n"): value / 1e6
        for name, value in show_fewer().numbers.items()
    }
    _draw_bars(axes, counts, "millions of parameters", "{:.2f}", (ORANGE, BLUE, BLUE))


def _draw_bars(
    axes: Axes, values: dict[str, float], title: str, form: str, colours: tuple[str, ...]
) -> None:
    axes.bar(list(values), list(values.values()), color=colours, width=0.6)
    top = max(values.values())
    for k, value in enumerate(values.values()):
        axes.text(k, value + 0.03 * top, form.format(value), ha="center", fontsize=8.5, color=INK)
    axes.set(ylim=(0, 1.2 * top), yticks=[])
    axes.set_title(title, fontsize=10, loc="left", color=INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
