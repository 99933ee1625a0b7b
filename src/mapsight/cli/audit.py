"""Commands of the main job: audit a map, score findings against known mistakes, the demo."""

from __future__ import annotations

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
    Runtime,
    Seed,
    name_command,
    parse_bands,
    write_json,
)

if TYPE_CHECKING:
    from mapsight.roads.planting.mark import ScoreReport


def audit(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="aerial image: GeoTIFF, PNG or JPEG; several files and folders are read as one",
        ),
    ],
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
            help="model file to start from; default: 'shipped'; 'anywhere': the one for imagery of"
            " elsewhere; 'none': learn from this map alone"
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
    area: Annotated[
        Path | None, typer.Option(help="polygons: only there is judged and counted")
    ] = None,
    prefer: Annotated[
        str,
        typer.Option(help="sheet that counts where several overlap: sharpest or newest"),
    ] = "sharpest",
    verdicts: Annotated[
        bool,
        typer.Option(
            "--verdicts", help="learn from the verdicts on the earlier audit (see --previous)"
        ),
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    arithmetic: Arithmetic = "auto",
    runtime: Runtime = "torch",
    previous: Annotated[
        Path | None,
        typer.Option(help="folder of an earlier audit of this place; default: --out itself"),
    ] = None,
) -> None:
    """Say where a road map is wrong: a ranked list of roads that it lacks, that are not there, or
    that lie beside their place, and a report.
    """
    from mapsight.api.audit import audit as audit_files

    audit_files(
        images,
        map_file,
        out,
        model=model,
        folds=folds,
        coverage=coverage,
        precision=precision,
        steps=steps,
        m_per_px=m_per_px,
        bands=parse_bands(bands),
        crs=crs,
        map_crs=map_crs,
        layer=layer,
        road_column=road_column,
        road_values=road_values or [],
        prefer=prefer,
        area=area,
        previous=previous,
        verdicts=verdicts,
        seed=seed,
        device=device,
        compute=arithmetic,
        runtime=runtime,
        command=name_command(),
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
    from mapsight.api.lines import score as score_files

    report = score_files(findings, truth, area_km2=area_km2, road_km=road_km)
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


COMMANDS = {"audit": audit, "score": score}
