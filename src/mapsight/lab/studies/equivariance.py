"""Equivariance to translation measured over mechanisms and shifts, and shown as a moving
picture.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mapsight.lab.convolution import correlate_grid
from mapsight.lab.drawing import new_figure, show_picture, show_signed
from mapsight.lab.equivariance import LAYERS, measure_equivariance, measure_rotation, relu
from mapsight.lab.filters import LAPLACIAN_4
from mapsight.lab.lecture import SOBEL_X
from mapsight.lab.pooling import pool_max
from mapsight.lab.scenes import draw_scene, to_grey
from mapsight.lab.study import Study, Table

_SHIFTS_PX = (1, 2, 3, 4)
_WINDOW_PX, _FRAMES = 34, 5


def study_equivariance(scene: np.ndarray | None = None) -> Study:
    """|f(shift x) − shift f(x)| in per cent of the largest |f(x)|; 0 is equivariance. scene (H, W),
    at least 56 px.
    """
    pixels = to_grey(draw_scene()) if scene is None else scene
    rows = []
    for name, layer in LAYERS.items():
        inside = [_percent(measure_equivariance(layer, pixels, shift)) for shift in _SHIFTS_PX]
        border = _percent(measure_equivariance(layer, pixels, layer.stride, inside=False))
        rows.append((name, layer.stride, *inside, border))
    columns = ("mechanism", "stride", *(f"{s} px" for s in _SHIFTS_PX), "with the border")
    turned = [_percent(measure_rotation(weights, pixels)) for weights in (SOBEL_X, LAPLACIAN_4)]
    return Study(
        title="equivariance to translation: |f(shift x) − shift f(x)| in % of the largest |f(x)|",
        table=Table(columns, tuple(rows)),
        draw=lambda: _draw(pixels),
        remarks=(
            (
                "0 where the shift is a multiple of the stride, away from the border. With the"
                " border: shift = stride."
            ),
            (
                f"a quarter turn instead: G_x {turned[0]} %; Laplacian {turned[1]} %, it looks the"
                " same from all sides."
            ),
        ),
        frame_ms=500,
    )


def _percent(share: float) -> float:
    return round(100 * share, 1)


def _draw(scene: np.ndarray) -> list[Figure]:
    top, left = (
        (scene.shape[0] - _WINDOW_PX) // 2,
        (scene.shape[1] - _WINDOW_PX) // 2 + _FRAMES // 2,
    )
    frames, first = [], None
    for shift in range(_FRAMES):
        x = scene[top : top + _WINDOW_PX, left - shift : left - shift + _WINDOW_PX]
        fine = correlate_grid(x, SOBEL_X)
        coarse = pool_max(relu(pool_max(relu(fine))[0]))[0]
        first = coarse if first is None else first
        figure = new_figure(7.0, 2.9, f"the camera moves: image shifted by {shift} px")
        axes = figure.subplots(1, 3)
        show_picture(axes[0], x, "image")
        show_signed(axes[1], fine, "convolution: in step", 600)
        show_picture(
            axes[2],
            coarse,
            f"pooled twice: {'in step' if shift % 4 == 0 else 'out of step'}",
            high=600,
        )
        frames.append(figure)
    return frames
