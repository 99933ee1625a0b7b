"""The report's two drawn figures as numbers for SVG: the threshold curve and the shift arrow. No
I/O.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Curve = Sequence[float] | npt.NDArray[np.floating]
Interval = tuple[float, float]
Box = tuple[float, float, float, float]  # x, y, width, height

# The plot's frame in SVG units: left, top, right, bottom.
_LEFT, _TOP, _RIGHT, _BOTTOM = 40.0, 14.0, 388.0, 236.0
_MAX_POINTS = 201


@dataclass(frozen=True)
class CurveFigure:
    """Everything the template writes for the threshold curve; coordinates in a 400 x 280 view."""

    paths: tuple[tuple[str, str], ...]  # (css class, path data)
    ticks_x: tuple[tuple[float, str], ...]
    ticks_y: tuple[tuple[float, str], ...]
    band: Interval  # x and width of the threshold's interval
    chosen_x: float
    chosen_y: float
    label_x: float
    label_anchor: str
    rows: tuple[tuple[float, float, float, float], ...]  # threshold, precision, recall, F1


@dataclass(frozen=True)
class ArrowFigure:
    """The shift as an arrow in a 300 x 300 view, north up, map position in the middle."""

    rings: tuple[float, ...]  # radii in view units
    labels: tuple[tuple[float, float, str], ...]  # x, y and radius in words, away from the arrow
    tip: tuple[float, float]
    head: str
    spread: Box | None  # of the interval


def draw_curve(
    threshold: Curve, scores: dict[str, Curve], chosen: float, band: Interval
) -> CurveFigure | None:
    """Lay out precision, recall and F1 over all thresholds; None when there is too little to draw.

    `scores` maps 'precision', 'recall' and 'f1' to arrays as long as `threshold`; gaps (NaN) stay
    gaps.
    """
    order = np.argsort(np.asarray(threshold, dtype=float), kind="stable")
    x = np.asarray(threshold, dtype=float)[order]
    if x.size < 2:
        return None
    y = {name: np.asarray(values, dtype=float)[order] for name, values in scores.items()}
    keep = np.unique(np.linspace(0, x.size - 1, min(x.size, _MAX_POINTS)).round().astype(int))
    left, right = (_x(min(max(edge, 0.0), 1.0)) for edge in band)
    return CurveFigure(
        paths=tuple((name, _polyline(x[keep], values[keep])) for name, values in y.items()),
        ticks_x=tuple((_x(v), f"{v:.1f}") for v in np.linspace(0, 1, 6)),
        ticks_y=tuple((_y(v), f"{v:.1f}") for v in np.linspace(0, 1, 6)),
        band=(left, round(right - left, 1)),
        chosen_x=_x(chosen),
        chosen_y=_y(float(np.interp(chosen, x, np.nan_to_num(y["f1"])))),
        label_x=_x(chosen) + (8 if chosen < 0.55 else -8),
        label_anchor="start" if chosen < 0.55 else "end",
        rows=_tabulate(x, y),
    )


def draw_arrow(
    dx_m: float, dy_m: float, dx_interval_m: Interval, dy_interval_m: Interval
) -> ArrowFigure:
    """Scale the shift (east, north, metres) and its intervals (low, high; NaN: unknown) to a
    compass rose.
    """
    edges = [abs(edge) for edge in (*dx_interval_m, *dy_interval_m) if math.isfinite(edge)]
    reach_m = max(math.hypot(dx_m, dy_m), *edges, 0.5)
    step_m = next(
        s for s in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if 3 * s >= reach_m
    )
    scale = 36 / step_m  # three rings, 36 units apart
    east, north = math.copysign(1, dx_m), math.copysign(1, dy_m)
    tip = (150 + dx_m * scale, 150 - dy_m * scale)
    return ArrowFigure(
        rings=(36.0, 72.0, 108.0),
        labels=tuple(
            (150 - 25.5 * n * east, 150 + 25.5 * n * north + 4, f"{n * step_m:g} m")
            for n in (1, 2, 3)
        ),
        tip=(round(tip[0], 1), round(tip[1], 1)),
        head=_arrow_head(tip) if math.hypot(tip[0] - 150, tip[1] - 150) > 14 else "",
        spread=_draw_spread(dx_interval_m, dy_interval_m, scale),
    )


def _x(value: float) -> float:
    return round(_LEFT + float(value) * (_RIGHT - _LEFT), 1)


def _y(value: float) -> float:
    return round(_BOTTOM - float(value) * (_BOTTOM - _TOP), 1)


def _polyline(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> str:
    pieces, pen_up = [], True
    for px, py in zip(x, y, strict=True):
        known = math.isfinite(py)
        if known:
            pieces.append(f"{'M' if pen_up else 'L'}{_x(px):g} {_y(py):g}")
        pen_up = not known
    return "".join(pieces)


def _tabulate(
    x: npt.NDArray[np.floating], y: dict[str, npt.NDArray[np.floating]]
) -> tuple[tuple[float, float, float, float], ...]:
    picks = dict.fromkeys(int(np.abs(x - v).argmin()) for v in np.linspace(0.1, 0.9, 9))
    return tuple((x[i], y["precision"][i], y["recall"][i], y["f1"][i]) for i in picks)


def _arrow_head(tip: tuple[float, float]) -> str:
    angle = math.atan2(tip[1] - 150, tip[0] - 150)
    turns = (angle + 0.42, angle - 0.42)
    one, other = ((tip[0] - 13 * math.cos(turn), tip[1] - 13 * math.sin(turn)) for turn in turns)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (one, tip, other))


def _draw_spread(dx_m: Interval, dy_m: Interval, scale: float) -> Box | None:
    if not all(map(math.isfinite, (*dx_m, *dy_m))):
        return None
    left, top = 150 + dx_m[0] * scale, 150 - dy_m[1] * scale
    width, height = (dx_m[1] - dx_m[0]) * scale, (dy_m[1] - dy_m[0]) * scale
    return round(left, 1), round(top, 1), round(width, 1), round(height, 1)
