"""Commands about models: train, predict, evaluate, probe."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    Seed,
    find_named_compute,
    make_dir,
    make_place,
    parse_bands,
    parse_choice,
    write_json,
)
from mapsight.errors import InputError

if TYPE_CHECKING:
    from mapsight.roads.training.chips import Scene, ScenePair
    from mapsight.roads.training.scenes import Hints
    from mapsight.roads.training.train import TrainSettings

ModelFile = Annotated[
    Path | None, typer.Option("--model", help="a model file; default: 'shipped', mapsight's own")
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
    from mapsight.cnn.checkpoint import write_model
    from mapsight.cnn.processes import join_processes
    from mapsight.roads.training.clean import mend_scenes
    from mapsight.roads.training.scenes import Hints
    from mapsight.roads.training.shipped import read_model_or_default
    from mapsight.roads.training.train import (
        TrainSettings,
        find_recipe,
        identify_training,
        train_model,
    )

    begun = read_model_or_default(start) if start else None
    net = net or (begun.card.net if begun else TrainSettings().net)
    settings = _vary(find_recipe(net), loss, epochs, chips, chip_px, batch, seed)
    compute = find_named_compute(device, arithmetic)
    hints = Hints(parse_bands(bands), crs, map_crs, layer, parse_choice(road_column, road_values))
    scenes, held_out, resolution, source = _read_training(
        images or [], map_file, pairs, sets or [], m_per_px, balance, hints
    )
    state = out.with_suffix(".training.safetensors")
    make_place(out)
    identity = identify_training(
        scenes, held_out, settings, begun, align, clean
    )  # of the scenes before they are mended
    with join_processes() as processes:
        compute = dataclasses.replace(compute, processes=processes)
        scenes = mend_scenes(
            scenes,
            settings,
            align=align,
            clean=clean,
            m_per_px=resolution,
            compute=compute,
            start=begun,
        )
        model, result = train_model(
            scenes,
            held_out,
            settings,
            m_per_px=resolution,
            compute=compute,
            start=begun,
            state_path=state,
            identity=identity,
        )
    if not processes.leads:
        return
    before = f", starting from {begun.card.trained_on}" if begun and begun.card.trained_on else ""
    card = dataclasses.replace(model.card, trained_on=source + before)
    write_model(out, model.net, card)
    state.unlink(missing_ok=True)
    say(
        f"{result.stopped}; best epoch {result.best_epoch + 1}, F1 on validation"
        f" {result.best_score:.3f}"
    )
    say(
        f"threshold {card.threshold:.2f} [{card.threshold_low:.2f}, {card.threshold_high:.2f}];"
        f" wrote {out}"
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
) -> None:
    """Write the probability of road for every pixel of an image of any size, on its own grid."""
    from mapsight.cnn.runtimes import open_runner
    from mapsight.geo.raster import open_image
    from mapsight.roads.prediction.predict import NODATA, PredictSettings, predict_file
    from mapsight.roads.training.shipped import read_model_or_default

    if dtype not in NODATA:
        raise InputError(f"--dtype {dtype}", "unknown", f"choose {' or '.join(NODATA)}")
    chosen, compute = read_model_or_default(model), find_named_compute(device, arithmetic)
    make_place(out)
    with open_image(
        image, bands=parse_bands(bands), crs=crs, m_per_px=chosen.card.m_per_px
    ) as reader:
        for note in reader.notes:
            say(note)
        say(
            f"predict {reader.geobox.height} × {reader.geobox.width} px with {chosen.card.net} on"
            f" {compute}"
        )
        suited = predict_file(
            reader,
            open_runner(chosen, compute),
            out,
            dtype=dtype,
            settings=PredictSettings(flips=flips),
            card=chosen.card,
        )
    if suited and suited.stranger > 0:
        say(
            "the net is less sure here than where it was judged: threshold"
            f" {suited.value:.3f} suits this picture (the model's own: {suited.own:.3f});"
            " `extract` takes it"
        )
    say(f"wrote {out}")


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
    from mapsight.roads.measure.evaluate import evaluate_pairs, summarise
    from mapsight.roads.training.chips import read_pairs
    from mapsight.roads.training.shipped import read_model_or_default

    chosen, compute = read_model_or_default(model), find_named_compute(device, arithmetic)
    rows = read_pairs(pairs, split=split, sets=sets or [])
    pictures = panels or (
        None if str(json_file) == "-" else json_file.with_name(f"{json_file.stem}-panels")
    )
    say(f"evaluate {len(rows)} images with {chosen.card.net} on {compute}")
    done = evaluate_pairs(
        chosen,
        rows,
        compute=compute,
        threshold=threshold,
        flips=flips,
        out_dir=pictures and make_dir(pictures),
    )
    write_json(
        json_file,
        {
            "split": split,
            "net": chosen.card.net,
            "trained_on": chosen.card.trained_on,
            **done.to_json(),
        },
    )
    for name, report in {**done.sets, "together": done.together}.items():
        for line in summarise(name, report):
            say(line)


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


def _vary(
    recipe: TrainSettings,
    loss: str | None,
    epochs: int | None,
    chips: int | None,
    chip_px: int | None,
    batch: int | None,
    seed: int,
) -> TrainSettings:
    def change(settings, **wanted):
        return dataclasses.replace(settings, **{k: v for k, v in wanted.items() if v is not None})

    return change(
        recipe,
        loss=loss,
        chips=change(recipe.chips, chips_per_epoch=chips, chip_px=chip_px, seed=seed),
        fit=change(recipe.fit, epochs=epochs, batch_size=batch, seed=seed),
    )


def _read_training(
    images: list[Path],
    map_file: Path | None,
    pairs: Path | None,
    sets: list[str],
    m_per_px: float | None,
    balance: bool,
    hints: Hints,
) -> tuple[list[Scene], list[Scene], float, str]:
    """(training scenes, judging scenes, metres a pixel, a sentence for the model's card)."""
    from mapsight.roads.training.chips import balance_sets, find_resolution, read_pairs, read_scenes
    from mapsight.roads.training.scenes import read_map_scenes

    if pairs is not None and not images:

        def read(rows: list[ScenePair]) -> list[Scene]:
            scenes = read_scenes(rows, m_per_px=m_per_px)
            return balance_sets(scenes, [row.set for row in rows]) if balance else scenes

        rows = read_pairs(pairs, split="train", sets=sets)
        resolution = m_per_px or find_resolution(rows)
        source = f"{len(rows)} pairs of {', '.join(sorted({r.set for r in rows}))} (split 'train')"
        return read(rows), read(read_pairs(pairs, split="val", sets=sets)), resolution, source
    if images and map_file is not None and pairs is None:
        scenes, held_out, resolution = read_map_scenes(
            images, map_file, m_per_px=m_per_px, hints=hints
        )
        return (
            scenes,
            held_out,
            resolution,
            f"{', '.join(p.name for p in images)} with {map_file.name}",
        )
    raise InputError(
        "train", "needs either images with --map, or --pairs", "see `mapsight train --help`"
    )


COMMANDS = {"train": train, "predict": predict, "evaluate": evaluate, "probe": probe}
