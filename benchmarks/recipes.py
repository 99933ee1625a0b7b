"""Training recipes against each other under one compute budget: `python -m benchmarks.recipes
--data DIR NAME…`.

Every trial trains on the Massachusetts train splits for as long as the first one takes for
`--steps` steps (a net that takes twice as long a step gets half as many), from scratch or from
`--start`, and is judged on the mass_crops400 validation split. Without names the trials are listed.
Lines go to `--out`; what was kept and why is in docs/experiments.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.rows import keep_row
from mapsight.cli.console import speak
from mapsight.cnn.augment import NO_AUGMENTATION, AugmentSettings
from mapsight.cnn.bootstrap import bootstrap_interval
from mapsight.cnn.checkpoint import Model, read_model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.fit import FitSettings
from mapsight.cnn.metrics import (
    average_precision,
    best_threshold,
    count_pixels,
    count_relaxed,
    find_breakeven,
    measure_at,
    sum_counts,
    sweep_relaxed,
)
from mapsight.cnn.nets import NETS
from mapsight.cnn.nets.roadnet import VARIANTS, RoadNet, RoadNetShape
from mapsight.cnn.runtimes import open_runner
from mapsight.roads.measure.evaluate import RHO_PX
from mapsight.roads.measure.probe import make_probes
from mapsight.roads.prediction.predict import predict_array
from mapsight.roads.training.chips import ChipSettings, Scene, read_pairs, read_scenes
from mapsight.roads.training.train import TrainSettings, train_model

SETS = ("mass_crops400", "mass_full")


@dataclass(frozen=True)
class Trial:
    """A recipe, and what one of its steps costs in steps of the first trial (measured, one thread,
    side by side).
    """

    about: str
    net: RoadNetShape = RoadNetShape(2, (32, 64, 96, 128))
    step_cost: float = 1.0
    loss: str = "bce+dice"
    augment: AugmentSettings = AugmentSettings()
    fit: FitSettings = replace(TrainSettings().fit, ema_decay=0.99, patience=0)
    chip_px: int = 256
    min_road_share: float = 0.0
    traps: bool = (
        False  # half of the scenes once more, with a railway and grey blobs pasted where no road is
    )


BASE = Trial(
    "the recipe of `train`: roadnet, Muon, BCE + Dice, 4 chips of 256 px a step, all augmentation"
)
TRIALS: dict[str, Trial] = {
    "base": BASE,
    "adamw": replace(BASE, about="AdamW", fit=replace(BASE.fit, optimiser="adamw")),
    "fast": replace(
        BASE, about="twice the learning rate", fit=replace(BASE.fit, learning_rate=4e-3)
    ),
    "wide": replace(BASE, about="48-96-128-192", net=VARIANTS["roadnet-wide"], step_cost=1.54),
    "light": replace(
        BASE, about="stem 4, 64-96-128-160", net=VARIANTS["roadnet-light"], step_cost=0.58
    ),
    "group-norm": replace(BASE, about="group norm", net=replace(BASE.net, norm="group")),
    "no-dilation": replace(BASE, about="no dilated context", net=replace(BASE.net, dilations=())),
    "more-dilation": replace(
        BASE, about="dilations 1, 2, 4, 8", net=replace(BASE.net, dilations=(1, 2, 4, 8))
    ),
    "bce": replace(BASE, about="BCE alone", loss="bce"),
    "focal": replace(BASE, about="focal loss", loss="focal"),
    "lovasz": replace(BASE, about="BCE + Lovász hinge", loss="bce+lovasz"),
    "cldice": replace(BASE, about="BCE + Dice + clDice", loss="bce+dice+cldice"),
    "omission": replace(BASE, about="omission-noise loss", loss="omission"),
    "registration": replace(BASE, about="registration-noise loss", loss="registration"),
    "plain": replace(BASE, about="no augmentation", augment=NO_AUGMENTATION),
    "d4": replace(BASE, about="D4 alone", augment=replace(NO_AUGMENTATION, flip=True)),
    "no-jpeg": replace(
        BASE, about="all but JPEG and blur", augment=replace(AugmentSettings(), jpeg=0.0, blur=0.0)
    ),
    "traps": replace(
        BASE, about="a railway and grey blobs pasted into a third of the scenes", traps=True
    ),
    "large-chips": replace(
        BASE, about="2 chips of 384 px a step", chip_px=384, fit=replace(BASE.fit, batch_size=2)
    ),
    "small-chips": replace(
        BASE, about="8 chips of 176 px a step", chip_px=176, fit=replace(BASE.fit, batch_size=8)
    ),
    "road-only": replace(BASE, about="chips with over 5 % road only", min_road_share=0.05),
    "no-ema": replace(BASE, about="no mean of weights", fit=replace(BASE.fit, ema_decay=0.0)),
    "constant": replace(
        BASE, about="constant learning rate", fit=replace(BASE.fit, schedule="constant")
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", type=Path)
    parser.add_argument(
        "--start", type=Path, help="half-trained model from which trials with its net go on"
    )
    parser.add_argument(
        "--steps", type=int, default=400, help="of the first trial; the others cost as much time"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("local/recipes.jsonl"))
    options = parser.parse_args()
    if not options.names or options.data is None:
        print("\n".join(f"{name:>12}  {trial.about}" for name, trial in TRIALS.items()))
        return
    torch.set_num_threads(options.threads)
    table = options.data / "roads" / "splits.csv"
    train = read_scenes(read_pairs(table, split="train", sets=SETS))
    judges = read_scenes(read_pairs(table, split="val", sets=["mass_crops400"]))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    start = Model(*read_model(options.start)) if options.start else None
    for name in options.names:
        model = train_trial(TRIALS[name], train, options, start)
        row = {
            "trial": name,
            "about": TRIALS[name].about,
            "steps": options.steps,
            "seed": options.seed,
        }
        row |= judge(model, judges)
        keep_row(options.out, [], row)


def train_trial(
    trial: Trial, scenes: list[Scene], options: argparse.Namespace, start: Model | None
) -> Model:
    """One recipe for its share of the budget, from scratch or, where the nets are equal, from the
    start model.
    """
    NETS["trial"] = partial(RoadNet, trial.net)
    if trial.traps:
        scenes = [*scenes, *(paste_traps(scene, seed) for seed, scene in enumerate(scenes[::2]))]
    epochs = 5
    batches = max(round(options.steps / trial.step_cost / epochs), 1)
    chips = ChipSettings(
        chip_px=trial.chip_px,
        chips_per_epoch=batches * trial.fit.batch_size,
        seed=options.seed,
        min_road_share=trial.min_road_share,
        augment=trial.augment,
    )
    fit = replace(trial.fit, epochs=epochs, seed=options.seed)
    settings = TrainSettings(net="trial", loss=trial.loss, chips=chips, fit=fit)
    begun = start if start and VARIANTS.get(start.card.net) == trial.net else None
    return train_model(
        scenes, [], settings, m_per_px=1.0, compute=find_compute(), start=begun, title=trial.about
    )[0]


def paste_traps(scene: Scene, seed: int) -> Scene:
    """The scene with a railway and grey blobs that its truth rightly does not call road."""
    image, rng, probes = scene.image, np.random.default_rng(seed), make_probes(1.0)
    for name in ("grey blobs", "railway"):
        image = probes[name](image, scene.truth > 0, rng).image
    return replace(scene, image=np.where(scene.truth > 0, scene.image, image))


def judge(model: Model, scenes: list[Scene]) -> dict:
    """Pooled validation figures at the threshold that is best there (flattering alike for all)."""
    run = open_runner(model, find_compute())
    seen = [(predict_array(s.image, run), s.truth > 0, s.valid) for s in scenes]
    exact = [count_pixels(*parts) for parts in seen]
    curves = sweep_relaxed(sum_counts([count_relaxed(*parts, rho_px=RHO_PX) for parts in seen]))
    total = sum_counts(exact)
    best = best_threshold(total)
    return {
        "ap": average_precision(total),
        "f1": measure_at(total, best).f1,
        "threshold": best,
        "f1_interval": bootstrap_interval(exact, lambda h: measure_at(h, best).f1, resamples=300),
        "breakeven": find_breakeven(curves.precision, curves.recall, curves.predicted),
    }


if __name__ == "__main__":
    with speak():
        main()
