"""What training that expects a wrong map gains: `python -m benchmarks.noise --data DIR`.

Train masks are spoilt on purpose: a share of the roads is deleted, or each mask is moved by so many
metres in a direction of its own. Every remedy is judged by the pooled F1 on the untouched
validation split, at the threshold that is best there. By default a stranger's map is the case: the
model that ships is tuned on vgi_tianjin (hand-drawn wide roads, imagery it has never seen).
`--from-nothing --set mass_crops400` trains a new net on narrow ones.
"""

from __future__ import annotations

import argparse
import dataclasses
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from benchmarks.rows import keep_row, read_rows
from mapsight.cli.console import speak
from mapsight.cnn.bootstrap import bootstrap_interval
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.metrics import best_threshold, measure_at, sum_counts
from mapsight.geo.raster import pixel_box
from mapsight.geo.trace import trace_mask
from mapsight.roads.training.chips import ChipSettings, Scene, read_pairs, read_scenes
from mapsight.roads.training.clean import mend_scenes, move_truth
from mapsight.roads.training.shipped import read_model_or_default
from mapsight.roads.training.train import TrainSettings, count_scenes, train_model

# remedy → loss, align, clean
REMEDIES = {
    "none": ("bce+dice", False, False),
    "omission loss": ("omission", False, False),
    "registration loss": ("registration", False, False),
    "aligning": ("bce+dice", True, False),
    "cleaning": ("bce+dice", False, True),
    "aligning, then cleaning": ("bce+dice", True, True),
}
SPOILS = [("deleted", share) for share in (0.0, 0.1, 0.2, 0.3)] + [
    ("moved", metres) for metres in (2.0, 5.0, 10.0)
]
AGAINST = {
    "deleted": ("none", "omission loss", "cleaning", "aligning, then cleaning"),
    "moved": ("none", "registration loss", "aligning", "aligning, then cleaning"),
}
M_PER_PX = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--set", default="vgi_tianjin")
    parser.add_argument("--from-nothing", action="store_true")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("noise.jsonl"),
        help="one file a set, start and number of steps",
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table = options.data / "roads" / "splits.csv"
    scenes, judges = (
        read_scenes(read_pairs(table, split=split, sets=[options.set]), m_per_px=M_PER_PX)
        for split in ("train", "val")
    )
    start = None if options.from_nothing else read_model_or_default(None)
    rows = read_rows(options.out)
    known = {(row["spoilt"], row["by"], row["remedy"]) for row in rows}
    for cleaning, (spoilt, by) in product((False, True), SPOILS):  # cleaning trains thrice: last
        remedies = [
            r
            for r in AGAINST[spoilt]
            if REMEDIES[r][2] == cleaning and (spoilt, by, r) not in known
        ]
        wrong = (
            [spoil_scene(scene, spoilt, by, seed) for seed, scene in enumerate(scenes)]
            if remedies
            else []
        )
        for remedy in remedies:
            row = {
                "spoilt": spoilt,
                "by": by,
                "remedy": remedy,
                **tune(wrong, judges, remedy, options.steps, start),
            }
            keep_row(options.out, rows, row)


def spoil_scene(scene: Scene, how: str, by: float, seed: int) -> Scene:
    """The scene with a share `by` of its road length deleted, or its mask moved by so many
    metres.
    """
    if not by:
        return scene
    rng = np.random.default_rng(seed)
    if how == "moved":
        angle = rng.uniform(0, 2 * np.pi)
        return move_truth(
            scene, *(round(by / M_PER_PX * f) for f in (np.sin(angle), np.cos(angle)))
        )
    return dataclasses.replace(scene, truth=delete_roads(scene.truth, by, rng))


def delete_roads(truth: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """The mask (H, W) without whole stretches between junctions that make up about that share of
    its length.
    """
    lines = trace_mask(truth > 0, pixel_box(*truth.shape, m_per_px=1.0))
    if lines.empty:
        return truth
    order = rng.permutation(len(lines))
    length = lines.length.to_numpy()
    gone = order[
        np.cumsum(length[order]) <= share * length.sum() + rng.uniform(0, 1) * length.mean()
    ]
    owner = _find_owners(lines, truth.shape)
    return np.where(np.isin(owner, gone), 0, truth).astype(np.uint8)


def _find_owners(lines, shape: tuple[int, int]) -> np.ndarray:
    """(H, W): the number of the nearest line."""
    from mapsight.geo.burn import burn_numbers

    numbers = burn_numbers(lines, pixel_box(*shape, m_per_px=1.0))
    rows, cols = ndimage.distance_transform_edt(
        numbers == 0, return_distances=False, return_indices=True
    )
    return numbers[rows, cols].astype(int) - 1


def tune(
    scenes: list[Scene], judges: list[Scene], remedy: str, steps: int, start: Model | None
) -> dict:
    """The start model (None: a new net) trained on these scenes with that remedy, judged on
    others.
    """
    (loss, align, clean), compute = REMEDIES[remedy], find_compute()
    rate, ema_decay = (1e-3, 0.97) if start else (2e-3, 0.99)
    recipe = TrainSettings(net=start.card.net) if start else TrainSettings()
    fit = dataclasses.replace(
        recipe.fit, epochs=4, learning_rate=rate, ema_decay=ema_decay, patience=0
    )
    chips = ChipSettings(chip_px=192, chips_per_epoch=steps * fit.batch_size // fit.epochs)
    settings = dataclasses.replace(recipe, loss=loss, chips=chips, fit=fit)
    half = dataclasses.replace(
        settings, chips=dataclasses.replace(chips, chips_per_epoch=chips.chips_per_epoch // 2)
    )
    mended = mend_scenes(
        scenes, half, align=align, clean=clean, m_per_px=M_PER_PX, compute=compute, start=start
    )
    model, _ = train_model(
        mended, [], settings, m_per_px=M_PER_PX, compute=compute, start=start, title=remedy
    )
    counts = count_scenes(model.net, judges, model.card, compute)
    best = best_threshold(sum_counts(counts))
    low, high = bootstrap_interval(counts, lambda h: measure_at(h, best).f1, resamples=300)
    return {
        "f1": measure_at(sum_counts(counts), best).f1,
        "low": low,
        "high": high,
        "threshold": best,
    }


if __name__ == "__main__":
    with speak():
        main()
