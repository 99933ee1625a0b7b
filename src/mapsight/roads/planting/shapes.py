"""Lines as mappers misdraw them: moved sideways, or bowed."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import LineString

from mapsight.roads.planting.survey import sample_line


def bend_line(start: shapely.Point, end: shapely.Point, bow: float) -> LineString:
    """A straight line, or a gentle arc (a parabola) whose rise is `bow` of its length."""
    one, two = np.array([start.x, start.y]), np.array([end.x, end.y])
    count = 2 if bow == 0 else max(5, int(np.hypot(*(two - one)) / 10))
    t = np.linspace(0, 1, count)[:, None]
    left = np.array([one[1] - two[1], two[0] - one[0]])
    return LineString(one + t * (two - one) + 4 * bow * t * (1 - t) * left)


def shift_sideways(
    line: LineString, offset_m: float, *, taper_start: bool, taper_end: bool
) -> LineString | None:
    """The line moved to its left (right if negative), tapered ends staying; None where bends spoil
    it.
    """
    along, points = sample_line(line)
    xy = shapely.get_coordinates(points)
    normal = _smooth_normals(xy)
    ramp = min(2.5 * abs(offset_m), 0.3 * line.length)
    profile = np.ones(len(along))
    if taper_start:
        profile *= _ease(along / ramp)
    if taper_end:
        profile *= _ease((line.length - along) / ramp)
    moved = LineString(xy + offset_m * profile[:, None] * normal).simplify(0.15)
    core = points[profile > 0.99]
    away = shapely.distance(core, moved)
    # on the inner side of a sharp bend the offset folds up: then the place is not used
    fits = (
        moved.is_simple
        and len(core)
        and np.all(np.abs(away - abs(offset_m)) <= 0.25 * abs(offset_m))
    )
    return moved if fits and 0.8 <= moved.length / line.length <= 1.25 else None


def _smooth_normals(xy: np.ndarray, reach: int = 3) -> np.ndarray:
    """(n, 2) unit normals to the left, from chords over `reach` samples to either side."""
    n = len(xy)
    here = np.arange(n)
    chord = xy[np.minimum(here + reach, n - 1)] - xy[np.maximum(here - reach, 0)]
    normal = np.column_stack([-chord[:, 1], chord[:, 0]])
    sideways: np.ndarray = normal / np.maximum(np.hypot(*normal.T), 1e-9)[:, None]
    return sideways


def _ease(t: np.ndarray) -> np.ndarray:
    """0 → 1 without a kink at either end."""
    t = np.clip(t, 0, 1)
    eased: np.ndarray = t * t * (3 - 2 * t)
    return eased
