"""Commands about models: train, predict, evaluate, probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mapsight.cli.console import say
from mapsight.cli.options import (
    Arithmetic,
    Bands,
    Device,
    ImageCrs,
    Layer,
    MapCrs,
    OutDir,
    RoadColumn,
    RoadValues,
    Runtime,
    Seed,
    find_named_compute,
    make_dir,
    parse_bands,
    parse_choice,
    write_json,
)

ModelFile = Annotated[
    Path | None,
    typer.Option(
        "--model", help="a model file, 'shipped' (mapsight's own, the default) or 'anywhere'"
    ),
]
Flips = Annotated[
    bool, typer.Option("--flips", help="average over mirrored views: slower, a little better")
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="only these sets of the table (again for more)")
]


def train(
    images: Annotated[list[Path] | None, typer.Argument(help="images, with --map")] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="road map of the images: lines or a mask")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="CSV of image and mask pairs: set, name, image, mask, split")
    ] = None,
    sets: Sets = None,
    out: Annotated[Path, typer.Option(help="the model file to write")] = Path("model.safetensors"),
    net: Annotated[
        str | None,
        typer.Option(
            help=(
                "roadnet, roadnet-wide, roadnet-tiny, roadnet-light, litenet or unet-lecture;"
                " default: that of --start; a wider one of its kind can start from it, too"
            )
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="bce, bce+dice, focal, lovasz, omission, registration, … (docs/commands.md)"
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="largest number of epochs")] = None,
    chips: Annotated[int | None, typer.Option(min=1, help="chips per epoch")] = None,
    chip_px: Annotated[
        int | None, typer.Option(min=16, help="side of the training chips in pixels")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="chips per step")] = None,
    m_per_px: Annotated[
        float | None,
        typer.Option(help="resolution in metres per pixel; default: that of the images"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="model file to start from; 'shipped': the model that mapsight ships"),
    ] = None,
    balance: Annotated[
        bool,
        typer.Option(
            help=(
                "count each set of the table equally, whatever its size, for chips and for the best"
                " epoch"
            )
        ),
    ] = False,
    bands: Bands = None,
    crs: ImageCrs = None,
    map_crs: MapCrs = None,
    layer: Layer = None,
    road_column: RoadColumn = None,
    road_values: RoadValues = None,
    align: Annotated[
        bool, typer.Option(help="first move each map onto the roads that its image shows")
    ] = False,
    clean: Annotated[
        bool,
        typer.Option(
            help="first leave out places where nets trained on other places doubt the map"
        ),
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
) -> None:
    """Train a net on images with their road map, or on a table of image and mask pairs.

    An interrupted training continues when you give the same command again.
    """
    from mapsight.api.training import train as train_files

    train_files(
        images or [],
        map_file,
        out,
        pairs=pairs,
        sets=sets or [],
        net=net,
        loss=loss,
        epochs=epochs,
        chips=chips,
        chip_px=chip_px,
        batch=batch,
        m_per_px=m_per_px,
        start=start,
        balance=balance,
        bands=parse_bands(bands),
        crs=crs,
        map_crs=map_crs,
        layer=layer,
        road_column=road_column,
        road_values=road_values or [],
        align=align,
        clean=clean,
        seed=seed,
        device=device,
        compute=arithmetic,
    )


def predict(
    image: Annotated[Path, typer.Argument(help="GeoTIFF, PNG or JPEG")],
    model: ModelFile = None,
    out: Annotated[Path, typer.Option(help="the probability to write, a GeoTIFF")] = Path(
        "probability.tif"
    ),
    dtype: Annotated[
        str,
        typer.Option(help="float32 (0 … 1, NaN = no data) or uint8 (value / 254, 255 = no data)"),
    ] = "float32",
    bands: Bands = None,
    crs: ImageCrs = None,
    flips: Flips = False,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
    runtime: Runtime = "torch",
) -> None:
    """Write the probability of road for every pixel of an image of any size, on its own grid."""
    from mapsight.api.models import predict as predict_file

    predict_file(
        image,
        out,
        model=model,
        dtype=dtype,
        bands=parse_bands(bands),
        crs=crs,
        flips=flips,
        device=device,
        compute=arithmetic,
        runtime=runtime,
    )


def evaluate(
    pairs: Annotated[Path, typer.Option(help="CSV of image and mask pairs")],
    split: Annotated[str, typer.Option(help="which split of the table")] = "test",
    sets: Sets = None,
    model: ModelFile = None,
    json_file: Annotated[
        Path, typer.Option("--json", help="file for the measures; - for standard output")
    ] = Path("evaluation.json"),
    panels: Annotated[
        Path | None, typer.Option(help="folder for pictures; default: beside the JSON file")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="probability from which a pixel is road; default: the model's own"
        ),
    ] = None,
    flips: Flips = False,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
) -> None:
    """Measure a model on pairs with known truth, per image and pooled, with pictures."""
    from mapsight.api.models import evaluate as evaluate_files

    pictures = panels or (
        None if str(json_file) == "-" else json_file.with_name(f"{json_file.stem}-panels")
    )
    done = evaluate_files(
        pairs,
        split=split,
        sets=sets or [],
        model=model,
        panels=pictures,
        threshold=threshold,
        flips=flips,
        device=device,
        compute=arithmetic,
    )
    write_json(json_file, {"split": split, **done.to_json()})


def probe(
    image: Annotated[Path, typer.Argument(help="GeoTIFF, PNG or JPEG")],
    truth: Annotated[Path, typer.Option(help="mask of its true roads, or road lines")],
    out: OutDir,
    model: ModelFile = None,
    bands: Bands = None,
    crs: ImageCrs = None,
    map_crs: MapCrs = None,
    layer: Layer = None,
    road_column: RoadColumn = None,
    road_values: RoadValues = None,
    seed: Seed = 0,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
) -> None:
    """The stability probe: what blobs, a fake street, a railway, blur, brightness, JPEG, noise and
    rotation change.
    """
    from mapsight.geo.raster import open_image
    from mapsight.roads.measure.panels import write_figure
    from mapsight.roads.measure.probe import draw_probes, probe_model
    from mapsight.roads.training.scenes import Hints, read_truth
    from mapsight.roads.training.shipped import read_model_or_default

    chosen, compute = read_model_or_default(model), find_named_compute(device, arithmetic)
    with open_image(
        image, bands=parse_bands(bands), crs=crs, m_per_px=chosen.card.m_per_px
    ) as reader:
        seen, own = reader.read_all(), reader.source_geobox
    hints = Hints(map_crs=map_crs, layer=layer, roads=parse_choice(road_column, road_values))
    road = read_truth(truth, seen.geobox, own, hints) > 0
    report = probe_model(chosen, seen.array, road, seen.valid, compute=compute, seed=seed)
    write_json(make_dir(out) / "probe.json", report.to_json())
    write_figure(out / "probe.png", draw_probes(report))
    for r in report.results:
        taken = (
            ""
            if r.taken_for_road != r.taken_for_road
            else f", pasted taken for road {r.taken_for_road:.0%}"
        )
        say(
            f"{r.name:>22}: F1 {r.f1:.3f} ({r.f1_change:+.3f}), changed pixels"
            f" {r.changed:.2%}{taken}"
        )
    say(f"wrote {out / 'probe.png'}")


COMMANDS = {"train": train, "predict": predict, "evaluate": evaluate, "probe": probe}
