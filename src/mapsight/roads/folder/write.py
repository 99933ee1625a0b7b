"""An audit → files: findings.gpkg, findings.geojson, probability.tif, report.html."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import geopandas as gpd
import numpy as np

from mapsight import __version__
from mapsight.atomic import write_atomically
from mapsight.geo.network import write_layers
from mapsight.geo.raster import Raster
from mapsight.roads.audit.align import Alignment, move_back
from mapsight.roads.audit.audit import AuditedMap
from mapsight.roads.audit.settings import Engine
from mapsight.roads.finding.findings import BEYOND
from mapsight.roads.folder.facts import Origin, name_time, tell_facts
from mapsight.roads.folder.history import continue_findings, take_identities, write_findings
from mapsight.roads.folder.persist import DISMISSED, NEW
from mapsight.roads.prediction.predict import encode_probability, open_probability_writer
from mapsight.roads.prediction.threshold import ThresholdChoice
from mapsight.roads.report import page as report
from mapsight.roads.training.train import TrainSettings

_EXPLAINED = {
    "under trees or in deep shadow": (
        "The imagery shows canopy or shadow where the map has a road, and no road "
        "beside it. Nobody can tell from this picture whether the road is there."
    ),
    "tunnel, planned or indoor: not expected to be seen": (
        "The map itself says that these cannot be seen from above."
    ),
    BEYOND: (
        "The imagery shows roads farther out than the map goes; a map is not wrong about places it"
        " does not cover (--coverage all judges them, too)."
    ),
    "no imagery here": "The map goes on where the image has no data.",
}


def write_audit(
    out_dir: Path, audit: AuditedMap, image: Raster, origin: Origin, *, history: Path | None = None
) -> AuditedMap:
    """Write all files of an audit into an existing folder.

    Parameters
    ----------
    image : (3, H, W) uint8 that was audited, for the report's pictures.
    history : the findings.gpkg whose identities and verdicts the findings go on from.

    Returns
    -------
    The audit with identities and statuses, in the order of the files.
    """
    created = name_time()
    done = continue_findings(audit, history, time_utc=created)
    audit = take_identities(audit, done)
    write_findings(out_dir, done, crs=_name_crs(audit), history=history)
    write_layers(out_dir / "layers.gpkg", list_layers(audit))
    _write_probability(out_dir / "probability.tif", audit.prediction.probability)
    with write_atomically(out_dir / "audit.json") as temporary:
        text = json.dumps(tell_facts(audit, origin, created), indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")
    report.write_report(out_dir / "report.html", _make_view(audit, image, origin))
    return audit


def _write_probability(path: Path, seen: Raster) -> None:
    with open_probability_writer(path, seen.geobox, "float32") as writer:
        writer.write(0, 0, encode_probability(seen.array[0], seen.valid, "float32")[None])


def list_layers(audit: AuditedMap) -> dict[str, gpd.GeoDataFrame]:
    """What a reviewer wants to see beside the findings, in the position and the CRS of the map."""
    found, shift = audit.findings_on_image, audit.alignment.shift
    layers = {
        "map": audit.alignment.roads.lines,
        "predicted": move_back(found.seen_lines, shift),
        "not_judged": move_back(found.not_judged, shift),
    }
    crs = _name_crs(audit)
    return {
        name: lines if lines.crs is None or crs is None else lines.to_crs(crs)
        for name, lines in layers.items()
    }


def _name_crs(audit: AuditedMap) -> str | None:
    """The CRS of the map as WKT, None where it has none."""
    crs = audit.alignment.roads.source_crs
    return None if crs is None else crs.to_wkt()


def _make_view(audit: AuditedMap, image: Raster, origin: Origin) -> report.AuditView:
    table = audit.findings_on_image.table
    dismissed = table["status"] == DISMISSED
    overlap = audit.alignment.roads.overlap
    return report.AuditView(
        image_name=origin.image_name,
        map_name=origin.map_name,
        command=origin.command,
        version=__version__,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        model=_describe_model(origin.engine, audit.prediction.folds),
        area_km2=audit.area_km2,
        road_km=audit.road_km,
        overlap=report.Overlap(
            map_share_inside=overlap.share_inside, map_km_inside=overlap.km_inside
        ),
        shift=_describe_shift(audit.alignment),
        threshold=_describe_threshold(audit.threshold),
        findings=table[~dismissed],
        scene=_make_scene(audit, image),
        not_judged=_list_not_judged(audit),
        notes=audit.notes,
        warnings=audit.warnings,
        dismissed=table[dismissed],
        statuses=audit.statuses if audit.statuses.keys() - {NEW} else {},
    )


def _describe_model(engine: Engine, folds: int) -> report.ModelFacts:
    start, compute = engine.start, engine.compute
    net = start.card.net if start else TrainSettings().net
    origin = (
        f"a net trained on {start.card.trained_on}"
        if start and start.card.trained_on
        else "a given net"
    )
    if not folds:
        training = f"{origin}, used as it is"
    else:
        begin = f"starting from {origin}" if start else "from scratch"
        training = (
            f"trained on this map in {folds} spatial folds, {begin}: every place is judged"
            " by a net that has not seen the map there"
        )
    precision = "bf16" if "bfloat16" in str(compute.dtype) else "fp32"
    return report.ModelFacts(
        name=net, training=training, device=str(compute.device), precision=precision
    )


def _describe_shift(alignment: Alignment) -> report.Shift:
    shift = alignment.shift
    if shift.reason:
        return report.Shift(estimated=False, why_not=shift.reason)
    local = (
        np.linalg.norm(shift.nodes_m, axis=1) if len(shift.nodes_m) else np.array([shift.length_m])
    )
    return report.Shift(
        estimated=True,
        dx_m=shift.dx_m,
        dy_m=shift.dy_m,
        dx_interval_m=(shift.dx_m - shift.dx_error_m, shift.dx_m + shift.dx_error_m),
        dy_interval_m=(shift.dy_m - shift.dy_error_m, shift.dy_m + shift.dy_error_m),
        quality=(
            f"measured at {shift.stations} places along the map's roads by {alignment.source}"
        ),
        field_min_m=float(local.min()),
        field_max_m=float(local.max()),
    )


def _describe_threshold(choice: ThresholdChoice) -> report.Threshold:
    curves, every = choice.curves, slice(None, None, 10)
    return report.Threshold(
        value=choice.value,
        low=choice.low,
        high=choice.high,
        f1=choice.f1,
        mode=choice.mode,
        threshold=curves.thresholds[every].tolist(),
        precision=curves.precision[every].tolist(),
        recall=curves.recall[every].tolist(),
        f1_curve=curves.f1[every].tolist(),
    )


def _list_not_judged(audit: AuditedMap) -> list[report.NotJudged]:
    parts, seen = audit.findings_on_image.not_judged, audit.prediction.probability
    listed = [
        report.NotJudged(
            reason=str(reason),
            amount=float(group["length_m"].sum() / 1000),
            unit="km",
            explanation=_EXPLAINED.get(str(reason), ""),
        )
        for reason, group in parts.groupby("reason")
    ]
    blank = (~seen.valid).sum() * seen.geobox.m_per_px**2 / 1e6
    if blank > 1e-4:
        listed.append(
            report.NotJudged(
                reason="no data",
                amount=float(blank),
                unit="km²",
                explanation="The image is empty here.",
            )
        )
    return listed


def _make_scene(audit: AuditedMap, image: Raster) -> report.Backdrop:
    probability, box = audit.prediction.probability, image.geobox
    seen = np.where(probability.valid, probability.array[0], np.nan)

    def cut(array: np.ndarray, bounds: tuple[float, float, float, float]) -> np.ndarray:
        left, top = ~box.transform @ (bounds[0], bounds[3])
        right, bottom = ~box.transform @ (bounds[2], bounds[1])
        return array[..., round(top) : round(bottom), round(left) : round(right)]

    return report.Backdrop(
        box=box,
        read_crop=lambda bounds: cut(image.array, bounds).transpose(1, 2, 0),
        read_probability=lambda bounds: cut(seen, bounds),
        map_lines=audit.alignment.moved.lines,
        predicted_lines=audit.findings_on_image.seen_lines,
    )
