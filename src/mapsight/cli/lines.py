"""Commands about lines: extract roads from a probability, plant mistakes into a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mapsight.cli.options import (
    Bands,
    ImageCrs,
    Layer,
    MapCrs,
    RoadColumn,
    RoadValues,
    Seed,
    parse_bands,
)


def extract(
    probability: Annotated[
        Path, typer.Argument(help="probability.tif of `mapsight predict`, or a mask")
    ],
    out: Annotated[Path, typer.Option(help="road lines to write: .gpkg or .geojson")] = Path(
        "roads.gpkg"
    ),
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="probability from which a pixel is road; default: what `predict` found to suit"
            " the picture, else 0.5",
        ),
    ] = None,
    min_length_m: Annotated[
        float, typer.Option(min=0, help="shortest road to keep, in metres")
    ] = 15.0,
) -> None:
    """Turn a probability into road lines with confidence and width in metres."""
    from mapsight.api.lines import extract as extract_roads

    extract_roads(probability, out, threshold=threshold, min_length_m=min_length_m)


def plant(
    map_file: Annotated[
        Path, typer.Argument(metavar="MAP", help="the road map to plant mistakes into")
    ],
    image: Annotated[Path, typer.Option(help="image whose area is used")],
    out: Annotated[Path, typer.Option(help="the map with mistakes: .gpkg or .geojson")] = Path(
        "planted_map.gpkg"
    ),
    truth: Annotated[Path, typer.Option(help="file for the list of mistakes")] = Path(
        "planted.geojson"
    ),
    deleted: Annotated[int, typer.Option(min=0, help="number of roads to delete")] = 10,
    added: Annotated[int, typer.Option(min=0, help="number of roads to invent")] = 10,
    shifted: Annotated[int, typer.Option(min=0, help="number of roads to move sideways")] = 10,
    bands: Bands = None,
    crs: ImageCrs = None,
    map_crs: MapCrs = None,
    layer: Layer = None,
    road_column: RoadColumn = None,
    road_values: RoadValues = None,
    seed: Seed = 0,
) -> None:
    """Delete, add and shift roads of a map at known places, to test which of them an audit
    finds.
    """
    from mapsight.api.lines import plant as plant_mistakes

    plant_mistakes(
        map_file,
        image,
        out,
        truth,
        deleted=deleted,
        added=added,
        shifted=shifted,
        bands=parse_bands(bands),
        crs=crs,
        map_crs=map_crs,
        layer=layer,
        road_column=road_column,
        road_values=road_values or [],
        seed=seed,
    )


COMMANDS = {"extract": extract, "plant": plant}
