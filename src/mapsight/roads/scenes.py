"""Images with their road map → training scenes, split by blocks of space."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mapsight.geo.burn import burn_lines
from mapsight.geo.grid import fold_mask
from mapsight.geo.network import read_map
from mapsight.geo.raster import GeoBox, open_image, read_mask
from mapsight.progress import say
from mapsight.roads.chips import Scene

_FOLDS, _BLOCK_M = 6, 200.0  # one block in six judges
RASTERS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2")


def read_map_scenes(
    images: Sequence[Path], map_file: Path, *, m_per_px: float | None = None
) -> tuple[list[Scene], list[Scene], float]:  # fmt: skip
    """(training scenes, judging scenes, metres a pixel): the same images, with other blocks valid in each.

    All images are brought to one resolution: the one given, or the first image's.
    """
    train, judge = [], []
    for path in images:
        with open_image(path, m_per_px=m_per_px) as reader:
            image = reader.read_all()
            for note in reader.notes:
                say(f"{path.name}: {note}")
        m_per_px = m_per_px or image.geobox.m_per_px
        scene = Scene(path.stem, image.array, read_truth(map_file, image.geobox), image.valid)
        block_px = max(round(min(_BLOCK_M / m_per_px, min(image.valid.shape) / 3)), 1)
        judging = fold_mask(*image.valid.shape, folds=_FOLDS, block_px=block_px, seed=0) == 0
        train.append(dataclasses.replace(scene, valid=scene.valid & ~judging))
        judge.append(dataclasses.replace(scene, valid=scene.valid & judging))
    return train, judge, m_per_px or 1.0


def read_truth(path: Path, box: GeoBox) -> np.ndarray:
    """(H, W) uint8 0/1 on the grid, from a mask file or from road lines burnt at their widths."""
    if path.suffix.lower() in RASTERS:
        return read_mask(path, geobox=box).array[0]
    lines = read_map(path, box=box).lines
    return burn_lines(lines[lines["visible"]], box)
