"""What scores promise on maps with no, few, many and most roads wrong: `python -m
benchmarks.few_errors --data DIR`.

The scores are fitted on maps full of planted errors. Where errors are rare, do as many findings
come true as their scores say: as the table has them, and with what a map's candidates tell of their
number (`roads/scoring/prior.py`)? Each scene is an audit of its own. Only in drawn towns is 'right'
exact; real maps hold errors that nobody planted, and findings right about those count as wrong. The
table goes into docs/results.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.plots import replace_block
from benchmarks.scenes import (
    Mapped,
    Mistaken,
    draw_town_map,
    find_cambridge,
    look_at,
    plant_map,
    read_georeferenced,
    read_windows,
    thin_map,
)
from mapsight.cli.console import speak
from mapsight.cnn.calibration import calibrate_scores
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.runtimes import Runner, open_runner
from mapsight.progress import track
from mapsight.roads.finding.findings import Score, rank_candidates
from mapsight.roads.finding.frequency import learn_bend
from mapsight.roads.finding.overlap import answer_planted
from mapsight.roads.planting.plant import PlantSettings
from mapsight.roads.scoring.table import score_evidence
from mapsight.roads.training.shipped import read_model_or_default

FIRST_TOWN, TOWNS, SEEDS = 600, 8, 3
# what is done to a map, with seed 0, 1 and 2: missing, phantom and misaligned roads planted into a
# window of .26 km² and into about a km², or a share of its roads deleted
Spoiling = tuple[int, int, int] | float
WINDOW: dict[str, list[Spoiling]] = {
    "none": [(0, 0, 0)],
    "few": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    "many": [(2, 2, 2)] * SEEDS,
    "60 % deleted": [0.6] * SEEDS,
}
KM2: dict[str, list[Spoiling]] = {
    "none": [(0, 0, 0)],
    "few": [(1, 1, 1)] * SEEDS,
    "many": [(10, 10, 10)] * SEEDS,
    "60 % deleted": [0.6] * SEEDS,
}


class Promise(NamedTuple):
    """Findings of one list: what their scores say (F,), and whether each answers a planted error
    (F,) bool.
    """

    said: np.ndarray
    right: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="default: the one that ships")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    model = read_model_or_default(options.model)
    run, rows = open_runner(model, find_compute()), []
    for name, scenes, planted in list_scenes(options.data, model, run):
        found: dict[str, list[dict[str, Promise]]] = {density: [] for density in planted}
        for scene in scenes:
            for density, ways in planted.items():
                found[density] += [
                    measure(scene, spoil(scene, how, seed), model.card.threshold)
                    for seed, how in enumerate(ways)
                ]
        rows += [summarise(name, density, runs) for density, runs in found.items() if runs]
    text = tell(rows)
    replace_block(options.docs / "results.md", "few-errors", text)
    print(text)


def list_scenes(
    data: Path, model: Model, run: Runner
) -> Iterator[tuple[str, Iterator[Mapped], dict[str, list[Spoiling]]]]:
    """(name, scenes, what is done to the map of each)."""
    towns = track(range(FIRST_TOWN, FIRST_TOWN + TOWNS), "towns", total=TOWNS)
    yield f"{TOWNS} towns", (draw_town_map(seed, run) for seed in towns), KM2
    yield (
        "Cambridge",
        iter([read_georeferenced("Cambridge", *find_cambridge(data), run, m_per_px=1.0)]),
        KM2,
    )
    yield "windows", read_windows(data / "roads", model, run), WINDOW


def spoil(scene: Mapped, how: Spoiling, seed: int) -> Mistaken:
    """The scene's map with mistakes of each kind planted, or without a share of its roads."""
    if isinstance(how, float):
        return thin_map(scene, how, seed)
    return plant_map(scene, PlantSettings(*how, seed=seed))


def measure(scene: Mapped, wrong: Mistaken, threshold: float) -> dict[str, Promise]:
    """What an audit of the scene says of that map, as the table scores it and moved."""
    candidates = look_at(scene, wrong, threshold)[0]

    def promise(score: Score) -> Promise:
        table = rank_candidates(candidates.listed, wrong.lines.crs, score)
        return Promise(
            table["score"].to_numpy(float),
            answer_planted(table, wrong.planted, kind_aware=True).outcome != "false",
        )

    return {"table": promise(score_evidence), "moved": promise(learn_bend(candidates).score)}


def summarise(name: str, density: str, runs: Sequence[dict[str, Promise]]) -> dict[str, Any]:
    """A row of the table: a map's findings, how many they promise and how many are right, and the
    calibration error.
    """
    row: dict[str, Any] = {"scenes": name, "planted": density, "maps": len(runs)}
    for way in ("table", "moved"):
        said, right = (
            np.concatenate([getattr(run[way], field) for run in runs]) for field in Promise._fields
        )
        row[way] = {
            "findings": len(said) / len(runs),
            "promised": said.sum() / len(runs),
            "right": right.sum() / len(runs),
            "ece": calibrate_scores(said, right).ece,
        }
    return row


def tell(rows: Sequence[dict[str, Any]]) -> str:
    """A table in Markdown."""
    lines = [
        (
            "| scenes | planted | maps | right a map | promised by the table | with the map's own"
            " offset | ECE: table | with the offset |"
        ),
        "|---" * 8 + "|",
    ]
    for row in rows:
        table, moved = row["table"], row["moved"]
        lines.append(
            f"| {row['scenes']} | {row['planted']} | {row['maps']} | {moved['right']:.1f} |"
            f" {table['promised']:.1f} of {table['findings']:.0f} | {moved['promised']:.1f} of"
            f" {moved['findings']:.0f} | {table['ece']:.3f} | {moved['ece']:.3f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    with speak():
        main()
