"""Commands of the main job: audit a map, score findings against known mistakes, the demo."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import sys
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
    name_beside,
    parse_bands,
    parse_choice,
    write_json,
)
from mapsight.errors import InputError, ModelError

if TYPE_CHECKING:
    from mapsight.cnn.checkpoint import Model
    from mapsight.roads.planting.mark import ScoreReport
    from mapsight.roads.verdicts.judged import Judged


def audit(
    image: Annotated[Path, typer.Argument(help="aerial image: GeoTIFF, PNG or JPEG")],
    map_file: Annotated[
        Path,
        typer.Argument(
            metavar="MAP", help="road map: GeoPackage, GeoJSON, Shapefile, .osm, .pbf or a mask"
        ),
    ],
    out: OutDir,
    model: Annotated[
        str | None,
        typer.Option(
            help="model file to start from; default: 'shipped'; 'none': learn from this map alone"
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option(min=0, max=10, help="number of spatial folds; 0: use the model as it is")
    ] = 3,
    coverage: Annotated[
        str, typer.Option(help="auto: judge only where the map reaches; all: judge the whole image")
    ] = "auto",
    precision: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.999, help="choose the threshold that reaches this precision"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=10, help="training steps per fold; default: by the image's size"),
    ] = None,
    m_per_px: Annotated[
        float | None, typer.Option(help="resolution in metres per pixel, with --model none")
    ] = None,
    bands: Bands = None,
    crs: ImageCrs = None,
    map_crs: MapCrs = None,
    layer: Layer = None,
    road_column: RoadColumn = None,
    road_values: RoadValues = None,
    verdicts: Annotated[
        bool,
        typer.Option(
            "--verdicts", help="learn from the verdicts on the earlier audit (see --previous)"
        ),
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
    previous: Annotated[
        Path | None,
        typer.Option(help="folder of an earlier audit of this place; default: --out itself"),
    ] = None,
) -> None:
    """Say where a road map is wrong: a ranked list of roads that it lacks, that are not there, or
    that lie beside their place, and a report.
    """
    from mapsight.geo.network import read_map
    from mapsight.geo.raster import open_image
    from mapsight.roads.audit.align import describe_shift
    from mapsight.roads.audit.audit import audit_map
    from mapsight.roads.audit.settings import AuditSettings, Engine
    from mapsight.roads.folder.history import find_history
    from mapsight.roads.folder.write import Origin, write_audit
    from mapsight.roads.kinds import KINDS

    choice = parse_choice(road_column, road_values)
    history = find_history(out, previous)  # better to hear it now than after the training
    judged = _read_judged((previous or out) / "findings.gpkg") if verdicts else None
    if coverage not in ("auto", "all"):
        raise InputError(f"--coverage {coverage}", "unknown", "choose auto or all")
    start, compute = _read_start(model), find_named_compute(device, arithmetic)
    if start and m_per_px:
        raise InputError(
            f"--m-per-px {m_per_px:g}",
            f"the model works at {start.card.m_per_px:g} m a pixel",
            "leave it out, or learn from this map alone: --model none",
        )
    resolution = start.card.m_per_px if start else m_per_px
    with open_image(image, bands=parse_bands(bands), crs=crs, m_per_px=resolution) as reader:
        notes = reader.notes
        seen = reader.read_all()
    box = seen.geobox
    roads = read_map(map_file, box=box, crs=map_crs, layer=layer, choice=choice)
    notes = (*notes, *(f"map: {note}" for note in roads.reading.notes))
    for line in (
        *notes,
        str(roads.overlap),
        f"device: {compute}; {box.height} × {box.width} px of {box.m_per_px:g} m",
    ):
        say(line)
    make_dir(out)
    settings = AuditSettings(
        folds=folds, coverage=coverage == "auto", precision=precision, steps=steps, seed=seed
    )
    engine = Engine(start, compute, out / "training")
    found = audit_map(seen, roads, engine, settings=settings, judged=judged)
    for note in found.notes:
        say(note)
    found = dataclasses.replace(found, notes=(*notes, *found.notes))
    say(describe_shift(found.alignment))
    at = found.threshold
    say(
        f"threshold {at.value:.2f} [{at.low:.2f}, {at.high:.2f}] ({at.mode}); agreement with the"
        f" map, pooled, out of sample: P {at.precision:.3f} R {at.recall:.3f} F1 {at.f1:.3f}"
    )
    sources = {
        "image": name_beside(image, out),
        "map": name_beside(map_file, out),
        "bands": bands,
        "crs": crs,
        "map_crs": map_crs,
        "layer": layer,
        "road_column": choice.column,
        "road_values": list(choice.values),
        "model": _name_model(model, start, out),
        "folds": found.prediction.folds,
    }
    origin = Origin(
        image_name=image.name,
        map_name=map_file.name,
        engine=engine,
        command=shlex.join(["mapsight", *sys.argv[1:]]),
        sources=sources,
    )
    found = write_audit(out, found, seen, origin, history=history)
    shutil.rmtree(out / "training", ignore_errors=True)
    kinds = found.findings["kind"].value_counts()
    say(
        "found "
        + ", ".join(f"{kinds.get(kind, 0)} {kind}" for kind in KINDS)
        + f"; wrote {out / 'report.html'}"
    )
    if history is not None:
        say(
            "since the previous audit:"
            f" {', '.join(f'{count} {status}' for status, count in found.statuses.items())}"
        )


def score(
    findings: Annotated[Path, typer.Argument(help="findings.gpkg or findings.geojson of an audit")],
    truth: Annotated[
        Path, typer.Option(help="planted.geojson of `mapsight plant` or `mapsight town`")
    ],
    json_file: Annotated[
        Path, typer.Option("--json", help="file for the measures; - for standard output")
    ] = Path("score.json"),
    area_km2: Annotated[
        float | None,
        typer.Option(help="area checked; default: that in audit.json beside the findings"),
    ] = None,
    road_km: Annotated[
        float | None, typer.Option(help="length of road checked, for false alarms per km of road")
    ] = None,
) -> None:
    """Score findings against planted mistakes: detection, precision at the top, false alarms,
    calibration.
    """
    from mapsight.roads.folder.read import read_audit_facts, read_findings
    from mapsight.roads.planting.mark import score_findings
    from mapsight.roads.planting.planted import read_planted

    table = read_findings(findings)
    facts = read_audit_facts(findings)
    area_km2, road_km = area_km2 or facts.get("area_km2"), road_km or facts.get("road_km")
    if not area_km2 or not road_km:
        raise InputError(findings, "has no audit.json beside it", "give --area-km2 and --road-km")
    report = score_findings(
        table, read_planted(truth, crs=table.crs), area_km2=area_km2, road_km=road_km
    )
    write_json(json_file, report.to_json())
    for line in describe_score(report):
        say(line)


def describe_score(report: ScoreReport) -> list[str]:
    """The figures a reviewer feels, a line each."""
    tally, blind = report.kind_aware, report.kind_blind
    by_kind = ", ".join(
        f"{kind} {rate.hits} of {rate.total}" for kind, rate in tally.detection_by_kind.items()
    )
    at = ", ".join(
        f"{rate.value:.2f} among the first {k}"
        for k, rate in tally.precision_at.items()
        if rate.total
    )
    return [
        (
            f"found {tally.detection.hits} of {report.planted} planted mistakes ({by_kind}); "
            f"{blind.detection.hits} if the kind is ignored"
        ),
        (
            f"average precision {tally.average_precision or 0:.3f}"
            f" ({blind.average_precision or 0:.3f} if the kind is ignored);"
            f" precision {at or 'unknown'}"
        ),
        (
            f"false alarms {tally.false_alarms.per_km2:.1f} per km²,"
            f" {tally.false_alarms.per_road_km:.2f} per km of road; calibration error of the scores"
            f" {tally.calibration.ece:.3f}"
        ),
    ]


def _read_judged(path: Path) -> Judged:
    """The findings of an earlier audit that people have judged."""
    from mapsight.roads.folder.read import read_findings
    from mapsight.roads.verdicts.judged import gather_judged
    from mapsight.roads.verdicts.store import read_verdicts

    if not path.is_file():
        raise InputError(
            path,
            "there is no earlier audit to learn from",
            "audit, judge with `mapsight review`, then this",
        )
    judged = gather_judged(read_findings(path, metric=False), read_verdicts(path))
    if not len(judged):
        raise InputError(
            path, "nobody has judged a finding there", "judge some with `mapsight review`"
        )
    say(f"learning from {len(judged)} verdicts of {path}")
    return judged


def _read_start(name: str | None) -> Model | None:
    """The model to start from: a file's, none, or the shipped one where there is one."""
    from mapsight.roads.training.shipped import read_model_or_default

    if name == "none":
        return None
    try:
        return read_model_or_default(name)
    except ModelError:
        if name is None:
            return None
        raise


def _name_model(name: str | None, start: Model | None, out: Path) -> str:
    """The model as another command could read it again: a path as seen from `out`, 'shipped' or
    'none'.
    """
    from mapsight.cnn.shipped import SHIPPED

    if start is None:
        return "none"
    return SHIPPED if name in (None, SHIPPED) else name_beside(Path(name), out)


COMMANDS = {"audit": audit, "score": score}
