"""What the model and the findings are worth: `python -m benchmarks.quality --data DIR`.

DIR holds `roads/splits.csv` (pairs) and `georef/cambridge` (a scene with the city's own
centrelines). Nothing is trained or chosen here: the threshold is the model's own, from its
validation data. The tables and plots go into `docs/results.md`, between its markers; everything in
numbers goes to `--json`.

1. Pixels: every test split, set by set (sets the model has not been trained on are out of its
   domain, and say so).
2. Planted errors: Cambridge, the Massachusetts test crops and, where the model has not learnt
   them, the georeferenced windows; the scenes and seeds lie apart in one common ranking.
3. Shift: the map moved by 0 to 12 m in eight directions.

`--baseline FILE` puts a second model beside it (a plain U-Net with cross-entropy), `--local FILE`
one that was trained on the out-of-domain sets themselves; its threshold comes from the validation
split of each set, since their labels mean different things. docs/results.md has the commands.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from benchmarks.plots import draw_findings_curves, replace_block
from benchmarks.scenes import (
    Mapped,
    Mistaken,
    Planted,
    find_cambridge,
    find_planted,
    plant_map,
    read_georeferenced,
    read_pair_maps,
    read_windows,
)
from mapsight.atomic import write_atomically
from mapsight.cli.console import speak
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.metrics import count_pixels
from mapsight.cnn.runtimes import open_runner
from mapsight.geo.shift import estimate_shift
from mapsight.progress import track
from mapsight.roads.measure.evaluate import evaluate_pairs, predict_scene
from mapsight.roads.measure.panels import write_figure
from mapsight.roads.planting.mark import ScoreReport, score_findings
from mapsight.roads.planting.plant import PlantSettings
from mapsight.roads.prediction.threshold import choose_threshold
from mapsight.roads.training.chips import read_pairs, read_scene
from mapsight.roads.training.shipped import read_model_or_default

SETS = ("mass_crops400", "dubai", "eth_cil", "vgi_tianjin")
LOCAL_SETS = ("eth_cil", "vgi_tianjin")
SHIFTS_M = (0, 2, 5, 8, 12)
CITY, WINDOW = PlantSettings(10, 10, 10), PlantSettings(2, 2, 2)
_APART_M = 100_000.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="default: the one that ships")
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--local", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--json", type=Path, default=Path("quality.json"))
    options = parser.parse_args()
    models = {"shipped": read_model_or_default(options.model)}
    if options.baseline:
        models["plain U-Net, BCE"] = read_model_or_default(options.baseline)
    table = options.data / "roads" / "splits.csv"
    jobs = [
        (name, model, SETS if name == "shipped" else SETS[:1], False)
        for name, model in models.items()
    ]
    jobs += [(name, model, SETS[:1], True) for name, model in models.items()]
    if options.local:
        local = read_model_or_default(options.local)
        fitting = [(fit_threshold(local, table, set_), (set_,)) for set_ in LOCAL_SETS]
        jobs += [
            ("locally trained", model, sets, flips)
            for flips in (False, True)
            for model, sets in fitting
        ]
    pixels = [measure_pixels(name, model, table, sets, flips) for name, model, sets, flips in jobs]
    scenes = {name: see_scenes(options.data, model) for name, model in models.items()}
    mistakes = plant_all(scenes["shipped"], options.seeds)
    planted = [
        row
        for name, model in models.items()
        for row in measure_planted(name, scenes[name], mistakes, model.card.threshold)
    ]
    shifts = {m.name: measure_shift(m) for m in scenes["shipped"][:4]}
    found = {
        "pixels": [row for rows in pixels for row in rows],
        "planted": planted,
        "shift": shifts,
    }
    write_results(options.docs, options.json, found)


def measure_pixels(
    name: str, model: Model, table: Path, sets: Sequence[str], flips: bool
) -> list[dict[str, Any]]:
    """A row for each test split: pooled over pixels, threshold from validation data."""
    rows = []
    for set_ in sets:
        pairs = read_pairs(table, split="test", sets=[set_])
        report = evaluate_pairs(
            model, pairs, compute=find_compute(), flips=flips
        ).together.to_json()
        rows.append({"model": name + (", four views" if flips else ""), "set": set_, **report})
    return rows


def fit_threshold(model: Model, table: Path, set_: str) -> Model:
    """The model with the threshold of the highest pooled F1 on that set's validation split."""
    pairs, run, parts = (
        read_pairs(table, split="val", sets=[set_]),
        open_runner(model, find_compute()),
        [],
    )
    for pair in track(pairs, f"{set_}: threshold", total=len(pairs)):
        scene = read_scene(pair)
        probability = predict_scene(scene, pair.m_per_px, model.card, run)
        parts.append(count_pixels(probability, scene.truth > 0, scene.valid))
    return model._replace(card=replace(model.card, threshold=choose_threshold(parts).value))


def see_scenes(data: Path, model: Model) -> list[Mapped]:
    """Cambridge, the Massachusetts test crops and, unless the model has learnt them, the
    georeferenced windows.
    """
    run, size = open_runner(model, find_compute()), model.card.m_per_px
    scenes = [read_georeferenced("Cambridge", *find_cambridge(data), run, m_per_px=size)]
    scenes += read_pair_maps(
        data / "roads" / "splits.csv", run, split="test", sets=["mass_crops400"], m_per_px=size
    )
    return [*scenes, *read_windows(data / "roads", model, run)]


def plant_all(scenes: Sequence[Mapped], seeds: int) -> dict[str, list[Mistaken]]:
    """Scene → its map with mistakes of each seed; the maps are those of all models."""
    done = {}
    for scene in track(scenes, "plant", total=len(scenes)):
        each = CITY if scene.name == "Cambridge" else WINDOW
        done[scene.name] = [plant_map(scene, replace(each, seed=seed)) for seed in range(seeds)]
    return done


def measure_planted(
    name: str, scenes: Sequence[Mapped], mistakes: dict[str, list[Mistaken]], threshold: float
) -> list[dict[str, Any]]:
    """Rows for Cambridge, for Massachusetts, and for all in one ranking."""
    runs: dict[str, list[Planted]] = {"Cambridge": [], "Massachusetts": []}
    known = [scene for scene in scenes if scene.name in mistakes]
    for scene in track(known, f"{name}: find", total=len(known)):
        found = [find_planted(scene, wrong, threshold) for wrong in mistakes[scene.name]]
        runs["Cambridge" if scene.name == "Cambridge" else "Massachusetts"] += [
            one for one in found if one is not None
        ]
    runs["together"] = [*runs["Cambridge"], *runs["Massachusetts"]]
    return [{"model": name, "scenes": key, **pool(some).to_json()} for key, some in runs.items()]


def pool(runs: Sequence[Planted]) -> ScoreReport:
    """One score over runs that lie in different places: each is moved far away from the others."""

    def gather(tables: list[gpd.GeoDataFrame], key: str) -> gpd.GeoDataFrame:
        moved = []
        for k, table in enumerate(tables):
            apart = table.set_geometry(table.geometry.translate(k * _APART_M, 0)).set_crs(
                None, allow_override=True
            )
            moved.append(apart.assign(**{key: [f"{k}-{name}" for name in table[key]]}))
        return gpd.GeoDataFrame(pd.concat(moved, ignore_index=True), crs=None)

    findings = gather([run.findings for run in runs], "finding_id")
    planted = gather([run.planted.assign(true_wkt="") for run in runs], "planted_id")
    findings = findings.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    area, length = sum(run.area_km2 for run in runs), sum(run.road_km for run in runs)
    return score_findings(findings, planted, area_km2=area, road_km=length)


def measure_shift(mapped: Mapped) -> dict[str, float]:
    """Errors in metres of the estimate, for shifts of known size, against the estimate without a
    shift.
    """
    here = estimate_shift(mapped.probability, mapped.roads.lines)
    errors = []
    for size in SHIFTS_M:
        for angle in np.arange(8) * np.pi / 4:
            dx, dy = size * np.cos(angle), size * np.sin(angle)
            lines = mapped.roads.lines
            moved = estimate_shift(
                mapped.probability, lines.set_geometry(lines.geometry.translate(dx, dy))
            )
            errors.append(float(np.hypot(moved.dx_m - here.dx_m + dx, moved.dy_m - here.dy_m + dy)))
    return {
        "own_offset_m": here.length_m,
        "median_error_m": float(np.median(errors)),
        "largest_error_m": max(errors),
    }


def write_results(docs: Path, json_file: Path, found: dict[str, Any]) -> None:
    """The numbers, the plots, and the tables between the markers of results.md."""
    with write_atomically(json_file) as temporary:
        temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    page = docs / "results.md"
    for name, text in (
        ("pixels", tell_pixels(found["pixels"])),
        ("planted", tell_planted(found["planted"])),
        ("shift", tell_shift(found["shift"])),
    ):
        replace_block(page, name, text)
        print(text)
    write_figure(
        docs / "img" / "findings-curves.png", draw_findings_curves(found["planted"]), dpi=110
    )


def tell_pixels(rows: Sequence[dict[str, Any]]) -> str:
    """A table in Markdown."""
    lines = [
        (
            "| set (test split) | model | images | P | R | F1 pooled | F1 mean | IoU | AP | "
            "relaxed breakeven (3 px) | ECE |"
        ),
        "|---" * 11 + "|",
    ]
    for r in sorted(rows, key=lambda r: SETS.index(r["set"])):
        lines.append(
            f"| {r['set']} | {r['model']} | {r['images']} | {r['precision_pooled']:.3f} |"
            f" {r['recall_pooled']:.3f} | {r['f1_pooled']:.3f} {_range(r['f1_pooled_interval'])} |"
            f" {r['f1_mean']:.3f} | {r['iou_pooled']:.3f} | {r['average_precision_pooled']:.3f} |"
            f" {r['relaxed_breakeven_3px_pooled'] or 0:.3f}"
            f" {_range(r['relaxed_breakeven_3px_pooled_interval'])} |"
            f" {r['expected_calibration_error']:.3f} |"
        )
    return "\n".join(lines)


def tell_planted(rows: Sequence[dict[str, Any]]) -> str:
    """A table in Markdown."""
    lines = [
        (
            "| scenes | model | planted | found (missing, phantom, misaligned) | AP | right among"
            " first 20 a km² | false alarms a km²: at recall .7 (about mapped roads) / all | ECE |"
        ),
        "|---" * 8 + "|",
    ]
    for r in rows:
        t = r["kind_aware"]
        found = ", ".join(f"{k['hits']} of {k['of']}" for k in t["detection_rate_by_kind"].values())
        first, at = t["precision_among_first_per_km2"], t["false_alarms_at_recall_aim"]
        lines.append(
            f"| {r['scenes']} | {r['model']} | {r['planted']} | {t['detection_rate']['hits']}"
            f" ({found}) | {t['average_precision']:.3f} {_range(t['average_precision_interval'])} |"
            f" {first['value']:.2f} {_range(first['interval'], 2)} ({first['findings']}) |"
            f" {_tell_alarms(at, r['area_km2'])} / {t['false_alarms']['per_km2']:.1f} |"
            f" {t['scores']['expected_calibration_error']:.3f} |"
        )
    return "\n".join(lines)


def _tell_alarms(at: dict[str, Any] | None, area_km2: float) -> str:
    if at is None:
        return "recall not reached"
    parts = [("count", "count_interval"), ("about_mapped_roads", "about_mapped_interval")]
    every, mapped = (
        f"{at[count] / area_km2:.1f} {_range([bound / area_km2 for bound in at[interval]], 1)}"
        for count, interval in parts
    )
    return f"{every} ({mapped})"


def tell_shift(found: dict[str, dict[str, float]]) -> str:
    """A table in Markdown."""
    lines = [
        "| scene | its own offset, m | error of planted shifts of 0–12 m: median, m | largest, m |",
        "|---|---|---|---|",
    ]
    for name, s in found.items():
        lines.append(
            f"| {name} | {s['own_offset_m']:.2f} | {s['median_error_m']:.2f} |"
            f" {s['largest_error_m']:.2f} |"
        )
    return "\n".join(lines)


def _range(interval: Sequence[float | None], digits: int = 3) -> str:
    low, high = (float("nan") if bound is None else bound for bound in interval)
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


if __name__ == "__main__":
    with speak():
        main()
