"""What the shipped model and the findings are worth: `python -m benchmarks.quality --data DIR`.

DIR holds `roads/splits.csv` (pairs) and `georef/cambridge` (a scene with the city's own centrelines). Nothing is
trained or chosen here: the threshold is the model's own, from its validation data. Prints tables in Markdown and writes
`quality.json`.

1. Pixels: every test split, set by set (sets the model has not been trained on are out of its domain, and say so).
2. Planted errors: Cambridge and the Massachusetts test crops, 5 seeds; the scenes lie apart in one common ranking.
3. Shift: the map moved by 0 to 12 m in eight directions.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from benchmarks.scenes import Mapped, Planted, plant_and_find, read_georeferenced, read_pair_maps
from mapsight.cnn.runtime import find_place, make_runner
from mapsight.geo.shift import estimate_shift
from mapsight.roads.chips import read_pairs
from mapsight.roads.evaluate import evaluate_pairs
from mapsight.roads.plant import PlantSettings
from mapsight.roads.score import ScoreReport, score_findings
from mapsight.roads.shipped import read_model_or_default
from mapsight.roads.train import Model

SETS = ("mass_crops400", "dubai", "eth_cil", "vgi_tianjin")
SHIFTS_M = (0, 2, 5, 8, 12)
_APART_M = 100_000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("quality.json"))
    options = parser.parse_args()
    model = read_model_or_default(options.model)
    run = make_runner(*model, find_place())
    table, size = options.data / "roads" / "splits.csv", model.card.m_per_px
    found = {"pixels": measure_pixels(model, table)}
    folder = options.data / "georef" / "cambridge"
    cambridge = read_georeferenced(
        "Cambridge",
        folder / "mass_23279035_rgb_1m.tif",
        folder / "cambridge_centerlines_clip.geojson",
        run,
        m_per_px=size,
    )
    crops = list(read_pair_maps(table, run, split="test", sets=["mass_crops400"], m_per_px=size))
    found["planted"] = {
        "Cambridge": measure_planted([cambridge], model, options.seeds, PlantSettings()),
        "Massachusetts test crops": measure_planted(
            crops, model, options.seeds, PlantSettings(deleted=2, added=2, shifted=2)
        ),
    }
    found["shift"] = {m.name: measure_shift(m) for m in (cambridge, *crops[:3])}
    options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def measure_pixels(model: Model, table: Path) -> dict:
    """Test splits set by set."""
    print("| set | images | P | R | F1 pooled | F1 mean | IoU | AP | relaxed breakeven (3 px) | ECE |\n|" + "---|" * 10)
    found = {}
    for name in SETS:
        pairs = read_pairs(table, split="test", sets=[name])
        report = evaluate_pairs(model, pairs, place=find_place()).together.to_json()
        low, high = report["f1_pooled_interval"]
        breakeven = report["relaxed_breakeven_3px_pooled"] or 0
        print(f"| {name} | {report['images']} | {report['precision_pooled']:.3f} | {report['recall_pooled']:.3f} | "
              f"{report['f1_pooled']:.3f} [{low:.3f}, {high:.3f}] | {report['f1_mean']:.3f} | "
              f"{report['iou_pooled']:.3f} | "
              f"{report['average_precision_pooled']:.3f} | {breakeven:.3f} | "
              f"{report['expected_calibration_error']:.3f} |")  # fmt: skip
        found[name] = report
    return found


def measure_planted(scenes: Sequence[Mapped], model: Model, seeds: int, settings: PlantSettings) -> dict:
    """All scenes and seeds in one ranking."""
    runs = []
    for seed in range(seeds):
        for scene in scenes:
            wanted = PlantSettings(settings.deleted, settings.added, settings.shifted, seed=seed)
            done = plant_and_find(scene, wanted, model.card.threshold, min_score=0.05)
            runs += [done] if done is not None else []
    report = pool(runs)
    print_planted(f"{scenes[0].name}, … ({len(scenes)})" if len(scenes) > 1 else scenes[0].name, report)
    return report.to_json()


def pool(runs: Sequence[Planted]) -> ScoreReport:
    """One score over runs that lie in different places: each is moved far away from the others."""

    def gather(tables: list[gpd.GeoDataFrame], key: str) -> gpd.GeoDataFrame:
        moved = []
        for k, table in enumerate(tables):
            apart = table.set_geometry(table.geometry.translate(k * _APART_M, 0)).set_crs(None, allow_override=True)
            moved.append(apart.assign(**{key: [f"{k}-{name}" for name in table[key]]}))
        return gpd.GeoDataFrame(pd.concat(moved, ignore_index=True), crs=None)

    findings = gather([run.findings for run in runs], "finding_id")
    planted = gather([run.planted.assign(true_wkt="") for run in runs], "planted_id")
    findings = findings.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    area, length = sum(run.area_km2 for run in runs), sum(run.road_km for run in runs)
    return score_findings(findings, planted, area_km2=area, road_km=length)


def print_planted(name: str, report: ScoreReport) -> None:
    """One line of figures."""
    tally = report.kind_aware
    low, high = tally.average_precision_interval
    first, rate = tally.precision_per_km2
    kinds = ", ".join(f"{kind} {r.hits}/{r.total}" for kind, r in tally.detection_by_kind.items())
    at = tally.false_alarms_at_recall
    print(f"{name}: {report.planted} planted, found {tally.detection.hits} ({kinds}); AP {tally.average_precision:.3f} "
          f"[{low:.3f}, {high:.3f}]; precision of the first 20 a km² ({first}): {rate.value:.3f}; false alarms a km² "
          f"{tally.false_alarms.per_km2:.1f}, at recall .7 {at.per_km2 if at else float('nan'):.1f}; "
          f"ECE {tally.calibration.ece:.3f}")  # fmt: skip


def measure_shift(mapped: Mapped) -> dict:
    """Errors in metres of the estimate, for shifts of known size, against the estimate without a shift."""
    here = estimate_shift(mapped.probability, mapped.roads.lines)
    errors = []
    for size in SHIFTS_M:
        for angle in np.arange(8) * np.pi / 4:
            dx, dy = size * np.cos(angle), size * np.sin(angle)
            lines = mapped.roads.lines
            moved = estimate_shift(mapped.probability, lines.set_geometry(lines.geometry.translate(dx, dy)))
            errors.append(float(np.hypot(moved.dx_m - here.dx_m + dx, moved.dy_m - here.dy_m + dy)))
    print(f"shift, {mapped.name}: own offset {here.length_m:.2f} m; error of planted shifts: median "
          f"{np.median(errors):.2f} m, largest {max(errors):.2f} m")  # fmt: skip
    return {"own_offset_m": here.length_m, "median_error_m": float(np.median(errors)), "largest_error_m": max(errors)}


if __name__ == "__main__":
    main()
