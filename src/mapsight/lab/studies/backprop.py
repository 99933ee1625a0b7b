"""Backpropagation through the lecture's 3×3 input and 2×2 filter: each weight's gradient, use by
use.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from mapsight.lab.backprop import Use, backprop_weights, differentiate, list_uses
from mapsight.lab.convolution import correlate, correlate_grid
from mapsight.lab.drawing import BLUE, frame_cells, new_figure, show_numbers
from mapsight.lab.lecture import LETTERS
from mapsight.lab.study import Study, Table

_IMAGE = np.arange(1.0, 10.0).reshape(3, 3)
_WEIGHTS = np.array([[1.0, 2.0], [3.0, 4.0]])
_TARGET = np.array([[36.0, 49.0], [66.0, 76.0]])  # what the map should have been


def study_backprop() -> Study:
    """Loss ½ Σ (s − target)²: the gradient of each weight as a sum over its four uses, and two
    checks.
    """
    gradient = correlate_grid(_IMAGE, _WEIGHTS) - _TARGET  # ∂L/∂s
    ours = backprop_weights(_IMAGE[None], gradient[None], (2, 2))[0, 0]
    numeric, automatic = differentiate(measure_loss, _WEIGHTS), ask_autograd()
    rows = tuple(
        (
            f"w{a + 1}{b + 1}",
            _spell(a, b, gradient),
            float(ours[a, b]),
            float(automatic[a, b]),
            round(float(numeric[a, b]), 6),
        )
        for a, b in np.ndindex(2, 2)
    )
    letters = ", ".join(
        f"∂L/∂s{i + 1}{j + 1} = {gradient[i, j]:g}".replace("-", "−") for i, j in np.ndindex(2, 2)
    )
    uses = list_uses((3, 3), (2, 2), (0, 0))
    return Study(
        title=(
            "backpropagation through a shared weight: 3×3 input, 2×2 filter, loss ½ Σ (s − target)²"
        ),
        table=Table(
            ("weight", "sum over its four uses", "gradient", "autograd", "finite differences"), rows
        ),
        draw=lambda: [_draw(uses[:n], gradient) for n in range(1, len(uses) + 1)],
        remarks=(
            letters,
            (
                "a dense layer of that size would have 36 gradients, each over one use; here 4,"
                " each over four."
            ),
        ),
        frame_ms=1200,
    )


def measure_loss(weights: np.ndarray) -> float:
    """½ Σ (s − target)² of the lecture's small convolution."""
    return float(((correlate(_IMAGE[None], weights[None, None])[0] - _TARGET) ** 2).sum() / 2)


def ask_autograd() -> np.ndarray:
    """∂L/∂w (2, 2) as torch finds it."""
    weights = torch.tensor(_WEIGHTS, requires_grad=True)
    out = F.conv2d(torch.tensor(_IMAGE)[None, None], weights[None, None])[0, 0]
    ((out - torch.tensor(_TARGET)) ** 2).sum().div(2).backward()
    assert weights.grad is not None
    return weights.grad.numpy()


def _spell(a: int, b: int, gradient: np.ndarray) -> str:
    terms = [
        f"{gradient[u.out_row, u.out_col]:g}·{_IMAGE[u.in_row, u.in_col]:g}"
        for u in list_uses((3, 3), (2, 2), (a, b))
    ]
    return " + ".join(terms).replace("+ -", "− ").replace("-", "−")


def _draw(uses: list[Use], gradient: np.ndarray) -> Figure:
    figure = new_figure(7.6, 3.3)
    axes = figure.subplots(1, 4, width_ratios=(3, 2, 2, 2))
    letters = np.array(
        [[f"{LETTERS[i][j]} = {_IMAGE[i, j]:g}" for j in range(3)] for i in range(3)]
    )
    show_numbers(axes[0], letters, "input", size=10)
    show_numbers(
        axes[1],
        np.array([[f"w{a + 1}{b + 1}" for b in range(2)] for a in range(2)]),
        "filter",
        size=10,
    )
    show_numbers(axes[2], gradient, "∂L/∂s", cmap="RdBu_r", limits=(-4, 4), size=10)
    frame_cells(axes[1], 0, 0, (1, 1))
    for k, use in enumerate(uses):
        now = k == len(uses) - 1
        frame_cells(axes[0], use.in_row, use.in_col, (1, 1), *(() if now else (BLUE, 1.2)))
        frame_cells(axes[2], use.out_row, use.out_col, (1, 1), *(() if now else (BLUE, 1.2)))
    total = sum(gradient[u.out_row, u.out_col] * _IMAGE[u.in_row, u.in_col] for u in uses)
    sums = np.full((2, 2), np.nan)
    sums[0, 0] = total
    show_numbers(axes[3], sums, "∂L/∂w so far", cmap="RdBu_r", limits=(-20, 20), size=10)
    terms = " + ".join(
        f"{gradient[u.out_row, u.out_col]:g}·{LETTERS[u.in_row][u.in_col]}" for u in uses
    )
    figure.supxlabel(
        f"∂L/∂w11: {terms} = {total:g}".replace("+ -", "− ").replace("-", "−"), fontsize=10.5
    )
    return figure
