"""Maps of imagery that a model has not learnt, with planted errors: the findings' part of
`benchmarks.strangers`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scenes import trace_lines
from mapsight.cli.console import say
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.geo.network import RoadMap, wrap_lines
from mapsight.geo.raster import Raster, pixel_box
from mapsight.roads.audit.audit import audit_map
from mapsight.roads.audit.settings import AuditSettings, Engine
from mapsight.roads.planting.mark import score_findings
from mapsight.roads.planting.plant import PlantSettings, plant_errors
from mapsight.roads.training.chips import Scene, read_pairs, read_scenes

GAP_PX = 48  # of black between crops: they are not neighbours
ERRORS = PlantSettings(10, 10, 10)
DEFAULT_FOLDS = AuditSettings().folds


@dataclass(frozen=True)
class Place:
    """Crops that lie side by side in one scene: a set's split, and what its name must end with."""

    name: str
    set: str
    split: str
    ends_with: str = ""
    most: int = 24


PLACES = (
    Place("home, 13 crops", "mass_crops400", "test"),
    Place("ETH, 22 crops", "eth_cil", "val"),
    Place("EPFL, 15 crops", "epfl", "val"),
    Place("Tianjin, 20 sites", "vgi_tianjin", "val", ends_with="_google"),
    Place("ETH, 11 crops (test)", "eth_cil", "test"),
    Place("Tianjin, 20 sites (test)", "vgi_tianjin", "test", ends_with="_google"),
    Place("Penang, 19 crops", "penang", "train"),
)
# lanes are left unlabelled there: a part of the false alarms is right
LOOSE = ("Penang, 19 crops",)


def lay_side_by_side(
    scenes: Sequence[Scene], m_per_px: float, *, gap_px: int = GAP_PX
) -> tuple[Raster, RoadMap]:
    """Crops in rows on black that is no data, and the lines of their masks: one picture, one map.

    A road ends where its crop does.
    """
    tall, wide = (max(s.valid.shape[axis] for s in scenes) + gap_px for axis in (0, 1))
    columns = math.ceil(math.sqrt(len(scenes)))
    shape = (math.ceil(len(scenes) / columns) * tall + gap_px, columns * wide + gap_px)
    image, valid = np.zeros((3, *shape), np.uint8), np.zeros(shape, bool)
    truth = np.zeros(shape, bool)
    for number, scene in enumerate(scenes):
        row, column = divmod(number, columns)
        top, left = row * tall + gap_px, column * wide + gap_px
        height, width = scene.valid.shape
        part = np.s_[top : top + height, left : left + width]
        image[:, *part], valid[part] = scene.image, scene.valid
        truth[part] = (scene.truth > 0) & scene.valid
    box = pixel_box(*shape, m_per_px=m_per_px)
    return Raster(image, box.transform, None, valid), wrap_lines(trace_lines(truth, box))


def read_place(table: Path, place: Place, m_per_px: float) -> tuple[Raster, RoadMap]:
    """The place's crops at the model's resolution, side by side."""
    pairs = [
        pair
        for pair in read_pairs(table, split=place.split, sets=[place.set])
        if pair.name.endswith(place.ends_with)
    ]
    return lay_side_by_side(read_scenes(pairs[: place.most], m_per_px=m_per_px), m_per_px)


def measure_places(
    model: Model,
    table: Path,
    compute: Compute,
    *,
    places: Sequence[Place] = PLACES,
    folds: Sequence[int] = (0, DEFAULT_FOLDS),
) -> Iterator[dict[str, Any]]:
    """A row for each place and number of folds: an audit of its map with ERRORS planted."""
    for place in places:
        image, roads = read_place(table, place, model.card.m_per_px)
        lines, planted = plant_errors(roads.lines, image.geobox, settings=ERRORS, valid=image.valid)
        for count in folds:
            say(f"{place.name}, {count} folds, {len(planted)} errors planted")
            audit = audit_map(
                image,
                wrap_lines(lines),
                Engine(model, compute),
                settings=AuditSettings(folds=count),
            )
            report = score_findings(
                audit.findings_on_image.table,
                planted,
                area_km2=audit.area_km2,
                road_km=audit.road_km,
            )
            tally = report.kind_aware
            yield {
                "place": place.name,
                "folds": audit.prediction.folds,
                "asked": count,
                "planted": report.planted,
                "found": tally.hits,
                "average_precision": tally.average_precision,
                "first": {k: count_right(report.outcomes, k) for k in (10, 20)},
                "findings": report.findings,
                "false_per_km2": tally.false_alarms.count / max(report.area_km2, 1e-9),
                "ece": tally.calibration.ece,
                "threshold": audit.threshold.value,
                "agreement": audit.threshold.f1,
            }


def count_right(outcomes: Mapping[str, str], k: int) -> float:
    """The share that is right, duplicates too, of the first k findings, or of all where there are
    fewer; outcomes by falling score.
    """
    first = list(outcomes.values())[:k]
    return sum(outcome != "false" for outcome in first) / max(len(first), 1)


def tell_places(rows: Sequence[dict[str, Any]]) -> str:
    """A table in Markdown, and the mean over places whose maps are whole."""
    lines = [
        (
            "| place | folds | threshold | agreement F1 | found | AP | first 10 right | first 20 |"
            " false alarms a km² | calibration error |"
        ),
        "|---" * 10 + "|",
    ]
    for row in rows:
        lines.append(
            f"| {row['place']} | {row['folds']} | {row['threshold']:.3f} | {row['agreement']:.3f} |"
            f" {row['found']} of {row['planted']} | {row['average_precision'] or 0:.2f} |"
            f" {row['first'][10]:.2f} | {row['first'][20]:.2f} | {row['false_per_km2']:.1f} |"
            f" {row['ece']:.2f} |"
        )
    for count in sorted({row["asked"] for row in rows}):
        strange = [
            row
            for row in rows
            if row["asked"] == count
            and row["place"] not in LOOSE
            and not row["place"].startswith("home")
        ]
        if strange:
            found = [row["average_precision"] or 0.0 for row in strange]
            first, ece = ([row[k] for row in strange] for k in ("first", "ece"))
            lines.append(
                f"\n--folds {count}, strangers whose labels are whole: mean AP"
                f" {np.mean(found):.3f}, worst {min(found):.3f}; first ten right"
                f" {np.mean([f[10] for f in first]):.2f}; calibration error {np.mean(ece):.2f}."
            )
    return "\n".join(lines)
