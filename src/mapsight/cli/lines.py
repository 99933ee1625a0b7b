"""Commands about lines: extract roads from a probability, plant mistakes into a map."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from mapsight.cli.console import say
from mapsight.cli.options import (
    Bands,
    ImageCrs,
    Layer,
    MapCrs,
    RoadColumn,
    RoadValues,
    Seed,
    make_place,
    parse_bands,
    parse_choice,
)


def extract(
    probability: Annotated[
        Path, typer.Argument(help="probability.tif, as `mapsight predict` writes it")
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
    from mapsight.geo.network import write_lines
    from mapsight.roads.prediction.extract import ExtractSettings, extract_lines
    from mapsight.roads.prediction.predict import read_probability, read_threshold

    settings = dataclasses.replace(ExtractSettings(), min_length_m=min_length_m)
    seen = read_probability(probability)
    at = (read_threshold(probability) or 0.5) if threshold is None else threshold
    lines = extract_lines(seen, threshold=at, settings=settings)
    make_place(out)
    write_lines(out, lines, layer="roads")
    say(
        f"{len(lines)} roads, {lines.length.sum() / 1000:.2f} km, at threshold {at:.3g}; wrote"
        f" {out}"
    )


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
    from mapsight.geo.network import read_map, write_lines
    from mapsight.geo.raster import open_image
    from mapsight.roads.planting.plant import (
        PlantSettings,
        count_planted,
        name_shortfall,
        plant_errors,
        write_planted,
    )

    choice = parse_choice(road_column, road_values)
    with open_image(image, bands=parse_bands(bands), crs=crs) as reader:
        seen = reader.read_all()
    roads = read_map(map_file, box=seen.geobox, crs=map_crs, layer=layer, choice=choice)
    for note in roads.reading.notes:
        say(f"map: {note}")
    say(str(roads.overlap))
    settings = PlantSettings(deleted=deleted, added=added, shifted=shifted, seed=seed)
    mapped, planted = plant_errors(
        roads.lines, seen.geobox, settings=settings, valid=seen.valid, avoid=roads.other_ways
    )
    for path in (out, truth):
        make_place(path)
    write_lines(out, mapped, layer="roads")
    write_planted(truth, planted)
    if short := name_shortfall(planted, settings):
        say(short)
    counts = ", ".join(f"{n} {kind}" for kind, n in count_planted(planted).items())
    say(f"planted {counts}; wrote {out} and {truth}")


COMMANDS = {"extract": extract, "plant": plant}
