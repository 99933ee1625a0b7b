"""Chips as a STAC catalogue: a collection a split, items with the label extension."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mapsight.atomic import explain_writing, hidden_folder
from mapsight.errors import MapsightError
from mapsight.roads.chipset.files import ChipFile
from mapsight.roads.chipset.plan import SPLITS

_ML_AOI = "https://stac-extensions.github.io/ml-aoi/v0.2.0/schema.json"
_SPLIT_NAMES = {"train": "train", "val": "validate", "test": "test"}  # as ML-AOI calls them


def write_stac(folder: Path, chips: Sequence[ChipFile], *, taken: datetime | None = None) -> None:
    """Write folder/stac anew: catalog.json with items whose assets lie in the folder, all links
    relative.

    `taken` is when the imagery was; without it items bear the time of writing, for STAC demands
    one. Chips without a place on earth have no geometry. Raises MapsightError where pystac is
    missing.
    """
    try:
        import pystac
    except ModuleNotFoundError:
        raise MapsightError(
            "pystac", "is not installed", "pip install 'mapsight[gather]'"
        ) from None
    final = folder / "stac"
    catalog = pystac.Catalog(
        "mapsight-chips", "Chips of imagery with masks of roads, split by blocks of space."
    )
    for split in SPLITS:
        items = [
            _make_item(chip, folder, taken or datetime.now(UTC))
            for chip in chips
            if chip.split == split
        ]
        if items:
            child = pystac.Catalog(split, f"Chips of the split {split}.")
            catalog.add_child(child)
            child.add_items(items)
    catalog.normalize_hrefs(str(final))
    catalog.make_all_asset_hrefs_relative()
    with hidden_folder(final) as temporary, explain_writing(final):
        catalog.save(pystac.CatalogType.SELF_CONTAINED, dest_href=str(temporary / "stac"))
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary / "stac", final)


def _make_item(chip: ChipFile, folder: Path, taken: datetime) -> Any:
    import pystac
    from pystac.extensions.label import LabelClasses, LabelExtension, LabelType

    properties = {
        "ml-aoi:split": _SPLIT_NAMES[chip.split],
        "gsd": chip.m_per_px,
        "road_share": chip.road_share,
    }
    item = pystac.Item(
        chip.name, _outline(chip), list(chip.bounds) if chip.bounds else None, taken, properties
    )
    label = LabelExtension.ext(item, add_if_missing=True)
    label.apply(
        "1 where a road is, 0 elsewhere",
        LabelType.RASTER,
        label_classes=[LabelClasses.create(name=None, classes=["background", "road"])],
        label_tasks=["segmentation"],
    )
    item.stac_extensions.append(_ML_AOI)
    for key, path, roles in (
        ("image", chip.image, ["data"]),
        ("labels", chip.mask, ["labels", "labels-raster"]),
    ):
        kind = pystac.MediaType.GEOTIFF if path.endswith(".tif") else pystac.MediaType.PNG
        extra = {"ml-aoi:role": "feature" if key == "image" else "label"}
        item.add_asset(
            key,
            pystac.Asset(
                str((folder / path).absolute()), media_type=kind, roles=roles, extra_fields=extra
            ),
        )
    return item


def _outline(chip: ChipFile) -> dict[str, Any] | None:
    if chip.bounds is None:
        return None
    west, south, east, north = chip.bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
