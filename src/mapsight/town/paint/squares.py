"""Flat open places as paint: car parks, playing fields, container yards, footpaths, driveways,
pools.
"""

from __future__ import annotations

import numpy as np

from mapsight.town.paint.easel import Easel
from mapsight.town.paint.marks import paint_strips
from mapsight.town.paint.strokes import stroke_lines
from mapsight.town.plan.boxes import Boxes, make_strips
from mapsight.town.plan.plots import Plots

_COURTS = np.array(
    [(150, 92, 74), (86, 122, 88), (78, 104, 128), (126, 124, 122)], dtype=np.float32
)
_POOL, _TILES = np.array((92, 172, 190), dtype=np.float32), np.full(3, 190, dtype=np.float32)
_WHITE = np.array((226.0, 226.0, 222.0))


def paint_squares(easel: Easel, plots: Plots, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All of them; returns the masks (H, W) uint8 pitch, footpath, driveway and car_park."""
    yards = plots.yards
    masks = {"pitch": _paint_pitches(easel, yards.pitches, rng)}
    path = easel.cover(stroke_lines(np.array(yards.paths, dtype=object), 2.2).rings)
    gravel = (easel.look.material("soil") + easel.look.material("paved")) / 2
    easel.blend(path, gravel * easel.rough(path, 22, fine=0.07), 0.85)
    easel.blend(easel.cover(plots.pools.grown(0.8).corners()), _TILES, 0.7)
    easel.blend(easel.cover(plots.pools.corners()), _POOL)
    masks |= {
        "footpath": path.mask(easel.sheet),
        "driveway": _lay_asphalt(easel, plots.drives, 1.06, rng),
    }
    _lay_asphalt(easel, yards.cargo_yards, 1.1, rng)
    masks["car_park"] = _lay_asphalt(easel, yards.car_parks, 0.98, rng)
    paint_strips(easel, yards.stalls, np.full(3, min(easel.look.asphalt * 1.65, 240)), 0.75)
    return masks


def _lay_asphalt(
    easel: Easel, boxes: Boxes, mean_tone: float, rng: np.random.Generator
) -> np.ndarray:
    age = rng.normal(mean_tone, 0.14, (len(boxes), 1))
    stain = easel.stain(
        boxes.corners(), easel.look.asphalt * age * np.array(easel.look.asphalt_tint)
    )
    easel.blend(
        stain, stain.value * easel.rough(stain, 18, patchy=0.06, fine=0.035, grain=0.03), 0.95
    )
    return stain.mask(easel.sheet)


def _paint_pitches(easel: Easel, pitches: Boxes, rng: np.random.Generator) -> np.ndarray:
    """Large ones are lawns mown in stripes, small ones hard courts; both have lines."""
    large = pitches.half[:, 1] > 20
    lawn = easel.look.material("lawn") * [0.9, 1.05, 0.9]
    stain = easel.stain(
        pitches.corners(),
        np.where(large[:, None], lawn, _COURTS[rng.integers(0, len(_COURTS), len(pitches))]),
    )
    easel.blend(stain, stain.value * easel.rough(stain, 23, fine=0.04, patchy=0.05), 0.9)
    fields = pitches.take(large)
    for at in np.arange(-0.9, 1, 0.4):
        stripe = fields.moved(at * fields.half[:, 0], 0.0, fields.half * [0.1, 1.0])
        easel.shade(easel.cover(stripe.corners()), 1.05)
    paint_strips(easel, _line_pitches(pitches), _WHITE, 0.6)
    return stain.mask(easel.sheet)


def _line_pitches(pitches: Boxes) -> np.ndarray:
    """Rim and middle line, (N, 4, 2)."""
    corners = Boxes(pitches.xy, pitches.half * 0.9, pitches.angle).corners()
    rim = [make_strips(corners[:, i], corners[:, (i + 1) % 4], 0.2) for i in range(4)]
    middle = [(corners[:, i] + corners[:, i + 1]) / 2 for i in (0, 2)]
    return np.concatenate([*rim, make_strips(middle[0], middle[1], 0.2)])
