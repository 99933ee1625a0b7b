"""Lines from Python: roads out of a probability, mistakes into a map, findings against mistakes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd

from mapsight.api.files import PathLike, make_place
from mapsight.api.inputs import MapLike, read_inputs
from mapsight.api.probability import USUAL_THRESHOLD, Probability, open_probability
from mapsight.api.result import Audit
from mapsight.errors import InputError
from mapsight.geo.maps.classes import parse_choice
from mapsight.geo.network import write_lines
from mapsight.geo.raster import Raster
from mapsight.progress import show_progress
from mapsight.roads.folder.read import measure_in_metres, read_audit_facts, read_findings
from mapsight.roads.planting.mark import ScoreReport, score_findings
from mapsight.roads.planting.plant import (
    PlantSettings,
    count_planted,
    name_shortfall,
    plant_errors,
    write_planted,
)
from mapsight.roads.planting.planted import read_planted, reproject_planted
from mapsight.roads.prediction.extract import ExtractSettings, extract_lines
from mapsight.roads.training.scenes import Hints

_log = logging.getLogger(__name__)


def extract(
    probability: PathLike | Raster,
    out: PathLike | None = None,
    *,
    threshold: float | None = None,
    min_length_m: float = 15.0,
) -> gpd.GeoDataFrame:
    """Turn a probability into road lines.

    Parameters
    ----------
    probability : path or Raster
        As `mapsight.predict` writes or returns it.
    out : path, optional
        File for the lines: .gpkg or .geojson.
    threshold : float, optional
        Probability in 0 … 1 from which a pixel is road; None: what suits the picture, as `predict`
        has found out, else 0.5.
    min_length_m : float
        Shortest road to keep, in metres.

    Returns
    -------
    GeoDataFrame
        Lines with `length_m`, `width_m`, `confidence` (mean probability along the line) and
        `min_probability`, in the CRS of the probability.

    Raises
    ------
    MapsightError
        The file is no probability, or the threshold lies outside 0 … 1.
    """
    seen = probability if isinstance(probability, Raster) else open_probability(probability)
    suited = seen.threshold if isinstance(seen, Probability) else None
    at = (suited or USUAL_THRESHOLD) if threshold is None else threshold
    settings = dataclasses.replace(ExtractSettings(), min_length_m=min_length_m)
    lines = extract_lines(seen, threshold=at, settings=settings)
    told = f"{len(lines)} roads, {lines.length.sum() / 1000:.2f} km, at threshold {at:.3g}"
    if out is not None:
        make_place(Path(out))
        write_lines(out, lines, layer="roads")
        told += f"; wrote {out}"
    _log.info(told)
    return lines


@dataclass(frozen=True, eq=False)
class MistakenMap:
    """A map with planted mistakes.

    Parameters
    ----------
    lines : GeoDataFrame
        The map as it is now.
    mistakes : GeoDataFrame
        What is wrong with it: `planted_id`, `kind`, `length_m`, `offset_m`, `road_class`,
        `true_wkt`.
    """

    lines: gpd.GeoDataFrame
    mistakes: gpd.GeoDataFrame


def plant(
    map: MapLike,
    image: PathLike,
    out: PathLike | None = None,
    truth: PathLike | None = None,
    *,
    deleted: int = 10,
    added: int = 10,
    shifted: int = 10,
    bands: Sequence[int] | None = None,
    crs: str | None = None,
    map_crs: str | None = None,
    layer: str | None = None,
    road_column: str | None = None,
    road_values: Sequence[str] = (),
    seed: int = 0,
    progress: bool = False,
) -> MistakenMap:
    """Make mistakes in a map at known places, to test which of them an audit finds.

    Parameters
    ----------
    map : path or GeoDataFrame
        The road map; all of it is taken for true.
    image : path
        Image whose area is used.
    out : path, optional
        File for the map with mistakes: .gpkg or .geojson.
    truth : path, optional
        File for the list of mistakes, which `mapsight.score` reads: .geojson.
    deleted, added, shifted : int
        How many roads to delete, to invent and to move sideways.
    bands, crs, map_crs, layer, road_column, road_values, seed, progress
        As in `mapsight.audit`.

    Returns
    -------
    MistakenMap
        The map and its mistakes, in the CRS of the image's working grid.

    Raises
    ------
    MapsightError
        An input that cannot be used.
    """
    hints = Hints(
        None if bands is None else tuple(bands),
        crs,
        map_crs,
        layer,
        parse_choice(road_column, road_values),
    )
    settings = PlantSettings(deleted=deleted, added=added, shifted=shifted, seed=seed)
    with show_progress(progress):
        inputs = read_inputs(image, map, hints=hints)
    seen, roads = inputs.image, inputs.roads
    mistaken = MistakenMap(
        *plant_errors(
            roads.lines, seen.geobox, settings=settings, valid=seen.valid, avoid=roads.other_ways
        )
    )
    wrote = _write_mistaken(mistaken, out, truth)
    if short := name_shortfall(mistaken.mistakes, settings):
        _log.info(short)
    counts = ", ".join(f"{n} {kind}" for kind, n in count_planted(mistaken.mistakes).items())
    _log.info(f"planted {counts}{wrote}")
    return mistaken


def _write_mistaken(mistaken: MistakenMap, out: PathLike | None, truth: PathLike | None) -> str:
    """Writes what is to be written; the end of a sentence about it."""
    wrote = [Path(path) for path in (out, truth) if path is not None]
    for path in wrote:
        make_place(path)
    if out is not None:
        write_lines(out, mistaken.lines, layer="roads")
    if truth is not None:
        write_planted(Path(truth), mistaken.mistakes)
    return f"; wrote {' and '.join(str(path) for path in wrote)}" if wrote else ""


def score(
    findings: Audit | gpd.GeoDataFrame | PathLike,
    truth: gpd.GeoDataFrame | PathLike,
    *,
    area_km2: float | None = None,
    road_km: float | None = None,
) -> ScoreReport:
    """Score findings against planted mistakes: detection, precision, false alarms, calibration.

    Parameters
    ----------
    findings : Audit, GeoDataFrame or path
        An audit, its table, or its findings.gpkg or findings.geojson.
    truth : GeoDataFrame or path
        The mistakes, as `mapsight.plant` returns or writes them.
    area_km2, road_km : float, optional
        Area looked at, and length of the map's roads in it; None: as the audit tells.

    Returns
    -------
    ScoreReport
        Measures with their intervals; `to_json()` gives them in plain types.

    Raises
    ------
    MapsightError
        A file that cannot be read, or area and length are not known.
    """
    if isinstance(findings, Audit):
        table, facts = findings.findings, vars(findings)
    elif isinstance(findings, gpd.GeoDataFrame):
        table, facts = findings, {}
    else:
        table, facts = read_findings(Path(findings)), read_audit_facts(Path(findings))
    area_km2, road_km = area_km2 or facts.get("area_km2"), road_km or facts.get("road_km")
    if not area_km2 or not road_km:
        raise InputError(
            "the findings" if isinstance(findings, gpd.GeoDataFrame) else findings,
            "no audit.json tells the area and the length of its roads",
            "give --area-km2 and --road-km",
        )
    table = measure_in_metres(table)
    if isinstance(truth, gpd.GeoDataFrame):
        mistakes = truth if table.crs is None else reproject_planted(truth, table.crs)
    else:
        mistakes = read_planted(Path(truth), crs=table.crs)
    return score_findings(table, mistakes, area_km2=area_km2, road_km=road_km)
