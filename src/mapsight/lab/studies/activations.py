"""Activations: saturation, dying gradients and zero-centring, as experiments."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mapsight.lab.activations import (
    ACTIVATIONS,
    descend,
    draw_outputs,
    measure_condition,
    measure_gradients,
    measure_same_sign,
    measure_saturation,
)
from mapsight.lab.drawing import BLUE, CYCLE, DASHES, INK, ORANGE, finish_curves, new_figure
from mapsight.lab.study import Study, Table

_DRAWN = ("relu", "leaky-relu", "elu", "gelu", "tanh", "sigmoid")


def study_activations() -> Study:
    """Slopes, flat inputs, what is left of a gradient, and the sign and condition of weight
    gradients.
    """
    columns = (
        "activation",
        "steepest",
        "flat inputs",
        "gradient left",
        "mean output",
        "one sign",
        "condition",
    )
    rows = []
    for name, activation in ACTIVATIONS.items():
        outputs, x = draw_outputs(activation), np.linspace(-8, 8, 3201)
        rows.append(
            (
                name,
                round(float(activation.slope(x).max()), 3),
                round(measure_saturation(activation), 3),
                float(measure_gradients(activation)[0]),
                round(float(outputs.mean()), 3),
                round(measure_same_sign(outputs), 3),
                round(measure_condition(outputs), 1),
            )
        )
    return Study(
        title="activations: slopes, and what they do to gradients",
        table=Table(columns, tuple(rows)),
        draw=_draw,
        remarks=(
            (
                "flat inputs: share of N(0, 3²) with a slope below 5 % of the steepest; gradient"
                " left: behind 20 layers."
            ),
            (
                "one sign: share of samples that pull all 8 weights of a neuron the same way;"
                " condition: of its loss."
            ),
            (
                "ReLU outputs are not zero-centred either: the lecture's second reason speaks"
                " against them, too."
            ),
        ),
    )


def _draw() -> Figure:
    figure = new_figure(11.4, 7.2)
    axes = figure.subplots(2, 2)
    x = np.linspace(-4, 4, 401)
    for k, name in enumerate(_DRAWN):
        look = {"color": CYCLE[k], "ls": DASHES[k], "lw": 2, "label": name}
        axes[0, 0].plot(x, ACTIVATIONS[name].value(x), **look)
        axes[0, 1].plot(x, ACTIVATIONS[name].slope(x), **look)
        axes[1, 0].semilogy(range(1, 21), measure_gradients(ACTIVATIONS[name]), **look)
    axes[0, 0].set_ylim(-1.6, 3)
    finish_curves(axes[0, 0], "the functions", x="input", y="output")
    finish_curves(
        axes[0, 1],
        "their slopes: the sigmoid's never exceeds ¼",
        x="input",
        y="slope",
        legend=False,
    )
    finish_curves(
        axes[1, 0],
        "gradient on its way down 20 layers",
        x="layer (20 = last)",
        y="norm / last",
        legend=False,
    )
    axes[1, 0].set_xticks((1, 5, 10, 15, 20))
    _draw_paths(axes[1, 1])
    return figure


def _draw_paths(axes: Axes) -> None:
    target = np.array([1.0, -1.0])
    for name, colour, dash in (("sigmoid", ORANGE, "--"), ("tanh", BLUE, "-")):
        path = descend(draw_outputs(ACTIVATIONS[name], neurons=2), target, steps=30)
        axes.plot(
            *path.T, marker="o", ms=3.5, color=colour, ls=dash, lw=1.4, label=f"inputs from {name}"
        )
    axes.plot(*target, marker="*", ms=15, color=INK, ls="none", label="target (1, −1)")
    axes.axis("equal")
    finish_curves(
        axes, "30 steps of descent: inputs of one sign zigzag", x="first weight", y="second weight"
    )
