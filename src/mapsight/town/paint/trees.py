"""How crowns catch the light, and the shade that they give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mapsight.town.paint.biomes import MATERIALS
from mapsight.town.paint.brush import Sheet, Stain
from mapsight.town.paint.easel import Easel
from mapsight.town.paint.look import Look
from mapsight.town.paint.planting import Grove

_CHUNK = 4_000_000  # pixels tested at a time, to bound memory
_REACH = 1.3  # squared radii that a ragged crown may reach


def shade_trees(sheet: Sheet, grove: Grove, look: Look) -> np.ndarray:
    """(H, W) uint8: ground and roofs in the shade of crowns."""
    mask = np.zeros(sheet.height * sheet.width, dtype=np.uint8)
    tall = grove.radius_m * 2.3
    for share, size in (
        (0.4, 0.95),
        (0.62, 0.95),
        (0.85, 0.7),
    ):  # three disks stand for a crown's height
        for _, index, _ in _stamp(
            sheet, grove.xy + look.cast(tall * share), grove.radius_m * size, 1.0
        ):
            mask[index] = 1
    return mask.reshape(sheet.shape)


def paint_trees(easel: Easel, grove: Grove, dark: np.ndarray) -> np.ndarray:
    """Crowns over everything, darker where they stand in the shade `dark`; returns the canopy's
    mask (H, W) uint8.
    """
    index, tree = _find_tops(easel.sheet, grove)
    rows, cols = np.divmod(index, easel.sheet.width)
    centre, radius = easel.sheet.to_px(grove.xy)[tree], grove.radius_m[tree] / easel.sheet.m_per_px
    dx, dy = (cols + 0.5 - centre[:, 0]) / radius, (centre[:, 1] - rows - 0.5) / radius
    away = np.hypot(dx, dy)
    table, species = easel.look.colours.trees, grove.species[tree]
    opacity, cone = np.array([(kind.opacity, kind.cone) for kind in table])[species].T
    fine, grain = easel.noise.at(index, "fine", 20), easel.noise.at(index, "grain", 8)
    fronds = np.array([kind.fronds for kind in table])[species]
    if fronds.any():
        away = away * _spread_fronds(dx, dy, fronds, grove.tone[tree])
    cover = np.clip((1 + 0.22 * fine - away) * radius + 0.5, 0, 1).astype(np.float32)
    crown = Stain(index, cover, np.empty(0))
    light = (
        _light_crowns(dx, dy, cone, easel.look) * (1 + 0.2 * fine + 0.13 * grain) * grove.tone[tree]
    )
    light *= easel.rough(crown, 21, broad=0.07, patchy=0.06)[:, 0]
    light *= 1 - 0.3 * dark.ravel()[index] * np.clip(away, 0, 1)
    colour = np.array([kind.colour for kind in table]) * easel.look.tint[MATERIALS.index("floor")]
    thin = np.clip(
        opacity + (1 - opacity) * (0.55 * fine + 0.6 * grain), 0.1, 1
    )  # leafless crowns let the ground through
    easel.blend(crown, colour[species] * np.clip(light, 0.2, 1.9)[:, None], thin)
    return crown.mask(easel.sheet)


def _find_tops(sheet: Sheet, grove: Grove) -> tuple[np.ndarray, np.ndarray]:
    """Flat pixel indices (n,) under any crown, and the tree whose crown is highest there."""
    top = np.zeros(
        sheet.height * sheet.width, dtype=np.int64
    )  # crown's height in the upper half, tree in the lower
    for tree, index, near in _stamp(sheet, grove.xy, grove.radius_m, _REACH):
        height = (grove.radius_m[tree] * (1.6 - near) + grove.tone[tree]) * 4096
        np.maximum.at(top, index, (height.astype(np.int64) << 32) | (tree + 1))
    index = np.flatnonzero(top)
    return index, (top[index] & 0xFFFFFFFF) - 1


def _spread_fronds(
    dx: np.ndarray, dy: np.ndarray, fronds: np.ndarray, tone: np.ndarray
) -> np.ndarray:
    """How much farther (n,) from its trunk a point seems: far between the fronds of a palm."""
    turn = np.arctan2(dy, dx) * fronds + tone * 40
    return np.where(fronds > 0, 1.12 - 0.3 * np.cos(turn), 1.0)


def _light_crowns(dx: np.ndarray, dy: np.ndarray, cone: np.ndarray, look: Look) -> np.ndarray:
    """Brightness (n,) of a round crown at (dx, dy) radii from its trunk."""
    steep = np.minimum(dx**2 + dy**2, 1)
    up = np.sqrt(1.05 - 0.9 * steep) / cone
    flat = np.cos(look.sun_height)
    sun = np.cos(look.sun_azimuth) * flat, np.sin(look.sun_azimuth) * flat, np.sin(look.sun_height)
    facing = (dx * sun[0] + dy * sun[1] + up * sun[2]) / np.sqrt(steep + up**2)
    light: np.ndarray = (0.35 + np.maximum(facing, 0)) / 1.2
    return light


def _stamp(
    sheet: Sheet, xy: np.ndarray, radius_m: np.ndarray, reach: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (tree numbers, flat pixel indices, squared distance in radii) of all pixels within
    `reach`.
    """
    points, radius = sheet.to_px(xy), np.maximum(radius_m / sheet.m_per_px, 0.6)
    size = np.ceil(radius * np.sqrt(reach)).astype(int)
    for step in np.unique(size):
        offset = np.stack(np.meshgrid(*2 * [np.arange(-step, step + 1)]), axis=-1).reshape(1, -1, 2)
        trees = np.flatnonzero(size == step)
        for part in np.array_split(trees, max(1, len(trees) * offset.shape[1] // _CHUNK)):
            cell = np.floor(points[part]).astype(int)[:, None] + offset
            near = (((cell + 0.5 - points[part][:, None]) / radius[part][:, None, None]) ** 2).sum(
                -1
            )
            seen = (
                (near < reach)
                & (cell >= 0).all(-1)
                & (cell[..., 0] < sheet.width)
                & (cell[..., 1] < sheet.height)
            )
            which, at = np.nonzero(seen)
            yield (
                part[which],
                cell[which, at, 1] * sheet.width + cell[which, at, 0],
                near[which, at],
            )
