"""What twenty verdicts gain where they also train: `python -m benchmarks.verdicts_taught --data
DATA`, about an hour.

`mapsight audit --folds 3` and the same with `--verdicts`, on Cambridge with planted errors and on
drawn towns, judged and measured as in `benchmarks.verdicts`. Between the two stands the first
audit's list, re-ranked only: what lies beyond it is the training's part. Every line of `--out` is
one run; those that are there are not made again, and the folds of a first audit are kept in
`--work`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from benchmarks.plots import replace_block
from benchmarks.rows import keep_row, read_rows
from benchmarks.scenes import draw_town_roads, find_cambridge
from benchmarks.verdicts import FIRST_TOWN, PLANTED, WAYS, judge, measure_rest
from mapsight.cli.console import speak
from mapsight.cnn.bootstrap import bootstrap_mean
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import find_compute
from mapsight.geo.network import read_map, wrap_lines
from mapsight.geo.raster import Raster, open_image
from mapsight.roads.audit.align import move_findings_back
from mapsight.roads.audit.audit import AuditedMap, audit_map, gather_evidence
from mapsight.roads.audit.settings import AuditSettings, Engine
from mapsight.roads.finding.findings import find_candidates, rank_candidates
from mapsight.roads.finding.frequency import learn_bend
from mapsight.roads.planting.plant import plant_errors
from mapsight.roads.training.shipped import read_model_or_default
from mapsight.roads.verdicts.judged import ACCEPT, Judged, read_lessons


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="default: the one that ships")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3, help="of errors planted into Cambridge")
    parser.add_argument("--towns", type=int, default=2)
    parser.add_argument(
        "--steps", type=int, help="of training a fold, as `mapsight audit` takes it"
    )
    parser.add_argument("--out", type=Path, default=Path("verdicts-taught.jsonl"))
    parser.add_argument("--work", type=Path, default=Path("verdicts-taught"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    start = read_model_or_default(options.model)
    scenes = [("Cambridge", seed) for seed in range(options.seeds)]
    scenes += [("town", seed) for seed in range(FIRST_TOWN, FIRST_TOWN + options.towns)]
    rows = read_rows(options.out)
    for way in WAYS:
        for name, seed in scenes:
            if any((r["scene"], r["seed"], r["way"]) == (name, seed, way) for r in rows):
                continue
            work = options.work / f"{name}-{seed}"
            settings = AuditSettings(folds=options.folds, steps=options.steps)
            keep_row(
                options.out, rows, measure_run(options.data, name, seed, way, start, settings, work)
            )
    text = tell_gains(rows)
    replace_block(options.docs / "results.md", "verdicts-taught", text)
    print(text)


def read_scene(data: Path, name: str, seed: int) -> tuple[Raster, gpd.GeoDataFrame]:
    """The image, and the roads that are taken for true."""
    if name == "town":
        return draw_town_roads(seed)
    picture, lines = find_cambridge(data)
    with open_image(picture, m_per_px=1.0) as reader:
        image = reader.read_all()
    return image, read_map(lines, box=image.geobox).lines


def measure_run(
    data: Path, name: str, seed: int, way: str, start: Model, settings: AuditSettings, work: Path
) -> dict[str, Any]:
    """AP of the rest: as the first audit has it, re-ranked, and of the second audit."""
    from_s = time.perf_counter()
    image, lines = read_scene(data, name, seed)
    mapped, planted = plant_errors(
        lines, image.geobox, settings=replace(PLANTED, seed=seed), valid=image.valid
    )
    roads, engine = wrap_lines(mapped), Engine(start, find_compute(), work)
    first = audit_map(image, roads, engine, settings=settings)
    before = move_findings_back(first.findings_on_image.table, first.alignment.shift)
    told = judge(before, planted, WAYS[way](len(before)))
    engine = replace(engine, work_dir=None)
    second = audit_map(image, roads, engine, settings=settings, judged=told.judged)
    lists = {
        "before": before,
        "ranked": rank_again(first, image, told.judged),
        "taught": second.findings_in_metres,
    }
    measured = {key: measure_rest(table, told.findings, planted) for key, table in lists.items()}
    right = int((told.judged.table["verdict"] == ACCEPT).sum())
    return {
        "scene": name,
        "seed": seed,
        "way": way,
        "findings": len(before),
        "right": right,
        **measured,
        "seconds": round(time.perf_counter() - from_s),
    }


def rank_again(audit: AuditedMap, image: Raster, judged: Judged) -> gpd.GeoDataFrame:
    """The list of an audit, bent by verdicts, without any training."""
    evidence = gather_evidence(
        image, audit.prediction.probability, audit.reach, audit.threshold.value
    )
    found = find_candidates(evidence, audit.alignment.moved)
    table = rank_candidates(found.listed, image.crs, learn_bend(found, read_lessons(judged)).score)
    return move_findings_back(table, audit.alignment.shift)


def tell_gains(rows: Sequence[dict[str, Any]]) -> str:
    """A table in Markdown: each run, and the mean gains with their paired bootstrap intervals."""
    lines = [
        (
            "| scene, seed | judged | right of 20 | AP of the rest before | re-ranked | trained and"
            " re-ranked |"
        ),
        "|---" * 6 + "|",
    ]
    lines += [
        f"| {r['scene']}, {r['seed']} | {r['way']} | {r['right']} | {r['before']:.3f} |"
        f" {r['ranked']:.3f} | {r['taught']:.3f} |"
        for r in rows
    ]
    for way in dict.fromkeys(r["way"] for r in rows):
        some = [r for r in rows if r["way"] == way]
        lines.append(
            f"| mean gain of {len(some)} | {way} | | | {_tell(some, 'ranked')} |"
            f" {_tell(some, 'taught')} |"
        )
    return "\n".join(lines)


def _tell(rows: Sequence[dict[str, Any]], key: str) -> str:
    gains = np.array([r[key] - r["before"] for r in rows])
    low, high = bootstrap_mean(gains)
    return f"{gains.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    with speak():
        main()
