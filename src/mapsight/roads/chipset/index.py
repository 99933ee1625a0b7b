"""What is in a folder of chips: the table of pairs that `train` reads, and COCO's JSON, one file a
split.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mapsight.atomic import write_atomically
from mapsight.geo.raster import read_mask
from mapsight.roads.chipset.files import ChipFile

_COLUMNS = (
    "set",
    "name",
    "image",
    "mask",
    "split",
    "m_per_px",
    "row",
    "col",
    "road_share",
    "valid_share",
)


def write_pairs(path: Path, chips: Sequence[ChipFile]) -> None:
    """The table of pairs (CSV; paths relative to it)."""
    with (
        write_atomically(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows([getattr(chip, column) for column in _COLUMNS] for chip in chips)


def write_coco(path: Path, folder: Path, chips: Sequence[ChipFile], *, chip_px: int) -> None:
    """COCO's object format: one category, `road`; the roads of a chip are one annotation of runs
    (iscrowd 1).
    """
    images = [
        {
            "id": number,
            "file_name": chip.image,
            "width": chip_px,
            "height": chip_px,
            "mask": chip.mask,
        }
        for number, chip in enumerate(chips, start=1)
    ]
    annotations: list[dict[str, Any]] = []
    for number, chip in enumerate(chips, start=1):
        mask = read_mask(folder / chip.mask).array[0]
        if mask.any():
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, **describe_mask(mask)}
            )
    data = {
        "info": {"description": "road chips by mapsight"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "road", "supercategory": "road"}],
    }
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(data) + "\n", encoding="utf-8")


def describe_mask(mask: np.ndarray) -> dict[str, Any]:
    """A mask (H, W) as COCO's uncompressed runs, down the columns, beginning with background."""
    flat = np.concatenate([[0], (mask > 0).ravel(order="F").astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
    if counts[-1] == 0:
        counts.pop()
    rows, cols = np.nonzero(mask)
    left, top = int(cols.min()), int(rows.min())
    box = [left, top, int(cols.max()) + 1 - left, int(rows.max()) + 1 - top]
    return {
        "category_id": 1,
        "iscrowd": 1,
        "area": int((mask > 0).sum()),
        "bbox": box,
        "segmentation": {"size": list(mask.shape), "counts": counts},
    }
