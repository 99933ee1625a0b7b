"""Scenes (an image with its truth) and the chips that are cut out of them for training."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mapsight.cnn.augment import AugmentSettings, Chip, augment_chip
from mapsight.errors import InputError
from mapsight.geo.raster import open_image, read_mask
from mapsight.progress import track

_TRIES_FOR_ROAD = 10
_COLUMNS = ("set", "name", "image", "mask", "split")


@dataclass(frozen=True, eq=False)
class Scene:
    """image (3, H, W) uint8, truth (H, W) uint8 0/1, valid (H, W) bool, in one pixel grid."""

    name: str
    image: np.ndarray
    truth: np.ndarray
    valid: np.ndarray
    weight: float = (
        1.0  # what a valid pixel of it counts, when chips are drawn and when a net is measured
    )


@dataclass(frozen=True)
class ChipSettings:
    """Which windows a training sees; equal settings give equal chips."""

    chip_px: int = 256
    chips_per_epoch: int = 512
    min_road_share: float = 0.0  # chips with less road are drawn again (the lecture: 0.05)
    seed: int = 0
    augment: AugmentSettings = AugmentSettings()
    zoom: float = 1.0  # windows up to so many times as wide or as narrow, most of them about 1


class ScenePair(NamedTuple):
    """One row of a pairs table: files and what the table says of them; a resolution it lacks is the
    placed file's.
    """

    set: str
    name: str
    image: Path
    mask: Path
    split: str
    m_per_px: float | None


class ChipData:
    """Chips as tensors by index: image (3, h, w) uint8, truth (1, h, w) and weight (1, h, w)
    float32.

    Any index ≥ 0 gives a chip that depends on that number, the settings and the scenes alone.
    """

    def __init__(self, scenes: Sequence[Scene], settings: ChipSettings) -> None:
        if not scenes:
            raise InputError(
                "no scene",
                "training needs at least one image with its map",
                "check --set and the split",
            )
        self.scenes, self.settings = scenes, settings
        areas = np.array([scene.weight * scene.valid.sum() for scene in scenes], dtype=float)
        if not areas.any():
            raise InputError(
                "all scenes", "hold no valid pixel", "check the images' no-data values"
            )
        self._share = np.cumsum(areas / areas.sum())

    def __len__(self) -> int:
        return self.settings.chips_per_epoch

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((self.settings.seed, index))
        chip = self._draw(rng)
        for _ in range(_TRIES_FOR_ROAD):
            if chip.truth.mean() >= self.settings.min_road_share and chip.weight.any():
                break
            chip = self._draw(rng)
        chip = augment_chip(chip, rng, self.settings.augment)
        return tuple(
            torch.from_numpy(np.ascontiguousarray(a))
            for a in (chip.image, chip.truth[None], chip.weight[None])
        )  # type: ignore[return-value]

    def _draw(self, rng: np.random.Generator) -> Chip:
        scene = self.scenes[
            min(int(np.searchsorted(self._share, rng.random())), len(self.scenes) - 1)
        ]
        size, zoom = self.settings.chip_px, self.settings.zoom
        if zoom == 1:
            return cut_chip(scene, rng, size)
        wide = round(size * zoom ** rng.triangular(-1, 0, 1))
        return zoom_chip(cut_chip(scene, rng, wide), size)


def cut_chip(scene: Scene, rng: np.random.Generator, chip_px: int) -> Chip:
    """A window of chip_px² somewhere in the scene; smaller scenes are padded with pixels that weigh
    nothing.
    """
    height, width = scene.truth.shape
    row = rng.integers(max(height - chip_px, 0) + 1)
    col = rng.integers(max(width - chip_px, 0) + 1)
    part = np.s_[row : row + chip_px, col : col + chip_px]
    image, truth, valid = scene.image[:, *part], scene.truth[part], scene.valid[part]
    below, right = chip_px - truth.shape[0], chip_px - truth.shape[1]
    if below or right:
        image = np.pad(image, ((0, 0), (0, below), (0, right)))
        truth, valid = (np.pad(a, ((0, below), (0, right))) for a in (truth, valid))
    return Chip(image, truth.astype(np.float32), valid.astype(np.float32))


def zoom_chip(chip: Chip, size_px: int) -> Chip:
    """The same window on size_px² pixels; what it shows changes its resolution. A pixel weighs
    something where all that it shows does.
    """
    planes = np.concatenate([chip.image.astype(np.float32), chip.truth[None], chip.weight[None]])
    x = torch.from_numpy(planes)[None]
    seen = torch.nn.functional.interpolate(x, (size_px, size_px), mode="bilinear", antialias=True)[
        0
    ].numpy()
    image = np.clip(seen[:3], 0, 255).round().astype(np.uint8)
    return Chip(image, seen[3], (seen[4] > 0.99).astype(np.float32))


def read_pairs(table: Path, *, split: str, sets: Sequence[str] = ()) -> list[ScenePair]:
    """The rows of a pairs table (CSV with set, name, image, mask, split; paths relative to it) of
    one split.
    """
    if not table.is_file():
        raise InputError(
            table, "no such table", "give a CSV with the columns set, name, image, mask, split"
        )
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    missing = set(_COLUMNS) - set(rows[0] if rows else ())
    if missing:
        raise InputError(
            table, f"lacks the columns {', '.join(sorted(missing))}", "add them to its first line"
        )
    for number, row in enumerate(rows, 1):
        if short := [column for column in _COLUMNS if row[column] is None]:
            raise InputError(
                f"{table}, row {number}", f"lacks {', '.join(short)}", "give every row all columns"
            )
    known = sorted({row["set"] for row in rows})
    for name in set(sets) - set(known):
        raise InputError(f"set '{name}'", f"not in {table}", f"choose from {', '.join(known)}")
    pairs = [
        _parse_pair(table, row)
        for row in rows
        if row["split"] == split and (not sets or row["set"] in sets)
    ]
    if not pairs:
        raise InputError(
            table,
            f"has no pair in split '{split}'" + (f" of {', '.join(sets)}" if sets else ""),
            f"its splits are {', '.join(sorted({r['split'] for r in rows}))}",
        )
    return pairs


def read_scenes(pairs: Sequence[ScenePair], *, m_per_px: float | None = None) -> list[Scene]:
    """Images and masks of the pairs, resampled to `m_per_px` where both resolutions are known."""
    return [read_scene(pair, m_per_px=m_per_px) for pair in track(pairs, "read", total=len(pairs))]


def read_scene(pair: ScenePair, *, m_per_px: float | None = None) -> Scene:
    """One pair on the image's working grid; image and mask must both have a place, or the same
    size.
    """
    with open_image(pair.image) as reader:
        raster = reader.read_all()
        mask = read_mask(pair.mask, geobox=raster.geobox, image_box=reader.source_geobox)
    valid = (
        raster.valid if raster.crs is None else raster.valid & mask.valid
    )  # beyond a placed mask nothing is known
    scene = Scene(pair.name, raster.array, mask.array[0], valid)
    if m_per_px and pair.m_per_px and abs(pair.m_per_px / m_per_px - 1) > 0.05:
        scene = _resample(scene, pair.m_per_px / m_per_px)
    return scene


def balance_sets(scenes: Sequence[Scene], sets: Sequence[str]) -> list[Scene]:
    """The scenes, weighted so that chips are drawn from each set equally often; `sets` names the
    set of each scene.
    """
    pixels = {
        name: sum(int(s.valid.sum()) for s, of in zip(scenes, sets, strict=True) if of == name)
        for name in sets
    }
    return [
        replace(s, weight=s.weight / max(pixels[of], 1)) for s, of in zip(scenes, sets, strict=True)
    ]


def find_resolution(pairs: Sequence[ScenePair]) -> float:
    """The median of the known resolutions, in metres a pixel; 1 where none is known."""
    known = [pair.m_per_px for pair in pairs if pair.m_per_px]
    return float(np.median(known)) if known else 1.0


def _parse_pair(table: Path, row: dict[str, str]) -> ScenePair:
    numbers = [float(n) for n in re.findall(r"\d*\.?\d+", row.get("m_per_px") or "")]
    image, mask = table.parent / row["image"], table.parent / row["mask"]
    m_per_px = (
        float(np.mean(numbers)) if numbers else _read_resolution(image)
    )  # "~0.3-0.4 (est.)" → 0.35
    return ScenePair(row["set"], row["name"], image, mask, row["split"], m_per_px)


def _read_resolution(image: Path) -> float | None:
    with open_image(image) as reader:
        return reader.geobox.m_per_px if reader.geobox.crs is not None else None


def _resample(scene: Scene, factor: float) -> Scene:
    height, width = (max(round(n * factor), 1) for n in scene.truth.shape)

    def resize(
        planes: np.ndarray,
    ) -> np.ndarray:  # (C, H, W) → (C, h, w); area-like when it shrinks
        x = torch.from_numpy(np.ascontiguousarray(planes)).float()[None]
        return torch.nn.functional.interpolate(x, (height, width), mode="bilinear", antialias=True)[
            0
        ].numpy()

    image = np.clip(resize(scene.image), 0, 255).round().astype(np.uint8)
    truth, valid = resize(np.stack([scene.truth, scene.valid]).astype(np.float32))
    return Scene(scene.name, image, (truth >= 0.5).astype(np.uint8), valid >= 0.999, scene.weight)
