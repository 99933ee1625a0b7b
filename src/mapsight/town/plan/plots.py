"""What stands beside the streets: houses with wings, sheds, gardens, driveways and pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mapsight.town.plan.boxes import Boxes, join_boxes, keep_apart, spread_boxes
from mapsight.town.plan.lots import share_of, walk_streets
from mapsight.town.plan.yards import Yards, lay_yards


@dataclass(frozen=True, eq=False)
class Plots:
    """Everything built. Arrays run along the rectangles that they are named after."""

    houses: Boxes
    height_m: np.ndarray
    flat: np.ndarray  # bool
    tone: np.ndarray  # [0, 1): which roof colour
    kind: np.ndarray
    parcels: Boxes
    parcel_kind: np.ndarray
    drives: Boxes
    pools: Boxes
    yards: Yards


def build_plots(
    edges: gpd.GeoDataFrame,
    blocks: np.ndarray,
    kinds: np.ndarray,
    blocked: BaseGeometry,
    rng: np.random.Generator,
) -> Plots:
    """Plots for the streets `edges`, within `blocks` of `kinds`, off water and railway
    (`blocked`).
    """
    roads = edges.buffer(edges.width_m / 2 + 1.2, cap_style="flat")
    taken = np.array([*roads, *shapely.get_parts(blocked)], dtype=object)
    yards = lay_yards(blocks, kinds, taken, blocked, rng)
    taken = np.concatenate(
        [
            taken,
            *(boxes.polygons() for boxes in (yards.car_parks, yards.pitches, yards.cargo_yards)),
        ]
    )
    fronts = walk_streets(edges, blocks, kinds, rng)
    setback, height = fronts.draw("setback_m", rng), fronts.draw("height_m", rng)
    half = np.stack([fronts.draw("front_m", rng), fronts.draw("deep_m", rng)], axis=1) / 2
    half[:, 0] = np.minimum(half[:, 0], fronts.pitch_m / 2)
    centre = fronts.kerb + fronts.normal * (setback + half[:, 1])[:, None]
    sites = spread_boxes(centre, fronts.tangent, half)
    core = Boxes(
        sites.xy, sites.half * [0.82, 0.95], sites.angle
    )  # neighbours in a bend may touch at the back
    standing = keep_apart(core.polygons(), taken) & (
        rng.random(len(sites)) < share_of(fronts.kind, "built")
    )
    houses, kind, setback = sites.take(standing), fronts.kind[standing], setback[standing]
    ground: dict[str, Any] = {
        "parcels": _lay_parcels(houses, kind, setback, fronts.pitch_m[standing]),
        "parcel_kind": kind,
        "drives": _lay_drives(houses, kind, setback, rng),
        "yards": yards,
    }
    back = np.concatenate([taken, houses.polygons()])
    return Plots(**ground, **_add_buildings(houses, kind, height[standing], back, rng))


def _add_buildings(
    houses: Boxes,
    kind: np.ndarray,
    height_m: np.ndarray,
    taken: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """The fields of Plots about buildings: the houses with wings, sheds and pools, off what is
    `taken`.
    """
    wings, of_wing = _add_wings(houses, kind, rng)
    sheds, of_shed = _add_sheds(houses, kind, taken, rng)
    owner = np.concatenate([np.arange(len(houses)), of_wing, of_shed])
    flat = (rng.random(len(houses)) < share_of(kind, "flat"))[owner]
    tone = rng.random(len(houses))[owner]
    flat[len(houses) + len(wings) :] |= rng.random(len(sheds)) < 0.4
    tone[len(houses) + len(wings) :] = rng.random(len(sheds))
    low = np.concatenate(
        [np.ones(len(houses)), np.full(len(wings), 0.85), np.full(len(sheds), 0.5)]
    )
    return {
        "houses": join_boxes([houses, wings, sheds]),
        "height_m": np.maximum(height_m[owner] * low, 2.6),
        "flat": flat,
        "tone": tone,
        "kind": kind[owner],
        "pools": _add_pools(houses, kind, np.concatenate([taken, sheds.polygons()]), rng),
    }


def _add_wings(
    houses: Boxes, kind: np.ndarray, rng: np.random.Generator
) -> tuple[Boxes, np.ndarray]:
    """A lower cross wing at one end of some houses; in rows only towards the back."""
    owner = np.flatnonzero(rng.random(len(houses)) < share_of(kind, "wing"))
    half = houses.half[owner]
    wing = np.stack([half[:, 0] * rng.uniform(0.36, 0.48, len(owner)), half[:, 1] * 0.7], axis=1)
    along = rng.choice([-1.0, 1.0], len(owner)) * (half[:, 0] - wing[:, 0])
    away = np.where(
        np.isin(kind[owner], ["core", "industrial"]), 1.0, rng.choice([-1.0, 1.0], len(owner))
    )
    return houses.take(owner).moved(along, away * half[:, 1] * 0.75, wing), owner


def _add_sheds(
    houses: Boxes, kind: np.ndarray, taken: np.ndarray, rng: np.random.Generator
) -> tuple[Boxes, np.ndarray]:
    """Garages, barns and back buildings."""
    owner = np.flatnonzero(rng.random(len(houses)) < share_of(kind, "shed"))
    low, high = share_of(kind[owner], "shed_m").reshape(-1, 2).T
    half = (low + (high - low) * rng.random((2, len(owner)))).T / 2
    sheds = _behind(houses.take(owner), half, rng)
    free = keep_apart(sheds.polygons(), taken)
    return sheds.take(free), owner[free]


def _add_pools(
    houses: Boxes, kind: np.ndarray, taken: np.ndarray, rng: np.random.Generator
) -> Boxes:
    owner = np.flatnonzero(
        (rng.random(len(houses)) < 0.14) & np.isin(kind, ["suburb", "woods", "bare", "villa"])
    )
    half = rng.uniform([2.2, 1.4], [4.2, 2.2], (len(owner), 2))
    pools = _behind(houses.take(owner), half, rng)
    return pools.take(keep_apart(pools.polygons(), taken))


def _behind(houses: Boxes, half: np.ndarray, rng: np.random.Generator) -> Boxes:
    """Rectangles in the back gardens."""
    along = rng.uniform(-0.7, 0.7, len(houses)) * houses.half[:, 0]
    return houses.moved(
        along, houses.half[:, 1] + half[:, 1] + rng.uniform(2, 8, len(houses)), half
    )


def _lay_parcels(
    houses: Boxes, kind: np.ndarray, setback_m: np.ndarray, pitch_m: np.ndarray
) -> Boxes:
    deep = share_of(kind, "parcel_m")
    half = np.stack([pitch_m / 2, deep / 2], axis=1)
    return houses.moved(0.0, deep / 2 - setback_m - houses.half[:, 1], half)


def _lay_drives(
    houses: Boxes, kind: np.ndarray, setback_m: np.ndarray, rng: np.random.Generator
) -> Boxes:
    """Driveways from the kerb past the front of the house: the little roads that are none."""
    seen = rng.random(len(houses)) < share_of(kind, "drive")
    reach = setback_m + houses.half[:, 1] * rng.uniform(0.2, 1.6, len(houses))
    broad = rng.uniform(1.4, 2.6, len(houses)) * np.where(
        np.isin(kind, ["industrial", "retail"]), 1.7, 1.0
    )
    half = np.stack([broad, reach / 2 + 0.4], axis=1)
    along = rng.choice([-1.0, 1.0], len(houses)) * (
        houses.half[:, 0] * rng.uniform(0.5, 1.0, len(houses))
    )
    return houses.moved(along, reach / 2 - 0.4 - setback_m - houses.half[:, 1], half).take(seen)
