"""Drawn scenes of all worlds, for training: pictures, and the truth about their roads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from mapsight.geo.burn import burn_lines
from mapsight.town.plan.warp import make_stream
from mapsight.town.scene import Town, TownSettings, draw_town
from mapsight.town.world import PAVED
from mapsight.town.worlds import WORLDS

PAVED_ROAD, UNPAVED_ROAD, TRACK = 1, 2, 3  # codes of AtlasScene.surface


@dataclass(frozen=True, eq=False)
class AtlasScene:
    """A picture of a drawn place and what is true of it.

    image: (3, H, W) uint8 RGB. truth: (H, W) uint8 0/1, the surface of all visible roads, tracks
    and lanes included, also under trees. valid: (H, W) bool, where a picture can tell: not on
    tracks, not where a leaning house hides the road. surface: (H, W) uint8, 0 no road, PAVED_ROAD,
    UNPAVED_ROAD or TRACK. roads: lines in metres with road_class, surface and width_m.
    """

    name: str
    world: str
    m_per_px: float
    image: np.ndarray
    truth: np.ndarray
    valid: np.ndarray
    surface: np.ndarray
    roads: gpd.GeoDataFrame


def draw_atlas(
    count: int,
    seed: int = 0,
    *,
    worlds: Sequence[str] | None = None,
    size_px: int = 512,
    m_per_px: float | tuple[float, float] = 1.0,
) -> Iterator[AtlasScene]:
    """Draw scenes of all worlds in turn; scene number i depends on `seed` and i alone.

    Parameters
    ----------
    count : how many scenes; a multiple of the number of worlds has all of them equally often.
    seed : other seeds give other places.
    worlds : names in WORLDS; all by default.
    size_px : side of each picture in pixels.
    m_per_px : metres a pixel, or (least, most) from which each scene draws its own, evenly in the
        logarithm. Sharpness varies in any case as that of sensors of 0.15–2.5 m.

    Yields
    ------
    AtlasScene

    Raises
    ------
    InputError
        A world is not known, or a size cannot be drawn.
    """
    names = list(WORLDS) if worlds is None else list(worlds)
    for number in range(count):
        rng = make_stream(seed, f"atlas {number}")
        least, most = (m_per_px, m_per_px) if isinstance(m_per_px, float | int) else m_per_px
        scale = round(float(np.exp(rng.uniform(np.log(least), np.log(most)))), 3)
        settings = TownSettings(
            size_px=size_px,
            m_per_px=scale,
            seed=int(rng.integers(2**31)),
            world=names[number % len(names)],
        )
        yield make_scene(draw_town(settings), settings)


def make_scene(town: Town, settings: TownSettings) -> AtlasScene:
    """The town of `settings`, which name a world, as a scene for training."""
    seen, box = town.roads[town.roads.visible], settings.geobox
    surface = np.zeros(settings.shape, dtype=np.uint8)
    tracks, paved = seen.road_class == "track", seen.surface.isin(PAVED)
    for code, rows in (
        (TRACK, seen[tracks]),
        (UNPAVED_ROAD, seen[~tracks & ~paved]),
        (PAVED_ROAD, seen[~tracks & paved]),
    ):
        surface[burn_lines(rows, box) > 0] = code
    hidden = (town.layers["buildings"] & town.truth) > 0
    valid = town.image.valid & ~hidden & (surface != TRACK)
    return AtlasScene(
        f"{settings.world}-{settings.seed}",
        str(settings.world),
        settings.m_per_px,
        town.image.array,
        town.truth,
        valid,
        surface,
        town.roads,
    )
