"""A model against scenes with known truth: every measure, image by image and together, with
pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from mapsight.cnn.checkpoint import Model, ModelCard
from mapsight.cnn.compute import Compute
from mapsight.cnn.metrics import (
    Histogram,
    PixelReport,
    RelaxedCounts,
    bootstrap_interval,
    calibrate_pixels,
    count_pixels,
    count_relaxed,
    report_pixels,
    sum_counts,
    sweep_thresholds,
)
from mapsight.cnn.runtimes import Runner, average_flips, open_runner
from mapsight.errors import InputError
from mapsight.progress import track
from mapsight.roads.measure.panels import (
    draw_panels,
    draw_reliability,
    draw_threshold_curves,
    write_figure,
)
from mapsight.roads.prediction.predict import predict_array
from mapsight.roads.training.chips import Scene, ScenePair, read_scene

RHO_PX = 3  # Mnih 2013


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Pixel reports of each set and of all together, and what was measured.

    Parameters
    ----------
    together : PixelReport
        Of all images.
    sets : dict of str to PixelReport
        Of each set alone.
    threshold_source : str
        Who chose the threshold.
    net, trained_on : str
        As the model's card has them.
    """

    together: PixelReport
    sets: dict[str, PixelReport]
    threshold_source: str
    net: str
    trained_on: str

    def to_json(self) -> dict[str, Any]:
        """Plain types; sets apart, since 'burnt centreline' and 'road surface' are different
        labels.
        """
        sets = {name: report.to_json() for name, report in self.sets.items()}
        return {
            "net": self.net,
            "trained_on": self.trained_on,
            "threshold_source": self.threshold_source,
            "together": self.together.to_json(),
            "sets": sets,
        }


def evaluate_pairs(
    model: Model,
    pairs: Sequence[ScenePair],
    *,
    compute: Compute,
    threshold: float | None = None,
    flips: bool = False,
    out_dir: Path | None = None,
) -> Evaluation:
    """Predicts each image and counts; the threshold is the model's own unless one is given. Panels
    go to `out_dir`.
    """
    run = open_runner(model, compute)
    run = average_flips(run) if flips else run
    at = model.card.threshold if threshold is None else threshold
    panels = None if out_dir is None else [_name_panel(out_dir, pair) for pair in pairs]
    exact: dict[str, Histogram] = {}
    relaxed: dict[str, RelaxedCounts] = {}
    for number, pair in enumerate(track(pairs, "evaluate", total=len(pairs))):
        scene, name = read_scene(pair), f"{pair.set}/{pair.name}"
        probability = predict_scene(scene, pair.m_per_px, model.card, run)
        exact[name] = count_pixels(probability, scene.truth > 0, scene.valid)
        relaxed[name] = count_relaxed(probability, scene.truth > 0, scene.valid, rho_px=RHO_PX)
        if panels is not None:
            _write_panels(panels[number], scene, probability, at)
    sets = sorted({pair.set for pair in pairs})

    def report(names: Sequence[str]) -> PixelReport:
        kept = {n: relaxed[n] for n in names}
        return report_pixels({n: exact[n] for n in names}, threshold=at, relaxed=kept)

    evaluation = Evaluation(
        report(list(exact)),
        {s: report([n for n in exact if n.startswith(f"{s}/")]) for s in sets},
        "given" if threshold is not None else "the model's own, chosen on validation data",
        model.card.net,
        model.card.trained_on,
    )
    if out_dir is not None:
        _write_curves(out_dir, list(exact.values()), at)
    return evaluation


def predict_scene(scene: Scene, m_per_px: float | None, card: ModelCard, run: Runner) -> np.ndarray:
    """The probability (H, W) on the scene's own pixels, seen at the model's resolution where both
    are known.
    """
    factor = m_per_px / card.m_per_px if m_per_px else 1.0
    if abs(factor - 1) < 0.05:
        return predict_array(scene.image, run)
    shape = tuple(max(round(n * factor), 16) for n in scene.truth.shape)
    seen = predict_array(np.clip(_resize(scene.image, shape), 0, 255).round().astype(np.uint8), run)
    resized: np.ndarray = _resize(seen[None], scene.truth.shape)[0]
    return resized.clip(0, 1)


def summarise(name: str, report: PixelReport) -> list[str]:
    """Two lines for a terminal: metric, averaging and interval named."""
    pooled, means = report.pooled, report.means
    low, high = report.intervals["f1_pooled"]
    breakeven = report.relaxed.get(f"relaxed_breakeven_{RHO_PX}px_pooled")
    return [
        (
            f"{name}: {means.images} images at threshold {report.threshold:.2f}: pooled P"
            f" {pooled.precision:.3f} R {pooled.recall:.3f} F1 {pooled.f1:.3f} [{low:.3f},"
            f" {high:.3f}] IoU {pooled.iou:.3f} accuracy {pooled.accuracy:.3f} (base"
            f" {pooled.base_accuracy:.3f})"
        ),
        f"{' ' * len(name)}  mean over images P {means.precision:.3f} R {means.recall:.3f} F1"
        f" {means.f1:.3f}; AP {report.average_precision:.3f}; relaxed breakeven (ρ = {RHO_PX} px) "
        + ("–" if breakeven is None else f"{breakeven:.3f}")
        + f"; ECE {report.calibration.ece:.3f}",
    ]


def _resize(planes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    x = torch.from_numpy(np.ascontiguousarray(planes)).float()[None]
    return F.interpolate(x, shape, mode="bilinear", antialias=True)[0].numpy()


def _name_panel(out_dir: Path, pair: ScenePair) -> Path:
    path = out_dir / pair.set / f"{pair.name}.png"
    if not path.resolve().is_relative_to(out_dir.resolve()):
        raise InputError(
            f"{pair.set}/{pair.name}",
            "lies outside the folder of pictures",
            "rename it in the table",
        )
    return path


def _write_panels(path: Path, scene: Scene, probability: np.ndarray, threshold: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = draw_panels(
        scene.image, scene.truth > 0, probability, threshold=threshold, valid=scene.valid
    )
    write_figure(path, figure)


def _write_curves(out_dir: Path, images: list[Histogram], threshold: float) -> None:
    total = sum_counts(images)
    band = bootstrap_interval(images, lambda h: sweep_thresholds(h).f1, resamples=200)
    figure = draw_threshold_curves(
        sweep_thresholds(total), chosen=threshold, f1_band=band if len(images) > 1 else None
    )
    write_figure(out_dir / "threshold_curves.png", figure)
    write_figure(out_dir / "reliability.png", draw_reliability(calibrate_pixels(total)))
