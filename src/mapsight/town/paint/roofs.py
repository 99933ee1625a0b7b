"""Roofs that catch the light facet by facet, what stands on them, and the shadows that houses
throw.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapsight.town.paint.brush import Stain
from mapsight.town.paint.easel import Easel
from mapsight.town.paint.look import Look
from mapsight.town.plan.boxes import Boxes, join_boxes
from mapsight.town.plan.plots import Plots

Facets = tuple[
    np.ndarray, np.ndarray, np.ndarray
]  # quadrilaterals (N, 4, 2), brightness (N,), house (N,)

_AMBIENT = 0.42  # light from the sky against that of the sun


def find_shadows(easel: Easel, boxes: Boxes, height_m: np.ndarray) -> Stain:
    """Ground darkened by upright blocks: each footprint swept along the shadow's way."""
    near = boxes.corners()
    far = near + easel.look.cast(height_m)[:, None]
    sides = ((0, 1), (1, 2), (2, 3), (3, 0))
    sweeps = [np.stack([near[:, i], near[:, j], far[:, j], far[:, i]], axis=1) for i, j in sides]
    return easel.cover(np.concatenate([far, *sweeps]))


def paint_roofs(easel: Easel, plots: Plots, rng: np.random.Generator) -> np.ndarray:
    """All buildings; returns the mask (H, W) uint8."""
    colour = _choose_colours(plots, easel.look, rng)
    walls = _paint_walls(easel, plots, colour)
    plots = replace(plots, houses=_lean(plots, easel.look))
    flat = _flat_facets(plots.houses, np.flatnonzero(plots.flat))
    pitched = _pitched_facets(plots.houses, np.flatnonzero(~plots.flat), easel.look, rng)
    rings, bright, owner = (np.concatenate(pair) for pair in zip(flat, pitched, strict=True))
    stain = easel.stain(rings, colour[owner] * bright[:, None])
    easel.blend(stain, stain.value * easel.rough(stain, 19, patchy=0.05, fine=0.045, grain=0.025))
    _paint_fittings(easel, plots, rng)
    mask: np.ndarray = stain.mask(easel.sheet) | walls
    return mask


def _lean(plots: Plots, look: Look) -> Boxes:
    """The roofs where a camera that does not look straight down sees them."""
    return replace(plots.houses, xy=plots.houses.xy + plots.height_m[:, None] * look.lean)


def _paint_walls(easel: Easel, plots: Plots, colour: np.ndarray) -> np.ndarray:
    """The sides that such a camera sees, with storeys; returns their mask (H, W) uint8."""
    if not any(easel.look.lean) or len(plots.houses) == 0:
        return np.zeros(easel.sheet.shape, dtype=np.uint8)
    near, far = plots.houses.corners(), _lean(plots, easel.look).corners()
    along, across = plots.houses.axes()
    lean, sun = np.array(easel.look.lean), easel.look.cast(-1.0)
    rings, tones, owner = [], [], []
    for start, outward in enumerate((-across, along, across, -along)):
        seen = np.flatnonzero(outward @ lean < 0)
        i, j = start, (start + 1) % 4
        lit = np.where(outward[seen] @ sun > 0, 0.92, 0.55)
        rings.append(np.stack([near[seen, i], near[seen, j], far[seen, j], far[seen, i]], axis=1))
        tones.append(lit)
        owner.append(seen)
    wall, pale = np.concatenate(owner), np.full(3, easel.look.asphalt * 1.3)
    tone = (0.35 * colour[wall] + 0.65 * pale) * np.concatenate(tones)[:, None]
    stain = easel.stain(np.concatenate(rings), tone)
    easel.blend(stain, stain.value * easel.rough(stain, 25, fine=0.1, grain=0.05))
    return stain.mask(easel.sheet)


def _choose_colours(plots: Plots, look: Look, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) by the houses' tones; a town has its own few colours of tiles."""
    pitched, flats = np.array(look.colours.roofs), np.array(look.colours.flats)
    own = pitched[rng.permutation(len(pitched))[: max(3, len(pitched) - 2)]]
    tiles, sheets = (
        own[(plots.tone**1.4 * len(own)).astype(int)],
        flats[(plots.tone * len(flats)).astype(int)],
    )
    colour: np.ndarray = np.where(plots.flat[:, None], sheets, tiles)
    return colour * (0.9 + 0.2 * (plots.tone * 37 % 1))[:, None]


def _flat_facets(houses: Boxes, owner: np.ndarray) -> Facets:
    """A pale parapet with the roof inside."""
    outer = houses.take(owner)
    inner = Boxes(outer.xy, np.maximum(outer.half - 0.45, outer.half * 0.8), outer.angle)
    tone = np.repeat([1.08, 0.93], len(owner))
    return np.concatenate([outer.corners(), inner.corners()]), tone, np.tile(owner, 2)


def _pitched_facets(
    houses: Boxes, owner: np.ndarray, look: Look, rng: np.random.Generator
) -> Facets:
    """Four facets a roof; the ends of a gabled roof have no width, those of a hipped one lean."""
    boxes = houses.take(owner)
    turned = boxes.half[:, 1] > boxes.half[:, 0]  # the ridge follows the longer side
    half = np.where(turned[:, None], boxes.half[:, ::-1], boxes.half)
    boxes = Boxes(boxes.xy, half, boxes.angle + np.where(turned, np.pi / 2, 0))
    a, b = half.T
    ridge = a - np.where(rng.random(len(owner)) < 0.42, np.minimum(b * 0.95, a * 0.98), 0.0)
    left, right = np.stack([-ridge, 0 * a], 1), np.stack([ridge, 0 * a], 1)
    sw, se, ne, nw = (np.stack([i * a, j * b], 1) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    facets = (
        (sw, se, right, left),
        (ne, nw, left, right),
        (se, ne, right, right),
        (nw, sw, left, left),
    )
    lean = rng.uniform(0.4, 0.85, len(owner))
    along, across = boxes.axes()
    rings = [boxes.at(np.stack(facet, axis=1)) for facet in facets]
    tones = [_light_facet(downhill, lean, look) for downhill in (-across, across, along, -along)]
    return np.concatenate(rings), np.concatenate(tones), np.tile(owner, 4)


def _light_facet(downhill: np.ndarray, lean: np.ndarray, look: Look) -> np.ndarray:
    """Brightness (N,) of a facet against that of a flat roof."""
    sun = np.array([np.cos(look.sun_azimuth), np.sin(look.sun_azimuth)]) * np.cos(look.sun_height)
    level = np.sin(look.sun_height)
    facing = (lean * (downhill @ sun) + level) / np.sqrt(1 + lean**2)
    light: np.ndarray = (_AMBIENT + np.maximum(facing, 0)) / (_AMBIENT + level)
    return light


def _paint_fittings(easel: Easel, plots: Plots, rng: np.random.Generator) -> None:
    """Air conditioning, roof lights, chimneys, solar panels, with shadows of their own."""
    big = plots.houses.half.min(1) > 3.2
    panels = _scatter(plots.houses.take(big & (plots.tone * 91 % 1 < 0.07)), 30.0, (0.9, 2.2), rng)
    units = _scatter(plots.houses.take(plots.flat & big), 55.0, (0.5, 1.9), rng)
    chimneys = _scatter(
        plots.houses.take(~plots.flat & big & (plots.kind != "industrial")), 110.0, (0.3, 0.6), rng
    )
    raised = join_boxes([units, chimneys])
    easel.shade(
        find_shadows(easel, raised, np.full(len(raised), 1.25)), np.array(easel.look.shadow) + 0.1
    )
    colours = [
        np.full((len(panels), 3), (38.0, 46.0, 72.0)),
        rng.choice([238.0, 200.0, 150.0, 96.0], len(units))[:, None] * np.ones(3),
        np.full((len(chimneys), 3), (134.0, 104.0, 92.0)),
    ]
    stain = easel.stain(join_boxes([panels, raised]).corners(), np.concatenate(colours))
    easel.blend(stain, stain.value, 0.85)


def _scatter(
    houses: Boxes, area_m2: float, size_m: tuple[float, float], rng: np.random.Generator
) -> Boxes:
    """Small rectangles on the roofs, one for each `area_m2` or so."""
    share = rng.uniform(0.2, 1, len(houses))
    count = np.minimum(rng.poisson(4 * houses.half.prod(1) / area_m2 * share), 24)
    owner = houses.take(np.repeat(np.arange(len(houses)), count))
    half = rng.uniform(size_m[0], size_m[1], (len(owner), 2))
    shift = rng.uniform(-1, 1, (len(owner), 2)) * np.maximum(owner.half - half - 0.6, 0)
    return owner.moved(shift[:, 0], shift[:, 1], half)
