"""Where trees stand: scattered, in woods, along streets and fields; their kinds and sizes."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy.special import ndtr
from shapely.geometry import Polygon

from mapsight.town.paint.biomes import Biome
from mapsight.town.paint.brush import Sheet, burn_ids
from mapsight.town.plan.follow import count_up, follow_lines, left_of

_PITCH_M = 3.4  # of the lattice that scattered trees are drawn from
# kind of block: trees for each lattice cell, and how much they cluster
_COVER = {
    "core": (0.018, 0.6),
    "grid": (0.05, 0.7),
    "suburb": (0.075, 0.9),
    "woods": (0.42, 1.2),
    "industrial": (0.02, 1.5),
    "retail": (0.012, 1.0),
    "park": (0.13, 1.6),
    "forest": (1.3, 0.5),
    "fields": (0.0012, 2.0),
    "bare": (0.1, 1.5),
    "informal": (0.012, 0.8),
    "bazaar": (0.02, 0.9),
    "mudtown": (0.018, 1.0),
    "compound": (0.09, 1.0),
    "hamlet": (0.1, 1.3),
    "rows": (0.045, 0.9),
    "villa": (0.03, 0.8),
    "tower": (0.1, 1.2),
    "site": (0.006, 2.0),
    "median": (0.22, 0.6),
    "palms": (0.012, 1.0),
    "paddy": (0.002, 2.0),
    "terrace": (0.02, 1.8),
    "strips": (0.004, 2.0),
    "smallholding": (0.05, 1.4),
    "dunes": (0.012, 1.5),
}
_AVENUES = {
    "grid": 0.7,
    "suburb": 0.6,
    "core": 0.45,
    "park": 0.6,
    "fields": 0.2,
    "industrial": 0.2,
    "bare": 0.2,
    "rows": 0.3,
    "tower": 0.75,
    "villa": 0.35,
    "site": 0.45,
    "informal": 0.0,
    "bazaar": 0.1,
    "palms": 0.02,
    "dunes": 0.03,
}
# kind of block: metres between the palms that are planted in rows
_ORCHARDS = {"palms": 8.8}


@dataclass(frozen=True, eq=False)
class Grove:
    """Trees: trunks (N, 2) and crown radii (N,) in metres, species (N,) in the biome's table,
    brightness (N,).
    """

    xy: np.ndarray
    radius_m: np.ndarray
    species: np.ndarray
    tone: np.ndarray

    def take(self, which: np.ndarray) -> Grove:
        """The trees that an index or a boolean mask picks."""
        return Grove(self.xy[which], self.radius_m[which], self.species[which], self.tone[which])


def join_groves(one: Grove, other: Grove) -> Grove:
    """All trees of both."""
    return Grove(
        np.concatenate([one.xy, other.xy]),
        np.r_[one.radius_m, other.radius_m],
        np.r_[one.species, other.species],
        np.r_[one.tone, other.tone],
    )


def plant_trees(
    sheet: Sheet, blocks: np.ndarray, kinds: np.ndarray, biome: Biome, rng: np.random.Generator
) -> np.ndarray:
    """Trunks (N, 2) on a jittered lattice, dense in woods and sparse elsewhere."""
    width, height = sheet.size_m
    x, y = np.meshgrid(np.arange(-12, width + 12, _PITCH_M), np.arange(-12, height + 12, _PITCH_M))
    xy = np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(0, _PITCH_M, (x.size, 2))
    names = list(_COVER)
    ids = burn_ids(sheet, blocks, [names.index(kind) + 1 for kind in kinds])
    kind = sheet.look_up(ids, np.clip(xy, 0.01, [width - 0.01, height - 0.01]))
    cover, clump = np.array([(0, 0), *(_COVER[name] for name in names)])[kind].T
    cover = cover * np.where(cover > 0.3, 1.0, biome.greenery)
    luck = rng.random(len(xy))
    likely = luck < cover * (1 + 2.5 * clump)  # the field below hardly exceeds 2.5, and costs time
    xy, luck, cover, clump = xy[likely], luck[likely], cover[likely], clump[likely]
    field = 0.7 * _clumps(xy, rng) + 0.6 * _clumps(xy, rng, 3)
    trunks: np.ndarray = xy[luck < cover * (1 + clump * field)]
    return trunks


def line_streets(edges: gpd.GeoDataFrame, biome: Biome, rng: np.random.Generator) -> np.ndarray:
    """Trunks (N, 2) of avenue trees, close enough to the kerb to hang over the road."""
    chance = np.array([_AVENUES.get(kind, 0.1) for kind in edges.kind]) * min(biome.greenery, 1)
    chosen = edges[
        (edges.road_class != "service") & ~edges.ring & (rng.random(len(edges)) < chance)
    ]
    lines, width = np.tile(chosen.geometry.to_numpy(), 2), np.tile(chosen.width_m.to_numpy(), 2)
    side = np.repeat([1.0, -1.0], len(chosen))
    spacing = rng.uniform(8, 19, len(lines))
    which, turn = count_up(np.maximum((shapely.length(lines) - 12) / spacing, 0).astype(int))
    at = 8 + (turn + rng.uniform(0.2, 0.8, len(which))) * spacing[which]
    here, tangent = follow_lines(lines[which], at)
    aside = side[which] * (width[which] / 2 + rng.uniform(0.9, 2.2, len(which)))
    trunks: np.ndarray = here + left_of(tangent) * aside[:, None]
    return trunks[rng.random(len(which)) < 0.8]


def line_fields(fields: list[Polygon], biome: Biome, rng: np.random.Generator) -> np.ndarray:
    """Trunks (N, 2) along some borders of fields."""
    rims = [field.exterior for field in fields if rng.random() < 0.3 * min(biome.greenery, 1)]
    lines = np.array(rims, dtype=object)
    which = np.repeat(np.arange(len(lines)), (shapely.length(lines) * 0.5 / 6).astype(int))
    start, reach = rng.random(len(lines)), rng.uniform(0.1, 0.5, len(lines))
    share = np.mod(start[which] + reach[which] * rng.random(len(which)), 1)
    points = shapely.get_coordinates(
        shapely.line_interpolate_point(lines[which], share, normalized=True)
    )
    trunks: np.ndarray = points + rng.normal(0, 1.0, points.shape)
    return trunks


def plant_orchards(
    sheet: Sheet, blocks: np.ndarray, kinds: np.ndarray, biome: Biome, rng: np.random.Generator
) -> Grove:
    """Palms in triangles, row by row, of the biome's first kind with fronds; some are lacking."""
    palms = [number for number, tree in enumerate(biome.trees) if tree.fronds]
    parts, radii = [np.zeros((0, 2))], [np.zeros(0)]
    area = shapely.box(-12, -12, *(side + 12 for side in sheet.size_m))
    for block, kind in zip(blocks, kinds, strict=True):
        if kind not in _ORCHARDS or not palms or not block.intersects(area):
            continue
        pitch_m, turn = _ORCHARDS[kind] * rng.uniform(0.85, 1.2), rng.uniform(0, np.pi)
        piece = block.intersection(area)
        reach = float(np.hypot(*np.subtract(piece.bounds[2:], piece.bounds[:2]))) / 2 + pitch_m
        row, place = np.mgrid[-reach : reach : pitch_m * 0.866, -reach:reach:pitch_m]
        place = place + np.arange(len(row))[:, None] % 2 * pitch_m / 2
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        xy = np.stack([place.ravel(), row.ravel()], axis=1) @ axes + piece.centroid.coords[0]
        xy += rng.normal(0, 0.35, xy.shape)
        there = shapely.contains_xy(piece.buffer(-2), *xy.T) & (rng.random(len(xy)) < 0.94)
        parts.append(xy[there])
        low, high = biome.trees[palms[0]].radius_m
        young = rng.beta(5, 2) * np.clip(rng.normal(1, 0.06, there.sum()), 0.7, 1.2)
        radii.append(low + (high - low) * young)
    xy = np.concatenate(parts)
    species = np.full(len(xy), palms[0] if palms else 0)
    return Grove(xy, np.concatenate(radii), species, np.clip(rng.normal(1, 0.1, len(xy)), 0.6, 1.4))


def grow_grove(trunks: np.ndarray, biome: Biome, rng: np.random.Generator) -> Grove:
    """Species and sizes for the trunks; neighbours tend to be of one kind."""
    share = np.array([tree.share for tree in biome.trees])
    kin = (
        0.75 * _clumps(trunks, rng, 2.6)
        + 0.4 * _clumps(trunks, rng)
        + rng.normal(0, 0.55, len(trunks))
    )
    place = ndtr(kin - rng.normal(0, 0.3))
    species = np.minimum(np.searchsorted(np.cumsum(share) / share.sum(), place), len(share) - 1)
    low, high = np.array([tree.radius_m for tree in biome.trees])[species].T
    radius = low + (high - low) * rng.beta(1.6, 2.2, len(trunks))
    tone = rng.normal(1, 0.11, len(trunks)) + 0.07 * _clumps(trunks, rng, 3)
    return Grove(trunks, radius, species, np.clip(tone, 0.65, 1.4))


def _clumps(xy: np.ndarray, rng: np.random.Generator, scale: float = 1.0) -> np.ndarray:
    """Smooth values (N,) about zero with deviation 0.7: where trees like to stand together."""
    total = np.zeros(len(xy))
    for wavelength in (26, 41, 67, 108):
        turn, phase = rng.uniform(0, 2 * np.pi, 2)
        wave = 2 * np.pi / (wavelength * scale)
        total += np.sin(xy @ [np.cos(turn) * wave, np.sin(turn) * wave] + phase)
    return total / 2
