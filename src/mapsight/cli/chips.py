"""Chips as files, for people who train elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mapsight.cli.console import say
from mapsight.cli.options import (
    Bands,
    ImageCrs,
    Layer,
    MapCrs,
    OutDir,
    RoadColumn,
    RoadValues,
    Seed,
    hold_dir,
    parse_bands,
    parse_choice,
)
from mapsight.errors import InputError


def chips(
    context: typer.Context,
    out: OutDir,
    images: Annotated[list[Path] | None, typer.Argument(help="images, with --map")] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="road map of the images: lines or a mask")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="CSV of image and mask pairs; its splits are kept as they are"),
    ] = None,
    chip_px: Annotated[int, typer.Option(min=16, max=8192, help="side of a chip in pixels")] = 512,
    gap_px: Annotated[
        int, typer.Option(min=0, help="pixels left out between chips of different blocks")
    ] = 64,
    min_road: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="smallest share of road in a training chip; test chips are not filtered",
        ),
    ] = 0.05,
    bands: Bands = None,
    crs: ImageCrs = None,
    map_crs: MapCrs = None,
    layer: Layer = None,
    road_column: RoadColumn = None,
    road_values: RoadValues = None,
    date: Annotated[
        str | None, typer.Option(help="day of the imagery for STAC, as 2024-06-30")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Cut images and their road map into training, validation and test chips, split into
    spatial blocks.

    Writes images/ and masks/ by split, pairs.csv (which `train --pairs` reads), coco_SPLIT.json and
    a STAC catalogue. An interrupted job continues when you give the same command again.
    """
    from mapsight.roads.chipset.files import (
        ChipFileSettings,
        ChipSource,
        from_pairs,
        list_splits,
        write_chips,
    )
    from mapsight.roads.chipset.index import write_coco, write_pairs
    from mapsight.roads.chipset.plan import SPLITS
    from mapsight.roads.chipset.stac import write_stac
    from mapsight.roads.training.chips import read_pairs
    from mapsight.roads.training.scenes import Hints

    taken, hints = (
        _parse_date(date),
        Hints(parse_bands(bands), crs, map_crs, layer, parse_choice(road_column, road_values)),
    )
    if pairs is not None and not images:
        splits = [split for split in SPLITS if split in list_splits(pairs)] or ["train"]
        sources = [
            source for split in splits for source in from_pairs(read_pairs(pairs, split=split))
        ]
    elif images and map_file is not None and pairs is None:
        sources = [ChipSource(image, map_file, hints=hints) for image in images]
    else:
        raise InputError(
            "chips", "needs either images with --map, or --pairs", "see `mapsight chips --help`"
        )
    settings = ChipFileSettings(chip_px, gap_px, min_road, seed)
    cut = write_chips(sources, hold_dir(context, out), settings)
    if not cut:
        raise InputError(
            "chips",
            "none is left: too little road, or too much no data",
            "lower --min-road or --chip-px",
        )
    write_pairs(out / "pairs.csv", cut)
    for split in SPLITS:
        part = [chip for chip in cut if chip.split == split]
        if part:
            write_coco(out / f"coco_{split}.json", out, part, chip_px=chip_px)
    write_stac(out, cut, taken=taken)
    counts = ", ".join(f"{sum(chip.split == split for chip in cut)} {split}" for split in SPLITS)
    say(f"{len(cut)} chips of {chip_px} px: {counts}; wrote {out / 'pairs.csv'}")


def _parse_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(f"--date {text[:20]}", "is no day", "write it as 2024-06-30") from None


COMMANDS = {"chips": chips}
