"""Images with their road map → training scenes, split by blocks of space."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.geo.network import MASKS, RoadChoice, read_map
from mapsight.geo.raster import GeoBox, open_image, read_mask
from mapsight.roads.training.chips import Scene

_log = logging.getLogger(__name__)

_ROLES, _BLOCK_M = 6, 200.0  # one block in six is held out


@dataclass(frozen=True)
class Hints:
    """What files do not say of themselves: which bands are red, green, blue, the CRS of images and
    map, its layer, which column and which of its values tell roads.
    """

    bands: tuple[int, ...] | None = None
    crs: str | None = None
    map_crs: str | None = None
    layer: str | None = None
    roads: RoadChoice = RoadChoice()


def read_map_scenes(
    images: Sequence[Path], map_file: Path, *, m_per_px: float | None = None, hints: Hints = Hints()
) -> tuple[list[Scene], list[Scene], float]:
    """(training scenes, scenes held out, metres a pixel): the same images, with other blocks valid
    in each.

    All images are brought to one resolution: the one given, or the first image's. A block of ground
    has the same role in all images of one CRS. Raises InputError where no block that is held out
    holds data.
    """
    scenes, boxes = [], []
    for path in images:
        with open_image(path, bands=hints.bands, crs=hints.crs, m_per_px=m_per_px) as reader:
            image, own = reader.read_all(), reader.source_geobox
            for note in reader.notes:
                _log.info(f"{path.name}: {note}")
        m_per_px = m_per_px or image.geobox.m_per_px
        scenes.append(
            Scene(
                path.stem, image.array, read_truth(map_file, image.geobox, own, hints), image.valid
            )
        )
        boxes.append(image.geobox)
    block_m = min(_BLOCK_M, *(min(box.shape) * box.m_per_px / 3 for box in boxes))
    train, held_out = [], []
    for scene, box in zip(scenes, boxes, strict=True):
        aside = find_held_out(box, block_m)
        train.append(dataclasses.replace(scene, valid=scene.valid & ~aside))
        held_out.append(dataclasses.replace(scene, valid=scene.valid & aside))
    held_out = [scene for scene in held_out if scene.valid.any()]
    if not held_out:
        raise InputError(
            "the images",
            "hold no data in the blocks that are held out",
            "give more or larger ones",
        )
    return train, held_out, m_per_px or 1.0


def find_held_out(box: GeoBox, block_m: float) -> np.ndarray:
    """(H, W) bool: pixels in the blocks held out, one in six, by their place on the ground.

    Any 3 × 3 blocks hold one of them, no two of which are neighbours.
    """
    x = box.transform.c + box.transform.a * (np.arange(box.width) + 0.5)
    y = box.transform.f + box.transform.e * (np.arange(box.height) + 0.5)
    east, north = ((np.floor(along / block_m) % _ROLES).astype(np.int8) for along in (x, y))
    own: np.ndarray = (east[None, :] + 2 * north[:, None]) % _ROLES == 0
    return own


def read_truth(
    path: Path, box: GeoBox, image_box: GeoBox | None = None, hints: Hints = Hints()
) -> np.ndarray:
    """(H, W) uint8 0/1 on the grid, from a mask file or from road lines burnt at their widths.

    A mask without a place lies on `image_box`, the own grid of its image's file.
    """
    if path.suffix.lower() in MASKS:
        mask: np.ndarray = read_mask(path, geobox=box, image_box=image_box).array[0]
        return mask
    roads = read_map(path, box=box, crs=hints.map_crs, layer=hints.layer, choice=hints.roads)
    for note in roads.reading.notes:
        _log.info(f"{path.name}: {note}")
    lines = roads.lines
    return burn_lines(lines[lines["visible"]], box)
