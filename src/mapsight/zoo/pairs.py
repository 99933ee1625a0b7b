"""Pairs of an aerial image and its mask: a table as `mapsight train` takes it, or folders as Mnih
published them.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mapsight.errors import InputError
from mapsight.zoo.images import MORE_FORMATS, open_picture, read_size
from mapsight.zoo.recipe import Item

ELSEWHERE = 255  # in a window's truth: this pixel is judged in another window
_SPLITS = ("train", "val", "test")
_TABLES = ("splits.csv", "pairs.csv")
# folders of images and of masks, by split: as on Kaggle, the same without `tiff/`, as on the
# author's own page
_LAYOUTS = (("tiff/{}", "tiff/{}_labels"), ("{}", "{}_labels"), ("{}/sat", "{}/map"))
_KINDS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp")


class Pair(NamedTuple):
    """Image and mask (any value but 0 is road) of one place."""

    name: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class Windows:
    """Square windows that cover the images: item = (image (3, S, S) uint8, truth (S, S) uint8: 1
    road, 0 none).

    Where windows of an image overlap, each pixel is ELSEWHERE in all but the one whose border is
    farthest from it (`shared`: all windows have all their truth).
    """

    pairs: tuple[Pair, ...]
    side_px: int
    places: tuple[tuple[int, int, int], ...]  # (pair, top, left)
    shared: bool = False

    @property
    def names(self) -> list[str]:
        """The image that each window is of."""
        return [self.pairs[at].name for at, _, _ in self.places]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Item:
        at, top, left = self.places[index]
        box = (left, top, left + self.side_px, top + self.side_px)
        image = open_picture(self.pairs[at].image, MORE_FORMATS).convert("RGB").crop(box)
        mask = open_picture(self.pairs[at].mask, MORE_FORMATS)
        truth = np.asarray(mask.convert("L").crop(box)) > 0
        size = mask.size
        owned = np.ones_like(truth)
        if not self.shared:
            owned = _own(top, self.side_px, size[1])[:, None] & _own(left, self.side_px, size[0])
        return np.asarray(image).transpose(2, 0, 1), np.where(owned, truth, ELSEWHERE).astype(
            np.uint8
        )


def read_pairs(folder: Path) -> tuple[dict[str, list[Pair]], str]:
    """(split → its pairs, which set they are of); raises InputError where a split is missing or
    empty.
    """
    tables = [folder / name for name in _TABLES if (folder / name).is_file()]
    splits, name = _read_table(tables[0]) if tables else (_read_folders(folder), folder.name)
    for split in _SPLITS:
        if not splits[split]:
            raise InputError(
                folder,
                f"holds no pairs of the split '{split}'",
                "give pairs.csv (set, name, image, mask, split), or tiff/train and"
                " tiff/train_labels, …",
            )
    return splits, name


def cover_images(pairs: list[Pair], side_px: int, *, shared: bool = False) -> Windows:
    """Windows over all images, none smaller than `side_px`; InputError where an image's mask has
    another size.
    """
    places = []
    for at, pair in enumerate(pairs):
        size = read_size(pair.image, MORE_FORMATS)
        if size != read_size(pair.mask, MORE_FORMATS):
            raise InputError(
                pair.mask,
                f"is not as large as {pair.image.name} ({size[0]} × {size[1]} px)",
                "pair them",
            )
        tops, lefts = (find_starts(length, side_px) for length in (size[1], size[0]))
        places += [(at, top, left) for top in tops for left in lefts]
    return Windows(tuple(pairs), side_px, tuple(places), shared)


def find_side(pairs: list[Pair], largest_px: int, step_px: int) -> int:
    """The largest side, a multiple of the step, of windows that fit into every image."""
    smallest = min(min(read_size(pair.image, MORE_FORMATS)) for pair in pairs)
    side = min(largest_px, smallest) // step_px * step_px
    if side < 8 * step_px:
        raise InputError(
            f"{smallest} px", "is too small an image", f"give images of {8 * step_px} px and more"
        )
    return side


def find_starts(length: int, side: int) -> list[int]:
    """Where windows of `side` start that cover `length` (≥ side) evenly and overlap by at least an
    eighth.
    """
    count = 1 + -(-(length - side) // (side - side // 8))
    starts: list[int] = np.linspace(0, length - side, count).round().astype(int).tolist()
    return starts


def _own(start: int, side: int, length: int) -> np.ndarray:
    """(side,) bool: of the pixels of a window, those nearer to its middle than to that of its
    neighbours.
    """
    starts = np.array(find_starts(length, side))
    pixels = np.arange(start, start + side)
    nearest = np.abs(pixels[:, None] + 0.5 - starts - side / 2).argmin(axis=1)
    owned: np.ndarray = starts[nearest] == start
    return owned


def _read_table(table: Path) -> tuple[dict[str, list[Pair]], str]:
    """Of a table with several sets the one with most training pairs: labels of two kinds in one
    figure mislead.
    """
    with open(table, newline="", encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    missing = {"image", "mask", "split"} - set(rows[0] if rows else ())
    if missing:
        raise InputError(
            table, f"lacks the columns {', '.join(sorted(missing))}", "add them to its first line"
        )
    sets = Counter(row.get("set") or "" for row in rows if row["split"] == "train")
    chosen = max(sets, key=lambda name: sets[name], default="")
    splits: dict[str, list[Pair]] = {split: [] for split in _SPLITS}
    for row in rows:
        if row["split"] in splits and (row.get("set") or "") == chosen:
            image, mask = (table.parent / (row[key] or "") for key in ("image", "mask"))
            splits[row["split"]].append(Pair(row.get("name") or image.stem, image, mask))
    return splits, chosen or table.parent.name


def _read_folders(folder: Path) -> dict[str, list[Pair]]:
    for images, masks in _LAYOUTS:
        if (folder / images.format("train")).is_dir() and (folder / masks.format("train")).is_dir():
            return {
                split: _pair(folder / images.format(split), folder / masks.format(split))
                for split in _SPLITS
            }
    return {split: [] for split in _SPLITS}


def _pair(images: Path, masks: Path) -> list[Pair]:
    """Images that have a mask of the same name."""
    found = {path.stem: path for path in sorted(masks.glob("*")) if path.suffix.lower() in _KINDS}
    wanted = [
        path
        for path in sorted(images.glob("*"))
        if path.suffix.lower() in _KINDS and path.stem in found
    ]
    return [Pair(path.stem, path, found[path.stem]) for path in wanted]
