"""Chips as files, for people who train elsewhere: image and mask of every window, and what is known
of them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import shapely
from PIL import Image
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from mapsight.atomic import write_atomically
from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, GeoBox, Raster
from mapsight.geo.raster import ImageReader, open_image, write_raster
from mapsight.progress import track
from mapsight.roads.chipset.plan import SPLITS, PlannedChip, plan_chips
from mapsight.roads.training.chips import ScenePair
from mapsight.roads.training.scenes import Hints, read_truth

_LEAST_VALID = 0.9
_LEAST_DEGREE_M = 110_500.0  # of latitude, at the equator
_SETTINGS = "chips.json"


@dataclass(frozen=True)
class ChipFileSettings:
    """How images are cut; `min_road_share` is asked of training chips only: a test must show the
    world as it is.
    """

    chip_px: int = 512
    gap_px: int = 64
    min_road_share: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class ChipSource:
    """An image, its map or mask, and its split where a table says so (else the image is split by
    space).
    """

    image: Path
    truth: Path
    split: str = ""
    set: str = ""
    m_per_px: float | None = None
    hints: Hints = Hints()


@dataclass(frozen=True)
class ChipFile:
    """A chip on disk: its image, paths relative to the folder, where it was cut, bounds in degrees
    if placed.
    """

    source: str
    set: str
    name: str
    image: str
    mask: str
    split: str
    m_per_px: float
    row: int
    col: int
    road_share: float
    valid_share: float
    bounds: Bounds | None


def from_pairs(pairs: Sequence[ScenePair]) -> list[ChipSource]:
    """The rows of a table as sources whose split is given."""
    return [
        ChipSource(pair.image, pair.mask, pair.split, pair.set, pair.m_per_px) for pair in pairs
    ]


def list_splits(table: Path) -> set[str]:
    """The splits that a table of pairs names; none where it cannot be read (`read_pairs` says
    why).
    """
    if not table.is_file():
        return set()
    with open(table, newline="", encoding="utf-8") as file:
        return {row.get("split") or "" for row in csv.DictReader(file)}


def write_chips(
    sources: Sequence[ChipSource], out_dir: Path, settings: ChipFileSettings
) -> list[ChipFile]:
    """Cut all sources into chips below out_dir (images/SPLIT, masks/SPLIT); what is there already
    is not cut again.

    Training chips with less road than asked are left out, as are chips with over a tenth of no
    data. GeoTIFF where the image has a place, else PNG. Raises InputError for a folder that holds
    chips of other images or settings.
    """
    _claim(out_dir, sources, settings)
    done: list[ChipFile] = []
    for source, name in zip(sources, _name_sources(sources), strict=True):
        with _open(source) as reader:
            done += _cut_source(reader, source, name, out_dir, settings)
    return _keep_apart(done, settings)


def _open(source: ChipSource) -> ImageReader:
    reader = open_image(source.image, bands=source.hints.bands, crs=source.hints.crs)
    if reader.geobox.crs is None and source.m_per_px:
        reader.close()
        reader = open_image(source.image, bands=source.hints.bands, m_per_px=source.m_per_px)
    return reader


def _cut_source(
    reader: ImageReader, source: ChipSource, name: str, out_dir: Path, settings: ChipFileSettings
) -> Iterator[ChipFile]:
    box = reader.geobox
    truth = read_truth(source.truth, box, reader.source_geobox, source.hints)
    plan = _plan(box, source, settings)
    for chip in track(plan, name, total=len(plan)):
        px = settings.chip_px
        image = reader.read(chip.row, chip.col, px, px)
        mask = truth[chip.row : chip.row + px, chip.col : chip.col + px]
        road_share, valid_share = (
            float(mask[image.valid].mean()) if image.valid.any() else 0.0,
            image.valid.mean(),
        )
        if valid_share < _LEAST_VALID or (
            chip.split == "train" and road_share < settings.min_road_share
        ):
            continue
        chip_name = f"{name}_{chip.row:05d}_{chip.col:05d}"
        suffix = ".png" if box.crs is None else ".tif"
        image_path, mask_path = (
            f"{kind}/{chip.split}/{chip_name}{suffix}" for kind in ("images", "masks")
        )
        _write(out_dir / image_path, image)
        _write(out_dir / mask_path, Raster((mask * 255)[None], image.transform, image.crs))
        yield ChipFile(
            name,
            source.set or name,
            chip_name,
            image_path,
            mask_path,
            chip.split,
            box.m_per_px,
            chip.row,
            chip.col,
            round(road_share, 5),
            round(float(valid_share), 5),
            _find_degrees(image.geobox),
        )


def _plan(box: GeoBox, source: ChipSource, settings: ChipFileSettings) -> list[PlannedChip]:
    px = settings.chip_px
    if not source.split:
        return plan_chips(*box.shape, chip_px=px, gap_px=settings.gap_px, seed=settings.seed)
    if min(box.shape) < px:
        raise InputError(
            source.image.name, f"is smaller than a chip of {px} px", "take smaller chips"
        )
    return [
        PlannedChip(row, col, source.split)
        for row in range(0, box.height - px + 1, px)
        for col in range(0, box.width - px + 1, px)
    ]


def _write(path: Path, raster: Raster) -> None:
    """Whole or not at all; a file that stands there is whole."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        write_raster(path, raster)
        return
    array = raster.array.transpose(1, 2, 0) if len(raster.array) == 3 else raster.array[0]
    with write_atomically(path) as temporary:
        Image.fromarray(np.ascontiguousarray(array)).save(temporary)


def _keep_apart(chips: list[ChipFile], settings: ChipFileSettings) -> list[ChipFile]:
    """Without chips that come within the gap of a chip of another image that is held out:
    test stays, then val.

    Measured in degrees with the larger pixel of the two, so rather too often than not. Chips
    without a place stay.
    """
    gap_m = settings.gap_px * max((chip.m_per_px for chip in chips), default=0.0)
    kept: list[ChipFile] = []
    for split in reversed(SPLITS):
        held_out = [chip for chip in kept if chip.bounds is not None]
        tree = shapely.STRtree(
            [shapely.box(*chip.bounds) for chip in held_out if chip.bounds is not None]
        )
        for chip in chips:
            if chip.split != split:
                continue
            near = tree.query(_pad(chip.bounds, gap_m)) if chip.bounds is not None else ()
            if all(held_out[int(i)].source == chip.source for i in near):
                kept.append(chip)
    return sorted(kept, key=lambda chip: (chip.source, chip.row, chip.col))


def _pad(bounds: Bounds, gap_m: float) -> shapely.Polygon:
    west, south, east, north = bounds
    up = gap_m / _LEAST_DEGREE_M
    aside = up / math.cos(math.radians(min(max(abs(south), abs(north)), 89.0)))
    return shapely.box(west - aside, south - up, east + aside, north + up)


def _find_degrees(box: GeoBox) -> Bounds | None:
    if box.crs is None:
        return None
    west, south, east, north = transform_bounds(box.crs, CRS.from_epsg(4326), *box.bounds)
    return west, south, east, north


def _name_sources(sources: Sequence[ChipSource]) -> list[str]:
    """A name for each that is fit for a file, no two alike."""
    names: list[str] = []
    for source in sources:
        name = (
            re.sub(r"[^\w.]+", "-", source.image.stem, flags=re.ASCII).strip("-.")[:60] or "image"
        )
        number = sum(other == name or other.startswith(f"{name}.") for other in names)
        names.append(f"{name}.{number + 1}" if name in names else name)
    return names


def _claim(out_dir: Path, sources: Sequence[ChipSource], settings: ChipFileSettings) -> None:
    """Say in the folder what it holds; InputError where it holds something else."""
    said = [[str(s.image), str(s.truth), s.split, str(s.hints), *_stamp(s)] for s in sources]
    about = json.dumps([asdict(settings), said])
    record = {"digest": hashlib.sha256(about.encode()).hexdigest(), "settings": asdict(settings)}
    path = out_dir / _SETTINGS
    cut = any((out_dir / kind).exists() for kind in ("images", "masks"))
    if path.is_file() and cut:  # without chips, an attempt that failed
        try:
            same = json.loads(path.read_text(encoding="utf-8")).get("digest") == record["digest"]
        except (ValueError, AttributeError):
            same = False
        if not same:
            raise InputError(
                out_dir,
                "holds chips of other images or settings",
                "give another folder, or empty it",
            )
        return
    if cut:
        raise InputError(out_dir, "holds images or masks that are not ours", "give another folder")
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _stamp(source: ChipSource) -> list[int]:
    return [
        n
        for path in (source.image, source.truth)
        if path.is_file()
        for n in (path.stat().st_size, path.stat().st_mtime_ns)
    ]
