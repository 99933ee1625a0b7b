"""Open places inside blocks: car parks with their stalls, playing fields, yards full of containers,
park paths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from mapsight.town.plan.boxes import Boxes, join_boxes, keep_apart, make_strips, spread_boxes

_STALL_M, _ROW_M = 2.55, 16.8  # a stall's width; two rows of stalls and the aisle between them

# kind of block: how often a place is tried, and how many metres it keeps from the block's rim
Tries = dict[str, tuple[int, float]]
_PARKING: Tries = {
    "retail": (14, 7.0),
    "industrial": (8, 9.0),
    "core": (5, 21.0),
    "park": (2, 6.0),
    "tower": (5, 16.0),
}
_CARGO: Tries = {"industrial": (6, 10.0)}
_PLAY: Tries = {"park": (8, 7.0), "forest": (1, 12.0), "suburb": (1, 42.0), "bare": (1, 12.0)}


@dataclass(frozen=True, eq=False)
class Yards:
    """Rectangles of open places; `paths` are footpaths, `stalls` (N, 4, 2) the paint between parked
    cars.
    """

    car_parks: Boxes
    stalls: np.ndarray
    parked: Boxes
    pitches: Boxes
    cargo_yards: Boxes
    cargo: Boxes
    paths: list[LineString]


def lay_yards(
    blocks: np.ndarray,
    kinds: np.ndarray,
    taken: np.ndarray,
    blocked: BaseGeometry,
    rng: np.random.Generator,
) -> Yards:
    """Open places for all blocks that have some, off what is `taken`; paths end at what is
    `blocked`.
    """
    trials = _try_out(blocks, kinds, _PARKING, rng)
    parks = trials.choose(_draw_car_parks(len(trials.rim), rng), taken)
    taken = np.concatenate([taken, parks.polygons()])
    trials = _try_out(blocks, kinds, _PLAY, rng)
    pitches = trials.choose(_draw_pitches(len(trials.rim), rng), taken)
    taken = np.concatenate([taken, pitches.polygons()])
    trials = _try_out(blocks, kinds, _CARGO, rng)
    yards = trials.choose(rng.uniform([14, 8], [45, 26], (len(trials.rim), 2)), taken)
    stalls, parked = _fill_car_parks(parks, rng)
    paths = _lay_paths(blocks, kinds, blocked, rng)
    return Yards(parks, stalls, parked, pitches, yards, _fill_cargo_yards(yards, rng), paths)


@dataclass(frozen=True, eq=False)
class _Trials:
    """Places to try in blocks: centres and directions along the blocks' sides (N, 2); the land
    allowed (N,).
    """

    at: np.ndarray
    facing: np.ndarray
    rim: np.ndarray

    def choose(self, half: np.ndarray, taken: np.ndarray) -> Boxes:
        """Rectangles of half sizes (N, 2) that fit; the larger ones first, none over another or
        what is taken.
        """
        boxes = spread_boxes(self.at, self.facing, half)
        inside = shapely.within(boxes.polygons(), self.rim)
        order = np.argsort(-boxes.half.prod(1), kind="stable")
        boxes = boxes.take(order[inside[order]])
        return boxes.take(keep_apart(boxes.grown(1.5).polygons(), taken))


def _try_out(
    blocks: np.ndarray, kinds: np.ndarray, tries: Tries, rng: np.random.Generator
) -> _Trials:
    fit = np.isin(kinds, list(tries)) & (shapely.area(blocks) > 900)
    count, rim_m = np.array([tries[kind] for kind in kinds[fit]]).reshape(-1, 2).T
    which = np.repeat(np.arange(fit.sum()), count.astype(int))
    shells = shapely.get_coordinates(shapely.minimum_rotated_rectangle(blocks[fit])).reshape(
        -1, 5, 2
    )[which]
    sides = np.stack([shells[:, 1] - shells[:, 0], shells[:, 2] - shells[:, 1]], axis=1)
    at = shells[:, 0] + np.einsum("nk,nkc->nc", rng.uniform(0.15, 0.85, (len(which), 2)), sides)
    facing = sides[np.arange(len(which)), rng.integers(0, 2, len(which))]
    return _Trials(at, facing, shapely.buffer(blocks[fit], -rim_m)[which])


def _draw_car_parks(count: int, rng: np.random.Generator) -> np.ndarray:
    return np.stack(
        [rng.uniform(11, 42, count), rng.integers(1, 4, count) * _ROW_M / 2 + 0.5], axis=1
    )


def _draw_pitches(count: int, rng: np.random.Generator) -> np.ndarray:
    sizes = np.array([(51, 33), (46, 29), (18, 9), (14, 8), (9, 6)])
    return sizes[rng.integers(0, len(sizes), count)] * rng.uniform(0.92, 1.05, (count, 1))


def _fill_car_parks(parks: Boxes, rng: np.random.Generator) -> tuple[np.ndarray, Boxes]:
    """Stall lines and the cars between them; rows of two stalls with an aisle."""
    strips, cars = [np.zeros((0, 4, 2))], []
    for i in range(len(parks)):
        park = parks.take(np.array([i]))
        u = np.arange(-park.half[0, 0] + 2.5, park.half[0, 0] - 2.4, _STALL_M)
        rows = max(int(park.half[0, 1] * 2 / _ROW_M), 1)
        busy = rng.uniform(0.05, 0.95)
        for v in (np.arange(2 * rows) // 2 + 0.5 - rows / 2) * _ROW_M + np.tile([-5.8, 5.8], rows):
            low, high = (
                park.at(np.stack([u - _STALL_M / 2, np.full_like(u, v + end)], 1))[0]
                for end in (-2.4, 2.4)
            )
            strips.append(make_strips(low, high, 0.14))
            there = u[rng.random(len(u)) < np.clip(busy + rng.normal(0, 0.2), 0, 1)]
            place = park.at(np.stack([there, v + rng.normal(0, 0.2, len(there))], axis=1))[0]
            turned = park.angle[0] + np.pi / 2 + rng.normal(0, 0.02, len(there))
            cars.append(Boxes(place, rng.uniform(0.93, 1.06, (len(there), 1)) * [2.2, 0.9], turned))
    return np.concatenate(strips), join_boxes(cars)


def _fill_cargo_yards(yards: Boxes, rng: np.random.Generator) -> Boxes:
    """Rows of containers."""
    parts = []
    for i in range(len(yards)):
        yard = yards.take(np.array([i]))
        half_u, half_v = yard.half[0] - 3.5
        long = rng.choice([3.05, 6.1])
        u, v = np.meshgrid(
            np.arange(-half_u, half_u, 2.7),
            np.arange(-half_v, half_v, 2 * long + rng.uniform(1, 9)),
        )
        local = np.stack([u.ravel(), v.ravel()], axis=1)
        local = local[rng.random(len(local)) < rng.uniform(0.2, 0.8)]
        angle = np.full(len(local), yard.angle[0] + np.pi / 2)
        parts.append(Boxes(yard.at(local)[0], np.tile([long, 1.22], (len(local), 1)), angle))
    return join_boxes(parts)


def _lay_paths(
    blocks: np.ndarray, kinds: np.ndarray, blocked: BaseGeometry, rng: np.random.Generator
) -> list[LineString]:
    """Curved footpaths across parks, and some through woods."""
    paths = []
    for block, kind in zip(blocks, kinds, strict=True):
        if kind not in ("park", "forest") or block.area < 1200:
            continue
        count = (
            rng.integers(1, 4) + int(block.area / 30_000)
            if kind == "park"
            else int(rng.random() < 0.4)
        )
        for ends in rng.random((count, 2)):
            start, end = (
                np.array(block.exterior.interpolate(share, normalized=True).coords[0])
                for share in ends
            )
            bend = (start + end) / 2 + rng.normal(0, 0.2, 2) * np.hypot(*(end - start))
            t = np.linspace(0, 1, 24)[:, None]
            curve = LineString((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end)
            parts = shapely.get_parts(curve.intersection(block.buffer(-5)).difference(blocked))
            paths += [part for part in parts if part.geom_type == "LineString" and part.length > 20]
    return paths
