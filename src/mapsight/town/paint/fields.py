"""Fields: crops, furrows, the tracks of tractors, grassy borders."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import Polygon

from mapsight.town.paint.brush import Sheet, Stain, burn_ids
from mapsight.town.paint.easel import Easel


def paint_fields(easel: Easel, fields: list[Polygon], rng: np.random.Generator) -> np.ndarray:
    """Each field its crop; returns the mask (H, W) uint8."""
    ids = burn_ids(easel.sheet, fields, np.arange(1, len(fields) + 1))
    sown = Stain(np.flatnonzero(ids), np.ones((), dtype=np.float32), np.empty(0))
    if len(sown.index):
        number = ids.ravel()[sown.index] - 1
        crops = np.array(easel.look.colours.crops, dtype=np.float32)
        colour = crops[rng.integers(0, len(crops), len(fields))] * rng.normal(
            1, 0.06, (len(fields), 1)
        )
        rough = easel.rough(sown, 3, patchy=0.08, broad=0.08, grain=0.035, fine=0.04)
        rough += _plough(easel.sheet, sown.index, number, fields, rng)[:, None]
        easel.rgb.reshape(-1, 3)[sown.index] = colour[number] * rough
        rims = easel.cover_shapes(
            [field.exterior.buffer(rng.uniform(0.6, 1.8)) for field in fields]
        )
        easel.blend(rims, easel.look.material("grass") * easel.rough(rims, 4, fine=0.12), 0.8)
    return (ids > 0).astype(np.uint8)


def _plough(
    sheet: Sheet,
    index: np.ndarray,
    number: np.ndarray,
    fields: list[Polygon],
    rng: np.random.Generator,
) -> np.ndarray:
    """Change of brightness (n,) by furrows along each field's longer side, swaths, and wheel
    tracks.
    """
    rows, cols = np.divmod(index, sheet.width)
    across = _find_across(fields)[number]
    along = (cols * np.cos(across) - rows * np.sin(across)) * sheet.m_per_px
    spacing = np.maximum(rng.uniform(1.6, 6.0, len(fields)), 3.2 * sheet.m_per_px)[number]
    swath = rng.uniform(14, 26, len(fields))[number]
    furrow_depth, swath_depth, wheel_depth = (
        rng.uniform(0, most, len(fields))[number] for most in (0.07, 0.045, 0.16)
    )
    turn = np.mod(along, swath)
    wheels = (turn < 0.8) | ((turn > 1.9) & (turn < 2.7))
    every_other = np.where(np.mod(along / swath, 2) < 1, 1, -1)
    change: np.ndarray = (
        furrow_depth * np.sin(2 * np.pi * along / spacing)
        + swath_depth * every_other
        - np.where(wheels, wheel_depth, 0)
    )
    return change.astype(np.float32)


def _find_across(fields: list[Polygon]) -> np.ndarray:
    """(N,) direction in radians across each field's longer side."""
    shells = shapely.get_coordinates(
        shapely.minimum_rotated_rectangle(np.array(fields, dtype=object))
    )
    first, second = np.diff(shells.reshape(-1, 5, 2)[:, :3], axis=1).transpose(1, 0, 2)
    longer = np.where((np.hypot(*first.T) > np.hypot(*second.T))[:, None], first, second)
    across: np.ndarray = np.arctan2(longer[:, 1], longer[:, 0]) + np.pi / 2
    return across
