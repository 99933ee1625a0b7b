"""The ten worst images and the ten worst findings, as two sheets: `python -m benchmarks.worst
--data DIR`.

Worst images: the lowest F1 of the mass_crops400 and dubai test splits, at the model's threshold.
Worst findings: the highest scores among those that answer no planted error, each place once. What
is wrong with each is told by hand in docs/results.md; the lists that go with the sheets are
printed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.quality import CITY, WINDOW, see_scenes
from benchmarks.scenes import Mapped, find_planted, plant_map
from mapsight.atomic import write_atomically
from mapsight.cli.console import speak
from mapsight.cnn.compute import find_compute
from mapsight.cnn.metrics import count_pixels, measure_at
from mapsight.cnn.runtimes import open_runner
from mapsight.progress import track
from mapsight.roads.finding.overlap import answer_planted
from mapsight.roads.measure.evaluate import predict_scene
from mapsight.roads.measure.panels import paint_overlay
from mapsight.roads.training.chips import read_pairs, read_scene
from mapsight.roads.training.shipped import read_model_or_default

_COUNT, _REACH_M = 10, 60.0
_INK = {"missing": "#ffe119", "phantom": "#ff3b1f", "misaligned": "#ff9dff"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    model = read_model_or_default(options.model)
    write_sheet(
        options.docs / "img" / "worst-images.jpg",
        draw_images(model, options.data / "roads" / "splits.csv"),
    )
    scenes = see_scenes(options.data, model)
    figure = draw_findings(scenes, model.card.threshold, options.seeds)
    write_sheet(options.docs / "img" / "worst-findings.jpg", figure)


def write_sheet(path: Path, figure: Figure) -> None:
    """A JPEG, whole or not at all."""
    with write_atomically(path) as temporary:
        figure.savefig(temporary, dpi=70, pil_kwargs={"quality": 82})


def draw_images(model, table: Path) -> Figure:
    """Right and wrong over the photographs, the worst first."""
    run, rows = open_runner(model, find_compute()), []
    pairs = read_pairs(table, split="test", sets=["mass_crops400", "dubai"])
    for pair in track(pairs, "images", total=len(pairs)):
        scene = read_scene(pair)
        seen = predict_scene(scene, pair.m_per_px, model.card, run)
        measured = measure_at(
            count_pixels(seen, scene.truth > 0, scene.valid), model.card.threshold
        )
        rows.append((measured.f1, f"{pair.set}/{pair.name}", scene, seen >= model.card.threshold))
    figure, places = _open_sheet(
        "Yellow: found. Red: seen, not on the map. Blue: on the map, not seen."
    )
    for number, (axes, (f1, name, scene, mask)) in enumerate(
        zip(places, sorted(rows, key=lambda r: r[0]), strict=False), 1
    ):
        photo = np.moveaxis(scene.image, 0, -1)
        axes.imshow(paint_overlay(photo, scene.truth > 0, mask, scene.valid))
        axes.set_title(f"{number}  {name.split('/')[1]}  F1 {f1:.2f}", fontsize=9)
        print(f"{number} {name} F1 {f1:.3f}, road {scene.truth.mean():.3f}")
    return figure


def draw_findings(scenes: list[Mapped], threshold: float, seeds: int) -> Figure:
    """Crops about the false alarms of the highest scores."""
    rows = []
    for seed in range(seeds):
        for scene in track(scenes, f"seed {seed}", total=len(scenes)):
            each = CITY if scene.name == "Cambridge" else WINDOW
            done = find_planted(scene, plant_map(scene, replace(each, seed=seed)), threshold)
            if done is None:
                continue
            outcome = answer_planted(done.findings, done.planted, kind_aware=True).outcome
            rows += [
                (row.score, scene, row) for row in done.findings[outcome == "false"].itertuples()
            ]
    kept: list[tuple] = []
    for row in sorted(rows, key=lambda r: -r[0]):
        if all(
            row[1] is not other[1] or row[2].geometry.distance(other[2].geometry) > 20
            for other in kept
        ):
            kept.append(row)
    figure, places = _open_sheet(
        "The map's line or the road proposed; yellow: missing, red: phantom, pink: misaligned."
    )
    for number, (axes, (score, scene, row)) in enumerate(zip(places, kept, strict=False), 1):
        _draw_crop(axes, scene, row.geometry, _INK[row.kind])
        axes.set_title(f"{number}  {row.kind}  {score:.2f}  {row.length_m:.0f} m", fontsize=9)
        print(f"{number} {scene.name} {row.kind} {score:.2f} {row.evidence}")
    return figure


def _draw_crop(axes: Axes, scene: Mapped, line: shapely.LineString, ink: str) -> None:
    box = scene.image.geobox
    left, bottom, right, top = line.bounds
    half = max(right - left, top - bottom) / 2 + _REACH_M
    x, y = (left + right) / 2, (bottom + top) / 2
    corners = [~box.transform * (x - half, y + half), ~box.transform * (x + half, y - half)]
    axes.imshow(np.moveaxis(scene.image.array, 0, -1))
    for other in scene.roads.lines.geometry:
        axes.plot(
            *zip(*[~box.transform * p for p in other.coords], strict=True),
            color="#5fd3ff",
            linewidth=0.9,
        )
    axes.plot(
        *zip(*[~box.transform * p for p in line.coords], strict=True), color=ink, linewidth=2.2
    )
    axes.set_xlim(max(corners[0][0], 0), min(corners[1][0], box.width))
    axes.set_ylim(min(corners[1][1], box.height), max(corners[0][1], 0))


def _open_sheet(title: str) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(17, 7.6), layout="constrained")
    figure.suptitle(title, fontsize=11)
    places = list(figure.subplots(2, _COUNT // 2).flat)
    for axes in places:
        axes.set_axis_off()
    return figure, places


if __name__ == "__main__":
    with speak():
        main()
