"""The ways out of an audit. A format is a file beside this one and a row in the table below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd

from mapsight.errors import InputError
from mapsight.roads.export.columnar import write_flatgeobuf, write_geoparquet
from mapsight.roads.export.geojson import write_geojson
from mapsight.roads.export.geopackage import write_geopackage
from mapsight.roads.export.gpx import write_gpx
from mapsight.roads.export.josm import write_josm
from mapsight.roads.export.maproulette import write_maproulette
from mapsight.roads.export.onnx_model import write_onnx
from mapsight.roads.export.osmchange import write_osmchange
from mapsight.roads.export.page import write_page
from mapsight.roads.export.pmtiles import write_pmtiles
from mapsight.roads.export.run import ExportSettings, Run, read_run, select_findings
from mapsight.roads.export.spreadsheet import write_csv
from mapsight.roads.export.stac import write_stac
from mapsight.roads.folder.read import refuse_overwriting

Writer = Callable[[Run, gpd.GeoDataFrame, Path, ExportSettings], list[str]]
OFFERED = ("accepted", "unsure", "open")  # all that nobody has rejected


@dataclass(frozen=True)
class Format:
    """How to write one: the file's name below DIR/export, the writer, whether it needs a place on
    earth.

    `verdicts`: which findings go into it where nothing is asked for. A writer returns remarks for
    the user.
    """

    file: str
    write: Writer
    placed: bool = True
    verdicts: tuple[str, ...] = OFFERED
    suffixes: tuple[str, ...] = ()  # others that are allowed for --out


FORMATS: dict[str, Format] = {
    "geojson": Format("findings.geojson", write_geojson, suffixes=(".json",)),
    "gpkg": Format("findings.gpkg", write_geopackage, placed=False),
    "geoparquet": Format(
        "findings.parquet", write_geoparquet, placed=False, suffixes=(".geoparquet",)
    ),
    "flatgeobuf": Format("findings.fgb", write_flatgeobuf, placed=False),
    "pmtiles": Format("findings.pmtiles", write_pmtiles),
    "csv": Format("findings.csv", write_csv, placed=False),
    "maproulette": Format(
        "maproulette.geojson", write_maproulette, suffixes=(".json", ".geojsonl")
    ),
    "osc": Format("new-roads.osc", write_osmchange, verdicts=("accepted",)),
    "josm": Format("findings.joz", write_josm),
    "gpx": Format("findings.gpx", write_gpx),
    "html": Format(
        "findings.html", write_page, placed=False, verdicts=("all",), suffixes=(".htm",)
    ),
    "onnx": Format("model.onnx", write_onnx, placed=False, verdicts=("all",)),
    "stac": Format("item.json", write_stac, verdicts=("all",)),
}


def export_run(
    folder: Path,
    name: str,
    *,
    out: Path | None = None,
    verdicts: tuple[str, ...] = (),
    kinds: tuple[str, ...] = (),
    min_score: float = 0.0,
    settings: ExportSettings = ExportSettings(),
) -> tuple[Path, int, list[str]]:
    """Writes one file and returns where it is, how many findings went into it, and remarks.

    InputError for an unknown format, a file name of another, or an audit in pixels where a place is
    needed.
    """
    if name not in FORMATS:
        raise InputError(f"--to {name}", "unknown", f"choose one of {', '.join(FORMATS)}")
    way, run = FORMATS[name], read_run(folder)
    if way.placed and run.findings.crs is None:
        able = ", ".join(other for other, kind in FORMATS.items() if not kind.placed)
        raise InputError(
            f"--to {name}", "the audited image has no georeference, only pixels", f"choose {able}"
        )
    path = _choose_path(folder, way, out)
    findings = select_findings(
        run.findings, verdicts or way.verdicts, kinds=kinds, min_score=min_score
    )
    return path, len(findings), way.write(run, findings, path, settings)


def _choose_path(folder: Path, way: Format, out: Path | None) -> Path:
    wanted = (Path(way.file).suffix, *way.suffixes)
    if out is None:
        out = folder / "export" / way.file
        out.parent.mkdir(exist_ok=True)
    if out.suffix.lower() not in wanted:
        raise InputError(out.name, f"should end in {' or '.join(wanted)}", "change --out")
    refuse_overwriting(out, folder)
    return out
