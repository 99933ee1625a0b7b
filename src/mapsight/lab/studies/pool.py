"""Max pooling over the lecture's three maps, and over what it calls rotated and blurred."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mapsight.lab import lecture
from mapsight.lab.drawing import frame_cells, new_figure, show_numbers
from mapsight.lab.pooling import blur, pool_max
from mapsight.lab.study import Study, Table


def study_pool() -> Study:
    """The same map as it is, turned, moved, changed by ±1, and truly blurred; pooled 2×2 with
    stride 2.
    """
    start = lecture.POOLED_INPUT
    maps = {
        "the lecture's map": start,
        "turned ('rotated')": lecture.POOLED_ROTATED,
        "changed by ±1 ('blurred')": lecture.POOLED_BLURRED,
        "moved right by 1, wrapped": np.roll(start, 1, axis=1),
        "truly blurred (3×3 mean)": np.round(blur(start), 1),
    }
    before = pool_max(start)[0]
    rows = tuple(_compare(name, grid, before) for name, grid in maps.items())
    turned = np.array_equal(np.rot90(start, -1), lecture.POOLED_ROTATED)
    change = lecture.POOLED_BLURRED - start
    return Study(
        title="max pooling 2×2, stride 2",
        table=Table(
            ("map", "pooled", "same numbers", "at the same places", "largest change"), rows
        ),
        draw=lambda: _draw(maps),
        remarks=(
            (
                "the second map is the first one, a quarter turn clockwise:"
                f" {'yes' if turned else 'no'}; pooling then gives the same numbers at other"
                " places."
            ),
            (
                f"changes of the third map: from {change.min()} to +{change.max()},"
                f" {(np.abs(change) > 1).sum()} of them by more than 1; noise, not blur."
            ),
            (
                f"12 of 16 numbers are dropped: {count_twins(start)} maps of whole numbers from 0"
                " to 9 pool to the same"
            ),
        ),
    )


def count_twins(grid: np.ndarray, largest: int = 9) -> str:
    """How many maps of the numbers 0 to `largest` have the pooled map of this one: lost
    information, counted.
    """
    values = pool_max(grid)[0].astype(int)
    total = 1
    for value in values.ravel().tolist():
        # 4 cells ≤ value, less those in which all are smaller
        total *= (value + 1) ** 4 - value**4
    return f"{total:,}"


def _compare(name: str, grid: np.ndarray, before: np.ndarray) -> tuple[object, ...]:
    pooled = pool_max(grid)[0]
    text = "; ".join(" ".join(f"{v:g}" for v in row) for row in pooled)
    same = sorted(pooled.ravel()) == sorted(before.ravel())
    return (
        name,
        text,
        same,
        bool(np.array_equal(pooled, before)),
        float(np.abs(pooled - before).max()),
    )


def _draw(maps: dict[str, np.ndarray]) -> Figure:
    figure = new_figure(11.4, 4.4)
    axes = figure.subplots(2, len(maps), height_ratios=(4, 2.6))
    for k, (name, grid) in enumerate(maps.items()):
        pooled, switches = pool_max(grid)
        show_numbers(axes[0, k], grid, name, cmap="Blues", limits=(0, 14), size=9)
        for row, col in np.ndindex(2, 2):
            frame_cells(axes[0, k], 2 * row, 2 * col, (2, 2), "#22262b", 1.2)
            frame_cells(axes[0, k], switches[row, col, 0], switches[row, col, 1], (1, 1))
        show_numbers(axes[1, k], pooled, "pooled", cmap="Blues", limits=(0, 14), size=9)
    return figure
