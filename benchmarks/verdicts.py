"""What twenty verdicts teach the ranking: `python -m benchmarks.verdicts --data DATA`, about four
minutes of one core.

Errors are planted into the city's map of Cambridge (--seeds times) and into the maps of drawn towns
(seeds from 500 up, which nothing was tuned on). Of each list twenty findings are judged by what was
planted, as a reviewer who sees the truth would, in two ways: the *first* twenty, and twenty
*spread* over the list, evenly by rank (`rerank.order_spread`). The re-ranking learns from them;
compared is the average precision (AP) of the *rest* before and after: findings that nobody judged,
against planted errors that no judged one has found. A finding of an error that is already found is
a duplicate, neither right nor false.

The two ways leave different rests; the last rows compare both on the one rest that neither has
judged. Nets run once a scene, candidates and features are made once a scene and seed. The table
goes into section 7 of docs/results.md. `benchmarks.verdicts_taught` measures what verdicts gain
where they also train the nets.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from benchmarks.plots import replace_block
from benchmarks.rows import keep_row, read_rows
from benchmarks.scenes import (
    Mapped,
    draw_town_map,
    find_cambridge,
    look_at,
    plant_map,
    read_georeferenced,
)
from mapsight.cli.console import speak
from mapsight.cnn.bootstrap import bootstrap_mean
from mapsight.cnn.compute import find_compute
from mapsight.cnn.runtimes import Runner, open_runner
from mapsight.roads.finding.findings import rank_candidates
from mapsight.roads.finding.frequency import learn_bend
from mapsight.roads.finding.overlap import Answers, answer_planted
from mapsight.roads.folder.persist import pair_findings
from mapsight.roads.planting.counts import average_precision
from mapsight.roads.planting.plant import PlantSettings
from mapsight.roads.scoring.rerank import order_spread
from mapsight.roads.training.shipped import read_model_or_default
from mapsight.roads.verdicts.judged import ACCEPT, REJECT, Judged, read_lessons

JUDGED, FIRST_TOWN, PLANTED = 20, 500, PlantSettings(12, 12, 12)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="default: the one that ships")
    parser.add_argument("--seeds", type=int, default=12, help="of errors planted into Cambridge")
    parser.add_argument("--towns", type=int, default=8, help="drawn, each with errors of one seed")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument(
        "--out", type=Path, default=Path("verdicts.jsonl"), help="one run a line; those are kept"
    )
    options = parser.parse_args()
    model = read_model_or_default(options.model)
    run = open_runner(model, find_compute())
    rows = read_rows(options.out)
    for scene, seed in list_jobs(options.data, options.seeds, options.towns, run, rows):
        keep_row(options.out, rows, measure_run(scene, seed, model.card.threshold))
    text = tell_gains(rows)
    replace_block(options.docs / "results.md", "verdicts", text)
    print(text)


def list_jobs(
    data: Path, seeds: int, towns: int, run: Runner, made: Sequence[dict[str, Any]]
) -> Iterator[tuple[Mapped, int]]:
    """(scene, seed of its errors) not made yet: Cambridge with each seed, then each town with its
    own.
    """
    done = {row["seed"] for row in made}  # of Cambridge below FIRST_TOWN, of towns from there on
    left = [seed for seed in range(min(seeds, FIRST_TOWN)) if seed not in done]
    if left:
        scene = read_georeferenced("Cambridge", *find_cambridge(data), run, m_per_px=1.0)
        yield from ((scene, seed) for seed in left)
    for seed in range(FIRST_TOWN, FIRST_TOWN + towns):
        if seed not in done:
            yield draw_town_map(seed, run), seed


def pick_first(count: int) -> np.ndarray:
    """Numbers of the first twenty of a list."""
    return np.arange(min(JUDGED, count))


def pick_spread(count: int) -> np.ndarray:
    """Numbers of twenty findings spread over a list, as the page's order of that name takes
    them.
    """
    return np.sort(order_spread(count)[:JUDGED])


WAYS = {"the first 20": pick_first, "20 spread over the list": pick_spread}


class Told(NamedTuple):
    """Findings that were judged, as they stand in the list, and the verdicts as a teacher."""

    findings: gpd.GeoDataFrame
    judged: Judged


def judge(table: gpd.GeoDataFrame, planted: gpd.GeoDataFrame, chosen: np.ndarray) -> Told:
    """The verdicts of somebody who sees what was planted on the chosen findings of a list."""
    done = table.iloc[chosen].reset_index(drop=True)
    right = answer_planted(done, planted, kind_aware=True).outcome != "false"
    wkt = done["seen_wkt"].where(done["seen_wkt"] != "", done.geometry.to_wkt())
    told = done[["kind", "features", "geometry"]].assign(
        verdict=np.where(right, ACCEPT, REJECT), seen=gpd.GeoSeries.from_wkt(wkt, crs=done.crs)
    )
    return Told(done, Judged(gpd.GeoDataFrame(told, geometry="geometry", crs=done.crs)))


def measure_rest(
    table: gpd.GeoDataFrame, done: gpd.GeoDataFrame, planted: gpd.GeoDataFrame
) -> float | None:
    """AP of what is not judged (no finding of its kind in `done` lies under half of it) against
    what `done` left.
    """
    again = {pair.now for pair in pair_findings(table, done) if pair.share_now >= 0.5}
    rest = table.iloc[[k for k in range(len(table)) if k not in again]]
    ranked = gpd.GeoDataFrame(
        pd.concat([done, rest], ignore_index=True), geometry="geometry", crs=table.crs
    )
    answers, before = answer_planted(ranked, planted, kind_aware=True), len(done)
    left = answers.found_by[(answers.found_by < 0) | (answers.found_by >= before)]
    return average_precision(
        Answers(answers.outcome[before:], np.where(left < 0, -1, left - before))
    )


def measure_run(scene: Mapped, seed: int, threshold: float) -> dict[str, Any]:
    """One map with planted errors: AP of the rest before and after, for each way and on the rest of
    both.
    """
    mistaken = plant_map(scene, replace(PLANTED, seed=seed))
    candidates, crs, planted = (
        look_at(scene, mistaken, threshold)[0],
        mistaken.lines.crs,
        mistaken.planted,
    )
    before = rank_candidates(candidates.listed, crs, learn_bend(candidates).score)
    told = {way: judge(before, planted, pick(len(before))) for way, pick in WAYS.items()}
    after = {
        way: rank_candidates(
            candidates.listed, crs, learn_bend(candidates, read_lessons(said.judged)).score
        )
        for way, said in told.items()
    }
    both = pd.concat([said.findings for said in told.values()]).drop_duplicates(
        "finding_id", ignore_index=True
    )
    both = gpd.GeoDataFrame(both, geometry="geometry", crs=crs).sort_values(
        "score", ascending=False, kind="stable"
    )
    run: dict[str, Any] = {
        "scene": scene.name,
        "seed": seed,
        "planted": len(planted),
        "findings": len(before),
    }
    for way, said in told.items():
        run[way] = {
            "right": int((said.judged.table["verdict"] == ACCEPT).sum()),
            "judged": len(said.findings),
            "before": measure_rest(before, said.findings, planted),
            "after": measure_rest(after[way], said.findings, planted),
            "before_common": measure_rest(before, both, planted),
            "after_common": measure_rest(after[way], both, planted),
        }
    return run


def tell_gains(runs: Sequence[dict[str, Any]]) -> str:
    """A table in Markdown: means over the runs of a kind of scene, the gain with its paired
    bootstrap interval.
    """
    lines = [
        (
            "| scenes, runs | rest of | judged | right of 20 | AP of the rest before | after | gain"
            " [95 %] | runs that gain |"
        ),
        "|---" * 8 + "|",
    ]
    groups = {
        "Cambridge": [r for r in runs if r["scene"] == "Cambridge"],
        "towns": [r for r in runs if r["scene"] != "Cambridge"],
    }
    for name, some in groups.items():
        lines += [_tell(name, some, way, "") for way in WAYS]
    for name, some in groups.items():
        lines += [_tell(name, some, way, "_common") for way in WAYS]
    apart = " and ".join(f"{_difference(some)} ({name})" for name, some in groups.items() if some)
    return (
        "\n".join(lines)
        + "\n\nOn the rest of both, verdicts spread over the list lead to an AP that differs by"
        f" {apart}."
    )


def _difference(runs: Sequence[dict[str, Any]]) -> str:
    first, spread = (np.array([r[way]["after_common"] for r in runs], float) for way in WAYS)
    return _interval(spread - first)


def _interval(gains: np.ndarray) -> str:
    low, high = bootstrap_mean(gains)
    return f"{gains.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def _tell(name: str, runs: Sequence[dict[str, Any]], way: str, rest: str) -> str:
    known = [r[way] for r in runs if r[way]["before" + rest] is not None]
    before, after = (np.array([r[key + rest] for r in known]) for key in ("before", "after"))
    right = np.mean([r["right"] for r in known])
    return (
        f"| {name}, {len(known)} | {'both' if rest else 'its own'} | {way} | {right:.1f} |"
        f" {before.mean():.3f} | {after.mean():.3f} | {_interval(after - before)} |"
        f" {int((after > before).sum())} |"
    )


if __name__ == "__main__":
    with speak():
        main()
