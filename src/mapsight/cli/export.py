"""Commands that lead out of an audit and back: export, verdicts, diff."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mapsight.cli.console import say
from mapsight.roads.kinds import say_kinds

RunDir = Annotated[Path, typer.Argument(metavar="DIR", help="folder of an audit")]


def export(
    folder: RunDir,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help=(
                "geojson, gpkg, geoparquet, flatgeobuf, csv, maproulette, osc, josm, gpx, html,"
                " onnx, pmtiles or stac"
            ),
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="file to write; default: in DIR/export")] = None,
    verdict: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "accepted, rejected, unsure, open or all; repeatable; default: by format"
                " (docs/exports.md)"
            )
        ),
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help=f"{say_kinds()}; repeatable")] = None,
    min_score: Annotated[
        float, typer.Option(min=0, max=1, help="leave out findings with a lower score")
    ] = 0.0,
    source: Annotated[
        str, typer.Option(help="source tag of new ways; default: the image's name")
    ] = "",
    model: Annotated[
        Path | None, typer.Option(help="model to write as ONNX; default: the audit's")
    ] = None,
    tile_px: Annotated[int, typer.Option(help="side of the tiles that the ONNX model takes")] = 512,
) -> None:
    """Write the findings of an audit (or its model) in a format that other tools read."""
    from mapsight.roads.export.formats import export_run
    from mapsight.roads.export.run import ExportSettings

    settings = ExportSettings(source=source, model=model, tile_px=tile_px)
    path, count, remarks = export_run(
        folder,
        to,
        out=out,
        verdicts=tuple(verdict or ()),
        kinds=tuple(kind or ()),
        min_score=min_score,
        settings=settings,
    )
    for remark in remarks:
        say(remark)
    say(f"wrote {path}" if to == "onnx" else f"wrote {path} from {count} findings")


def verdicts(
    folder: RunDir,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="MapRoulette's GeoJSON or CSV, a page's saved verdicts, or a spreadsheet",
        ),
    ] = None,
    reviewer: Annotated[
        str, typer.Option(help="name to store with the verdicts; default: the file's name")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="also replace verdicts that say something else")
    ] = False,
) -> None:
    """Read verdicts that were given elsewhere, and count the judged findings."""
    from mapsight.roads.export.read_back import import_verdicts
    from mapsight.roads.export.run import read_run

    findings = read_run(folder).findings
    if source is not None:
        done = import_verdicts(
            folder / "findings.gpkg",
            source,
            set(findings["finding_id"]),
            reviewer=reviewer or source.name,
            overwrite=overwrite,
        )
        say(f"{done.taken} new verdicts, {done.known} known already")
        if done.different:
            say(
                f"{done.different} contradict stored verdicts and were left out;"
                " --overwrite takes them"
            )
        if done.strange:
            say(f"{done.strange} are of findings that this audit does not have")
        findings = read_run(folder).findings
    counts = findings["verdict"].replace("", "open").value_counts()
    for name in ("accept", "reject", "unsure", "open"):
        typer.echo(f"{name} {counts.get(name, 0)}")


def diff(
    before: Annotated[Path, typer.Argument(metavar="RUN1", help="folder of the earlier audit")],
    after: Annotated[Path, typer.Argument(metavar="RUN2", help="folder of the later audit")],
    out: Annotated[
        Path | None, typer.Option(help="file for all rows; default: RUN2/diff.gpkg")
    ] = None,
    score: Annotated[
        float, typer.Option(min=0, max=1, help="smallest change of the score to report")
    ] = 0.1,
    moved_m: Annotated[float, typer.Option(min=0, help="smallest move to report, in metres")] = 3.0,
) -> None:
    """Compare two audits of one place: what is solved, still there, new, or changed."""
    from mapsight.geo.network import write_lines
    from mapsight.roads.folder.compare import CompareSettings, compare_findings
    from mapsight.roads.folder.read import (
        read_earlier_findings,
        read_stored_findings,
        refuse_overwriting,
    )

    path = out or after / "diff.gpkg"
    refuse_overwriting(path, before, after)
    old, new = (read_stored_findings(folder / "findings.gpkg") for folder in (before, after))
    lost = read_earlier_findings(after / "findings.gpkg")
    fates = {} if lost is None else dict(zip(lost["finding_id"], lost["status"], strict=True))
    table = compare_findings(old, new, CompareSettings(score=score, moved_m=moved_m), fates=fates)
    write_lines(path, table, layer="diff")
    for row in table.itertuples(index=False):
        typer.echo(_say_change(row))
    counts = (
        dict.fromkeys(("solved", "still there", "changed", "new"), 0)
        | table["change"].value_counts().to_dict()
    )
    say(", ".join(f"{count} {name}" for name, count in counts.items()) + f"; wrote {path}")


def _say_change(row: Any) -> str:
    """One line: what, which, how sure then and now, how long, how far it moved."""
    name = row.finding_id or row.id_before
    shares = [
        f"{value:.0%}" for value in (row.score_before, row.score) if value == value
    ]  # NaN is not itself
    length = row.length_m if row.length_m == row.length_m else row.length_before_m
    moved = (
        f", moved {row.moved_m:.1f} m" if row.moved_m == row.moved_m and row.moved_m >= 0.1 else ""
    )
    return (
        f"{row.change:<11} {name:<10} {row.kind:<10} {' → '.join(shares):>11} {length:5.0f}"
        f" m{moved}"
    )


COMMANDS = {"diff": diff, "export": export, "verdicts": verdicts}
