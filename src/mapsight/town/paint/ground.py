"""The bare ground: grass, gardens, yards, water."""

from __future__ import annotations

import numpy as np
import shapely
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from mapsight.town.paint.biomes import MATERIALS, ROUGHNESS
from mapsight.town.paint.brush import Stain, burn_ids
from mapsight.town.paint.easel import Easel
from mapsight.town.plan.boxes import make_strips
from mapsight.town.plan.plots import Plots

Choices = tuple[tuple[str, float], ...]  # material and share

# kind of block: what its ground may be made of
_GROUND_OF: dict[str, Choices] = {
    "core": (("paved", 0.45), ("yard", 0.25), ("lawn", 0.3)),
    "grid": (("lawn", 1.0),),
    "suburb": (("lawn", 0.85), ("grass", 0.15)),
    "woods": (("floor", 0.8), ("grass", 0.2)),
    "industrial": (("yard", 0.3), ("paved", 0.2), ("grass", 0.35), ("soil", 0.15)),
    "retail": (("yard", 0.55), ("paved", 0.2), ("lawn", 0.25)),
    "park": (("grass", 0.6), ("lawn", 0.4)),
    "forest": (("floor", 1.0),),
    "fields": (("field", 1.0),),
    "bare": (("scrub", 0.8), ("soil", 0.2)),
    "informal": (("soil", 0.7), ("yard", 0.3)),
    "bazaar": (("paved", 0.5), ("yard", 0.3), ("soil", 0.2)),
    "mudtown": (("soil", 0.9), ("scrub", 0.1)),
    "compound": (("soil", 0.6), ("scrub", 0.4)),
    "hamlet": (("grass", 0.5), ("soil", 0.3), ("scrub", 0.2)),
    "rows": (("paved", 0.5), ("lawn", 0.3), ("yard", 0.2)),
    "villa": (("yard", 0.3), ("soil", 0.4), ("paved", 0.3)),
    "tower": (("lawn", 0.5), ("paved", 0.3), ("yard", 0.2)),
    "site": (("soil", 0.7), ("scrub", 0.3)),
    "median": (("lawn", 0.55), ("paved", 0.25), ("soil", 0.2)),
    "palms": (("floor", 0.5), ("grass", 0.5)),
    "paddy": (("field", 1.0),),
    "terrace": (("field", 1.0),),
    "strips": (("field", 0.6), ("grass", 0.4)),
    "smallholding": (("field", 0.6), ("scrub", 0.4)),
    "dunes": (("scrub", 0.75), ("soil", 0.25)),
}
# kind of block: what its parcels may be made of
_PARCEL_OF: dict[str, Choices] = {
    "core": (("paved", 0.3), ("yard", 0.25), ("lawn", 0.33), ("soil", 0.12)),
    "industrial": (("yard", 0.6), ("paved", 0.4)),
    "retail": (("yard", 0.7), ("paved", 0.3)),
    "fields": (("yard", 0.3), ("grass", 0.5), ("soil", 0.2)),
    "compound": (("soil", 0.75), ("scrub", 0.25)),
    "mudtown": (("soil", 0.9), ("scrub", 0.1)),
    "hamlet": (("soil", 0.5), ("grass", 0.3), ("scrub", 0.2)),
    "rows": (("paved", 0.5), ("lawn", 0.3), ("yard", 0.2)),
    "villa": (("soil", 0.4), ("paved", 0.4), ("lawn", 0.2)),
    "tower": (("paved", 0.5), ("lawn", 0.5)),
    "site": (("soil", 0.6), ("yard", 0.4)),
    "smallholding": (("soil", 0.6), ("scrub", 0.4)),
    "paddy": (("soil", 0.5), ("yard", 0.5)),
    "terrace": (("soil", 0.7), ("grass", 0.3)),
}
_GARDEN: Choices = (("lawn", 0.68), ("grass", 0.2), ("soil", 0.06), ("paved", 0.06))
_FENCE = np.array((172, 164, 152), dtype=np.float32)


def paint_ground(
    easel: Easel, blocks: np.ndarray, kinds: np.ndarray, rng: np.random.Generator
) -> None:
    """Cover the whole picture with the ground of each block."""
    noise = easel.noise
    block = np.maximum(burn_ids(easel.sheet, blocks, np.arange(1, len(blocks) + 1)) - 1, 0)
    material = _draw_materials([_GROUND_OF[kind] for kind in kinds], rng)
    tint = (rng.normal(1, 0.05, (len(blocks), 1)) * rng.normal(1, 0.01, (len(blocks), 3))).astype(
        np.float32
    )
    first, second = easel.look.ground[material].transpose(1, 0, 2) * tint  # (blocks, 3)
    spread, fine, grain = (column[material][block] for column in ROUGHNESS.T)
    fine, grain = fine * easel.look.rough, grain * easel.look.rough
    mix = np.clip(0.5 + spread * (0.35 * noise.get("patchy") + 0.3 * noise.get("broad")), 0, 1)
    bright = (
        1
        + fine * noise.get("fine", 1)
        + grain * noise.get("grain", 1)
        + 0.04 * noise.get("broad", 2)
    )
    easel.rgb[:] = (first[block] + (second - first)[block] * mix[..., None]) * bright[..., None]
    _wear(easel, material[block])


def _draw_materials(choices: list[Choices], rng: np.random.Generator) -> np.ndarray:
    """One of each choices, (N,) int as index into MATERIALS."""
    names = [
        rng.choice([name for name, _ in some], p=[share for _, share in some]) for some in choices
    ]
    return np.array([MATERIALS.index(name) for name in names], dtype=np.int64)


def _wear(easel: Easel, material: np.ndarray) -> None:
    """Bare patches in the green, green patches in yards: no ground is all of one kind."""
    spots = easel.noise.get("patchy", 5) + 0.5 * easel.noise.get("fine", 5)
    for kinds, other, least in (
        (("grass", "scrub", "lawn"), "soil", 2.1),
        (("yard", "paved"), "grass", 1.1),
    ):
        where = np.isin(material, [MATERIALS.index(kind) for kind in kinds])
        index = np.flatnonzero(where & (spots > least))
        cover = np.clip((spots.ravel()[index] - least) * 1.6, 0, 0.85)
        worn = Stain(index, cover, np.empty(0))
        easel.blend(worn, easel.look.material(other) * easel.rough(worn, 2, fine=0.06))


def paint_parcels(easel: Easel, plots: Plots, rng: np.random.Generator) -> None:
    """Every garden has its own green, some are bare or paved, and hedges or fences run along
    them.
    """
    count, corners = len(plots.parcels), plots.parcels.corners()
    material = _draw_materials([_PARCEL_OF.get(kind, _GARDEN) for kind in plots.parcel_kind], rng)
    tint = rng.normal(1, 0.09, (count, 1)) * rng.normal(1, 0.016, (count, 3))
    gardens = easel.stain(corners, easel.look.ground.mean(1)[material] * tint)
    easel.blend(gardens, gardens.value * easel.rough(gardens, 6, fine=0.07, patchy=0.08), 0.75)
    hedge = np.array(easel.look.colours.trees[-1].colour, dtype=np.float32) * 0.8
    sides, colours = [], []
    for edge in range(4):
        seen = rng.random(count) < (0.15 if edge == 0 else 0.4)  # the first one lies on the street
        width = rng.uniform(0.3, 1.1, int(seen.sum()))
        sides.append(make_strips(corners[seen, edge], corners[seen, (edge + 1) % 4], width))
        colours.append(np.where(rng.random((len(width), 1)) < 0.55, hedge, _FENCE))
    rims = easel.stain(np.concatenate(sides), np.concatenate(colours))
    easel.blend(rims, rims.value * easel.rough(rims, 7, fine=0.25), 0.75)


def paint_water(easel: Easel, water: BaseGeometry) -> np.ndarray:
    """Shore and water, darker where it is deep; returns the mask (H, W) uint8."""
    shore = easel.cover_shapes(shapely.get_parts(water.buffer(4)))
    easel.blend(shore, easel.look.material("soil") * 0.85 * easel.rough(shore, 8, fine=0.12), 0.7)
    wet = easel.cover_shapes(shapely.get_parts(water))
    mask = wet.mask(easel.sheet)
    if mask.any():
        depth = ndimage.distance_transform_edt(mask).ravel()[wet.index] * easel.sheet.m_per_px
        deep, shallow = (np.array(colour, dtype=np.float32) for colour in easel.look.colours.water)
        bank = np.exp(-depth / 4 + 0.35 * easel.noise.at(wet.index, "patchy", 8))[:, None]
        ripple = easel.rough(wet, 9, fine=0.05, grain=0.04, broad=0.07)
        easel.blend(wet, (deep + (shallow - deep) * np.clip(bank, 0, 1)) * ripple)
    return mask


def light_slopes(easel: Easel) -> None:
    """Slopes towards the sun are brighter than those away from it, where the land is hilly."""
    if not easel.look.relief:
        return
    height = easel.noise.get("broad", 26) + 0.12 * easel.noise.get("patchy", 26)
    down, right = np.gradient(height)
    sun = easel.look.cast(-1.0)
    slope = down * sun[1] - right * sun[0]
    slope /= max(float(slope.std()), 1e-6)
    light = np.clip(1 + 0.32 * easel.look.relief * slope, 0.5, 1.5)
    easel.rgb[:] *= light[..., None].astype(np.float32)
