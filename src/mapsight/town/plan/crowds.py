"""Houses that fill a block from rim to rim: settlements without plots, old cities, towers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely

from mapsight.town.plan.boxes import Boxes, join_boxes, keep_apart
from mapsight.town.plan.plots import Plots

Range = tuple[float, float]


@dataclass(frozen=True)
class Crowd:
    """How a block is filled. Lengths in metres as (least, most), shares in [0, 1]."""

    pitch_m: tuple[float, float]  # along and across
    fill: Range  # share of its cell that a house takes, along each side
    height_m: Range
    flat: float  # share of flat roofs
    gap: float  # share of cells left empty
    turn: float  # deviation of the houses' directions, in radians
    jitter: float = 0.12  # deviation of their places, in cells


CROWDS = {
    "informal": Crowd((6.2, 5.2), (0.84, 1.14), (2.3, 3.8), 0.15, 0.04, 0.09, 0.1),
    "bazaar": Crowd((10.0, 8.6), (0.84, 1.06), (4, 12), 0.88, 0.07, 0.04, 0.06),
    "mudtown": Crowd((12.0, 10.0), (0.4, 0.85), (2.6, 4.2), 0.95, 0.5, 0.05, 0.2),
    "compound": Crowd((13.0, 12.0), (0.3, 0.6), (2.4, 3.6), 0.08, 0.72, 0.3, 0.3),
    "hamlet": Crowd((22.0, 20.0), (0.3, 0.5), (2.6, 5.0), 0.2, 0.85, 0.4, 0.3),
    "tower": Crowd((66.0, 42.0), (0.34, 0.8), (12, 60), 1.0, 0.3, 0.0, 0.05),
    "site": Crowd((60.0, 40.0), (0.2, 0.6), (3, 9), 0.9, 0.93, 0.1, 0.3),
}
_NARROW = {"tower": 0.36}  # slabs: their depth as a share of the cell's


def add_crowds(
    plots: Plots, blocks: np.ndarray, kinds: np.ndarray, roads: np.ndarray, rng: np.random.Generator
) -> Plots:
    """The plots with the houses of filled blocks, off `roads` (polygons) and off other houses."""
    parts, names = [], []
    turns: dict[str, float] = {"tower": float(rng.normal(0, 0.15))}  # towers face one way
    for block, kind in zip(blocks, kinds, strict=True):
        if kind in CROWDS:
            parts.append(_fill_block(block, CROWDS[kind], rng, turns.get(kind)))
            names += [kind] * len(parts[-1])
    if not names:
        return plots
    houses, kind = join_boxes(parts), np.array(names, dtype=object)
    for name, share in _NARROW.items():
        houses.half[kind == name, 1] *= share
    core = Boxes(houses.xy, houses.half * 0.72, houses.angle)
    yards = plots.yards
    open_places = (plots.houses, yards.car_parks, yards.pitches, yards.cargo_yards)
    taken = np.concatenate([roads, *(boxes.polygons() for boxes in open_places)])
    kept = keep_apart(core.polygons(), taken)
    houses, kind = houses.take(kept), kind[kept]
    low, high = np.array([CROWDS[name].height_m for name in kind]).reshape(-1, 2).T
    flat = np.array([CROWDS[name].flat for name in kind])
    luck = rng.random((3, len(kind)))
    return replace(
        plots,
        houses=join_boxes([plots.houses, houses]),
        height_m=np.r_[plots.height_m, low + (high - low) * luck[0] ** 1.5],
        flat=np.r_[plots.flat, luck[1] < flat],
        tone=np.r_[plots.tone, luck[2]],
        kind=np.r_[plots.kind, kind],
    )


def _fill_block(
    block: shapely.Polygon, crowd: Crowd, rng: np.random.Generator, turn: float | None
) -> Boxes:
    """A jittered lattice of houses along the block's longer side, in random order."""
    shell = shapely.get_coordinates(block.minimum_rotated_rectangle)[:4]
    sides = np.diff(shell[:3], axis=0)
    longer = sides[np.argmax(np.hypot(*sides.T))]
    angle = float(np.arctan2(longer[1], longer[0])) if turn is None else turn
    reach = float(np.hypot(*np.ptp(shell, axis=0))) / 2
    u, v = np.meshgrid(*(np.arange(-reach, reach + step, step) for step in crowd.pitch_m))
    local = np.stack([u.ravel(), v.ravel()], axis=1)
    local += rng.normal(0, crowd.jitter, local.shape) * crowd.pitch_m
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    xy = local @ axes + shell.mean(0)
    inside = shapely.contains_xy(block, *xy.T) & (rng.random(len(xy)) >= crowd.gap)
    xy = rng.permutation(xy[inside])
    half = rng.uniform(*crowd.fill, (len(xy), 2)) * crowd.pitch_m / 2
    return Boxes(xy, half, angle + rng.normal(0, crowd.turn, len(xy)))
