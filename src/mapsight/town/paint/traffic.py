"""Cars on the roads and beside them, and containers: bodies, windows, shadows."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from mapsight.town.paint.easel import Easel
from mapsight.town.plan.boxes import Boxes, join_boxes, spread_boxes
from mapsight.town.plan.follow import follow_lines, left_of
from mapsight.town.plan.plots import Plots

# share of the cars, colour
_CARS = (
    (0.27, (226, 226, 226)),
    (0.20, (44, 46, 50)),
    (0.17, (128, 130, 132)),
    (0.17, (176, 178, 182)),
    (0.07, (138, 36, 34)),
    (0.07, (40, 62, 108)),
    (0.03, (92, 86, 78)),
    (0.02, (70, 84, 76)),
)
_CARGO = (
    (150, 64, 48),
    (52, 88, 122),
    (168, 168, 164),
    (204, 204, 200),
    (84, 110, 78),
    (188, 146, 60),
    (96, 60, 54),
)
_GLASS = (44.0, 50.0, 56.0)
_PER_100_M = {
    "motorway": 2.2,
    "primary": 1.8,
    "secondary": 1.0,
    "residential": 0.25,
    "service": 0.2,
    "track": 0.02,
    "lane": 0.01,
}
_KERBSIDE = {
    "core": 0.45,
    "grid": 0.42,
    "suburb": 0.1,
    "retail": 0.2,
    "rows": 0.4,
    "tower": 0.4,
    "villa": 0.2,
    "bazaar": 0.2,
}


def place_cars(edges: gpd.GeoDataFrame, plots: Plots, rng: np.random.Generator) -> Boxes:
    """Cars that drive, stand at the kerb, in car parks and on driveways; in tunnels none is
    seen.
    """
    seen = edges[edges.visible]
    lines, width, length = seen.geometry.to_numpy(), seen.width_m.to_numpy(), seen.length.to_numpy()
    busy = rng.poisson(
        np.array([_PER_100_M[c] for c in seen.road_class]) * length / 100 * rng.uniform(0.4, 1.5)
    )
    broad = np.repeat(width, busy)
    lane = np.where(broad > 10.5, rng.choice([0.13, 0.37], len(broad)), 0.24) * rng.choice(
        [-1, 1], len(broad)
    )
    driving = _line_up(np.repeat(lines, busy), lane * broad, 0.5, rng)
    habit = (
        np.array([_KERBSIDE.get(kind, 0.02) for kind in seen.kind])
        * (seen.road_class == "residential").to_numpy()
    )
    parked = rng.binomial((length / 3.4).astype(int), habit * rng.uniform(0.3, 1))
    kerb = rng.choice([-1, 1], parked.sum()) * (np.repeat(width, parked) / 2 - 1.15)
    standing = _line_up(np.repeat(lines, parked), kerb, 6.2, rng)
    drives = plots.drives.take(rng.random(len(plots.drives)) < 0.45)
    home = drives.moved(
        0.0, rng.uniform(-0.2, 0.5, len(drives)) * drives.half[:, 1], np.array([0.9, 2.2])
    )
    home = Boxes(home.xy, home.half[:, ::-1], home.angle + np.pi / 2)
    return join_boxes([driving, standing, plots.yards.parked, home])


def _line_up(
    lines: np.ndarray, aside: np.ndarray, pitch_m: float, rng: np.random.Generator
) -> Boxes:
    """A car on each of `lines` at a multiple of `pitch_m`, one a place; where pitches are small
    some are lorries.
    """
    length = shapely.length(lines)
    slot = np.round(rng.random(len(lines)) * (length - 16) / pitch_m)
    place, tangent = follow_lines(lines, slot * pitch_m + 8)
    _, single = np.unique(np.c_[place.round(1), np.sign(aside)], axis=0, return_index=True)
    single = single[length[single] > 20]
    place, tangent = (place + left_of(tangent) * aside[:, None])[single], tangent[single]
    lorry = (rng.random(len(single)) < 0.05) & (pitch_m < 1)
    half = np.stack([rng.uniform(2.0, 2.4, len(single)), np.full(len(single), 0.9)], axis=1)
    half[lorry] = np.stack([rng.uniform(3.5, 6.5, lorry.sum()), np.full(lorry.sum(), 1.2)], axis=1)
    return spread_boxes(place, tangent, half)


def paint_cars(easel: Easel, cars: Boxes, rng: np.random.Generator) -> np.ndarray:
    """Bodies, windows, roofs and shadows; returns the mask (H, W) uint8."""
    _drop_shadow(easel, cars, 1.3)
    shares, colours = zip(*_CARS, strict=True)
    body = np.array(colours)[rng.choice(len(_CARS), len(cars), p=shares)] * rng.normal(
        1, 0.06, (len(cars), 1)
    )
    windows = cars.moved(-0.08 * cars.half[:, 0], 0.0, cars.half * [0.62, 0.86])
    top = cars.moved(-0.1 * cars.half[:, 0], 0.0, cars.half * [0.38, 0.8])
    tones = np.concatenate([body, np.full((len(cars), 3), _GLASS), body * 1.05])
    stain = easel.stain(np.concatenate([part.corners() for part in (cars, windows, top)]), tones)
    easel.blend(stain, stain.value)
    return stain.mask(easel.sheet)


def paint_cargo(easel: Easel, cargo: Boxes, rng: np.random.Generator) -> None:
    """Containers in their few strong colours."""
    _drop_shadow(easel, cargo, 2.6)
    tones = np.array(_CARGO)[rng.integers(0, len(_CARGO), len(cargo))] * rng.normal(
        1, 0.07, (len(cargo), 1)
    )
    stain = easel.stain(cargo.corners(), tones)
    easel.blend(stain, stain.value)


def _drop_shadow(easel: Easel, boxes: Boxes, height_m: float) -> None:
    step = easel.look.cast(height_m)
    rings = [
        Boxes(boxes.xy + step * share, boxes.half, boxes.angle).corners() for share in (0.5, 1.0)
    ]
    easel.shade(easel.cover(np.concatenate(rings)), easel.look.shadow)
